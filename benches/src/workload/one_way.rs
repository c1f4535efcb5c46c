//! W1: messages one way, as many as go.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use mp_node::{Message, Node, Payload, PortId, PortRef, Value};
use serde_bytes::ByteBuf;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Settings, Workload, peer};
use crate::contest::{Contest, Contestant, OURS, RAW, RAW_BLOCKING, throughput};
use crate::figures::Figure;
use crate::messages::Traffic;
use crate::ours::{Met, Outgoing, Post};
use crate::pace::Pace;
use crate::raw::blocking::Connection;
use crate::raw::service::Role;
use crate::raw::{self, Reader, Writer};
use crate::tally::Tally;

pub(super) const W1: Workload = Workload {
    name: "W1",
    about: "one-way throughput",
    payloads: &[64, 1_024, 65_536, 1_048_576],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    let terms = settings.terms();
    let process = peer(&terms).await?;
    let met = Met::at(process.get("node")?, &terms, &["sink", "owner"]).await?;
    let raw = raw::connect(process.get("tokio")?).await?;
    let blocking = Blocking::connect(process.get("blocking")?, payload)?;
    Ok(Contest::new("W1", payload, RAW)
        .with(OURS, Typed::new(&met, payload))
        .with("mp-owned", Owned::new(&met, payload))
        .with(RAW, Raw::new(raw, payload).await?)
        .with(RAW_BLOCKING, blocking)
        .at(process))
}

/// A node that sends a type.
pub(super) struct Typed {
    node: Node,
    sink: PortRef<Post>,
    payload: Payload,
}

impl Typed {
    pub(super) fn new(met: &Met, payload: usize) -> Self {
        Self { node: met.node.clone(), sink: met.port("sink"), payload: Traffic::payload(payload).into() }
    }
}

#[async_trait]
impl Contestant for Typed {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let Self { node, sink, payload } = self;
        let before = node.ask(&*sink, Post::Report).await?;
        let mut pace = Pace::new(time, payload.len());
        while pace.more() {
            node.send(sink.id(), Outgoing::Data(pace.sent(), payload)).await?;
        }
        let after = node.ask(&*sink, Post::Report).await?;
        finish(&pace, payload, before, after)
    }
}

/// The same where the bytes are copied: out of a slice, and into memory that the receiver owns.
struct Owned {
    node: Node,
    owner: PortRef<Post<ByteBuf>>,
    payload: Vec<u8>,
}

impl Owned {
    fn new(met: &Met, payload: usize) -> Self {
        Self { node: met.node.clone(), owner: met.port("owner"), payload: Traffic::payload(payload) }
    }
}

#[async_trait]
impl Contestant for Owned {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let Self { node, owner, payload } = self;
        let before = node.ask(&*owner, Post::Report).await?;
        let bytes = serde_bytes::Bytes::new(payload);
        let mut pace = Pace::new(time, payload.len());
        while pace.more() {
            node.send(owner.id(), Outgoing::Data(pace.sent(), bytes)).await?;
        }
        let after = node.ask(&*owner, Post::Report).await?;
        finish(&pace, payload, before, after)
    }
}

/// A node that sends values, for want of a type, to one who takes them as values.
pub(super) struct Dynamic {
    node: Node,
    sink: PortId,
    payload: Bytes,
}

impl Dynamic {
    pub(super) fn new(met: &Met, payload: usize) -> Self {
        let sink = met.port::<Post>("values").into_id();
        Self { node: met.node.clone(), sink, payload: Traffic::payload(payload).into() }
    }

    async fn report(&self) -> anyhow::Result<Tally> {
        let sink = PortRef::<Post>::new(self.sink.clone());
        Ok(self.node.ask(&sink, Post::Report).await?)
    }
}

#[async_trait]
impl Contestant for Dynamic {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let before = self.report().await?;
        let mut pace = Pace::new(time, self.payload.len());
        while pace.more() {
            let number = Value::from(pace.sent());
            let message = Message::from(vec!["data".into(), number, Value::Bytes(self.payload.clone())]);
            self.node.send(&self.sink, message).await?;
        }
        finish(&pace, &self.payload, before, self.report().await?)
    }
}

/// A raw connection, with or without TLS.
pub(super) struct Raw<W, R> {
    writer: Writer<W>,
    reader: Reader<R>,
    payload: Vec<u8>,
    before: Tally,
}

impl<W: AsyncWrite + Unpin, R: AsyncRead + Unpin> Raw<W, R> {
    pub(super) async fn new(ends: (Writer<W>, Reader<R>), payload: usize) -> anyhow::Result<Self> {
        let (mut writer, reader) = ends;
        writer.send(&Role::Sink.frame()).await?;
        Ok(Self { writer, reader, payload: Traffic::payload(payload), before: Tally::default() })
    }
}

#[async_trait]
impl<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send> Contestant for Raw<W, R> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let mut pace = Pace::new(time, self.payload.len());
        while pace.more() {
            self.writer.send(&self.payload).await?;
        }
        self.writer.send(&[]).await?;
        self.writer.flush().await?;
        let after = self.reader.recv().await?.and_then(Tally::of_frame).context("a tally")?;
        let before = std::mem::replace(&mut self.before, after);
        finish(&pace, &self.payload, before, after)
    }
}

/// Blocking sockets, in a thread.
struct Blocking {
    connection: Option<Connection>,
    payload: Vec<u8>,
    before: Tally,
}

impl Blocking {
    fn connect(address: &str, payload: usize) -> anyhow::Result<Self> {
        let mut connection = Connection::new(std::net::TcpStream::connect(address)?)?;
        connection.send(&Role::Sink.frame())?;
        let payload = Traffic::payload(payload);
        Ok(Self { connection: Some(connection), payload, before: Tally::default() })
    }
}

#[async_trait]
impl Contestant for Blocking {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (mut connection, payload) = (self.connection.take().context("it broke")?, self.payload.clone());
        let job = move || -> anyhow::Result<_> {
            let mut pace = Pace::new(time, payload.len());
            while pace.more() {
                connection.send(&payload)?;
            }
            connection.send(&[])?;
            connection.flush()?;
            let after = connection.recv()?.and_then(Tally::of_frame).context("a tally")?;
            Ok((pace.elapsed(), pace, after, connection))
        };
        let (_, pace, after, connection) = tokio::task::spawn_blocking(job).await??;
        self.connection = Some(connection);
        let before = std::mem::replace(&mut self.before, after);
        finish(&pace, &self.payload, before, after)
    }
}

/// The time is over with the receiver's word that it has had them all.
fn finish(pace: &Pace, payload: &[u8], before: Tally, after: Tally) -> anyhow::Result<Vec<Figure>> {
    let took = pace.elapsed();
    let (got, expected) = (after.since(before), Tally::of(pace.sent(), payload));
    ensure!(got == expected, "{expected:?} was sent, and {got:?} received");
    Ok(throughput(got.count, payload.len(), took))
}
