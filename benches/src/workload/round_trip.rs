//! W2: one message goes there and back, again and again.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mp_node::{Node, Payload, PortRef, TypedPort};
use mp_transport::clock;
use tokio::io::{AsyncRead, AsyncWrite};

use super::blocking::Blocking;
use super::{Settings, Workload, peer};
use crate::contest::{Contest, Contestant, OURS, RAW, RAW_BLOCKING};
use crate::figures::Figure;
use crate::messages::Traffic;
use crate::ours::{Met, Outgoing, Talk};
use crate::pace::Durations;
use crate::raw::blocking::Connection;
use crate::raw::service::Role;
use crate::raw::{self, Reader, Writer};

pub(super) const W2: Workload = Workload {
    name: "W2",
    about: "ping-pong round trips",
    payloads: &[64],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    let terms = settings.terms();
    let process = peer(&terms).await?;
    let met = Met::at(process.get("node")?, &terms, &["echo"]).await?;
    let raw = raw::connect(process.get("tokio")?).await?;
    let blocking = Blocking::connect(process.get("blocking")?, payload, blocking)?;
    Ok(Contest::new("W2", payload, RAW)
        .with(OURS, Typed::new(&met, payload).await?)
        .with(RAW, Raw::new(raw, payload).await?)
        .with(RAW_BLOCKING, blocking)
        .at(process))
}

/// Two ports that send one message to and fro.
pub(super) struct Typed {
    node: Node,
    port: TypedPort<Talk>,
    session: PortRef<Talk>,
    payload: Payload,
}

impl Typed {
    pub(super) async fn new(met: &Met, payload: usize) -> anyhow::Result<Self> {
        let (port, session) = met.hello().await?;
        Ok(Self { node: met.node.clone(), port, session, payload: Traffic::payload(payload).into() })
    }
}

#[async_trait]
impl Contestant for Typed {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (begun, mut durations, mut number) = (clock::now(), Durations::default(), 0);
        while number == 0 || begun.elapsed() < time {
            number += 1;
            let sent = clock::now();
            self.node.send(self.session.id(), Outgoing::Data(number, &self.payload)).await?;
            let Some(Talk::Data(back, payload)) = self.port.recv().await else { break };
            durations.add(sent.elapsed());
            ensure!(back == number && payload.len() == self.payload.len(), "another message came back");
        }
        Ok(durations.figures())
    }
}

/// A raw connection, with or without TLS.
pub(super) struct Raw<W, R> {
    writer: Writer<W>,
    reader: Reader<R>,
    payload: Vec<u8>,
}

impl<W: AsyncWrite + Unpin, R: AsyncRead + Unpin> Raw<W, R> {
    pub(super) async fn new(ends: (Writer<W>, Reader<R>), payload: usize) -> anyhow::Result<Self> {
        let (mut writer, reader) = ends;
        writer.send(&Role::Echo.frame()).await?;
        Ok(Self { writer, reader, payload: Traffic::payload(payload) })
    }
}

#[async_trait]
impl<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send> Contestant for Raw<W, R> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (begun, mut durations) = (clock::now(), Durations::default());
        loop {
            let sent = clock::now();
            self.writer.send(&self.payload).await?;
            self.writer.flush().await?;
            let frame = self.reader.recv().await?.context("the connection broke")?;
            durations.add(sent.elapsed());
            ensure!(frame.len() == self.payload.len(), "another frame came back");
            if begun.elapsed() >= time {
                return Ok(durations.figures());
            }
        }
    }
}

/// Blocking sockets.
fn blocking(connection: &mut Connection, payload: &[u8], time: Duration) -> anyhow::Result<Vec<Figure>> {
    let (begun, mut durations) = (clock::now(), Durations::default());
    loop {
        let sent = clock::now();
        connection.send(payload)?;
        connection.flush()?;
        let frame = connection.recv()?.context("the connection broke")?;
        durations.add(sent.elapsed());
        ensure!(frame.len() == payload.len(), "another frame came back");
        if begun.elapsed() >= time {
            return Ok(durations.figures());
        }
    }
}
