//! A node's part in the network's directory.

mod comparer;
mod dialler;
mod service;
mod shared;
mod state;

use std::sync::Arc;
use std::time::Duration;

use mp_node::{Node, NodeConfig};
use mp_proto::NodeId;
use mp_transport::{Addr, AddrError};
use tokio::sync::watch;

pub(crate) use self::shared::Shared;
use crate::data::Key;
use crate::family::Family;
use crate::group::Group;
use crate::mesh::MeshConfig;
use crate::registry::{COMPARE_EVERY, RegistryConfig, RegistryError, RegistryLimits, RegistrySize};
use crate::wire::GlobalRequest;

/// A node's part in the network's directory: its seeds, groups and families. Cheap to clone; all clones are the same,
/// and it works until the node ends, held or not.
///
/// # Older names
///
/// Whoever knows AnyEvent::MP finds its functions here:
///
/// | Perl | Rust |
/// |---|---|
/// | `grp_reg $name, $port` (1.x), `db_reg $family => $port` | [`Group::register`], and dropping the [`Membership`](crate::Membership) |
/// | `db_reg $family => $port => $value` | [`Group::register_with`] |
/// | `grp_get $name` | [`Group::members`] |
/// | `grp_mon $name, $cb` | [`Group::monitor`] |
/// | `db_set $family => $key => $value` | [`Family::set`] |
/// | `db_del $family => $key` | [`Family::delete`] |
/// | `db_family`, `db_keys`, `db_values` | [`Family::entries`], [`Family::keys`], [`Family::values`] |
/// | `db_mon $family => $cb` | [`Family::monitor`] |
/// | `configure seeds => …`, `initialise_node` | [`Node::builder`], then [`Global::start`] |
/// | the service `AnyEvent::MP::Global::` | [`GlobalBuilder::global`] |
/// | `AnyEvent::MP::LogCatcher::catch` | [`LogCatcher::start`](crate::log_catcher::LogCatcher::start) |
#[derive(Debug, Clone)]
pub struct Global {
    shared: Arc<Shared>,
}

/// Why something about the directory did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GlobalError {
    /// The configuration's fault: a seed is not an address.
    #[error("the seed {seed:?} is not an address: {error}")]
    Seed {
        /// The seed.
        seed: String,
        /// What is wrong with it.
        error: AddrError,
    },
    /// The caller's fault: not a name, or more than the limits allow.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The node has been shut down.
    #[error("the node has been shut down")]
    ShutDown,
    /// What [`Group::send`] was to send cannot be sent.
    #[error(transparent)]
    Send(#[from] mp_node::SendError),
}

/// What a node is in the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// Whether it is a global node, which knows all itself.
    pub is_global: bool,
    /// The seed that it asks, if it is none and one is connected.
    pub master: Option<NodeId>,
}

/// Settings of a node's part in the directory.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct GlobalBuilder<'a> {
    node: &'a Node,
    seeds: Vec<String>,
    global: Option<bool>,
    limits: RegistryLimits,
    longest_retry: Duration,
    compare_every: Duration,
}

impl Global {
    /// Makes the node part of the network's directory, with the seeds of its configuration. Once per node, and right after it was
    /// started: what peers have told it before is lost, but for what [`Global::heard_global`] hands on.
    ///
    /// # Errors
    ///
    /// [`GlobalError::Seed`] if a seed is not an address.
    pub fn start(node: &Node) -> Result<Self, GlobalError> {
        Self::builder(node).start()
    }

    /// The same, with other settings.
    pub fn builder(node: &Node) -> GlobalBuilder<'_> {
        GlobalBuilder {
            node,
            seeds: NodeConfig::expand(&node.config().seeds),
            global: None,
            limits: RegistryLimits::default(),
            longest_retry: Duration::from_secs(30),
            compare_every: COMPARE_EVERY,
        }
    }

    /// The ports that are registered under a name. Older names: `grp_reg`, `grp_get`, `grp_mon`, `db_reg`.
    #[doc(alias("grp_reg", "grp_get", "grp_mon", "pg", "process group"))]
    #[must_use]
    pub fn group(&self, name: &str) -> Group {
        Group::new(self.family(name))
    }

    /// The keys and values that are set under a name. Older names: `db_set`, `db_del`, `db_mon`, `db_family`, `db_keys`,
    /// `db_values`.
    #[doc(alias("db_set", "db_get", "db_family", "ets", "key-value"))]
    #[must_use]
    pub fn family(&self, name: &str) -> Family {
        Family::new(Arc::clone(&self.shared), name)
    }

    /// What this node is in the directory now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.shared.standing().borrow().clone()
    }

    /// Waits until this node has a place in the directory: until it has a master, which is the first seed that is
    /// connected, or is a global node itself.
    ///
    /// When it returns, what this node owns, asks and monitors is on its way to the master, in the order in which it was
    /// said; whether the master has taken it in is not waited for. So what this node asks *now* is answered with its own
    /// entries among the rest, but somebody who asks another node may be told for a moment that nobody knows this one: a
    /// round trip to the master (as [`Family::keys`] is) later its entries are at the master, and another hop later at all
    /// global nodes.
    ///
    /// # Errors
    ///
    /// [`GlobalError::ShutDown`] if the node ends before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the wait and does nothing else.
    pub async fn joined(&self) -> Result<(), GlobalError> {
        let mut standing = self.shared.standing();
        let joined = standing.wait_for(|standing| standing.is_global || standing.master.is_some());
        tokio::select! {
            biased;
            joined = joined => joined.map(drop).map_err(|watch::error::RecvError { .. }| GlobalError::ShutDown),
            () = self.shared.over() => Err(GlobalError::ShutDown),
        }
    }

    /// Has these seeds from now on, as `host:port`, in place of those that it had: new ones are dialled at once, others
    /// no more `[SV-06]`. Connections stay.
    ///
    /// # Errors
    ///
    /// [`GlobalError::Seed`] if one is not an address; then all is as before.
    pub fn set_seeds(&self, seeds: &[String]) -> Result<(), GlobalError> {
        check_seeds(seeds)?;
        self.shared.with(|state| state.set_seeds(mp_transport::clock::now(), seeds));
        Ok(())
    }

    /// How much of the directory this node holds. A global node adds up what each node has.
    #[must_use]
    pub fn size(&self) -> RegistrySize {
        self.shared.with(|state| state.registry.size())
    }

    /// The families that this node holds something of, in order, each with the number of its keys: at most `limit`, behind
    /// the name `after`. A global node's are those of the whole network, another's its own.
    #[must_use]
    pub fn families(&self, limit: usize, after: Option<&str>) -> Vec<(Key, usize)> {
        self.shared.with(|state| state.registry.families(limit, after))
    }

    /// Hands on that a peer has said that it is a global node, `g_global`, to a service that was there before this was
    /// started. A global node says it once for each connection `[GL-19]`. Without effect if the peer is not connected, and
    /// on a global node, which has its own answer to that.
    pub fn heard_global(&self, peer: &NodeId) {
        self.shared.with(|state| {
            if !state.registry.is_global() {
                state.registry.request(peer, GlobalRequest::Global);
            }
        });
    }

    /// The global nodes that this one knows, connected or not, in order.
    #[must_use]
    pub fn globals(&self) -> Vec<NodeId> {
        self.shared.with(|state| state.registry.globals())
    }
}

impl GlobalBuilder<'_> {
    /// Adds a seed, as `host:port`, to those of the configuration.
    pub fn seed(mut self, seed: &str) -> Self {
        self.seeds.push(seed.into());
        self
    }

    /// Whether to be a global node from the beginning. Others become one when another node has them for a seed, or when
    /// they are among their own seeds. Default: if there is no seed, since then there is nobody to ask `[GL-29]`.
    pub fn global(mut self, global: bool) -> Self {
        self.global = Some(global);
        self
    }

    /// Bounds of the directory.
    pub fn limits(mut self, limits: RegistryLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The longest time between two attempts to connect to a seed or a global node. Default 30 s.
    pub fn longest_retry(mut self, time: Duration) -> Self {
        self.longest_retry = time;
        self
    }

    /// The time between two comparisons with what other nodes have of this one, by which a difference that should not be
    /// there is found and mended `[GL-34]`. At least 1 ms; default 30 s.
    pub fn compare_every(mut self, time: Duration) -> Self {
        self.compare_every = time.max(Duration::from_millis(1));
        self
    }

    /// Starts; the seeds are dialled from now on, in tasks of the node.
    ///
    /// # Errors
    ///
    /// [`GlobalError::Seed`] if a seed is not an address.
    pub fn start(mut self) -> Result<Global, GlobalError> {
        check_seeds(&self.seeds)?;
        self.seeds.sort();
        self.seeds.dedup();
        let node = self.node;
        let mut config = RegistryConfig::new(node.id().clone());
        config.addresses = node.advertised().iter().map(ToString::to_string).collect();
        config.global = self.global.unwrap_or(self.seeds.is_empty());
        config.limits = self.limits;
        let mut mesh = MeshConfig::new(self.seeds, scatter(node.id().as_str()));
        mesh.longest_retry = self.longest_retry;
        let shared = Arc::new(Shared::new(node, config, mesh));
        service::install(node, &shared);
        node.spawn_task(dialler::run(Arc::clone(&shared)));
        node.spawn_task(comparer::run(Arc::clone(&shared), self.compare_every, scatter(node.id().as_str())));
        Ok(Global { shared })
    }
}

fn check_seeds(seeds: &[String]) -> Result<(), GlobalError> {
    for seed in seeds {
        let addr = seed.parse::<Addr>();
        addr.map_err(|error| GlobalError::Seed { seed: seed.clone(), error })?;
    }
    Ok(())
}

/// A number that differs from node to node (FNV-1a).
fn scatter(name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
