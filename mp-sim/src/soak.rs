//! A soak: nodes in processes of their own, on real sockets, under load for as long as wanted, while processes are killed,
//! stopped and restarted. What `mp-sim soak` runs; for Unix.
//!
//! # Who tells whom what
//!
//! ```text
//!               orders, a line each, on standard input
//! coordinator ──────────────────────────────────────────► node process (8 of them: mp-node and mp-global on TCP)
//!      ▲                                                        │ appends
//!      └──────────── reads as they grow ──────── record, a file for each process ──► judge, at the end
//! ```
//!
//! The coordinator starts the processes, passes on which ports there are, and does the faults. A node says nothing to it but
//! what it records, since a record survives a SIGKILL; so there is one account of what has happened, and the checkers of
//! the simulator ([`check`](mod@crate::check)) are run over it: the directory's while the run goes on, as somebody has to wait for
//! agreement, the others when all is over. What can be judged of a process that was killed stands in
//! `soak/judge.rs`.
//!
//! # Its course
//!
//! All nodes start and connect with one another, and say what they hold: file descriptors, tasks, memory. Then comes the
//! load, and the faults. In the end all processes run and no new load comes: the directory must agree within its
//! bound, all monitors must have told, and when the load is given up each process must hold what the first one of its
//! node did. At last some nodes say a last word and are shut down, and then the others.
//!
//! No process outlives the coordinator: a node ends when its standard input does, and one that is stopped is held by a
//! helper that lets it go on when the coordinator is no more.

mod child;
mod control;
mod coordinator;
mod fault;
mod figures;
mod host;
mod judge;
mod live;
mod merge;
mod node;
mod record;
mod summary;
mod time;

use std::fmt;
use std::io;
use std::time::Duration;

pub use child::Program;
pub use coordinator::run;
pub use figures::{Figures, MEMORY_SLACK};
pub use node::node;
pub use summary::{Progress, Summary};

/// How long processes have to come back to what they held before the load. A leak stays for ever.
const SETTLE: Duration = Duration::from_secs(40);

/// What a user wants of a soak.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How long the load and the faults last. Start and end take some 20 s more.
    pub time: Duration,
    /// How many nodes, at least 2.
    pub nodes: u32,
    /// The first of them are global, at least 1.
    pub globals: u32,
    /// Decides which faults happen to whom and when, and what is sent; not what comes of it.
    pub seed: u64,
    /// A certificate with its key, as PEM: the nodes then speak TLS, with the feature `tls`.
    pub cert: Option<String>,
    /// Keep the records when all is well, too.
    pub keep: bool,
    /// How long processes have to come back to what they held before the load.
    settle: Duration,
}

impl Options {
    /// So long, so many nodes, of which two are global, by this seed.
    #[must_use]
    pub fn new(time: Duration, nodes: u32, seed: u64) -> Self {
        Self { time, nodes: nodes.max(2), globals: 2, seed, cert: None, keep: false, settle: SETTLE }
    }
}

/// Why there is no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum SoakError {
    /// The operating system does not give what is needed.
    System(io::Error),
    /// A user has interrupted it.
    Interrupted,
    /// The machine's clock was set meanwhile, by so much: times of different processes cannot be compared.
    ClockSet(Duration),
}

impl fmt::Display for SoakError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => write!(f, "{error}"),
            Self::Interrupted => f.write_str("interrupted; all processes have been ended"),
            Self::ClockSet(by) => write!(f, "the machine's clock was set by {by:?} meanwhile; run it again"),
        }
    }
}

impl std::error::Error for SoakError {}

impl From<io::Error> for SoakError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

#[cfg(test)]
mod tests;
