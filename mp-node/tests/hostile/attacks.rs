//! What is done to the victim, case by case: what each peer gets is asserted here, what else must hold by whoever runs
//! a case.

// By their paths, so that the benchmark can have this file, too.
#[path = "attacks/floods.rs"]
pub(crate) mod floods;
#[path = "attacks/messages.rs"]
pub(crate) mod messages;
#[path = "attacks/strangers.rs"]
pub(crate) mod strangers;

use std::pin::Pin;

use super::victim::Victim;

/// One way to misbehave.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What the victim's limits are, where they are not the default.
    pub(crate) limits: &'static str,
    /// How often it is tried, and what.
    pub(crate) tried: &'static str,
    /// What who does it gets.
    pub(crate) gets: &'static str,
    /// The most memory that it may cost, in MiB.
    pub(crate) bound: u64,
    pub(crate) attack: Attack,
}

pub(crate) type Attack = for<'a> fn(&'a Victim) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// All of them.
pub(crate) const CASES: [Case; 16] = [
    strangers::SLOW_LORIS,
    strangers::ENDLESS_LINE,
    strangers::HALF_OPEN,
    strangers::FOREIGN,
    strangers::REPLAY,
    messages::LENGTH_BOMBS,
    messages::ENDLESS_MESSAGE,
    messages::DEEP_NESTING,
    messages::VALUES,
    messages::PINNED,
    floods::MONITORS,
    floods::SPAWNS,
    floods::REQUESTS,
    floods::NODES,
    floods::MAILBOX,
    floods::NEVER_READS,
];
