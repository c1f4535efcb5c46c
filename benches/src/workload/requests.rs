//! W3: requests, 64 of which are always under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mp_node::{Node, Payload, PortRef, TypedPort};
use mp_transport::clock;
use tokio::io::{AsyncRead, AsyncWrite};

use super::blocking::Blocking;
use super::{Settings, Workload, peer};
use crate::contest::{Contest, Contestant, OURS, RAW, RAW_BLOCKING, as_float};
use crate::figures::{Figure, Metric};
use crate::messages::Traffic;
use crate::ours::{Met, Outgoing, Talk};
use crate::pace::Pace;
use crate::raw::blocking::Connection;
use crate::raw::service::Role;
use crate::raw::{self, Reader, Writer};

const WINDOW: u64 = 64;

pub(super) const W3: Workload = Workload {
    name: "W3",
    about: "64 requests outstanding",
    payloads: &[64],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    let terms = settings.terms();
    let process = peer(&terms).await?;
    let met = Met::at(process.get("node")?, &terms, &["echo"]).await?;
    let raw = raw::connect(process.get("tokio")?).await?;
    Ok(Contest::new("W3", payload, RAW)
        .with(OURS, Typed::new(&met, payload).await?)
        .with(RAW, Raw::new(raw, payload).await?)
        .with(RAW_BLOCKING, Blocking::connect(process.get("blocking")?, payload, blocking)?)
        .with(OURS, Asking::new(&met, payload).await?)
        .at(process))
}

fn rate(metric: Metric, count: u64, time: Duration) -> Vec<Figure> {
    vec![(metric, as_float(count) / time.as_secs_f64())]
}

/// Two ports; the number in a message says which request an answer is for.
struct Typed {
    node: Node,
    port: TypedPort<Talk>,
    session: PortRef<Talk>,
    payload: Payload,
}

impl Typed {
    async fn new(met: &Met, payload: usize) -> anyhow::Result<Self> {
        let (port, session) = met.hello().await?;
        Ok(Self { node: met.node.clone(), port, session, payload: Traffic::payload(payload).into() })
    }
}

#[async_trait]
impl Contestant for Typed {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (mut pace, mut answered) = (Pace::new(time, self.payload.len()), 0);
        for number in 0..WINDOW {
            self.node.send(self.session.id(), Outgoing::Data(number, &self.payload)).await?;
        }
        let mut sent = WINDOW;
        while answered < sent {
            let Some(Talk::Data(number, payload)) = self.port.recv().await else { break };
            ensure!(number == answered && payload.len() == self.payload.len(), "another answer came");
            answered += 1;
            if pace.more() {
                self.node.send(self.session.id(), Outgoing::Data(sent, &self.payload)).await?;
                sent += 1;
            }
        }
        Ok(rate(Metric::ReqsPerS, answered, pace.elapsed()))
    }
}

/// As many tasks, each of which asks, and waits for the answer: the easy way.
struct Asking {
    node: Node,
    session: PortRef<Talk>,
    payload: Payload,
    /// It would end with its port.
    _port: TypedPort<Talk>,
}

impl Asking {
    async fn new(met: &Met, payload: usize) -> anyhow::Result<Self> {
        let (port, session) = met.hello().await?;
        Ok(Self { node: met.node.clone(), session, payload: Traffic::payload(payload).into(), _port: port })
    }
}

#[async_trait]
impl Contestant for Asking {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (begun, answered) = (clock::now(), Arc::new(AtomicU64::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..WINDOW {
            let (node, session, payload) = (self.node.clone(), self.session.clone(), self.payload.clone());
            let answered = Arc::clone(&answered);
            tasks.spawn(async move {
                while begun.elapsed() < time {
                    let question = |reply| Talk::Ask(0, payload.clone(), reply);
                    let (_, back) = node.ask(&session, question).await?;
                    ensure!(back.len() == payload.len(), "another answer came");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(rate(Metric::AsksPerS, answered.load(Ordering::Relaxed), begun.elapsed()))
    }
}

/// A raw connection.
struct Raw<W, R> {
    writer: Writer<W>,
    reader: Reader<R>,
    payload: Vec<u8>,
}

impl<W: AsyncWrite + Unpin, R: AsyncRead + Unpin> Raw<W, R> {
    async fn new(ends: (Writer<W>, Reader<R>), payload: usize) -> anyhow::Result<Self> {
        let (mut writer, reader) = ends;
        writer.send(&Role::Echo.frame()).await?;
        Ok(Self { writer, reader, payload: Traffic::payload(payload) })
    }
}

#[async_trait]
impl<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send> Contestant for Raw<W, R> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (mut pace, mut answered) = (Pace::new(time, self.payload.len()), 0);
        for _ in 0..WINDOW {
            self.writer.send(&self.payload).await?;
        }
        self.writer.flush().await?;
        let mut sent = WINDOW;
        while answered < sent {
            let frame = self.reader.recv().await?.context("the connection broke")?;
            ensure!(frame.len() == self.payload.len(), "another answer came");
            answered += 1;
            if pace.more() {
                self.writer.send(&self.payload).await?;
                sent += 1;
            }
            if !self.reader.is_ready() {
                self.writer.flush().await?;
            }
        }
        Ok(rate(Metric::ReqsPerS, answered, pace.elapsed()))
    }
}

/// Blocking sockets.
fn blocking(connection: &mut Connection, payload: &[u8], time: Duration) -> anyhow::Result<Vec<Figure>> {
    let (mut pace, mut answered) = (Pace::new(time, payload.len()), 0);
    for _ in 0..WINDOW {
        connection.send(payload)?;
    }
    connection.flush()?;
    let mut sent = WINDOW;
    while answered < sent {
        ensure!(connection.fill()?, "the connection broke");
        while let Some(frame) = connection.ready() {
            ensure!(frame.len() == payload.len(), "another answer came");
            answered += 1;
            if pace.more() {
                connection.send(payload)?;
                sent += 1;
            }
        }
        connection.flush()?;
    }
    Ok(rate(Metric::ReqsPerS, answered, pace.elapsed()))
}
