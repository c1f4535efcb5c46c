//! W4: ports of one node, beside tokio's bounded channels.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mp_node::{Node, Port, TypedPort};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::sync::{mpsc, oneshot};

use super::{Settings, Workload};
use crate::contest::{Contest, Contestant, OURS, as_float};
use crate::figures::{Figure, Metric};
use crate::goals::CHANNEL;
use crate::messages::Traffic;
use crate::pace::Pace;
use crate::tally::Tally;
use crate::task;

/// Messages that a channel holds.
const ROOM: usize = 1_024;

pub(super) const W4: Workload = Workload {
    name: "W4",
    about: "ports of one process: one way, ping-pong, spawn and stop",
    payloads: &[0],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    let node = settings.terms().start("bench/", false).await?;
    let payload_bytes = Traffic::payload(payload);
    Ok(Contest::new("W4", payload, CHANNEL)
        .with(OURS, Local(Typed(node.clone()), payload_bytes.clone()))
        .with("mp-untyped", Local(Untyped(node), payload_bytes.clone()))
        .with(CHANNEL, Local(Channels, payload_bytes)))
}

/// What is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Data(u64, ByteBuf),
    Stop,
}

/// Who measures the three, and with which payload.
#[derive(Debug)]
pub struct Local<W>(pub W, pub Vec<u8>);

/// One way to talk in one process. Each of the three goes on as long as the pace says.
#[async_trait]
pub trait Way: Send {
    /// Sends messages to one who counts; gives what came, when all have come.
    ///
    /// # Errors
    ///
    /// The receiver has ended.
    ///
    /// # Cancellation
    ///
    /// Not safe: some were sent.
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally>;

    /// Sends one message to one who sends it back, again and again.
    ///
    /// # Errors
    ///
    /// The receiver has ended.
    ///
    /// # Cancellation
    ///
    /// Not safe: some were sent.
    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()>;

    /// Makes a receiver, ends it, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// It does not end.
    ///
    /// # Cancellation
    ///
    /// Not safe: some were made.
    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()>;
}

#[async_trait]
impl<W: Way> Contestant for Local<W> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let Self(way, payload) = self;
        let rate = |pace: &Pace| as_float(pace.sent()) / pace.elapsed().as_secs_f64();
        let part = time / 3;
        let mut pace = Pace::new(part, payload.len());
        let got = way.one_way(&mut pace, payload).await?;
        let one_way = rate(&pace);
        ensure!(got == Tally::of(pace.sent(), payload), "{} were sent, and {got:?} received", pace.sent());
        let mut pace = Pace::new(part, payload.len());
        way.ping_pong(&mut pace, payload).await?;
        let ping_pong = rate(&pace);
        let mut pace = Pace::new(part, payload.len());
        way.spawn_stop(&mut pace).await?;
        let spawn_stop = rate(&pace);
        Ok(vec![
            (Metric::LocalOneway, one_way),
            (Metric::LocalPingpong, ping_pong),
            (Metric::SpawnStop, spawn_stop),
        ])
    }
}

fn data(number: u64, payload: &[u8]) -> Said {
    Said::Data(number, ByteBuf::from(payload))
}

/// Typed ports: messages are moved.
struct Typed(Node);

#[async_trait]
impl Way for Typed {
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally> {
        let (done, end) = oneshot::channel();
        let to = self.0.spawn_typed(async move |mut port: TypedPort<Said>| {
            let mut tally = Tally::default();
            while let Some(Said::Data(_, payload)) = port.recv().await {
                tally.add(&payload);
            }
            done.send(tally).expect("somebody waits");
        });
        while pace.more() {
            self.0.send(&to, data(pace.sent(), payload)).await?;
        }
        self.0.send(&to, Said::Stop).await?;
        Ok(end.await?)
    }

    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()> {
        let mut here = self.0.typed_port::<Said>();
        let back = here.to_ref();
        let there = self.0.spawn_typed(async move |mut port: TypedPort<Said>| {
            let node = port.node();
            while let Some(said @ Said::Data(..)) = port.recv().await {
                node.send(&back, said).await.expect("the node lives");
            }
        });
        while pace.more() {
            self.0.send(&there, data(pace.sent(), payload)).await?;
            here.recv().await.context("an echo")?;
        }
        Ok(())
    }

    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()> {
        while pace.more() {
            let port = self.0.spawn_typed(
                async |mut port: TypedPort<Said>| {
                    while let Some(Said::Data(..)) = port.recv().await {}
                },
            );
            self.0.send(&port, Said::Stop).await?;
            self.0.monitor(&port).await;
        }
        Ok(())
    }
}

/// Ports that take anything: messages are written and read.
struct Untyped(Node);

#[async_trait]
impl Way for Untyped {
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally> {
        let (done, end) = oneshot::channel();
        let to = self.0.spawn(async move |mut port: Port| {
            let mut tally = Tally::default();
            while let Some(Said::Data(_, payload)) = port.recv_as().await {
                tally.add(&payload);
            }
            done.send(tally).expect("somebody waits");
        });
        while pace.more() {
            self.0.send(&to, data(pace.sent(), payload)).await?;
        }
        self.0.send(&to, Said::Stop).await?;
        Ok(end.await?)
    }

    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()> {
        let mut here = self.0.port();
        let back = here.id().clone();
        let there = self.0.spawn(async move |mut port: Port| {
            let node = port.node();
            while let Some(said @ Said::Data(..)) = port.recv_as().await {
                node.send(&back, said).await.expect("the node lives");
            }
        });
        while pace.more() {
            self.0.send(&there, data(pace.sent(), payload)).await?;
            here.recv_as::<Said>().await.context("an echo")?;
        }
        self.0.send(&there, Said::Stop).await?;
        Ok(())
    }

    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()> {
        while pace.more() {
            let port =
                self.0.spawn(async |mut port: Port| while let Some(Said::Data(..)) = port.recv_as().await {});
            self.0.send(&port, Said::Stop).await?;
            self.0.monitor(&port).await;
        }
        Ok(())
    }
}

/// tokio's bounded channels: one for one way, else a pair of them.
struct Channels;

#[async_trait]
impl Way for Channels {
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally> {
        let (to, mut port) = mpsc::channel(ROOM);
        let counting = task(async move {
            let mut tally = Tally::default();
            while let Some(Said::Data(_, payload)) = port.recv().await {
                tally.add(&payload);
            }
            tally
        });
        while pace.more() {
            to.send(data(pace.sent(), payload)).await?;
        }
        to.send(Said::Stop).await?;
        Ok(counting.await?)
    }

    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()> {
        let (there, mut port) = mpsc::channel(ROOM);
        let (back, mut here) = mpsc::channel(ROOM);
        task(async move {
            while let Some(said @ Said::Data(..)) = port.recv().await {
                back.send(said).await.expect("somebody waits");
            }
        });
        while pace.more() {
            there.send(data(pace.sent(), payload)).await?;
            here.recv().await.context("an echo")?;
        }
        Ok(())
    }

    /// The one channel leads to the task, the other from it: by its end the task is known to have stopped.
    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()> {
        while pace.more() {
            let (to, mut port) = mpsc::channel(ROOM);
            let (back, mut here) = mpsc::channel(ROOM);
            task(async move {
                while let Some(said @ Said::Data(..)) = port.recv().await {
                    back.send(said).await.expect("somebody waits");
                }
            });
            to.send(Said::Stop).await?;
            ensure!(here.recv().await.is_none(), "nothing but the end was to come");
        }
        Ok(())
    }
}
