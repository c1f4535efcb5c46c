//! The distributed database: who holds which keys of which families, as a state machine.
//!
//! Every node owns the keys that it set. A *slave* tells them to its *master*, one of its connected seeds; a *global*
//! node merges what its slaves and the other global nodes hold, answers questions, and tells changes to those who
//! monitor a family. A slave becomes global when another node takes it for a master, and stays so.
//!
//! ```text
//!  node_up, node_down, request ─►┌──────────┐─► poll_output: Send, Expel, Connect, Release, BecameGlobal
//!   set, delete, monitor, query ─►│ Registry │                Changed, Reply, Found
//!                          find ─►└──────────┘
//! ```
//!
//! Between global nodes each is the only one that speaks for itself and its slaves, in order, and one word is chosen among
//! them by a fixed rule. So whatever has come and gone: when all are connected and nothing is under way, all see the
//! same `[GL-31]`.
//!
//! Should a message be lost all the same, what nodes say of themselves is compared every 30 s, and mended where it
//! differs; how stands in `registry/repair.rs`.
//!
//! Nothing here waits or reads a clock. The owner calls an input, then takes outputs until there is none.

mod core;
mod global;
mod limits;
mod local;
mod output;
mod repair;
mod slave;
mod store;
mod watch;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use mp_proto::{NodeId, Value};

use self::core::Core;
use self::global::Global;
use self::slave::Slave;
use crate::data::{GLOBALS, Key, LISTENERS, is_internal};
use crate::wire::GlobalRequest;

pub use self::limits::{Excess, RegistryError, RegistryLimits, RegistrySize};
pub use self::output::{Answer, Change, MonitorId, Output, QueryId};
pub use crate::wire::Part as Query;

/// What a registry begins with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RegistryConfig {
    /// Our own node.
    pub node: NodeId,
    /// Where we listen, as `host:port`; told to all under our node ID.
    pub addresses: Vec<String>,
    /// Whether to begin as a global node. Default false.
    pub global: bool,
    /// Bounds.
    pub limits: RegistryLimits,
}

impl RegistryConfig {
    /// A slave without listeners, with the default limits.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self { node, addresses: Vec::new(), global: false, limits: RegistryLimits::default() }
    }
}

/// The time between two comparisons of what nodes have of one another, see [`Registry::compare`].
pub const COMPARE_EVERY: Duration = Duration::from_secs(30);

/// The distributed database as one node sees it. See the [module](self) for the whole.
#[derive(Debug)]
pub struct Registry {
    core: Core,
    role: Role,
}

/// What a node is to others `[GL-05]`. There is no way back from global.
#[derive(Debug)]
enum Role {
    Slave(Slave),
    Global(Box<Global>),
}

/// Calls the same method of whichever role, with the core.
macro_rules! in_role {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match &mut $self.role {
            Role::Slave(slave) => slave.$method(&mut $self.core $(, $argument)*),
            Role::Global(global) => global.$method(&mut $self.core $(, $argument)*),
        }
    };
}

impl Registry {
    /// A registry that knows of itself alone.
    #[must_use]
    pub fn new(config: RegistryConfig) -> Self {
        let RegistryConfig { node, addresses, global, limits } = config;
        let mut core = Core::new(node, limits);
        let me = Key::from(core.node.as_str());
        let addresses = addresses.into_iter().map(Value::from).collect::<Vec<_>>();
        core.local.set(&LISTENERS.into(), &me, Value::List(addresses));
        let role = if global {
            Role::Global(Box::new(Global::begin(&mut core)))
        } else {
            Role::Slave(Slave::default())
        };
        Self { core, role }
    }

    /// Whether this is a global node by now.
    #[must_use]
    pub fn is_global(&self) -> bool {
        matches!(self.role, Role::Global(_))
    }

    /// The node that we are a slave of. A global node has none.
    #[must_use]
    pub fn master(&self) -> Option<&NodeId> {
        match &self.role {
            Role::Slave(slave) => slave.master(),
            Role::Global(_) => None,
        }
    }

    /// How much it holds.
    #[must_use]
    pub fn size(&self) -> RegistrySize {
        let own = self.core.local.usage();
        let all = match &self.role {
            Role::Slave(_) => own,
            Role::Global(global) => global.usage(),
        };
        RegistrySize { own_keys: own.keys, keys: all.keys, bytes: all.bytes }
    }

    /// The families of which it holds something, and how many keys: at most `limit`, in order, behind the name `after`. A
    /// global node's are those of all nodes, a slave's its own.
    #[must_use]
    pub fn families(&self, limit: usize, after: Option<&str>) -> Vec<(Key, usize)> {
        match &self.role {
            Role::Slave(_) => sizes(self.core.local.data(), limit, after),
            Role::Global(global) => global.families(limit, after),
        }
    }

    /// Whether a node is up, as far as the registry was told.
    #[must_use]
    pub fn is_up(&self, node: &NodeId) -> bool {
        self.core.peers.contains_key(node)
    }

    /// What waits for the owner, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    // ---- inputs from the node

    /// A connection to `node` stands. `is_seed` if it is one of ours: a slave takes only seeds for masters. May be
    /// called again when a connected node turns out to be a seed.
    pub fn node_up(&mut self, node: &NodeId, is_seed: bool) {
        if *node == self.core.node {
            return;
        }
        let (is_new, is_new_seed) = self.core.meet(node, is_seed);
        if is_new {
            in_role!(self, node_up(node));
        }
        if is_new_seed {
            in_role!(self, seed_up(node));
        }
    }

    /// A node that is up is of our own kind: it is told sums, and they are compared `[GL-34]`.
    pub fn is_kin(&mut self, node: &NodeId) {
        if let Some(peer) = self.core.peers.get_mut(node) {
            peer.is_kin = true;
        }
    }

    /// Tells nodes of our own kind the sums of what they should have of us, so that differences are found and mended
    /// `[GL-34]`. To be called every [`COMPARE_EVERY`].
    pub fn compare(&mut self) {
        in_role!(self, compare());
    }

    /// The connection to `node` is lost: all that it held goes `[GL-16]`.
    pub fn node_down(&mut self, node: &NodeId) {
        if self.core.peers.remove(node).is_some() {
            in_role!(self, node_down(node));
        }
    }

    /// A request came from `node`. Ignored unless the node is up.
    pub fn request(&mut self, from: &NodeId, request: GlobalRequest) {
        if !self.core.hears(from) {
            return;
        }
        if matches!(request, GlobalRequest::Slave(_) | GlobalRequest::Sum { is_global: false, .. }) {
            self.become_global();
        }
        in_role!(self, request(from, request));
    }

    /// Makes this a global node, for good `[GL-06]`. Does nothing if it is one.
    pub fn become_global(&mut self) {
        if let Role::Slave(slave) = &mut self.role {
            slave.resign(&mut self.core);
            self.core.outputs.push_back(Output::BecameGlobal);
            self.role = Role::Global(Box::new(Global::begin(&mut self.core)));
        }
    }

    // ---- inputs from the application

    /// Sets a key that we own. Setting it to the value it has tells nobody `[GL-10]`.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Internal`] for families that are not an application's, [`RegistryError::Full`] if we would own
    /// more than the limits allow.
    pub fn set(&mut self, family: &str, key: &str, value: Value) -> Result<(), RegistryError> {
        check_family(family)?;
        self.core.local.check(&self.core.limits, family, key, &value)?;
        in_role!(self, set(&family.into(), &key.into(), value));
        Ok(())
    }

    /// Deletes a key that we own; others' keys of that name stay. Deleting what is not there tells nobody `[GL-10]`.
    pub fn delete(&mut self, family: &str, key: &str) {
        if !is_internal(family) {
            in_role!(self, delete(&family.into(), &key.into()));
        }
    }

    /// The value of a key that we own.
    #[must_use]
    pub fn get_own(&self, family: &str, key: &str) -> Option<&Value> {
        self.core.local.get(family, key)
    }

    /// Starts to report what a family holds: at once what is known, then each change, as [`Output::Changed`].
    ///
    /// # Errors
    ///
    /// [`RegistryError::Full`] if there are as many monitors as the limits allow.
    pub fn monitor(&mut self, family: &str) -> Result<MonitorId, RegistryError> {
        let limits = &self.core.limits;
        if family.is_empty() {
            return Err(RegistryError::Internal);
        }
        if self.core.watches.len() >= limits.monitors {
            return Err(RegistryError::Full(Excess::Monitors));
        }
        let family: Key = family.into();
        if !self.core.watches.has(&family) {
            in_role!(self, watch(&family));
        }
        Ok(self.core.watches.add(&family, &mut self.core.outputs))
    }

    /// Ends a monitor: no further output names it, but for those that wait already.
    pub fn unmonitor(&mut self, monitor: MonitorId) {
        if let Some(family) = self.core.watches.remove(monitor) {
            in_role!(self, unwatch(family));
        }
    }

    /// Asks what a family holds; [`Output::Reply`] has the answer `[GL-13]`. A slave without a master keeps the question
    /// until it has one.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Full`] if as many questions as the limits allow wait for an answer.
    pub fn query(&mut self, part: Query, family: &str) -> Result<QueryId, RegistryError> {
        let id = self.core.ask(part, family.into())?;
        in_role!(self, query(id));
        Ok(id)
    }

    /// Gives a question up; it will not be answered.
    pub fn cancel_query(&mut self, query: QueryId) {
        self.core.queries.remove(&query);
    }

    /// Asks where a node listens; [`Output::Found`] has the answer. Asking again before it comes changes nothing.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Full`] if as many questions as the limits allow wait for an answer.
    pub fn find(&mut self, node: &NodeId) -> Result<(), RegistryError> {
        if self.core.seek(node)? {
            in_role!(self, find(node));
        }
        Ok(())
    }

    /// The nodes that may carry a connection to one that cannot be dialled: of a slave its master and the other global ones
    /// that it is connected with, of a global node the other global ones that tell of it `[RL-06]`.
    #[must_use]
    pub fn relays_to(&self, node: &NodeId) -> Vec<NodeId> {
        match &self.role {
            Role::Slave(_) => {
                let globals =
                    self.core.peers.iter().filter(|(_, peer)| peer.is_global).map(|(other, _)| other);
                let others = globals.filter(|&other| self.master() != Some(other));
                self.master().into_iter().chain(others).filter(|&relay| relay != node).cloned().collect()
            }
            Role::Global(global) => global.tellers_of(node),
        }
    }

    /// Gives the search for a node up; it will not be answered.
    pub fn cancel_find(&mut self, node: &NodeId) {
        self.core.finds.remove(node);
    }

    /// The global nodes that this one knows, connected or not, in order. A slave knows those that told it.
    #[must_use]
    pub fn globals(&self) -> Vec<NodeId> {
        match &self.role {
            Role::Slave(_) => {
                let told = self.core.peers.iter().filter(|(_, peer)| peer.is_global);
                told.map(|(node, _)| node.clone()).collect()
            }
            Role::Global(global) => {
                global.entries(GLOBALS).keys().filter_map(|node| NodeId::new(node).ok()).collect()
            }
        }
    }
}

fn check_family(family: &str) -> Result<(), RegistryError> {
    if family.is_empty() || is_internal(family) { Err(RegistryError::Internal) } else { Ok(()) }
}

/// The first `limit` families behind a name, with the number of their keys.
fn sizes<V>(
    families: &BTreeMap<Key, BTreeMap<Key, V>>,
    limit: usize,
    after: Option<&str>,
) -> Vec<(Key, usize)> {
    let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
    let behind = families.range::<str, _>((begin, Bound::Unbounded));
    behind.take(limit).map(|(family, keys)| (Key::clone(family), keys.len())).collect()
}
