//! A network of nodes in one process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mp_proto::{Limits, NodeId};

use crate::memory::{Death, MemoryNet};
use crate::{Node, NodeBuilder, Way};

/// Some nodes on a network in memory, each on a host of its own, that find each other by their names `n0`, `n1`, ….
///
/// The same seed gives the same network; two nodes may always talk, unless they are [cut](TestNet::cut) off or
/// [crashed](TestNet::crash). Use it on a paused clock, see [`testing`](crate::testing).
///
/// Each listens at port 1 of its host. So a directory of mp-global is had by `Global::builder(net.node(0)).global(true)`
/// at the one, and `Global::builder(net.node(1)).seed("n0:1")` at the others.
pub struct TestNet {
    memory: MemoryNet,
    limits: Limits,
    nodes: Vec<Node>,
    started: u64,
}

impl TestNet {
    /// A network of so many nodes with default settings.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn new(nodes: usize) -> Self {
        Self::with_limits(nodes, Limits::default()).await
    }

    /// The same, with other limits.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn with_limits(nodes: usize, limits: Limits) -> Self {
        let mut net = Self { memory: MemoryNet::new(0), limits, nodes: Vec::new(), started: 0 };
        for _ in 0..nodes {
            net.add().await;
        }
        net
    }

    /// Adds a node; gives its number.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn add(&mut self) -> usize {
        let number = self.nodes.len();
        let node = self.start(number).await;
        self.nodes.push(node);
        number
    }

    async fn start(&mut self, number: usize) -> Node {
        self.started += 1;
        let builder = self.builder(&name(number)).insecure_seed(self.started).limits(self.limits.clone());
        Self::started(builder).await
    }

    /// A builder of a node on this network that is called `name`, for one with settings of its own. What it starts is
    /// found by the others if it is given to [`TestNet::introduce`].
    pub fn builder(&self, name: &str) -> NodeBuilder {
        let builder = Node::builder("test").without_file().node_id(name).secret("only for tests");
        builder.bind(&format!("{name}:1")).transport(Arc::new(self.memory.host(name)))
    }

    /// Lets a node find all hosts of the network by their names, as the nodes of the network do.
    pub fn introduce(node: &Node) {
        node.set_resolver(Arc::new(|node: &NodeId| {
            let way = format!("{node}:1").parse().map(Way::Direct);
            Box::pin(async move { way.into_iter().collect() })
        }));
    }

    async fn started(builder: NodeBuilder) -> Node {
        let node = builder.start().await.expect("a node starts on a network in memory");
        Self::introduce(&node);
        node
    }

    /// The node of that number, from 0 on.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[must_use]
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Sets how long bytes are under way, everywhere: `latency`, and up to `jitter` more, drawn from the network's seed.
    /// They keep their order.
    pub fn delay(&self, latency: Duration, jitter: Duration) {
        self.memory.everywhere().delay(latency, jitter);
    }

    /// Cuts what leads from the one node to the other and back: bytes are held up, not lost, and new connections hang. The
    /// nodes notice after [`Limits::monitor_timeout`](mp_proto::Limits::monitor_timeout).
    pub fn cut(&self, one: usize, other: usize) {
        self.memory.between(&name(one), &name(other)).cut();
    }

    /// Cuts a node off from all others.
    pub fn isolate(&self, number: usize) {
        self.memory.around(&name(number)).cut();
    }

    /// Mends all cuts.
    pub fn heal(&self) {
        self.memory.everywhere().heal();
    }

    /// Kills a node as a crash of its process does: it does nothing more, and its peers see their connections reset.
    pub fn crash(&mut self, number: usize) {
        self.memory.kill_host(&name(number), Death::Reset);
        self.nodes[number].halt();
    }

    /// Starts a node again that has [crashed](TestNet::crash), with the same name: another instance, without the ports of
    /// the old one.
    ///
    /// # Panics
    ///
    /// If the old one still runs.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves it crashed.
    pub async fn restart(&mut self, number: usize) {
        self.nodes[number] = self.start(number).await;
    }

    /// The network below, for whatever else is to be done to it. Nodes are on hosts of their names.
    #[must_use]
    pub fn memory(&self) -> &MemoryNet {
        &self.memory
    }
}

fn name(number: usize) -> String {
    format!("n{number}")
}

impl fmt::Debug for TestNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestNet").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}
