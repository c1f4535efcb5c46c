//! What a process holds: by this a leak shows.

use std::fs;

use mp_node::{Node, PortCursor};
use serde::{Deserialize, Serialize};

/// How much more memory a process may hold after the load than before, in KiB: what allocators keep, buffers that have
/// grown to their bounds, and tables that do not shrink.
pub const MEMORY_SLACK: u64 = 48 * 1024;

/// What a process holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    /// Open file descriptors.
    pub fds: u64,
    /// Tasks of its runtime.
    pub tasks: u64,
    /// Threads.
    pub threads: u64,
    /// Resident memory, KiB.
    pub memory: u64,
    /// Ports of its node.
    pub ports: u64,
    /// Peers that are connected.
    pub peers: u64,
    /// Monitors on its ports, its own and those of peers.
    pub monitors: u64,
    /// Messages that wait for peers.
    pub queued: u64,
    /// Keys that it holds, as part of the directory.
    pub keys: u64,
}

impl Figures {
    /// Those of this process, in which this node lives.
    pub(super) fn of(node: &Node, global: &mp_global::Global) -> Self {
        let count = |things: usize| u64::try_from(things).unwrap_or(u64::MAX);
        let entries = |path: &str| fs::read_dir(path).map_or(0, |entries| count(entries.count()));
        let stats = node.stats();
        let page = node.ports_info(PortCursor::default(), 65_536);
        let metrics = tokio::runtime::Handle::current().metrics();
        Self {
            // One of them is the directory's that is being read.
            fds: entries("/proc/self/fd").saturating_sub(1),
            tasks: count(metrics.num_alive_tasks()),
            threads: entries("/proc/self/task"),
            memory: resident(&fs::read_to_string("/proc/self/status").unwrap_or_default()),
            ports: count(stats.ports),
            peers: count(stats.connected),
            monitors: count(page.ports.iter().map(|port| port.monitors).sum()),
            queued: count(stats.queued_messages),
            keys: global.families(1000, None).iter().map(|(_, keys)| count(*keys)).sum(),
        }
    }

    /// Adds another process's.
    pub(super) fn add(&mut self, other: &Self) {
        self.fds += other.fds;
        self.tasks += other.tasks;
        self.threads += other.threads;
        self.memory += other.memory;
        self.ports += other.ports;
        self.peers += other.peers;
        self.monitors += other.monitors;
        self.queued += other.queued;
        self.keys += other.keys;
    }

    /// What there is more of than at the beginning. Of memory, more than [`MEMORY_SLACK`].
    #[must_use]
    pub fn excess(&self, begin: &Self) -> Vec<String> {
        let rows = [
            ("file descriptors", self.fds, begin.fds, 0),
            ("tasks", self.tasks, begin.tasks, 0),
            // The runtime starts threads for what blocks, and ends them when they have been idle for a while.
            ("threads", self.threads, begin.threads, 2),
            ("KiB of memory", self.memory, begin.memory, MEMORY_SLACK),
            ("ports", self.ports, begin.ports, 0),
            ("peers", self.peers, begin.peers, 0),
            ("monitors", self.monitors, begin.monitors, 0),
            ("messages that wait", self.queued, begin.queued, 0),
            ("keys in the directory", self.keys, begin.keys, 0),
        ];
        let more = rows.iter().filter(|(_, now, then, slack)| *now > then + slack);
        more.map(|(what, now, then, _)| format!("{now} {what} where there were {then}")).collect()
    }
}

/// The resident memory that `/proc/…/status` tells, in KiB.
fn resident(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_found_and_what_is_less_is_none() {
        let begin = Figures { fds: 20, tasks: 9, memory: 10_000, threads: 5, ..Figures::default() };
        assert!(begin.excess(&begin).is_empty());
        let fewer = Figures { fds: 19, memory: 10_000 + MEMORY_SLACK, threads: 7, ..begin };
        assert!(fewer.excess(&begin).is_empty());
        let leaks = Figures { fds: 21, memory: 10_001 + MEMORY_SLACK, ports: 1, ..begin };
        assert_eq!(leaks.excess(&begin).len(), 3, "{:?}", leaks.excess(&begin));
        assert_eq!(leaks.excess(&begin)[0], "21 file descriptors where there were 20");
    }

    #[test]
    fn memory_is_read() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   12345 kB\n"), 12_345);
        assert!(resident(&fs::read_to_string("/proc/self/status").expect("this is Linux")) > 100);
    }
}
