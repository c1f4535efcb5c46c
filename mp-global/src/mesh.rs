//! When to dial which seed, and which global node.
//!
//! Each address that we were given as a seed is dialled until a connection to its node stands, and again whenever that
//! is lost. Other global nodes, which the registry names, are kept connected in the same way, at the addresses that
//! they tell of. A failed dial is repeated after a time that doubles with each failure, with some chance in it, so that
//! a thousand nodes do not dial one seed in step.
//!
//! The owner calls [`Mesh::handle_timeout`] when [`Mesh::poll_timeout`] is reached, dials what [`Mesh::poll_output`]
//! gives, and reports how each dial went.

mod backoff;
mod target;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use mp_proto::NodeId;

use self::backoff::Random;
use self::target::Target;

/// What a mesh begins with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MeshConfig {
    /// Addresses to dial for ever, as `host:port`; each resolved address is one of its own.
    pub seeds: Vec<String>,
    /// Where the chance in waiting times begins; two nodes should not have the same.
    pub random: u64,
    /// The first failed dial of a seed is repeated after once to twice this, the next after double. Default 0.6 s.
    pub seed_retry: Duration,
    /// The same for global nodes. Default 0.3 s.
    pub global_retry: Duration,
    /// The longest time between two dials. Default 30 s.
    pub longest_retry: Duration,
    /// How long a global node is dialled on after the last node that knew it lost it. Default 10 min.
    pub memory: Duration,
    /// How many global nodes are kept connected at the same time; more are not dialled. Default 1,000.
    pub globals: usize,
}

impl MeshConfig {
    /// The defaults, for these seeds.
    #[must_use]
    pub fn new(seeds: Vec<String>, random: u64) -> Self {
        Self {
            seeds,
            random,
            seed_retry: Duration::from_millis(600),
            global_retry: Duration::from_millis(300),
            longest_retry: Duration::from_secs(30),
            memory: Duration::from_secs(600),
            globals: 1_000,
        }
    }
}

/// What is dialled: given back with the outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DialTarget {
    /// The seed of this index in [`MeshConfig::seeds`].
    Seed(usize),
    /// A global node.
    Global(NodeId),
}

/// How a dial went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialOutcome {
    /// This node is there, and a connection to it stands: by this dial, or it stood already.
    Reached(NodeId),
    /// We are there ourselves.
    Ourselves,
    /// Nobody answered, or not in time; trying again may help.
    Failed,
    /// Somebody is there, but does not speak with us: another secret, no common framing. Trying again helps only when
    /// somebody mends that.
    Refused,
}

/// What the owner of a mesh is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeshOutput {
    /// Dial this address, and report the outcome; until then this target is not dialled again.
    Dial {
        /// For the report.
        target: DialTarget,
        /// `host:port`.
        address: String,
    },
    /// This node is a seed of ours; if it is up, the registry is to know
    /// ([`Registry::node_up`](crate::Registry::node_up)).
    IsSeed(NodeId),
    /// One of our seeds is ourselves: we are to be a global node `[GL-06]`.
    BecomeGlobal,
}

/// The seed dialler. See the [module](self) for the whole.
#[derive(Debug)]
pub struct Mesh {
    config: MeshConfig,
    random: Random,
    targets: BTreeMap<DialTarget, Target>,
    up: BTreeSet<NodeId>,
    outputs: VecDeque<MeshOutput>,
}

impl Mesh {
    /// Begins: every seed is dialled at once `[GL-25]`.
    #[must_use]
    pub fn new(now: Instant, config: MeshConfig) -> Self {
        let random = Random::new(config.random);
        let seeds = config.seeds.iter().enumerate();
        let targets = seeds.map(|(index, address)| {
            let target = Target::new(now, config.seed_retry, vec![address.clone()]);
            (DialTarget::Seed(index), target)
        });
        let targets = targets.collect();
        let mut mesh = Self { config, random, targets, up: BTreeSet::new(), outputs: VecDeque::new() };
        mesh.handle_timeout(now);
        mesh
    }

    /// Has these seeds from now on: new ones are dialled at once, those that are none any more are dialled no more, while
    /// connections to them stay `[SV-06]`.
    pub fn set_seeds(&mut self, now: Instant, seeds: &[String]) {
        self.targets.retain(|key, target| {
            matches!(key, DialTarget::Global(_))
                || target.addresses.iter().any(|address| seeds.contains(address))
        });
        for seed in seeds {
            let is_known = |target: &DialTarget| match target {
                DialTarget::Seed(index) => self.config.seeds.get(*index) == Some(seed),
                DialTarget::Global(_) => false,
            };
            if !self.targets.keys().any(is_known) {
                // Never an index that was another seed's: a dial of that may still be reported.
                let key = DialTarget::Seed(self.config.seeds.len());
                self.config.seeds.push(seed.clone());
                self.targets.insert(key, Target::new(now, self.config.seed_retry, vec![seed.clone()]));
            }
        }
        self.handle_timeout(now);
    }

    /// Whether a node is known to be behind one of our seeds.
    #[must_use]
    pub fn is_seed(&self, node: &NodeId) -> bool {
        let mut seeds = self.targets.iter().filter(|(target, _)| matches!(target, DialTarget::Seed(_)));
        seeds.any(|(_, seed)| seed.node.as_ref() == Some(node))
    }

    /// A dial has come to its end. Ignored for what is not being dialled.
    pub fn dial_result(&mut self, now: Instant, target: &DialTarget, outcome: DialOutcome) {
        let Some(state) = self.targets.get_mut(target) else { return };
        if !state.dialled() {
            return;
        }
        let longest = self.config.longest_retry;
        match (target, outcome) {
            (DialTarget::Seed(_), DialOutcome::Reached(node)) => {
                if state.node.as_ref() != Some(&node) {
                    self.outputs.push_back(MeshOutput::IsSeed(node.clone()));
                }
                state.reached(now, node, &self.up, longest, &mut self.random);
            }
            (DialTarget::Seed(_), DialOutcome::Ourselves) => {
                self.targets.remove(target);
                self.outputs.push_back(MeshOutput::BecomeGlobal);
            }
            (DialTarget::Global(wanted), DialOutcome::Reached(node)) if *wanted == node => {
                state.reached(now, node, &self.up, longest, &mut self.random);
            }
            _ if state.is_connected() => {} // the other end has dialled us meanwhile
            // another node has that address by now
            (DialTarget::Global(_), DialOutcome::Reached(_) | DialOutcome::Ourselves)
            | (_, DialOutcome::Failed) => state.failed(now, longest, &mut self.random),
            (_, DialOutcome::Refused) => state.refused(now, longest, &mut self.random),
        }
    }

    /// A connection to `node` stands, whoever dialled.
    pub fn node_up(&mut self, now: Instant, node: &NodeId) {
        self.up.insert(node.clone());
        for target in self.targets.values_mut().filter(|target| target.node.as_ref() == Some(node)) {
            target.connected(now);
        }
    }

    /// The connection to `node` is lost. Its targets are dialled at once, unless it did not last `[GL-26]`.
    pub fn node_down(&mut self, now: Instant, node: &NodeId) {
        self.up.remove(node);
        for target in self.targets.values_mut().filter(|target| target.node.as_ref() == Some(node)) {
            target.lost(now, self.config.longest_retry, &mut self.random);
        }
        self.handle_timeout(now);
    }

    /// Keeps connected to a global node, at these addresses `[GL-24]`. Told again, the addresses are replaced, unless
    /// there are none: what is known is better than nothing.
    pub fn keep(&mut self, now: Instant, node: &NodeId, addresses: Vec<String>) {
        let key = DialTarget::Global(node.clone());
        if let Some(target) = self.targets.get_mut(&key) {
            target.forget_at = None;
            if !addresses.is_empty() {
                target.addresses = addresses;
            }
        } else if self.make_room() {
            let mut target = Target::new(now, self.config.global_retry, addresses);
            target.node = Some(node.clone());
            if self.up.contains(node) {
                target.connected(now);
            }
            self.targets.insert(key, target);
        }
        self.handle_timeout(now);
    }

    /// Nobody knows the node as a global one any more. It may be that all of us have lost it alike, so it is dialled on
    /// for a while, in case it comes back `[GL-27]`.
    pub fn release(&mut self, now: Instant, node: &NodeId) {
        if let Some(target) = self.targets.get_mut(&DialTarget::Global(node.clone())) {
            target.forget_at = Some(now + self.config.memory);
        }
    }

    /// Whether one more global node can be kept: the one that is to be forgotten first gives way.
    fn make_room(&mut self) -> bool {
        let globals = self.targets.iter().filter(|(target, _)| matches!(target, DialTarget::Global(_)));
        if globals.clone().count() < self.config.globals {
            return true;
        }
        let first = globals.filter_map(|(key, target)| Some((target.forget_at?, key))).min();
        let Some(key) = first.map(|(_, key)| key.clone()) else { return false };
        self.targets.remove(&key).is_some()
    }

    /// When [`Mesh::handle_timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.targets.values().filter_map(Target::timeout).min()
    }

    /// What waits for the owner, in order.
    pub fn poll_output(&mut self) -> Option<MeshOutput> {
        self.outputs.pop_front()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.targets.retain(|_, target| target.forget_at.is_none_or(|at| at > now));
        for (key, target) in &mut self.targets {
            if let Some(address) = target.dial(now) {
                self.outputs.push_back(MeshOutput::Dial { target: key.clone(), address });
            }
        }
    }
}
