//! What can go wrong, and plans of it.

use std::fmt;
use std::time::Duration;

use mp_node::memory::Death;

use crate::{Dice, World};

/// One thing that goes wrong. Hosts are named; links stay as they are until another fault or [`World::heal`] changes
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// What two hosts send each other takes this long, and up to `jitter` more.
    Delay {
        /// The hosts.
        between: [String; 2],
        /// The least time.
        latency: Duration,
        /// What may come on top.
        jitter: Duration,
    },
    /// Two hosts' links carry so many bytes per second each.
    Throttle {
        /// The hosts.
        between: [String; 2],
        /// The rate.
        bytes_per_second: u64,
    },
    /// What the first host sends to the second does not arrive; the other way all is well.
    CutOneWay([String; 2]),
    /// Nothing goes between two hosts.
    Cut([String; 2]),
    /// Nothing goes between these hosts and all others.
    Partition(Vec<String>),
    /// Nothing goes from or to a host, as if its process were stopped.
    Freeze(String),
    /// All links carry again what they are given, at full speed.
    HealLinks,
    /// The connections between two hosts break.
    Reset([String; 2]),
    /// The connections between two hosts break at the first one's end; the second hears nothing of it.
    HalfOpen([String; 2]),
    /// A host's process dies, and is restarted after a time.
    Crash {
        /// The host.
        host: String,
        /// How its peers hear of it.
        death: Death,
        /// How long it is down.
        down: Duration,
    },
    /// All connections between these hosts break, and their nodes dial all others of them in the same instant.
    Stampede(Vec<String>),
    /// All clocks jump, as if the whole machine had been suspended.
    ClockJump(Duration),
}

impl Fault {
    /// One word for the kind of fault.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay",
            Self::Throttle { .. } => "throttle",
            Self::CutOneWay(_) => "cut-one-way",
            Self::Cut(_) => "cut",
            Self::Partition(_) => "partition",
            Self::Freeze(_) => "freeze",
            Self::HealLinks => "heal",
            Self::Reset(_) => "reset",
            Self::HalfOpen(_) => "half-open",
            Self::Crash { .. } => "crash",
            Self::Stampede(_) => "stampede",
            Self::ClockJump(_) => "clock-jump",
        }
    }

    /// By how much all clocks jump, if they do.
    pub(crate) fn jump(&self) -> Option<Duration> {
        if let Self::ClockJump(by) = self { Some(*by) } else { None }
    }

    pub(crate) async fn apply(&self, world: &World) {
        let net = world.net();
        match self {
            Self::Delay { between: [a, b], latency, jitter } => {
                net.between(a, b).delay(*latency, *jitter);
            }
            Self::Throttle { between: [a, b], bytes_per_second } => {
                net.between(a, b).throttle(Some(*bytes_per_second));
            }
            Self::CutOneWay([from, to]) => net.link(from, to).cut(),
            Self::Cut([a, b]) => net.between(a, b).cut(),
            Self::Partition(side) => {
                let hosts = world.hosts();
                let others: Vec<&str> =
                    hosts.iter().filter(|host| !side.contains(host)).map(String::as_str).collect();
                net.across(&side.iter().map(String::as_str).collect::<Vec<_>>(), &others).cut();
            }
            Self::Freeze(host) => net.around(host).cut(),
            Self::HealLinks => {
                net.everywhere().heal();
                net.everywhere().throttle(None);
            }
            Self::Reset([a, b]) => net.reset(a, b),
            Self::HalfOpen([dead, unaware]) => net.half_open(dead, unaware),
            Self::Crash { host, death, down } => crash(world, host, *death, *down),
            Self::Stampede(hosts) => stampede(world, hosts),
            Self::ClockJump(by) => tokio::time::advance(*by).await,
        }
    }
}

fn crash(world: &World, host: &str, death: Death, down: Duration) {
    world.kill(host, death);
    let (again, host) = (world.clone(), host.to_owned());
    world.spawn(async move {
        tokio::time::sleep(down).await;
        again.restart(&host);
    });
}

fn stampede(world: &World, hosts: &[String]) {
    for (index, a) in hosts.iter().enumerate() {
        for b in hosts.iter().skip(index + 1) {
            world.net().reset(a, b);
        }
    }
    for host in hosts {
        let Some(node) = world.node(host) else { continue };
        for other in hosts.iter().filter(|other| *other != host).filter_map(|other| world.node(other)) {
            node.connect(other.id());
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Delay { between: [a, b], latency, jitter } => {
                write!(f, " {a} {b} {} ms, jitter {} ms", latency.as_millis(), jitter.as_millis())
            }
            Self::Throttle { between: [a, b], bytes_per_second } => {
                write!(f, " {a} {b} {bytes_per_second} B/s")
            }
            Self::CutOneWay([a, b]) | Self::Cut([a, b]) | Self::Reset([a, b]) | Self::HalfOpen([a, b]) => {
                write!(f, " {a} {b}")
            }
            Self::Partition(hosts) | Self::Stampede(hosts) => write!(f, " {}", hosts.join(" ")),
            Self::Freeze(host) => write!(f, " {host}"),
            Self::Crash { host, death, down } => write!(f, " {host} {death:?} {} ms", down.as_millis()),
            Self::HealLinks => Ok(()),
            Self::ClockJump(by) => write!(f, " {} ms", by.as_millis()),
        }
    }
}

/// Faults, each with the time that passes before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// What happens, in order.
    pub steps: Vec<(Duration, Fault)>,
}

impl FaultPlan {
    /// A plan of `count` faults on these hosts, with up to `pause` between them: all kinds of them, and now and then
    /// [`Fault::HealLinks`].
    #[must_use]
    pub fn random(dice: &mut Dice, hosts: &[String], count: usize, pause: Duration) -> Self {
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let steps = (0..count).filter_map(|_| Some((dice.millis(pause.max(1)), random(dice, hosts)?)));
        Self { steps: steps.collect() }
    }

    /// Leaves out what `keep` does not want.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&Fault) -> bool) -> Self {
        self.steps.retain(|(_, fault)| keep(fault));
        self
    }

    /// Makes it all happen, then [heals](World::heal) the world.
    ///
    /// # Cancellation
    ///
    /// What has not happened yet does not happen then, and nothing is healed.
    pub async fn run(&self, world: &World) {
        for (pause, fault) in &self.steps {
            world.sleep(*pause).await;
            world.apply(fault).await;
        }
        world.heal();
    }
}

/// How many hosts take part in a stampede at the most.
const MOST: usize = 10;

/// A fault on some of these hosts.
fn random(dice: &mut Dice, hosts: &[String]) -> Option<Fault> {
    let first = dice.index(hosts.len());
    let second = (first + 1 + dice.index(hosts.len().saturating_sub(1))) % hosts.len().max(1);
    let (a, b) = (hosts.get(first)?, hosts.get(second)?);
    let pair = [a.clone(), b.clone()];
    Some(match dice.below(24) {
        0..2 => Fault::Delay { between: pair, latency: dice.millis(300), jitter: dice.millis(300) },
        2..4 => Fault::Throttle { between: pair, bytes_per_second: 500 + dice.below(20_000) },
        4..6 => Fault::CutOneWay(pair),
        6..8 => Fault::Cut(pair),
        8 => Fault::Partition(hosts.iter().filter(|_| dice.one_in(2)).cloned().collect()),
        9 => Fault::Freeze(a.clone()),
        10..14 => Fault::HealLinks,
        14..17 => Fault::Reset(pair),
        17..19 => Fault::HalfOpen(pair),
        19..22 => {
            let death = if dice.one_in(2) { Death::Reset } else { Death::Silent };
            Fault::Crash { host: a.clone(), death, down: dice.millis(3000) }
        }
        22 => {
            let all = hosts.len();
            Fault::Stampede(
                (0..all.min(MOST)).filter_map(|index| hosts.get((first + index) % all)).cloned().collect(),
            )
        }
        _ => Fault::ClockJump(dice.millis(15_000)),
    })
}
