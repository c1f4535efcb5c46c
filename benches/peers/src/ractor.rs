//! ractor with ractor_cluster: messages by its derive, the peer's actor found by its process group. Its actors within one
//! process are in [`local`].
//!
//! Nothing makes a sender wait there. So who sends asks from time to time whether the receiver has come so far.

pub(crate) mod local;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mp_bench::contest::Contest;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use ractor::concurrency::{OneshotReceiver, oneshot};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use ractor_cluster::{NodeServer, NodeServerMessage, RactorClusterMessage, client_connect};

use crate::Theirs;
use crate::jobs::{Count, Line, enter};

pub(crate) const PEER: &str = "ractor_cluster";
const COOKIE: &str = "known to both";

pub(crate) fn version() -> String {
    let (ractor, cluster) = (env!("VERSION_RACTOR"), env!("VERSION_RACTOR_CLUSTER"));
    format!("ractor: crates ractor {ractor} (with its feature cluster), ractor_cluster {cluster}")
}

#[derive(Debug, RactorClusterMessage)]
pub(crate) enum Work {
    Data(Vec<u8>),
    #[rpc]
    Report(RpcReplyPort<Vec<u8>>),
    #[rpc]
    Ask(Vec<u8>, RpcReplyPort<Vec<u8>>),
}

/// Counts and echoes, as a member of this group.
struct Worker {
    group: String,
}

impl Actor for Worker {
    type Msg = Work;
    type State = Count;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Work>, (): ()) -> Result<Count, ActorProcessingErr> {
        ractor::pg::join(self.group.clone(), vec![myself.get_cell()]);
        Ok(Count::default())
    }

    async fn handle(
        &self,
        _: ActorRef<Work>,
        work: Work,
        count: &mut Count,
    ) -> Result<(), ActorProcessingErr> {
        match work {
            Work::Data(payload) => drop(count.take(&payload)),
            Work::Report(reply) => reply.send(count.take(&[]).unwrap_or_default().to_vec())?,
            Work::Ask(payload, reply) => reply.send(payload)?,
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
pub(crate) async fn side(group: String) -> anyhow::Result<Ready> {
    let (_, port) = start("peer").await?;
    Actor::spawn(None, Worker { group }, ()).await?;
    Ok(Ready::default().with("port", port.to_string()))
}

/// Takes part in W1, W2 and W3, and within one process in W4 and W5.
pub(crate) async fn join(contest: Contest, workload: &'static str, payload: usize) -> anyhow::Result<Contest> {
    if !["W1", "W2", "W3"].contains(&workload) {
        return Ok(local::join(contest, workload, payload));
    }
    // Groups are known to the whole process, and outlive a contest.
    let group = format!("{workload}-{payload}");
    let process = Process::start(&Theirs::Ractor(group.clone())).await?;
    let (server, _) = start(&group).await?;
    client_connect(&server, ("127.0.0.1", process.get("port")?.parse::<u16>()?)).await?;
    let begun = Instant::now();
    let worker = loop {
        if let Some(member) = ractor::pg::get_members(&group).pop() {
            break ActorRef::from(member);
        }
        ensure!(begun.elapsed() < Duration::from_secs(10), "ractor_cluster finds no member of the group");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let line = Remote { server, worker, answers: VecDeque::new(), payload: Traffic::payload(payload) };
    Ok(enter(contest, (PEER, workload), (line, payload), process))
}

struct Remote {
    server: ActorRef<NodeServerMessage>,
    worker: ActorRef<Work>,
    /// In the order of the questions.
    answers: VecDeque<OneshotReceiver<Vec<u8>>>,
    payload: Vec<u8>,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.server.stop(None);
    }
}

impl Remote {
    fn question(&mut self, work: impl FnOnce(RpcReplyPort<Vec<u8>>) -> Work) -> anyhow::Result<()> {
        let (reply, answer) = oneshot();
        self.worker.cast(work(reply.into()))?;
        self.answers.push_back(answer);
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<Vec<u8>> {
        Ok(self.answers.pop_front().context("a question")?.await?)
    }
}

impl Line for Remote {
    const HOLDS_BACK: bool = false;

    async fn push(&mut self) -> anyhow::Result<()> {
        Ok(self.worker.cast(Work::Data(self.payload.clone()))?)
    }

    async fn mark(&mut self) -> anyhow::Result<()> {
        self.question(Work::Report)
    }

    async fn told(&mut self) -> anyhow::Result<Tally> {
        Tally::of_frame(&self.next().await?).context("a tally")
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        let payload = self.payload.clone();
        self.question(|reply| Work::Ask(payload, reply))
    }

    async fn answer(&mut self) -> anyhow::Result<usize> {
        Ok(self.next().await?.len())
    }
}
