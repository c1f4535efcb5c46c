//! Making a node.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use mp_config::{ConfigFile, NodeConfig, SecretText, fill_node_id};
use mp_proto::{AuthMethod, Framing, HandshakeConfig, InstanceId, Limits, Secret};
use mp_transport::{Addr, Transport, clock};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reload::Terms;
use super::{Alive, Inner, Node};
use crate::complaints::Complaints;
use crate::dead_letter;
use crate::error::StartError;
use crate::events::KEPT;
use crate::kernel::ports::PortTable;
use crate::kernel::relay::Relay;
use crate::mailbox::Home;
use crate::runtime::claims::Claims;
use crate::runtime::listen::Strangers;
use crate::runtime::rng::Rng;
use crate::runtime::tls::Tls;
use crate::stats::Counters;
use crate::sync::{Lock, Shared};

/// Length of the random part of names.
const RANDOM: usize = 10;

/// Settings of a node that is to be started. What is set here goes before the profile in the configuration file.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct NodeBuilder {
    source: Source,
    node_id: Option<String>,
    secret: Option<SecretText>,
    old_secret: Option<SecretText>,
    cert: Option<SecretText>,
    auth_offer: Option<Vec<AuthMethod>>,
    auth_accept: Option<Vec<AuthMethod>>,
    binds: Option<Vec<String>>,
    advertise: Option<Vec<String>>,
    seeds: Option<Vec<String>>,
    framings: Option<Vec<Framing>>,
    limits: Option<Limits>,
    transport: Option<Arc<dyn Transport>>,
    rng: Rng,
}

/// Where the settings come from that are not set here.
#[derive(Debug)]
enum Source {
    /// A profile in the configuration file.
    File(String),
    /// Nowhere: the profile is only a name.
    Nowhere(String),
    /// A configuration that was read already.
    Given(Box<NodeConfig>),
}

impl NodeBuilder {
    pub(super) fn new(profile: &str) -> Self {
        Self::of(Source::File(profile.into()))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            node_id: None,
            secret: None,
            old_secret: None,
            cert: None,
            auth_offer: None,
            auth_accept: None,
            binds: None,
            advertise: None,
            seeds: None,
            framings: None,
            limits: None,
            transport: None,
            rng: Rng::System,
        }
    }

    /// Begins with a configuration that was read already, as [`mp_config::ConfigFile::resolve`] gives it.
    pub fn from_config(config: NodeConfig) -> Self {
        Self::of(Source::Given(Box::new(config)))
    }

    /// Does not read the configuration file. Older name: `norc`.
    pub fn without_file(mut self) -> Self {
        if let Source::File(profile) = self.source {
            self.source = Source::Nowhere(profile);
        }
        self
    }

    /// The node's name. A `/` at the end, or `%u`, is followed or replaced by ten random characters, `%n` by the host's
    /// name. Default: the profile's `nodeid`, or the profile's name and a `/`.
    pub fn node_id(mut self, id: &str) -> Self {
        self.node_id = Some(id.into());
        self
    }

    /// The shared secret. Default: the profile's; without one and without a [certificate](NodeBuilder::cert), no
    /// connection is made.
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(SecretText::new(secret));
        self
    }

    /// The secret that the network had before, while it is being changed: nodes that still have it are met, too, and get
    /// a proof that they understand; all others get the new one `[HS-20]`. So a network's secret can be changed node by
    /// node, without any of them missing another: first each node gets the new secret as its secret and the old one as
    /// this; when all have it, the old one is taken away from each. Default: the profile's `old_secret`.
    pub fn old_secret(mut self, secret: &str) -> Self {
        self.old_secret = Some(SecretText::new(secret));
        self
    }

    /// How the node may prove itself to peers, which choose among these. [`Cleartext`](AuthMethod::Cleartext) shows the
    /// secret, [`TlsAnon`](AuthMethod::TlsAnon) proves nothing but that one has a certificate: they are used only if they
    /// are named here `[TLS-03]`. Default: the profile's `auth_offer`, else [`AuthMethod::DEFAULT`].
    pub fn auth_offer(mut self, methods: &[AuthMethod]) -> Self {
        self.auth_offer = Some(methods.to_vec());
        self
    }

    /// What proofs the node takes from peers, the preferred one first; to the same two the same applies. Default: the
    /// profile's `auth_accept`, else [`AuthMethod::DEFAULT`].
    pub fn auth_accept(mut self, methods: &[AuthMethod]) -> Self {
        self.auth_accept = Some(methods.to_vec());
        self
    }

    /// The certificate, its private key and the CAs to trust, as one PEM text, with the feature `tls`: connections with
    /// peers that have one, too, are then protected by TLS, and each side must have a certificate of the other's PEM or
    /// signed by one of its CAs. Peers without one are met with the [secret](NodeBuilder::secret), if there is one.
    /// Default: the profile's `cert`.
    pub fn cert(mut self, pem: &str) -> Self {
        self.cert = Some(SecretText::new(pem));
        self
    }

    /// An address to listen on, such as `127.0.0.1:4040`; port 0 takes a free one. May be called several times.
    /// Default: the profile's `binds`, and without these, as in Perl, a free port of every address that is not loopback;
    /// with [`without_file`](NodeBuilder::without_file) none: the node does not listen.
    pub fn bind(mut self, addr: &str) -> Self {
        self.binds.get_or_insert_default().push(addr.into());
        self
    }

    /// An address at which other nodes reach this one, such as `node1.example.org:4040`, where that is not what it listens
    /// on: behind address translation, or in a container `[CF-16]`. May be called several times. Default: the profile's
    /// `advertise`, and without that the addresses that it listens on.
    pub fn advertise(mut self, addr: &str) -> Self {
        self.advertise.get_or_insert_default().push(addr.into());
        self
    }

    /// An address where a node of the network listens, which mp-global dials. May be called several times. Default: the
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
        self.framings = Some(framings.to_vec());
        self
    }

    /// The node's bounds. Default: [`Limits::default`] with the profile's `monitor_timeout` and `connect_interval`.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
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

    /// The configuration with what was set here in it.
    fn settings(&mut self) -> Result<NodeConfig, StartError> {
        let has_own = self.node_id.is_some() || self.binds.is_some() || self.seeds.is_some();
        let rng = &mut self.rng;
        let mut random = |bytes: &mut [u8]| rng.fill(bytes);
        let mut config = match &self.source {
            Source::Given(config) => (**config).clone(),
            Source::Nowhere(profile) => {
                let template = self.node_id.clone().unwrap_or_else(|| format!("{profile}/"));
                NodeConfig::bare(profile, fill_node_id(&template, &mut random)?)
            }
            Source::File(profile) => {
                let file = ConfigFile::load(&ConfigFile::locate(None, |name| std::env::var_os(name))?)?;
                look_for_profile(profile, &file, has_own);
                file.resolve(Some(profile), &[], self.node_id.as_deref(), &mut random)?
            }
        };
        if let Some(template) = &self.node_id {
            config.nodeid = fill_node_id(template, &mut random)?;
        }
        if let Some(secret) = &self.secret {
            config.secret = Some(secret.clone());
        }
        if let Some(secret) = &self.old_secret {
            config.old_secret = Some(secret.clone());
        }
        if let Some(offer) = &self.auth_offer {
            config.auth_offer = Some(offer.clone());
        }
        if let Some(accept) = &self.auth_accept {
            config.auth_accept = Some(accept.clone());
        }
        if let Some(addresses) = &self.advertise {
            config.advertise = addresses.iter().map(|text| advertised(text)).collect::<Result<_, _>>()?;
        }
        if let Some(cert) = &self.cert {
            config.cert = Some(cert.clone());
        }
        if let Some(seeds) = &self.seeds {
            let parsed = seeds.iter().map(|seed| seed.parse().map_err(|error| setting("seed", seed, &error)));
            config.seeds = parsed.collect::<Result<_, _>>()?;
        }
        Ok(config)
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
        let prefix = self.rng.name(RANDOM).map_err(StartError::Random)?;
        let config = self.settings()?;
        let limits = self.limits.take().unwrap_or_else(|| limits(&config));
        let id = config.nodeid.clone();
        let binds = self.binds.take().unwrap_or_else(|| NodeConfig::expand(&config.binds));
        let binds = binds.iter().map(|addr| parse(addr)).collect::<Result<Vec<_>, _>>()?;
        let advertised =
            NodeConfig::expand(&config.advertise).iter().map(|addr| parse(addr)).collect::<Result<_, _>>()?;
        let mut instance = [0; 16];
        self.rng.fill(&mut instance).map_err(StartError::Random)?;
        let instance = InstanceId(u128::from_le_bytes(instance));
        let mut handshake = HandshakeConfig::new(id.clone(), instance, None, &limits);
        handshake.framings = self.framings.unwrap_or_else(|| framings(&config));
        handshake.hold_auth = true;
        let terms = terms(&config, handshake, !binds.is_empty())?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport()?,
        };
        let inner = Arc::new(Inner {
            relay: Lock::new(Relay::new(id.clone(), limits.relayed_per_peer, limits.outbox_bytes)),
            ports: Shared::new(PortTable::new(prefix.clone(), limits.ports)),
            home: Arc::new(Home { node: id.clone(), prefix }),
            terms: Shared::new(Arc::new(terms)),
            limits,
            transport,
            peers: Shared::default(),
            names: Lock::new(BTreeMap::new()),
            functions: Shared::new(BTreeMap::new()),
            refused: Lock::new(VecDeque::new()),
            resolver: Shared::new(None),
            rng: Lock::new(self.rng),
            claims: Claims::default(),
            strangers: Strangers::default(),
            deciding: Lock::new(()),
            complaints: Lock::new(Complaints::default()),
            rivalries: Lock::new(Complaints::default()),
            stats: Counters::new(clock::now()),
            draining: CancellationToken::new(),
            open: CancellationToken::new(),
            services: Shared::new(Vec::new()),
            addresses: Lock::new(Vec::new()),
            advertised,
            config,
            counter: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            events: broadcast::channel(KEPT).0,
            letters: broadcast::channel(dead_letter::KEPT).0,
            tasks: TaskTracker::new(),
            stopped: CancellationToken::new(),
            runtime,
            id,
        });
        let alive = Alive(Arc::downgrade(&inner));
        let node = Node { _alive: Some(Arc::new(alive)), inner };
        for addr in binds {
            let local = node.inner.listen(&addr).await.map_err(|error| StartError::Bind { addr, error })?;
            node.inner.addresses.lock().push(local);
        }
        Ok(node)
    }
}

/// The terms of a configuration: its secrets, certificate and proofs, and the rest as it stands in `handshake`.
pub(super) fn terms(
    config: &NodeConfig,
    mut handshake: HandshakeConfig,
    listens: bool,
) -> Result<Terms, StartError> {
    [handshake.secret, handshake.old_secret] = secrets(config, listens)?;
    handshake.auth_offer = AuthMethod::DEFAULT.to_vec();
    handshake.auth_accept = AuthMethod::DEFAULT.to_vec();
    handshake.tls = false;
    let tls = Tls::new(config, &mut handshake).map_err(|error| setting("cert", "", &error))?;
    Ok(Terms { handshake: Arc::new(handshake), tls })
}

/// The secret and the old one. An old one alone would be a second door beside none.
fn secrets(config: &NodeConfig, listens: bool) -> Result<[Option<Secret>; 2], StartError> {
    let read = |what, text: Option<&SecretText>| match text {
        Some(text) => Secret::from_text(text.expose()).map(Some).map_err(|error| setting(what, "", &error)),
        None => Ok(None),
    };
    let both = [read("secret", config.secret.as_ref())?, read("old_secret", config.old_secret.as_ref())?];
    // Who listens or looks for others would wait in vain, and nothing else would say so.
    if config.secret.is_none() && config.cert.is_none() && (listens || !config.seeds.is_empty()) {
        tracing::warn!(
            node = %config.nodeid,
            "no secret is configured, so no connection can ever be made: make one by `aemp gensecret`"
        );
    }
    match both {
        [None, Some(_)] => Err(setting(
            "old_secret",
            "",
            &"there is no secret that replaces it; set `secret`, or remove `old_secret`",
        )),
        both => Ok(both),
    }
}

fn advertised(text: &str) -> Result<mp_config::Address, StartError> {
    let address = text.parse().and_then(mp_config::Address::into_advertised);
    address.map_err(|error: mp_config::AddressError| setting("advertise", text, &error))
}

/// Says that a profile is not there, as nothing else would: its name may be misspelt. A program that has settings of its
/// own may do without one.
fn look_for_profile(profile: &str, file: &ConfigFile, has_own: bool) {
    match file.require_profile(profile) {
        Ok(()) => {}
        Err(error) if has_own => tracing::debug!("{error}"),
        Err(error) => tracing::warn!("{error}; until then the defaults hold"),
    }
}

/// The framings that a configuration names and that are compiled in; without a word about them, all that are.
fn framings(config: &NodeConfig) -> Vec<Framing> {
    match &config.framing_format {
        Some(names) => names.iter().filter_map(|name| name.parse().ok()).collect(),
        None => Framing::available().to_vec(),
    }
}

/// The default bounds, with the times that a configuration names.
fn limits(config: &NodeConfig) -> Limits {
    let mut limits = Limits::default();
    limits.monitor_timeout = config.monitor_timeout.unwrap_or(limits.monitor_timeout);
    limits.connect_time = config.connect_interval.unwrap_or(limits.connect_time);
    limits
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
