//! The figures of a soak.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::figures::Figures;

/// How it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Since the beginning.
    pub elapsed: Duration,
    /// Processes that run.
    pub up: usize,
    /// Processes that were started.
    pub processes: u32,
    /// Faults so far.
    pub faults: u64,
    /// Messages that were received.
    pub received: u64,
    /// Monitors that have fired, beside those of the senders.
    pub fired: u64,
    /// Violations that were noticed so far; most are found at the end.
    pub violations: usize,
}

/// How it went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// Nodes.
    pub nodes: u32,
    /// Processes that were started: one for each life of each node.
    pub processes: u32,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// All in all.
    pub elapsed: Duration,
    /// Numbered messages that were sent.
    pub sent: u64,
    /// Numbered messages that were received, each one checked.
    pub received: u64,
    /// Holes in what was received, each one told by a monitor before.
    pub holes: u64,
    /// Lost messages of killed processes, of which their records do not tell whether they knew.
    pub unknown: u64,
    /// Monitors that were checked, beside those of the senders.
    pub monitors: u64,
    /// How many of them fired.
    pub fired: u64,
    /// The longest time from a process's death until a monitor told of it.
    pub slowest_notice: Duration,
    /// Ports that were spawned on other nodes, and called or linked.
    pub errands: u64,
    /// Ports that died, not counting those that died with their processes.
    pub deaths: u64,
    /// Ports registered and keys set in the directory.
    pub registrations: u64,
    /// Changes of the directory that monitors of families told.
    pub changes: u64,
    /// How long after the last process was there again the directory agreed.
    pub agreed_after: Duration,
    /// Senders whose last messages before a shutdown all arrived.
    pub last_words: u64,
    /// What the nodes' processes held before the load, and after it: the first life of each node, and the last.
    pub figures: Vec<(Figures, Figures)>,
    /// What was broken.
    pub violations: Vec<String>,
    /// Violations beyond those that are listed.
    pub more_violations: u64,
    /// Where the records are, if they were kept.
    pub records: Option<PathBuf>,
}

impl Summary {
    /// Faults of all kinds.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// The sums of what all processes held before and after.
    #[must_use]
    pub fn total(&self) -> (Figures, Figures) {
        let mut total = (Figures::default(), Figures::default());
        for (before, after) in &self.figures {
            total.0.add(before);
            total.1.add(after);
        }
        total
    }
}
