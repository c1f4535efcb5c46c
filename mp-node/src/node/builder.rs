//! Making a node.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use mp_proto::{Framing, HandshakeConfig, InstanceId, Limits, NodeId, Secret};
use mp_transport::{Addr, Transport};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Alive, Inner, Node};
use crate::complaints::Complaints;
use crate::error::StartError;
use crate::events::KEPT;
use crate::kernel::ports::PortTable;
use crate::profile::Profile;
use crate::runtime::claims::Claims;
use crate::runtime::listen::Strangers;
use crate::runtime::rng::Rng;
use crate::stats::Counters;
use crate::sync::{Lock, Shared};

/// Length of the random part of names.
const RANDOM: usize = 10;

/// Settings of a node that is to be started. What is set here goes before the profile in the configuration file.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct NodeBuilder {
    pub(crate) profile: String,
    pub(crate) use_file: bool,
    pub(crate) node_id: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) binds: Option<Vec<String>>,
    pub(crate) seeds: Option<Vec<String>>,
    framings: Vec<Framing>,
    limits: Limits,
    transport: Option<Arc<dyn Transport>>,
    rng: Rng,
}

impl NodeBuilder {
    pub(super) fn new(profile: &str) -> Self {
        Self {
            profile: profile.into(),
            use_file: true,
            node_id: None,
            secret: None,
            binds: None,
            seeds: None,
            framings: Framing::available().to_vec(),
            limits: Limits::default(),
            transport: None,
            rng: Rng::System,
        }
    }

    /// Does not read the configuration file. Older name: `norc`.
    pub fn without_file(mut self) -> Self {
        self.use_file = false;
        self
    }

    /// The node's name. A `/` at the end, or `%u`, is followed or replaced by ten random characters, `%n` by the host's
    /// name. Default: the profile's `nodeid`, or the profile's name and a `/`.
    pub fn node_id(mut self, id: &str) -> Self {
        self.node_id = Some(id.into());
        self
    }

    /// The shared secret. Default: the profile's; without one, no connection is made.
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// An address to listen on, such as `127.0.0.1:4040`; port 0 takes a free one. May be called several times.
    /// Default: the profile's `binds`; without any, the node does not listen.
    pub fn bind(mut self, addr: &str) -> Self {
        self.binds.get_or_insert_default().push(addr.into());
        self
    }

    /// An address where a node of the network listens, for [`Profile::seeds`]. May be called several times. Default: the
    /// profile's `seeds`.
    pub fn seed(mut self, addr: &str) -> Self {
        self.seeds.get_or_insert_default().push(addr.into());
        self
    }

    /// Listens on the addresses of a node reference, and takes it for the node's name, so that whoever knows the name
    /// can dial it. Older name: `become_public`.
    pub fn become_public(mut self, reference: &str) -> Self {
        self.node_id = Some(reference.into());
        self.binds = Some(reference.split(',').map(Into::into).collect());
        self
    }

    /// The framings to offer, the preferred one first. Default: all that are compiled in, the fastest first.
    pub fn framings(mut self, framings: &[Framing]) -> Self {
        self.framings = framings.to_vec();
        self
    }

    /// The node's bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How bytes travel. Default: TCP, with the feature `tcp`.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Makes all randomness of the node from a seed, for simulations that are to be repeated. Never use it on a real
    /// network: whoever knows the seed knows the nonces.
    pub fn insecure_seed(mut self, seed: u64) -> Self {
        self.rng = Rng::Seeded(seed);
        self
    }

    /// Starts the node: it listens when this returns.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the setting or the address that cannot be used.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops what has been started.
    pub async fn start(mut self) -> Result<Node, StartError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let random = self.rng.name(RANDOM).map_err(StartError::Random)?;
        let profile = Profile::load(&self, &random)?;
        let id = NodeId::new(&profile.node_id).map_err(|error| setting("node ID", &profile.node_id, &error))?;
        let binds = profile.binds.iter().map(|addr| parse(addr)).collect::<Result<Vec<_>, _>>()?;
        let secret = match &profile.secret {
            Some(text) => Some(Secret::from_text(text).map_err(|error| setting("secret", "", &error))?),
            None => None,
        };
        let mut instance = [0; 16];
        self.rng.fill(&mut instance).map_err(StartError::Random)?;
        let instance = InstanceId(u128::from_le_bytes(instance));
        let mut handshake = HandshakeConfig::new(id.clone(), instance, secret, &self.limits);
        handshake.framings = self.framings;
        handshake.hold_auth = true;
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport()?,
        };
        let stopped = CancellationToken::new();
        let inner = Arc::new(Inner {
            ports: Shared::new(PortTable::new(random.clone(), self.limits.ports)),
            handshake: Arc::new(handshake),
            limits: self.limits,
            transport,
            peers: Shared::new(BTreeMap::new()),
            names: Lock::new(BTreeMap::new()),
            functions: Shared::new(BTreeMap::new()),
            refused: Lock::new(VecDeque::new()),
            resolver: Shared::new(None),
            rng: Lock::new(self.rng),
            claims: Claims::default(),
            strangers: Strangers::default(),
            deciding: Lock::new(()),
            complaints: Lock::new(Complaints::default()),
            stats: Counters::default(),
            draining: CancellationToken::new(),
            services: Shared::new(Vec::new()),
            addresses: Lock::new(Vec::new()),
            profile,
            prefix: random,
            counter: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            events: broadcast::channel(KEPT).0,
            tasks: TaskTracker::new(),
            stopped: stopped.clone(),
            runtime,
            id,
        });
        let node = Node { inner, _alive: Arc::new(Alive(stopped)) };
        for addr in binds {
            let local = node.inner.listen(&addr).await.map_err(|error| StartError::Bind { addr, error })?;
            node.inner.addresses.lock().push(local);
        }
        Ok(node)
    }
}

fn setting(what: &'static str, value: &str, why: &dyn std::fmt::Display) -> StartError {
    StartError::Setting { what, value: value.into(), why: why.to_string() }
}

fn parse(addr: &str) -> Result<Addr, StartError> {
    addr.parse().map_err(|error: mp_transport::AddrError| setting("address", addr, &error))
}

#[cfg(feature = "tcp")]
#[expect(clippy::unnecessary_wraps, reason = "fails without the feature `tcp`")]
fn default_transport() -> Result<Arc<dyn Transport>, StartError> {
    Ok(Arc::new(mp_transport::Tcp::default()))
}

#[cfg(not(feature = "tcp"))]
fn default_transport() -> Result<Arc<dyn Transport>, StartError> {
    Err(setting("transport", "none", &"none was given, and the feature `tcp` is not compiled in"))
}
