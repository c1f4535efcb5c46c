//! W9: large messages, and a thousand small pings a second beside them, to the same process.
//!
//! Of our nodes both go over the one connection that two nodes have. Raw sockets do it in two ways: over a connection
//! for each, which is what somebody would do who must have it fast, and is the baseline; and over one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use mp_node::{Node, Payload, PortRef, TypedPort};
use mp_transport::clock;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::{Settings, Workload, peer};
use crate::contest::{Contest, Contestant, OURS, as_float};
use crate::figures::{Figure, Metric};
use crate::messages::Traffic;
use crate::ours::{Met, Outgoing, Post, Talk, Terms};
use crate::pace::Durations;
use crate::raw::service::Role;
use crate::raw::{self, Ends, Reader, Writer};
use crate::task;

const BETWEEN: Duration = Duration::from_millis(1);
/// Bytes of a ping.
const PING: usize = 64;
/// Pings that are under way and were not answered yet; with more, all wait.
const UNANSWERED: usize = 100_000;
const RAW_TWO: &str = "raw-two-connections";
const RAW_ONE: &str = "raw-one-connection";

pub(super) const W9: Workload = Workload {
    name: "W9",
    about: "large messages, and 1000 pings a second beside them",
    payloads: &[256 << 20],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    ensure!(payload > PING, "a large message is larger than a ping");
    // The only thing that is not as by default: the message would be refused.
    let terms = Terms { max_message: Some(payload + 4_096), ..settings.terms() };
    let process = peer(&terms).await?;
    let met = Met::at(process.get("node")?, &terms, &["sink", "echo"]).await?;
    let large = Bytes::from(Traffic::payload(payload));
    let address = process.get("tokio")?;
    let (ping, bulk) = (raw::connect(address).await?, raw::connect(address).await?);
    let one = raw::connect(address).await?;
    Ok(Contest::new("W9", payload, RAW_TWO)
        .with(OURS, typed(&met, large.clone().into()).await?)
        .with(RAW_TWO, raw_road(ping, Some(bulk), large.clone()).await?)
        .with(RAW_ONE, raw_road(one, None, large).await?)
        .at(process))
}

/// A way to the other side, for small and large messages.
#[async_trait]
trait Road: Send + Sync + 'static {
    /// Sends a ping of this number.
    async fn ping(&self, number: u64) -> anyhow::Result<()>;
    /// Sends a large message; returns when it has come.
    async fn large(&self) -> anyhow::Result<()>;
}

/// Who sends both at the same time.
struct Both<R> {
    road: Arc<R>,
    /// The numbers of pings that came back, and when.
    pongs: mpsc::Receiver<(u64, Instant)>,
    bytes: usize,
}

#[async_trait]
impl<R: Road> Contestant for Both<R> {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let begun = clock::now();
        let (stop, stopped) = watch::channel(false);
        let (tell_total, mut total) = oneshot::channel();
        let pinging = task(ping(Arc::clone(&self.road), begun, stopped));
        let road = Arc::clone(&self.road);
        let large = task(async move {
            let mut sent = 0;
            while sent == 0 || begun.elapsed() < time {
                sent += 1;
                road.large().await?;
            }
            let took = begun.elapsed();
            stop.send_replace(true);
            // It may have gone because of an error, which is told below.
            let _ = tell_total.send(pinging.await??);
            anyhow::Ok((sent, took))
        });
        let (mut times, mut answered, mut expected) = (Durations::default(), 0, None);
        while expected.is_none_or(|expected| answered < expected) {
            tokio::select! {
                pong = self.pongs.recv() => {
                    let (number, at) = pong.context("the connection broke")?;
                    answered += 1;
                    times.add(at.saturating_duration_since(due(begun, number)));
                }
                total = &mut total, if expected.is_none() => match total {
                    Ok(total) => expected = Some(total),
                    Err(_) => break,
                },
            }
        }
        let (sent, took) = large.await??;
        let rate = as_float(sent) * as_float(self.bytes as u64) / 1e6 / took.as_secs_f64();
        Ok(vec![(Metric::PingP99, times.quantile(990)), (Metric::LargeMbPerS, rate)])
    }
}

/// When a ping is to be sent. Its time is counted from then: if it could not be sent, that is a part of how late it is.
fn due(begun: Instant, number: u64) -> Instant {
    begun + BETWEEN * u32::try_from(number).unwrap_or(u32::MAX)
}

/// Sends a ping each millisecond, or as soon as it can, and says how many it sent.
async fn ping(road: Arc<impl Road>, begun: Instant, stopped: watch::Receiver<bool>) -> anyhow::Result<u64> {
    let mut ticks = tokio::time::interval_at(begun.into(), BETWEEN);
    for number in 0.. {
        ticks.tick().await;
        if *stopped.borrow() {
            return Ok(number);
        }
        road.ping(number).await?;
    }
    Ok(0)
}

/// Between our nodes: one connection.
struct Typed {
    node: Node,
    sink: PortRef<Post>,
    session: PortRef<Talk>,
    large: Payload,
    ping: Payload,
}

async fn typed(met: &Met, large: Payload) -> anyhow::Result<Both<Typed>> {
    let (port, session) = met.hello().await?;
    let (tell, pongs) = mpsc::channel(UNANSWERED);
    drop(task(listen(port, tell)));
    let bytes = large.len();
    let (node, sink) = (met.node.clone(), met.port("sink"));
    let road = Typed { node, sink, session, large, ping: Traffic::payload(PING).into() };
    Ok(Both { road: Arc::new(road), pongs, bytes })
}

async fn listen(mut port: TypedPort<Talk>, tell: mpsc::Sender<(u64, Instant)>) {
    while let Some(Talk::Data(number, _)) = port.recv().await {
        if tell.send((number, clock::now())).await.is_err() {
            return;
        }
    }
}

#[async_trait]
impl Road for Typed {
    async fn ping(&self, number: u64) -> anyhow::Result<()> {
        Ok(self.node.send(self.session.id(), Outgoing::Data(number, &self.ping)).await?)
    }

    async fn large(&self) -> anyhow::Result<()> {
        self.node.send(self.sink.id(), Outgoing::Data(0, &self.large)).await?;
        self.node.ask(&self.sink, Post::Report).await?;
        Ok(())
    }
}

/// Raw connections: one for pings, and perhaps another one for large messages.
struct Raw {
    ping: Mutex<Writer>,
    bulk: Option<Mutex<Writer>>,
    came: Mutex<mpsc::Receiver<()>>,
    large: Bytes,
}

async fn raw_road(ping: Ends, bulk: Option<Ends>, large: Bytes) -> anyhow::Result<Both<Raw>> {
    let (tell, pongs) = mpsc::channel(UNANSWERED);
    let (tell_came, came) = mpsc::channel(1);
    let mut writers = Vec::new();
    for (mut writer, reader) in [Some(ping), bulk].into_iter().flatten() {
        writer.send(&Role::Mixed(PING).frame()).await?;
        writers.push(Mutex::new(writer));
        drop(task(sort(reader, tell.clone(), tell_came.clone())));
    }
    let (bytes, mut writers) = (large.len(), writers.into_iter());
    let ping = writers.next().context("a connection")?;
    let road = Raw { ping, bulk: writers.next(), came: Mutex::new(came), large };
    Ok(Both { road: Arc::new(road), pongs, bytes })
}

/// Answers to pings have their size, tallies of large messages do not.
async fn sort(
    mut reader: Reader,
    tell: mpsc::Sender<(u64, Instant)>,
    came: mpsc::Sender<()>,
) -> anyhow::Result<()> {
    while let Some(frame) = reader.recv().await? {
        match frame.first_chunk() {
            Some(number) if frame.len() == PING => {
                tell.send((u64::from_le_bytes(*number), clock::now())).await?;
            }
            _ => came.send(()).await?,
        }
    }
    Ok(())
}

async fn write(writer: &Mutex<Writer>, frame: &[u8]) -> anyhow::Result<()> {
    let mut writer = writer.lock().await;
    writer.send(frame).await?;
    Ok(writer.flush().await?)
}

#[async_trait]
impl Road for Raw {
    async fn ping(&self, number: u64) -> anyhow::Result<()> {
        let mut frame = [b'p'; PING];
        frame[..8].copy_from_slice(&number.to_le_bytes());
        write(&self.ping, &frame).await
    }

    async fn large(&self) -> anyhow::Result<()> {
        write(self.bulk.as_ref().unwrap_or(&self.ping), &self.large).await?;
        self.came.lock().await.recv().await.context("the connection broke")
    }
}
