//! kameo's remote actors: a swarm of libp2p by TCP, noise and yamux, which dials the address that it is told (kameo's own
//! short way looks for others by multicast), and actors that are found by their names. Its actors within one process are in
//! [`local`].
//!
//! Each message is acknowledged, and 64 may be under way: without that nothing makes a sender wait, and messages over the
//! swarm's bound on streams are lost. Requests may be as large as W1's messages, which its default does not admit.

pub(crate) mod local;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use kameo::actor::{RemoteActorRef, Spawn};
use kameo::message::{Context, Message};
use kameo::remote::{Behaviour, messaging};
use kameo::{Actor, RemoteActor, remote_message};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, SwarmBuilder, noise, tcp, yamux};
use mp_bench::contest::Contest;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::tally::Tally;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::sync::OnceCell;

use crate::Theirs;
use crate::jobs::{Count, Line, enter};

pub(crate) const PEER: &str = "kameo";
/// Messages without an acknowledgement.
const UNDER_WAY: usize = 64;
/// Bytes of the largest request: more than the largest message of W1.
const LARGEST: u64 = 4 << 20;
/// How long an acknowledgement may take: 64 of the largest messages take long on a busy machine.
const ANSWER: Duration = Duration::from_secs(120);
/// How long connections may be idle, while others are measured.
const IDLE: Duration = Duration::from_secs(600);

pub(crate) fn version() -> String {
    format!("kameo: crates kameo {}, libp2p {}", env!("VERSION_KAMEO"), env!("VERSION_LIBP2P"))
}

/// Counts and echoes.
#[derive(Default, Actor, RemoteActor)]
struct Worker(Count);

#[derive(Serialize, Deserialize)]
struct Data(ByteBuf);

#[derive(Serialize, Deserialize)]
struct Report;

#[derive(Serialize, Deserialize)]
struct Ask(ByteBuf);

#[remote_message]
impl Message<Data> for Worker {
    type Reply = ();

    async fn handle(&mut self, Data(payload): Data, _: &mut Context<Self, ()>) {
        self.0.take(&payload);
    }
}

#[remote_message]
impl Message<Report> for Worker {
    type Reply = Vec<u8>;

    async fn handle(&mut self, _: Report, _: &mut Context<Self, Vec<u8>>) -> Vec<u8> {
        self.0.take(&[]).unwrap_or_default().to_vec()
    }
}

#[remote_message]
impl Message<Ask> for Worker {
    type Reply = Echo;

    async fn handle(&mut self, Ask(payload): Ask, _: &mut Context<Self, Echo>) -> Echo {
        Echo(payload)
    }
}

#[derive(Serialize, Deserialize, kameo::Reply)]
struct Echo(ByteBuf);

/// Starts the swarm, of which a process has one; returns its address when it listens, and has met the one at that address.
async fn start(meet: Option<&Multiaddr>) -> anyhow::Result<Multiaddr> {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key| {
            let config = messaging::Config::default();
            let config = config.with_request_size_maximum(LARGEST).with_response_size_maximum(LARGEST);
            let config = config.with_request_timeout(ANSWER);
            Behaviour::new(key.public().to_peer_id(), config)
        })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
        .build();
    swarm.behaviour().try_init_global()?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let (mut listens, mut met) = (None, meet.is_none());
    if let Some(address) = meet {
        if let Some(Protocol::P2p(peer)) = address.iter().last() {
            swarm.add_peer_address(peer, address.clone());
        }
        swarm.dial(address.clone())?;
    }
    let address = loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => listens = Some(address),
            SwarmEvent::ConnectionEstablished { .. } => met = true,
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.into()),
            _ => {}
        }
        match listens.take() {
            Some(address) if met => break address,
            waiting => listens = waiting,
        }
    };
    let address = address.with_p2p(*swarm.local_peer_id()).map_err(|_| anyhow!("an address"))?;
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    Ok(address)
}

/// The other side: an actor of this name, in the swarm of the one at this address.
pub(crate) async fn side(name: &str, address: &str) -> anyhow::Result<Ready> {
    start(Some(&address.parse()?)).await?;
    let worker = Worker::spawn(Worker::default());
    // A name is registered when another one of the swarm has it, too.
    worker.register(name).await.map_err(|error| anyhow!("kameo cannot register an actor: {error}"))?;
    mp_bench::ours::keep(worker);
    Ok(Ready::default())
}

/// Takes part in W1, W2 and W3, and within one process in W4 and W5.
pub(crate) async fn join(
    contest: Contest,
    workload: &'static str,
    payload: usize,
) -> anyhow::Result<Contest> {
    /// The address of this process's swarm.
    static ADDRESS: OnceCell<Multiaddr> = OnceCell::const_new();
    if !["W1", "W2", "W3"].contains(&workload) {
        return Ok(local::join(contest, workload, payload));
    }
    // Names are known to the whole swarm, and outlive a contest.
    let name = format!("{workload}-{payload}");
    let address = ADDRESS.get_or_try_init(|| start(None)).await?;
    let process = Process::start(&Theirs::Kameo(name.clone(), address.to_string())).await?;
    let worker = RemoteActorRef::<Worker>::lookup(name.as_str()).await?;
    let worker = worker.context("kameo finds no actor of this name")?;
    let bytes = || ByteBuf::from(Traffic::payload(payload));
    let line = Remote {
        worker,
        data: Arc::new(Data(bytes())),
        ask: Arc::new(Ask(bytes())),
        acknowledgements: FuturesUnordered::new(),
        told: VecDeque::new(),
        answers: FuturesUnordered::new(),
    };
    Ok(enter(contest, (PEER, workload), (line, payload), process))
}

type Awaited<T> = FuturesUnordered<BoxFuture<'static, anyhow::Result<T>>>;

struct Remote {
    worker: RemoteActorRef<Worker>,
    data: Arc<Data>,
    ask: Arc<Ask>,
    acknowledgements: Awaited<()>,
    told: VecDeque<Tally>,
    answers: Awaited<usize>,
}

impl Line for Remote {
    const AHEAD: Option<usize> = None;

    async fn push(&mut self) -> anyhow::Result<()> {
        if self.acknowledgements.len() == UNDER_WAY {
            self.acknowledgements.next().await.context("one is under way")??;
        }
        let (worker, data) = (self.worker.clone(), Arc::clone(&self.data));
        self.acknowledgements.push(Box::pin(async move { Ok(worker.tell(&*data).send_ack().await?) }));
        Ok(())
    }

    async fn mark(&mut self) -> anyhow::Result<()> {
        // What is under way has no order.
        while let Some(acknowledged) = self.acknowledgements.next().await {
            acknowledged?;
        }
        let frame = self.worker.ask(&Report).await?;
        self.told.push_back(Tally::of_frame(&frame).context("a tally")?);
        Ok(())
    }

    async fn told(&mut self) -> anyhow::Result<Tally> {
        self.told.pop_front().context("nothing was asked")
    }

    async fn ask(&mut self) -> anyhow::Result<()> {
        let (worker, ask) = (self.worker.clone(), Arc::clone(&self.ask));
        self.answers.push(Box::pin(async move {
            let Echo(payload) = worker.ask(&*ask).await?;
            Ok(payload.len())
        }));
        Ok(())
    }

    async fn answer(&mut self) -> anyhow::Result<usize> {
        self.answers.next().await.context("nothing was asked")?
    }
}
