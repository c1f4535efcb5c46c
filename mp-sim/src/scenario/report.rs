//! The figures of a run, and of many.

use std::collections::BTreeMap;
use std::time::Duration;

/// What happened in a run; or in several, [added up](Report::add).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Nodes.
    pub nodes: usize,
    /// How many of them are Perl's.
    pub perl: usize,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Numbered messages that were sent.
    pub sent: u64,
    /// Numbered messages that were received, each one checked.
    pub received: u64,
    /// Holes in what was received, each one told by a monitor before.
    pub gaps: u64,
    /// Monitors that were checked, beside those of the senders.
    pub monitors: u64,
    /// How many of them fired.
    pub fired: u64,
    /// How many of these because a connection was lost.
    pub connections_lost: u64,
    /// The longest time from a process's death until a monitor told of it.
    pub slowest_notice: Duration,
    /// Ports registered and keys set in the directory.
    pub registrations: u64,
    /// Changes of the directory that monitors of families told.
    pub changes: u64,
    /// How long after the last fault the directory agreed, if there was one.
    pub agreed_after: Option<Duration>,
    /// The most messages that one port held.
    pub longest_queue: usize,
    /// The most bytes that waited for one peer.
    pub largest_outbox: usize,
    /// Virtual time.
    pub elapsed: Duration,
}

impl Report {
    /// Adds another run's figures: sums, and the worst of what is a maximum.
    pub fn add(&mut self, other: &Self) {
        self.nodes += other.nodes;
        self.perl += other.perl;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        self.sent += other.sent;
        self.received += other.received;
        self.gaps += other.gaps;
        self.monitors += other.monitors;
        self.fired += other.fired;
        self.connections_lost += other.connections_lost;
        self.slowest_notice = self.slowest_notice.max(other.slowest_notice);
        self.registrations += other.registrations;
        self.changes += other.changes;
        self.agreed_after = self.agreed_after.max(other.agreed_after);
        self.longest_queue = self.longest_queue.max(other.longest_queue);
        self.largest_outbox = self.largest_outbox.max(other.largest_outbox);
        self.elapsed += other.elapsed;
    }

    /// Faults of all kinds.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }
}
