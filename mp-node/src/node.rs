//! A node: the process's place in the network.

mod builder;
mod death;
pub(crate) mod deliver;
mod local;
mod names;
pub(crate) mod reload;
pub(crate) mod requests;
mod shutdown;
mod spread;
mod typed;
mod weak;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use mp_config::NodeConfig;
use mp_proto::{EncodeError, Limits, Message, NodeId, NodeRequest, PortId, Reason};
use mp_transport::{Addr, Transport};
use serde::Serialize;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use builder::NodeBuilder;
pub use weak::WeakNode;

use crate::address::{Recipient, Watched};
use crate::call::Call;
use crate::complaints::Complaints;
use crate::dead_letter::DeadLetter;
use crate::error::{CallError, DialError, SendError, TrySendError};
use crate::events::{NodeEvent, NodeEvents};
use crate::kernel::outbox::Lane;
use crate::kernel::ports::{PortTable, base62};
use crate::kernel::relay::Relay;
use crate::mailbox::queue::Queue;
use crate::mailbox::{Home, PortCell};
use crate::node::reload::Terms;
use crate::port::Port;
use crate::runtime::claims::Claims;
use crate::runtime::listen::Strangers;
use crate::runtime::peer::Peer;
use crate::runtime::peers::Peers;
use crate::runtime::relay::Tube;
use crate::runtime::rng::Rng;
use crate::service::{Resolver, Service};
use crate::spawn::{Function, Outcome};
use crate::stats::Counters;
use crate::sync::{Lock, Shared};
use crate::watch::{Action, Fired, Monitor};
use crate::writing;

/// A node of the network. Cheap to clone; all clones are the same node.
///
/// A node is made by [`Node::builder`] and ends by [`Node::shutdown`]. When the last handle is dropped without that (the
/// handles in [`Port`]s do not count), its connections are closed at once.
///
/// Sending reports local facts only: `Ok` says that the message is on its way. Whether a port far away got it, and
/// whether it still lives, monitors tell ([`Node::monitor`]): if message *n* from a sender to a port is lost, no later
/// one arrives before the monitors on that port have fired.
#[derive(Clone)]
pub struct Node {
    /// Stops the node's tasks when the last handle goes. Those that the node itself holds have none. Dropped before the
    /// other field, which it needs.
    _alive: Option<Arc<Alive>>,
    pub(crate) inner: Arc<Inner>,
}

struct Alive(Weak<Inner>);

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.halt();
        }
    }
}

/// What the node's tasks and handles share.
pub(crate) struct Inner {
    pub(crate) id: NodeId,
    /// What the ports here have in common.
    pub(crate) home: Arc<Home>,
    pub(crate) limits: Limits,
    /// On what terms connections are made.
    pub(crate) terms: Shared<Arc<Terms>>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) ports: Shared<PortTable<Arc<PortCell>>>,
    pub(crate) peers: Shared<Peers>,
    pub(crate) names: Lock<BTreeMap<String, PortId>>,
    pub(crate) functions: Shared<BTreeMap<String, Arc<Function>>>,
    pub(crate) refused: Lock<VecDeque<(String, Reason)>>,
    pub(crate) resolver: Shared<Option<Arc<Resolver>>>,
    /// Pipes that run through other nodes, or through this one.
    pub(crate) relay: Lock<Relay<Arc<Tube>>>,
    pub(crate) rng: Lock<Rng>,
    pub(crate) claims: Claims,
    pub(crate) strangers: Strangers,
    /// Held by a decider from looking for a duplicate until the connection is taken up.
    pub(crate) deciding: Lock<()>,
    pub(crate) complaints: Lock<Complaints>,
    /// What was said of nodes of one name; apart, so that nothing else is in the way of it.
    pub(crate) rivalries: Lock<Complaints>,
    pub(crate) stats: Counters,
    /// The node takes no new connections and writes what is left.
    pub(crate) draining: CancellationToken,
    /// A service is there: peers may be let in.
    pub(crate) open: CancellationToken,
    services: Shared<Vec<Arc<Service>>>,
    addresses: Lock<Vec<Addr>>,
    /// Where others are told to dial; empty if where it listens.
    advertised: Vec<Addr>,
    config: NodeConfig,
    counter: AtomicU64,
    /// The node takes nothing new. Asked for each message, so it is no token.
    closed: AtomicBool,
    events: broadcast::Sender<NodeEvent>,
    pub(crate) letters: broadcast::Sender<Arc<DeadLetter>>,
    tasks: TaskTracker,
    pub(crate) stopped: CancellationToken,
    runtime: tokio::runtime::Handle,
}

impl Node {
    /// Begins to make a node of the given profile, as `aemp profile NAME …` has set it up in the [configuration
    /// file](crate::ConfigFile). A profile that is not there has the defaults; that is warned of, unless the program sets
    /// a node ID, binds or seeds itself. Older names: `configure`, `initialise_node`.
    #[doc(alias("configure", "initialise_node", "net_kernel"))]
    pub fn builder(profile: &str) -> NodeBuilder {
        NodeBuilder::new(profile)
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        // A handle made from a port keeps nothing alive: the node ends with the handles that its maker holds.
        Self { inner, _alive: None }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The node's name. Older name: `$NODE`.
    #[doc(alias("NODE", "node_of"))]
    #[must_use]
    pub fn id(&self) -> &NodeId {
        &self.inner.id
    }

    /// The settings that the node was started with: its profile and what its builder set. What is not the node's own
    /// business stands here too: seeds for mp-global, services for those who run them.
    #[must_use]
    pub fn config(&self) -> &NodeConfig {
        &self.inner.config
    }

    /// The addresses that the node listens on, with their real port numbers.
    #[must_use]
    pub fn addresses(&self) -> Vec<Addr> {
        self.inner.addresses.lock().clone()
    }

    /// Where other nodes are told to reach this one: what [`NodeBuilder::advertise`] or the profile's `advertise` says,
    /// else the addresses that it listens on `[CF-16]`.
    #[must_use]
    pub fn advertised(&self) -> Vec<Addr> {
        if self.inner.advertised.is_empty() { self.addresses() } else { self.inner.advertised.clone() }
    }

    /// The node's bounds.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The peers that are connected now.
    #[doc(alias("known_nodes", "up_nodes"))]
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        let peers = self.inner.all_peers();
        peers.into_iter().filter(|peer| peer.lock().route.is_up()).map(|peer| peer.id.clone()).collect()
    }

    /// Whether a peer is connected, and of our own kind: it then understands what we say beyond the original protocol
    /// `[HS-07]`.
    #[must_use]
    pub fn is_own_kind(&self, node: &NodeId) -> bool {
        let peer = self.inner.known_peer(node.as_str());
        peer.is_some_and(|peer| peer.lock().route.session().is_some_and(|session| session.instance.is_some()))
    }

    /// Connections that come and go, from now on.
    #[doc(alias("mon_nodes", "monitor_nodes"))]
    #[must_use]
    pub fn events(&self) -> NodeEvents {
        NodeEvents { events: self.inner.events.subscribe(), stopped: self.inner.stopped.clone() }
    }

    /// A new port.
    ///
    /// # Panics
    ///
    /// If the node holds [`Limits::ports`](mp_proto::Limits::ports) ports already, or has been shut down; see
    /// [`Node::try_port`].
    #[doc(alias("rcv", "mailbox"))]
    pub fn port(&self) -> Port {
        self.try_port().expect("the node has room for a port")
    }

    /// A new port, if there is room for it.
    ///
    /// # Errors
    ///
    /// The node is full or has been shut down.
    pub fn try_port(&self) -> Result<Port, SendError> {
        Ok(Port::new(Arc::clone(&self.inner), self.inner.add_port()?))
    }

    /// Sends a message to a port anywhere. Waits while the queue to the peer, or the mailbox of a port here, is full;
    /// nothing waits for delivery. If the peer is not connected, that begins now. Older name: `snd`.
    ///
    /// To a [`PortId`] goes any message. What a type becomes on the wire stands at [`mp_proto::adaptor`]: `("ping", 42)`
    /// and an enum's variant `Ping(42)` are both `["ping", 42]`. For a message of more than
    /// [`Limits::large_message`](mp_proto::Limits::large_message) bytes the type's `Serialize` is called twice: the first time it
    /// is stopped by an error where that is found out, and then the message is written to a buffer of its own, while others go on;
    /// a [`Payload`](mp_proto::Payload) in it is not copied, but goes to the socket from where it lies.
    /// To a [`PortRef`](crate::PortRef) go messages of its type alone, and to a [`TypedPort`](crate::TypedPort) of this node they
    /// are moved as they are.
    ///
    /// # What `Serialize` may do
    ///
    /// It writes straight into the connection's buffer, under locks, so it should be quick. Ports of this node it may use as it
    /// likes, and whatever gives nothing back from other nodes (to kill and to monitor ports there, to spawn them, to connect) is
    /// done right after the message is written. What it sends to other nodes is refused by [`SendError::Nested`] while it is called
    /// under locks, which it can rely upon nowhere, and asking the node about its peers panics then `[ND-37]`. That goes for all nodes
    /// of the process. If it panics, nothing is sent, and nobody else notices.
    ///
    /// # Errors
    ///
    /// [`SendError`]: the message cannot be written, the node is no more, or this is called by a `Serialize` as told above. That
    /// the port is dead or its node unreachable is no error: monitors tell.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before it is ready, the message has not been sent.
    #[doc(alias("snd", "cast", "tell", "!", "post"))]
    pub async fn send<M: Serialize + Send>(
        &self,
        to: impl Recipient<M> + Send + Sync,
        message: M,
    ) -> Result<(), SendError> {
        match to.deliver_at_once(self, message)? {
            None => Ok(()),
            Some(message) => to.deliver(self, message).await,
        }
    }

    /// Sends a message if there is room for it now. What its `Serialize` may do stands at [`Node::send`].
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] gives the message back; the rest as for [`Node::send`].
    #[doc(alias("snd", "send_nosuspend"))]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as with `send`, both a name and a reference to one will do"
    )]
    pub fn try_send<M: Serialize>(&self, to: impl Recipient<M>, message: M) -> Result<(), TrySendError<M>> {
        to.try_deliver(self, message)
    }

    /// Asks a port: sends the message with the ID of a temporary port behind it and waits for an answer to that. Older
    /// name: `cal`. For ports whose messages are a type of their own see [`Node::ask`].
    #[doc(alias("cal", "gen_server:call", "request", "rpc"))]
    pub fn call<M: Serialize>(&self, to: impl AsRef<PortId>, message: M) -> Call<M> {
        Call::new(Arc::clone(&self.inner), to.as_ref().clone(), message)
    }

    /// Monitors a port: a future of the reason for which it dies. Monitoring a node port tells when the connection to
    /// that node is lost, and makes it if it is not there. Older name: `mon`.
    ///
    /// A port that is dead already, or never was, gives `no_such_port`: the reason for which it died is told only to
    /// those who monitored it before, as nobody remembers it `[MON-03]`.
    #[doc(alias("mon", "watch"))]
    pub fn monitor(&self, port: impl Watched) -> Monitor {
        let (port, fired) = (port.place().0, Arc::new(Fired::default()));
        let id = self.inner.watch_at(&port, Action::Future(Arc::clone(&fired)));
        Monitor::at(Arc::clone(&self.inner), port, id, Some(fired))
    }

    /// Monitors a port; calls `function` with the reason, in a task of its own: soon after the monitor has fired, by when
    /// later messages may have come already.
    #[doc(alias("mon", "mon_guard"))]
    pub fn monitor_with(
        &self,
        port: impl AsRef<PortId>,
        function: impl FnOnce(Reason) + Send + 'static,
    ) -> Monitor {
        self.watch(port.as_ref(), Action::Call(Box::new(function)))
    }

    /// Monitors a port; if it dies, kills `victim` for the same reason, unless that is a normal end.
    #[doc(alias("mon", "mon_guard"))]
    pub fn monitor_kill(&self, port: impl AsRef<PortId>, victim: impl AsRef<PortId>) -> Monitor {
        self.watch(port.as_ref(), Action::Kill(victim.as_ref().clone()))
    }

    /// Monitors a port; if it dies, sends `message` to the port `to`, with the values of the reason behind it.
    ///
    /// # Errors
    ///
    /// The message cannot be written.
    #[doc(alias("mon", "snd"))]
    pub fn monitor_send<M: Serialize>(
        &self,
        port: impl AsRef<PortId>,
        to: impl AsRef<PortId>,
        message: M,
    ) -> Result<Monitor, SendError> {
        let message = Message::new(&message)?;
        Ok(self.watch(port.as_ref(), Action::Send(to.as_ref().clone(), message)))
    }

    /// Links two ports: if one dies other than normally, so does the other, for the same reason. Dropping either of
    /// the monitors ends that half.
    #[doc(alias("mon", "trap_exit"))]
    pub fn link(&self, one: impl AsRef<PortId>, other: impl AsRef<PortId>) -> (Monitor, Monitor) {
        (self.monitor_kill(&one, &other), self.monitor_kill(&other, &one))
    }

    fn watch(&self, port: &PortId, action: Action) -> Monitor {
        let id = self.inner.watch(port, action);
        Monitor::new(Arc::clone(&self.inner), port.clone(), id, None)
    }

    /// Kills a port anywhere. What this node has sent to it before is received before its end, but for messages that
    /// find its mailbox full: a kill does not wait for room. `Reason::normal()` is an end without a reason. A node port
    /// cannot be killed. Older name: `kil`.
    #[doc(alias("kil", "exit", "stop"))]
    #[expect(clippy::needless_pass_by_value, reason = "most reasons are made for the occasion")]
    pub fn kill(&self, port: impl AsRef<PortId>, reason: Reason) {
        self.inner.kill(port.as_ref(), &reason);
    }

    /// Runs a function in a port of its own, in a task of the node. What it returns is the reason for which the port dies,
    /// a panic is `("die", text)`. If the port is killed, the function's future is dropped when it next waits.
    ///
    /// # Panics
    ///
    /// As [`Node::port`].
    #[doc(alias("peval", "psub", "proc_lib", "actor", "process"))]
    pub fn spawn<F, T>(&self, function: F) -> PortId
    where
        F: FnOnce(Port) -> T + Send + 'static,
        T: Future<Output: Outcome> + Send + 'static,
    {
        let cell = self.inner.add_port().expect("the node has room for a port");
        let id = cell.to_id();
        self.inner.run_in(cell, function);
        id
    }

    /// Lets peers run `function` in a port of this node, by the name `name`: [`Node::spawn_on`] there, `spawn` in Perl.
    /// Replaces what was registered under the name. Nothing that is not registered can be run by a peer.
    #[doc(alias("spawn"))]
    pub fn register_function<F, T>(&self, name: &str, function: F)
    where
        F: Fn(Port, Message) -> T + Send + Sync + 'static,
        T: Future<Output: Outcome> + Send + 'static,
    {
        let function: Arc<Function> = Arc::new(move |port, args| {
            let running = function(port, args);
            Box::pin(async move { running.await.into_reason() })
        });
        self.inner.functions.write().insert(name.to_owned(), function);
    }

    /// Creates a port on another node (or this one) and runs the function there that is registered as `function`. The ID
    /// can be used at once: what is sent to it follows the order to create it. Whether it lives, a monitor tells.
    ///
    /// # Errors
    ///
    /// The arguments cannot be written, or the node is no more.
    #[doc(alias("spawn", "spawn_link"))]
    pub fn spawn_on<A: Serialize>(
        &self,
        node: &NodeId,
        function: &str,
        args: A,
    ) -> Result<PortId, SendError> {
        let name = self.inner.spawn_name();
        let args = Message::new(&args)?;
        let request = NodeRequest::Spawn {
            name: name.as_str().into(),
            function: function.into(),
            args: args.into_values(),
        };
        let request = request.into_message();
        self.inner.offer(&node.port(), &request, None, Lane::About(&name))?;
        PortId::new(node, &name).map_err(|error| EncodeError::Custom(error.to_string()).into())
    }

    /// Makes a port of this node known under a name, until it dies. `false` if another living port has the name, the
    /// port is none of this node or dead, or [`Limits::names`](mp_proto::Limits::names) are in use. Older name: `reg`.
    #[doc(alias("reg", "register"))]
    pub fn register_name(&self, name: &str, port: impl AsRef<PortId>) -> bool {
        self.inner.register_name(name, port.as_ref())
    }

    /// Asks a node for the port that is known there under a name; `None` if there is none, as at any node of Perl's, which
    /// has no names `[NP-08]`.
    ///
    /// # Errors
    ///
    /// [`CallError::Died`]: the node cannot be reached. That is told, with the cause, after
    /// [`Limits::connect_time`](mp_proto::Limits::connect_time), by default 2 s: until then it is tried again and again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the answer.
    #[doc(alias("whereis"))]
    pub async fn lookup(&self, node: &NodeId, name: &str) -> Result<Option<PortId>, CallError> {
        let reply = self.try_port()?;
        self.inner.lookup(node, name, reply).await
    }

    /// Connects to whoever listens at an address; gives the name of the node there. A connection that is there
    /// already will do.
    ///
    /// # Errors
    ///
    /// [`DialError`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives the attempt up, unless the connection stands.
    pub async fn dial(&self, addr: &Addr) -> Result<NodeId, DialError> {
        self.inner.dial(addr).await
    }

    /// Begins to connect to a node, if that is not so already, as if something were to be sent to it.
    pub fn connect(&self, node: &NodeId) {
        self.inner.connect(node);
    }

    /// Whether the node is being shut down, and has got to where it ends its connections `[ND-12]`: nothing that a service
    /// learns or says from now on is of use to anybody.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.inner.is_draining()
    }

    /// Sends a request to the node port of a peer that is connected; `false` if it is not, or if [we are
    /// leaving](Self::is_leaving). It is taken even when messages have to wait.
    #[must_use = "a request to a node that is not connected is not sent"]
    pub fn request(&self, node: &NodeId, request: &Message) -> bool {
        if self.is_leaving() {
            return false;
        }
        self.inner.request(node, request).unwrap_or_else(|error| {
            tracing::warn!(%node, %error, "a request cannot be sent");
            true
        })
    }

    /// Adds a part of the protocol on top of the node.
    pub fn install(&self, service: Service) {
        self.inner.services.write().push(Arc::new(service));
        self.inner.open.cancel();
    }

    /// Sets how the ways to a node are found when it has to be dialled and its name is no address.
    pub fn set_resolver(&self, resolver: Arc<Resolver>) {
        *self.inner.resolver.write() = Some(resolver);
    }

    /// Runs a future in the node's task set: it is dropped when the node stops.
    pub fn spawn_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.spawn_task(task);
    }

    /// Ends the node: kills its ports normally, takes nothing new, writes what waits for its peers (those that it is just
    /// connecting to as well) for at most [`Limits::drain_time`](mp_proto::Limits::drain_time), and closes the
    /// connections. Calling it again waits for the same end.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the node closed to new messages; call it again to finish.
    pub async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}

impl Inner {
    /// Starts a task that ends with the node.
    pub(crate) fn spawn_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped.clone();
        let guarded = async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = task => {}
            }
        };
        self.spawn_unguarded(guarded);
    }

    /// Starts a task that sees for itself when the node ends.
    pub(crate) fn spawn_unguarded(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tasks.spawn_on(task, &self.runtime));
    }

    /// Each peer's record once, in the order of the names.
    pub(crate) fn all_peers(&self) -> Vec<Arc<Peer>> {
        writing::assert_none();
        let peers = self.peers.read();
        peers.iter().filter(|(name, peer)| *name == peer.id).map(|(_, peer)| Arc::clone(peer)).collect()
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    pub(crate) fn add_port(&self) -> Result<Arc<PortCell>, SendError> {
        self.add_port_with(Queue::default())
    }

    pub(crate) fn add_typed_port<T: Send + 'static>(&self) -> Result<Arc<PortCell>, SendError> {
        self.add_port_with(Queue::typed::<T>())
    }

    fn add_port_with(&self, queue: Queue) -> Result<Arc<PortCell>, SendError> {
        let mut ports = self.ports.write();
        // Looked at under the lock: a node that is being shut down kills the ports that it finds.
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        let added = ports.insert(|key| Arc::new(PortCell::new(Arc::clone(&self.home), key, queue)));
        added.map(|(_, cell)| Arc::clone(cell)).ok_or(SendError::TooManyPorts(self.limits.ports))
    }

    /// A name for a port on another node: it must not clash with what the nodes there call their own.
    fn spawn_name(&self) -> String {
        let mut name = format!("{}-", self.home.prefix);
        base62(self.next_id(), &mut name);
        name
    }

    /// Calls something of each service. A panic in it is that service's own affair: the node goes on.
    pub(crate) fn each_service(&self, mut call: impl FnMut(&Service)) {
        let services = self.services.read().clone();
        for service in services {
            if catch_unwind(AssertUnwindSafe(|| call(&service))).is_err() {
                tracing::error!("a service panicked");
            }
        }
    }

    pub(crate) fn service_tags(&self) -> Vec<&'static str> {
        self.services.read().iter().flat_map(|service| service.tags.iter().copied()).collect()
    }

    pub(crate) fn publish(&self, event: NodeEvent) {
        // Nobody may be listening.
        drop(self.events.send(event));
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", self.id())
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}
