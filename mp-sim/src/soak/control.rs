//! What the coordinator tells a node: what it is to be, in a file, and what it is to do, in lines on its standard input.
//! A node whose input ends, ends.

use std::path::PathBuf;
use std::time::Duration;

use mp_node::{Limits, PortId};
use serde::{Deserialize, Serialize};

/// A node that cannot listen where it is to listen ends with this code.
pub(super) const ADDRESS_IN_USE: u8 = 4;
/// The longest time between two attempts to reach a seed or a global node.
pub(super) const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// The program is quicker than this: what has happened is recorded so soon, if the process is not stopped meanwhile.
pub(super) const LAG: Duration = Duration::from_secs(1);
/// For a machine that does other things, too.
const MACHINE: Duration = Duration::from_secs(3);

/// What a process is to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) process: u32,
    pub(super) host: u32,
    /// All hosts have numbers below this.
    pub(super) hosts: u32,
    pub(super) global: bool,
    pub(super) bind: String,
    pub(super) seeds: Vec<String>,
    pub(super) secret: String,
    /// A PEM, as text.
    pub(super) cert: Option<String>,
    pub(super) seed: u64,
    /// When the run has begun, by the wall clock.
    pub(super) wall: f64,
    pub(super) record: PathBuf,
}

/// How much goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// Nothing yet.
    Quiet,
    /// Messages are sent, ports killed, keys set.
    Load,
    /// No more of that; what is there stays.
    Calm,
    /// All that the load has made is given up.
    Rest,
}

/// What a node is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// To know that there is a port elsewhere.
    Port {
        port: u32,
        id: PortId,
    },
    /// To know that it is no more.
    Gone {
        port: u32,
    },
    Phase(Phase),
    /// To be connected with all others.
    Connect,
    /// To record how it stands.
    Figures,
    /// To say a last word to each of these ports, and to shut down.
    Leave {
        ports: Vec<u32>,
    },
}

/// The name of a host's node.
pub(super) fn name(host: u32) -> String {
    format!("n{host}")
}

/// The bounds of all nodes: times and queues shorter than by default, so that they are reached.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.monitor_timeout = Duration::from_secs(2);
    limits.mailbox_patience = Duration::from_secs(1);
    limits.mailbox_messages = 300;
    limits.outbox_bytes = 256 << 10;
    limits.read_ahead_bytes = 64 << 10;
    limits
}

/// Within which time a process's death is told, and a stopped one is found (G-10).
pub(super) fn detection_bound() -> Duration {
    let limits = limits();
    limits.monitor_timeout + limits.mailbox_patience + MACHINE
}

/// Within which time after the last fault the directory agrees (G-8).
pub(super) fn agreement_bound() -> Duration {
    let limits = limits();
    limits.monitor_timeout * 2 + limits.handshake_time + LONGEST_RETRY + Duration::from_secs(5)
}
