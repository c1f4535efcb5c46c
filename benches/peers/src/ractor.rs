//! ractor with ractor_cluster: messages by its derive, the peer's actor found by its process group. Its actors within one
//! process are in [`local`].
//!
//! Nothing makes a sender wait there. So who sends asks from time to time whether the receiver has come so far.

pub(crate) mod local;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, TcpListener};

use anyhow::Context;
use mp_bench::contest::Contest;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use ractor::concurrency::OneshotReceiver;
use ractor::pg::GroupChangeMessage;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use ractor_cluster::{NodeServer, NodeServerMessage, RactorClusterMessage, client_connect};
use tokio::sync::oneshot;

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

/// Waits for the first member of a group.
struct Watch;

impl Actor for Watch {
    type Msg = ();
    type State = Option<oneshot::Sender<ActorCell>>;
    type Arguments = (String, oneshot::Sender<ActorCell>);

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        (group, found): Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        ractor::pg::monitor(group, myself.get_cell());
        Ok(Some(found))
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        found: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let SupervisionEvent::ProcessGroupChanged(GroupChangeMessage::Join(_, _, mut members)) = event else {
            return Ok(());
        };
        if let (Some(found), Some(member)) = (found.take(), members.pop()) {
            // Nobody waits any more if it took too long.
            drop(found.send(member));
            myself.stop(None);
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
pub(crate) async fn join(
    contest: Contest,
    workload: &'static str,
    payload: usize,
) -> anyhow::Result<Contest> {
    if !["W1", "W2", "W3"].contains(&workload) {
        return Ok(local::join(contest, workload, payload));
    }
    // Groups are known to the whole process, and outlive a contest.
    let group = format!("{workload}-{payload}");
    let process = Process::start(&Theirs::Ractor(group.clone())).await?;
    let (server, _) = start(&group).await?;
    let (found, member) = oneshot::channel();
    Actor::spawn(None, Watch, (group, found)).await?;
    client_connect(&server, ("127.0.0.1", process.get("port")?.parse::<u16>()?)).await?;
    let worker = ActorRef::from(member.await.context("nobody watches the group")?);
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
        let (reply, answer) = oneshot::channel();
        self.worker.cast(work(reply.into()))?;
        self.answers.push_back(answer);
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<Vec<u8>> {
        Ok(self.answers.pop_front().context("a question")?.await?)
    }
}

impl Line for Remote {
    const AHEAD: Option<usize> = Some(8 << 20);

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
