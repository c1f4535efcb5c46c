//! ractor with ractor_cluster: messages by its derive, the peer's actors found by their process group.
//!
//! Nothing makes a sender wait there. So who sends asks from time to time whether the receiver has come so far, and stays at
//! most two such stretches ahead.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mp_bench::contest::{Contest, Contestant, as_float, throughput};
use mp_bench::figures::{Figure, Metric};
use mp_bench::messages::Traffic;
use mp_bench::pace::{Durations, Pace};
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};
use ractor_cluster::{NodeServer, NodeServerMessage, RactorClusterMessage, client_connect};

use crate::Theirs;

const PEER: &str = "ractor_cluster";
const GROUP: &str = "bench";
const COOKIE: &str = "known to both";
const WINDOW: u64 = 64;
/// Bytes, and messages, between two questions whether the receiver has come so far.
const STRETCH: usize = 8 << 20;
const MOST: usize = 16_384;

pub(crate) fn version() -> String {
    "ractor and ractor_cluster 0.16".into()
}

#[derive(Debug, RactorClusterMessage)]
enum Work {
    Data(u64, Vec<u8>),
    #[rpc]
    Report(RpcReplyPort<Vec<u8>>),
    #[rpc]
    Ask(u64, Vec<u8>, RpcReplyPort<Vec<u8>>),
}

/// Counts and echoes.
struct Worker;

impl Actor for Worker {
    type Msg = Work;
    type State = Tally;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Work>, (): ()) -> Result<Tally, ActorProcessingErr> {
        ractor::pg::join(GROUP.to_owned(), vec![myself.get_cell()]);
        Ok(Tally::default())
    }

    async fn handle(
        &self,
        _: ActorRef<Work>,
        work: Work,
        tally: &mut Tally,
    ) -> Result<(), ActorProcessingErr> {
        match work {
            Work::Data(_, payload) => tally.add(&payload),
            Work::Report(reply) => reply.send(tally.frame().to_vec())?,
            Work::Ask(_, payload, reply) => reply.send(payload)?,
        }
        Ok(())
    }
}

/// A node of theirs, and where it listens.
async fn start(name: &str) -> anyhow::Result<(ActorRef<NodeServerMessage>, u16)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let server = NodeServer::new(port, COOKIE.into(), name.into(), "localhost".into(), None, None);
    let server = server.with_listen_addr(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let (server, _) = Actor::spawn(None, server, ()).await?;
    Ok((server, port))
}

/// The other side.
pub(crate) async fn side() -> anyhow::Result<Ready> {
    let (_, port) = start("peer").await?;
    Actor::spawn(None, Worker, ()).await?;
    Ok(Ready::default().with("port", port.to_string()))
}

/// Takes part in W1, W2 and W3.
pub(crate) async fn join(contest: Contest, workload: &str, payload: usize) -> anyhow::Result<Contest> {
    let kind = match workload {
        "W1" => Kind::OneWay,
        "W2" => Kind::RoundTrip,
        "W3" => Kind::Requests,
        _ => return Ok(contest),
    };
    let process = Process::start(&Theirs::Ractor).await?;
    let (server, _) = start("bench").await?;
    client_connect(&server, ("127.0.0.1", process.get("port")?.parse::<u16>()?)).await?;
    let begun = Instant::now();
    let worker = loop {
        if let Some(member) = ractor::pg::get_members(&GROUP.to_owned()).pop() {
            break ActorRef::from(member);
        }
        ensure!(begun.elapsed() < Duration::from_secs(10), "ractor_cluster finds no member of the group");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let ractor = Ractor { server, worker, kind, payload: Traffic::payload(payload) };
    Ok(contest.with(PEER, ractor).at(process))
}

#[derive(Clone, Copy)]
enum Kind {
    OneWay,
    RoundTrip,
    Requests,
}

struct Ractor {
    server: ActorRef<NodeServerMessage>,
    worker: ActorRef<Work>,
    kind: Kind,
    payload: Vec<u8>,
}

impl Drop for Ractor {
    fn drop(&mut self) {
        self.server.stop(None);
    }
}

#[async_trait]
impl Contestant for Ractor {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        match self.kind {
            Kind::OneWay => self.one_way(time).await,
            Kind::RoundTrip => self.round_trip(time).await,
            Kind::Requests => self.requests(time).await,
        }
    }
}

impl Ractor {
    async fn one_way(&self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let stretch = (STRETCH / self.payload.len()).clamp(1, MOST) as u64;
        let before = report(self.worker.clone()).await?;
        let (mut pace, mut asked) = (Pace::new(time, self.payload.len()), None);
        while pace.more() {
            self.worker.cast(Work::Data(pace.sent(), self.payload.clone()))?;
            if pace.sent().is_multiple_of(stretch) {
                let next = tokio::spawn(report(self.worker.clone()));
                tokio::task::yield_now().await;
                if let Some(before) = asked.replace(next) {
                    before.await??;
                }
            }
        }
        let got = report(self.worker.clone()).await?.since(before);
        ensure!(got == Tally::of(pace.sent(), &self.payload), "{got:?} of {} came", pace.sent());
        Ok(throughput(got.count, self.payload.len(), pace.elapsed()))
    }

    async fn round_trip(&self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (begun, mut durations) = (Instant::now(), Durations::default());
        loop {
            let sent = Instant::now();
            ask(&self.worker, &self.payload).await?;
            durations.add(sent.elapsed());
            if begun.elapsed() >= time {
                return Ok(durations.figures());
            }
        }
    }

    async fn requests(&self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (begun, mut answered, mut tasks) = (Instant::now(), 0, tokio::task::JoinSet::new());
        for _ in 0..WINDOW {
            let (worker, payload) = (self.worker.clone(), self.payload.clone());
            tasks.spawn(async move {
                let mut answered = 0;
                while begun.elapsed() < time {
                    ask(&worker, &payload).await?;
                    answered += 1;
                }
                anyhow::Ok(answered)
            });
        }
        while let Some(done) = tasks.join_next().await {
            answered += done??;
        }
        Ok(vec![(Metric::ReqsPerS, as_float(answered) / begun.elapsed().as_secs_f64())])
    }
}

async fn report(worker: ActorRef<Work>) -> anyhow::Result<Tally> {
    let frame = call!(worker, Work::Report)?;
    Tally::of_frame(&frame).context("a tally")
}

async fn ask(worker: &ActorRef<Work>, payload: &[u8]) -> anyhow::Result<()> {
    let back = call!(worker, |reply| Work::Ask(0, payload.to_vec(), reply))?;
    ensure!(back.len() == payload.len(), "another answer came");
    Ok(())
}
