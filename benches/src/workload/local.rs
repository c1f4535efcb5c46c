//! W4: ports of one node, beside tokio's bounded channels.

use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mp_node::{Node, Port, PortId, PortRef, SendError, TypedPort, Watched};
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
        .with(OURS, Local(Ports::<TypedPort<Said>>::of(&node), payload_bytes.clone()))
        .with("mp-untyped", Local(Ports::<Port>::of(&node), payload_bytes.clone()))
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

/// Ports of one kind.
struct Ports<P>(Node, PhantomData<fn() -> P>);

impl<P> Ports<P> {
    fn of(node: &Node) -> Self {
        Self(node.clone(), PhantomData)
    }
}

/// What the two kinds of ports do in the same way.
trait Kind: Send + Sized + 'static {
    type Address: Watched + Send + Sync + 'static;

    fn make(node: &Node) -> Self;
    fn spawn<T: Future<Output = ()> + Send + 'static>(
        node: &Node,
        task: impl FnOnce(Self) -> T + Send + 'static,
    ) -> Self::Address;
    fn address(&self) -> Self::Address;
    fn node(&self) -> Node;
    fn send(
        node: &Node,
        to: &Self::Address,
        said: Said,
    ) -> impl Future<Output = Result<(), SendError>> + Send;
    fn next(&mut self) -> impl Future<Output = Option<Said>> + Send;
}

/// Messages are moved.
impl Kind for TypedPort<Said> {
    type Address = PortRef<Said>;

    fn make(node: &Node) -> Self {
        node.typed_port()
    }

    fn spawn<T: Future<Output = ()> + Send + 'static>(
        node: &Node,
        task: impl FnOnce(Self) -> T + Send + 'static,
    ) -> PortRef<Said> {
        node.spawn_typed(task)
    }

    fn address(&self) -> PortRef<Said> {
        self.to_ref()
    }

    fn node(&self) -> Node {
        self.node()
    }

    fn send(
        node: &Node,
        to: &PortRef<Said>,
        said: Said,
    ) -> impl Future<Output = Result<(), SendError>> + Send {
        node.send(to, said)
    }

    fn next(&mut self) -> impl Future<Output = Option<Said>> + Send {
        self.recv()
    }
}

/// Messages are written and read.
impl Kind for Port {
    type Address = PortId;

    fn make(node: &Node) -> Self {
        node.port()
    }

    fn spawn<T: Future<Output = ()> + Send + 'static>(
        node: &Node,
        task: impl FnOnce(Self) -> T + Send + 'static,
    ) -> PortId {
        node.spawn(task)
    }

    fn address(&self) -> PortId {
        self.id().clone()
    }

    fn node(&self) -> Node {
        self.node()
    }

    fn send(node: &Node, to: &PortId, said: Said) -> impl Future<Output = Result<(), SendError>> + Send {
        node.send(to, said)
    }

    fn next(&mut self) -> impl Future<Output = Option<Said>> + Send {
        self.recv_as()
    }
}

#[async_trait]
impl<P: Kind> Way for Ports<P> {
    async fn one_way(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<Tally> {
        let (done, end) = oneshot::channel();
        let to = P::spawn(&self.0, async move |mut port: P| {
            let mut tally = Tally::default();
            while let Some(Said::Data(_, payload)) = port.next().await {
                tally.add(&payload);
            }
            done.send(tally).expect("somebody waits");
        });
        while pace.more() {
            P::send(&self.0, &to, data(pace.sent(), payload)).await?;
        }
        P::send(&self.0, &to, Said::Stop).await?;
        Ok(end.await?)
    }

    async fn ping_pong(&self, pace: &mut Pace, payload: &[u8]) -> anyhow::Result<()> {
        let mut here = P::make(&self.0);
        let back = here.address();
        let there = P::spawn(&self.0, async move |mut port: P| {
            let node = port.node();
            while let Some(said @ Said::Data(..)) = port.next().await {
                P::send(&node, &back, said).await.expect("the node lives");
            }
        });
        while pace.more() {
            P::send(&self.0, &there, data(pace.sent(), payload)).await?;
            here.next().await.context("an echo")?;
        }
        Ok(P::send(&self.0, &there, Said::Stop).await?)
    }

    async fn spawn_stop(&self, pace: &mut Pace) -> anyhow::Result<()> {
        while pace.more() {
            let port =
                P::spawn(&self.0, async |mut port: P| while let Some(Said::Data(..)) = port.next().await {});
            P::send(&self.0, &port, Said::Stop).await?;
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
