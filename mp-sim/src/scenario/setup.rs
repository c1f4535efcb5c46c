//! What a seed makes of a network.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use mp_node::{Framing, Limits};

use crate::{Death, Dice, Fault, FaultPlan, World};

/// What a user wants of the scenario; the rest follows from the seed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How many nodes; by the seed, 3 to 50, if not given.
    pub nodes: Option<usize>,
    /// By the seed, 3 nodes to so many: every fifth network has just so many, the others have 3 to 5, or 6 to 11, or 12 to
    /// 23 and so on, each of these as often as the other. Without effect if `nodes` is given.
    pub up_to: Option<usize>,
    /// How many of them are global; by the seed, 1 to 5, if not given.
    pub globals: Option<usize>,
    /// How many are Perl's, if there is room beside those that are hidden; by the seed, some in every third network, if
    /// not given.
    pub perl: Option<usize>,
    /// How many faults; by the seed, 8 to 16, if not given. Without any, no connection may be lost.
    pub faults: Option<usize>,
}

impl Options {
    /// So many nodes, so many of them global, so many faults.
    #[must_use]
    pub fn new(nodes: Option<usize>, globals: Option<usize>, faults: Option<usize>) -> Self {
        Self { nodes, globals, faults, ..Self::default() }
    }

    /// Networks of up to so many nodes.
    #[must_use]
    pub fn up_to(mut self, nodes: Option<usize>) -> Self {
        self.up_to = nodes;
        self
    }

    /// So many Perl nodes.
    #[must_use]
    pub fn perl(mut self, nodes: Option<usize>) -> Self {
        self.perl = nodes;
        self
    }

    fn draw_nodes(&self, dice: &mut Dice) -> usize {
        let by_seed = match dice.below(100) {
            0..70 => 3 + dice.index(3),
            70..92 => 6 + dice.index(7),
            92..99 => 13 + dice.index(13),
            _ => 26 + dice.index(25),
        };
        let drawn = match self.up_to {
            Some(most) if dice.one_in(5) => most,
            Some(most) => {
                let least = 3 << dice.below(u64::from((most / 3).max(1).ilog2()));
                least + dice.index(least)
            }
            None => by_seed,
        };
        self.nodes.unwrap_or(drawn).max(2)
    }
}

/// Up to so many nodes each of them changes the directory and makes monitors as often as it likes; in larger networks
/// they do so less often, so that all together make as many as those.
const LIVELY: usize = 25;

/// What one run is like.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Setup {
    /// Nodes.
    pub nodes: usize,
    /// The first of them are global.
    pub globals: usize,
    /// Whether there is a directory; if not, nodes find one another by their names.
    pub directory: bool,
    /// The last of them listen nowhere, and reach one another through global nodes that relay.
    pub hidden: usize,
    /// These are Perl's.
    pub perl: BTreeSet<usize>,
    /// A framing that all nodes have; each has others besides.
    pub framing: Framing,
    /// Faults that happen.
    pub faults: usize,
    /// The longest time between two faults.
    pub pause: Duration,
    /// Before the first fault.
    pub warm_up: Duration,
    /// Each direction of a connection holds so many bytes.
    pub buffer: usize,
    /// Of each link, at first.
    pub latency: Duration,
    /// Senders of each node.
    pub senders: usize,
    /// Receivers of each node.
    pub receivers: usize,
    /// How often each sender sends.
    pub rounds: u32,
    /// The longest time between two rounds.
    pub round: Duration,
    /// The longest time between two changes of the directory by one node.
    pub churn: Duration,
    /// The longest time between two monitors that one node makes.
    pub vigil: Duration,
    /// The time between two looks at what waits in a node.
    pub look: Duration,
    /// Of all nodes.
    pub limits: Limits,
}

impl Setup {
    /// What follows from the world's seed.
    #[must_use]
    pub fn new(world: &World, options: &Options) -> Self {
        let mut dice = world.dice("setup");
        let nodes = options.draw_nodes(&mut dice);
        let most = nodes.div_ceil(2).min(5);
        let globals = options.globals.unwrap_or(1 + dice.index(most)).clamp(1, nodes);
        let bare = nodes <= 5 && options.nodes.is_none() && options.up_to.is_none() && dice.one_in(3);
        let small = nodes <= 5;
        let by_seed = 8 + dice.index(9);
        let faults = options.faults.unwrap_or(by_seed);
        let pace = u32::try_from(nodes.div_ceil(LIVELY)).unwrap_or(1);
        let hidden = hidden(&mut world.dice("hidden"), if bare { 0 } else { nodes - globals });
        let perl =
            if bare { BTreeSet::new() } else { perl(world, options, globals, [nodes - hidden, nodes]) };
        let framing = framing(&mut world.dice("framing"), !perl.is_empty());
        Self {
            nodes,
            globals,
            directory: !bare,
            hidden,
            perl,
            framing,
            faults,
            pause: Duration::from_secs(4),
            warm_up: dice.millis(4000),
            buffer: 200 + dice.index(if nodes > 50 { 60_000 } else { 4000 }),
            latency: dice.millis(20),
            senders: if small { 2 } else { 1 },
            receivers: if nodes > 50 { 1 } else { 2 },
            rounds: if small { 60 } else { 20 },
            round: if small { Duration::from_millis(400) } else { Duration::from_millis(1500) },
            churn: Duration::from_secs(4) * pace,
            vigil: Duration::from_millis(1500) * pace,
            look: Duration::from_millis(700) * pace,
            limits: limits(&mut dice, nodes),
        }
    }

    /// Whether the node on a host listens nowhere.
    #[must_use]
    pub fn is_hidden(&self, host: &str) -> bool {
        (self.nodes - self.hidden..self.nodes).any(|number| Self::host(number) == host)
    }

    /// Whether a host is Perl's.
    #[must_use]
    pub fn is_perl(&self, host: &str) -> bool {
        self.perl.iter().any(|number| Self::host(*number) == host)
    }

    /// Whether the node on a host is a global one.
    #[must_use]
    pub fn is_global(&self, host: &str) -> bool {
        (0..self.globals).any(|number| Self::host(number) == host)
    }

    /// How many global nodes are Perl's.
    #[must_use]
    pub fn perl_globals(&self) -> usize {
        self.perl.range(..self.globals).count()
    }

    /// Whether each node can reach each other: those that listen nowhere only by way of global nodes that are ours.
    #[must_use]
    pub fn all_reach_all(&self) -> bool {
        self.hidden == 0 || self.perl_globals() == 0
    }

    /// The framings that one node offers: that which all have, and some others, in some order.
    pub(super) fn framings(&self, dice: &mut Dice) -> Vec<Framing> {
        let others = Framing::available().iter().filter(|framing| **framing != self.framing);
        let mut framings: Vec<Framing> = others.filter(|_| dice.one_in(2)).copied().collect();
        framings.insert(dice.index(framings.len() + 1), self.framing);
        framings
    }

    /// What of a plan is to happen here. A Perl node notices a connection that is dead at the other end only when the
    /// system says so, and there is no system here: nothing is half open to it, and no process dies without a word.
    #[must_use]
    pub fn tame(&self, mut plan: FaultPlan) -> FaultPlan {
        if self.perl.is_empty() {
            return plan;
        }
        for (_, fault) in &mut plan.steps {
            if let Fault::Crash { death, .. } = fault {
                *death = Death::Reset;
            }
        }
        let spares = |hosts: &[String; 2]| !hosts.iter().any(|host| self.is_perl(host));
        plan.only(|fault| if let Fault::HalfOpen(hosts) = fault { spares(hosts) } else { true })
    }

    /// The name of a host.
    #[must_use]
    pub fn host(number: usize) -> String {
        format!("n{number}")
    }

    /// Within which time after a process's death a monitor tells of it (G-10).
    ///
    /// A peer that falls silent is noticed after `monitor_timeout`. What the dead one had sent may still be arriving
    /// for as long as a throttled link takes for a full buffer, and while messages wait for a full mailbox the
    /// connection is not read, for as long as the mailbox's patience.
    #[must_use]
    pub fn detection_bound(&self) -> Duration {
        self.limits.monitor_timeout + self.limits.mailbox_patience + Duration::from_secs(10)
    }

    /// After agreement, for all that is still on its way, and for deaths that are still to be told.
    #[must_use]
    pub fn calm(&self) -> Duration {
        self.detection_bound() + Duration::from_secs(5)
    }

    /// Within which time after the last fault the directory agrees (G-8).
    #[must_use]
    pub fn agreement_bound(&self) -> Duration {
        // A Perl node may find each of two handshakes hanging, or the last fault just after it has begun to wait.
        let perl = if self.perl.is_empty() { 0 } else { 2 * 30 };
        self.limits.monitor_timeout * 2 + self.limits.handshake_time + Duration::from_secs(30 + 5 + perl)
    }
}

/// In every other network nobody hides; in the others some of those that may, or all.
fn hidden(dice: &mut Dice, most: usize) -> usize {
    if most == 0 || dice.one_in(2) { 0 } else { 1 + dice.index(most) }
}

/// In every third network some nodes are Perl's, but not the first, so that there is a global node of ours. Where nodes are
/// hidden, all global nodes are ours in every other network: Perl's do not relay, so that beside them not all are reached.
fn perl(world: &World, options: &Options, globals: usize, [most, nodes]: [usize; 2]) -> BTreeSet<usize> {
    let mut dice = world.dice("perl");
    let is_hidden = most < nodes;
    let first = if is_hidden && dice.one_in(2) { globals } else { 1 };
    let room = most.saturating_sub(first);
    let count = match options.perl {
        Some(count) => count.min(room),
        None if dice.one_in(3) => (1 + dice.index(room.div_ceil(2).max(1))).min(room),
        None => 0,
    };
    let mut chosen = BTreeSet::new();
    while chosen.len() < count {
        chosen.insert(first + dice.index(room));
    }
    chosen
}

/// A framing that all nodes have. Perl does not know all of ours.
fn framing(dice: &mut Dice, is_perl: bool) -> Framing {
    let known = [Framing::Json, Framing::Cbor, Framing::Storable, Framing::Postcard];
    let framing = dice.pick(if is_perl { &known[..3] } else { &known });
    framing.copied().unwrap_or(Framing::Json)
}

fn limits(dice: &mut Dice, nodes: usize) -> Limits {
    let mut limits = Limits::default();
    // In large networks it is around what it is by default, since most of the work there is to keep connections alive.
    let least = if nodes > 50 { 6 } else { 2 };
    limits.monitor_timeout = Duration::from_secs(least + dice.below(9));
    limits.connect_time = Duration::from_secs(2);
    limits.mailbox_patience = Duration::from_millis(500 + dice.below(4000));
    limits.mailbox_messages = 4 + dice.index(60);
    limits.mailbox_bytes = if dice.one_in(3) { 500 + dice.index(100_000) } else { limits.mailbox_bytes };
    limits.outbox_bytes = 200 + dice.index(4000);
    limits.read_ahead_bytes = 100 + dice.index(2000);
    // Of the padding that senders add, some goes in pieces everywhere, between nodes that write postcard.
    limits.large_message = 1024 + dice.index(10_000);
    limits
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} nodes, {} of them global, {} hidden, ", self.nodes, self.globals, self.hidden)?;
        write!(f, "Perl's are {:?}, all have {}, ", self.perl, self.framing)?;
        write!(f, "directory: {}, ", self.directory)?;
        write!(f, "{} faults, buffers of {} B, latency {:?}, ", self.faults, self.buffer, self.latency)?;
        write!(
            f,
            "monitor_timeout {:?}, mailbox {}",
            self.limits.monitor_timeout, self.limits.mailbox_messages
        )
    }
}
