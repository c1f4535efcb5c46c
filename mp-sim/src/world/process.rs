//! A running program.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use mp_global::Global;
use mp_node::{Addr, Node, NodeBuilder, NodeId};
use tokio_util::sync::CancellationToken;

use super::{PORT, SECRET, World};
use crate::Dice;
use crate::sim::panic_text;

/// A host's program while it runs: what stands for the operating system in a simulation. Cheap to clone.
///
/// When the process is killed, none of its futures is polled again, and all are dropped.
#[derive(Debug, Clone)]
pub struct Process {
    world: World,
    host: Arc<str>,
    life: u64,
    killed: CancellationToken,
}

impl Process {
    pub(super) fn new(world: World, host: &str, life: u64, killed: CancellationToken) -> Self {
        Self { world, host: host.into(), life, killed }
    }

    /// The host's name, which is its node's name, too.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How many processes have run on this host before.
    #[must_use]
    pub fn life(&self) -> u64 {
        self.life
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// A stream of chance for this life of this host.
    #[must_use]
    pub fn dice(&self) -> Dice {
        self.world.dice(&format!("{} {}", self.host, self.life))
    }

    /// A node to be started, named like the host and listening there on [`PORT`], on the world's network, with a
    /// common secret and with chance from the seed. Settings such as limits can be added.
    pub fn node(&self) -> NodeBuilder {
        self.hidden_node().bind(&format!("{}:{PORT}", self.host))
    }

    /// The same, but it listens nowhere: others reach it over the connections that it makes, and through a global node
    /// that relays.
    pub fn hidden_node(&self) -> NodeBuilder {
        let host = &*self.host;
        let builder = Node::builder("sim").without_file().node_id(host).secret(SECRET);
        let builder = builder.transport(Arc::new(self.world.net().host(host)));
        builder.insecure_seed(self.dice().word())
    }

    /// Starts a node with default settings, which finds others by their hosts' names.
    ///
    /// # Panics
    ///
    /// As [`Process::start_with`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn start(&self) -> Node {
        self.start_with(self.node()).await
    }

    /// Starts a node, which finds others by their hosts' names; the world knows it as this host's.
    ///
    /// # Panics
    ///
    /// If it cannot be started, since a second one listens at the same address or a setting is wrong.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn start_with(&self, builder: NodeBuilder) -> Node {
        let node = builder.start().await.expect("a node can be started on a simulated host");
        node.set_resolver(Arc::new(|node: &NodeId| {
            let addr = Addr::new(node.as_str(), PORT);
            Box::pin(async move { addr.into_iter().map(mp_node::Way::Direct).collect() })
        }));
        self.world.with_running(&self.host, self.life, |running| running.node = Some(node.downgrade()));
        node
    }

    /// Starts a node with default settings and joins the network's directory through seeds, which are names of hosts.
    /// Without seeds, the node is a global one. Other nodes are found through the directory alone.
    ///
    /// # Panics
    ///
    /// As [`Process::start_with`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn join(&self, seeds: &[&str]) -> (Node, Global) {
        self.join_with(self.node(), seeds).await
    }

    /// The same, with other settings of the node.
    ///
    /// # Panics
    ///
    /// As [`Process::start_with`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn join_with(&self, builder: NodeBuilder, seeds: &[&str]) -> (Node, Global) {
        let builder = seeds.iter().fold(builder, |builder, seed| builder.seed(&format!("{seed}:{PORT}")));
        let node = self.start_with(builder).await;
        let global = Global::start(&node).expect("hosts' names are addresses");
        (node, global)
    }

    /// Runs a future as part of this process. A panic in it fails the run.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (killed, world, host) = (self.killed.clone(), self.world.clone(), Arc::clone(&self.host));
        let task = CatchPanic(Box::pin(task));
        self.world.spawn(async move {
            tokio::select! {
                biased;
                () = killed.cancelled() => {}
                ended = task => {
                    if let Err(panic) = ended {
                        world.violation(format_args!("{host}: {}", panic_text(&*panic)));
                    }
                }
            }
        });
    }

    /// Calls `function` when the process is killed or ends, before anything else comes of that.
    pub fn at_death(&self, function: impl FnOnce() + Send + 'static) {
        self.world.with_running(&self.host, self.life, |running| running.at_death.push(Box::new(function)));
    }

    pub(super) fn exit(&self) {
        self.world.ended(&self.host, self.life);
    }
}

/// A future whose panic is its result.
struct CatchPanic<F>(Pin<Box<F>>);

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Box<dyn std::any::Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
