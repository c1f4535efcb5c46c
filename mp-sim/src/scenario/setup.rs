//! What a seed makes of a network.

use std::fmt;
use std::time::Duration;

use mp_node::Limits;

use crate::{Dice, World};

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
        Self {
            nodes,
            globals,
            directory: !bare,
            hidden: hidden(&mut world.dice("hidden"), if bare { 0 } else { nodes - globals }),
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
        self.limits.monitor_timeout * 2 + self.limits.handshake_time + Duration::from_secs(30 + 5)
    }
}

/// In every other network nobody hides; in the others some of those that may, or all.
fn hidden(dice: &mut Dice, most: usize) -> usize {
    if most == 0 || dice.one_in(2) { 0 } else { 1 + dice.index(most) }
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
    limits
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} nodes, {} of them global, {} hidden, ", self.nodes, self.globals, self.hidden)?;
        write!(f, "directory: {}, ", self.directory)?;
        write!(f, "{} faults, buffers of {} B, latency {:?}, ", self.faults, self.buffer, self.latency)?;
        write!(
            f,
            "monitor_timeout {:?}, mailbox {}",
            self.limits.monitor_timeout, self.limits.mailbox_messages
        )
    }
}
