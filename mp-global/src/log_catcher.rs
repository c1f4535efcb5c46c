//! The log lines of a whole network in one place: `mp::log_catcher`, which understands itself with Perl's LogCatcher.
//!
//! A catcher asks every node that listens somewhere for its lines: it calls the function [`CONNECT`] there, with the
//! version 0, the ID of a port, and a level. Whoever knows the function sends to that port, for each line from then on that
//! is at least as grave, `[time, context, level, text]`, as long as the port lives `[LC-01]`. Both parts are here:
//!
//! * [`LogCatcher`] asks, and gives the lines;
//! * [`LogTap`] answers, with what the program logs by `tracing` (feature `log-tap`).
//!
//! ```no_run
//! # async fn example(node: mp_node::Node, global: mp_global::Global) -> Result<(), Box<dyn std::error::Error>> {
//! use mp_global::log_catcher::{LogCatcher, LogLevel};
//!
//! let mut catcher = LogCatcher::start(&node, &global, LogLevel::INFO)?;
//! while let Some(caught) = catcher.next().await {
//!     println!("{}: {} {}", caught.node, caught.line.level, caught.line.text);
//! }
//! # Ok(()) }
//! ```

mod line;
#[cfg(feature = "log-tap")]
mod tap;

use std::collections::BTreeMap;
use std::time::Duration;

use mp_node::{Node, Port};
use mp_proto::NodeId;
use mp_transport::clock;
use tokio::sync::{mpsc, oneshot};

pub use self::line::{LogLevel, LogLine, UnknownLevel};
#[cfg(feature = "log-tap")]
pub use self::tap::LogTap;
use crate::data::LISTENERS;
use crate::family::FamilyMonitor;
use crate::global::{Global, GlobalError};

/// The function that a catcher calls on each node.
pub const CONNECT: &str = "AnyEvent::MP::LogCatcher::connect";
/// The target under which caught lines should be logged: a [`LogTap`] does not pass these on, so that two catchers do not
/// tell each other the same for ever `[LC-03]`.
pub const TARGET: &str = "mp::log_catcher";

/// Lines that wait for who reads them; more are dropped and counted.
const WAITING: usize = 10_000;
/// Between two attempts at a node, at first and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A line, and the node that it came from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Caught {
    /// The node.
    pub node: NodeId,
    /// What it said.
    pub line: LogLine,
    /// Lines that were lost just before this one, because nobody took them.
    pub lost: u64,
}

/// Catches the log lines of all nodes of the network that listen somewhere and know how, but its own. Dropping it ends
/// that.
#[derive(Debug)]
pub struct LogCatcher {
    lines: mpsc::Receiver<Caught>,
    _end: oneshot::Sender<()>,
}

impl LogCatcher {
    /// Starts to catch lines that are at least as grave as `level`. There is one port for each node.
    ///
    /// # Errors
    ///
    /// [`GlobalError`]: the node has been shut down, or has too many monitors.
    pub fn start(node: &Node, global: &Global, level: LogLevel) -> Result<Self, GlobalError> {
        let monitor = global.family(LISTENERS).monitor()?;
        let (sender, lines) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel::<()>();
        let weak = node.downgrade();
        node.spawn_task(async move {
            let Some(node) = weak.upgrade() else { return };
            tokio::select! {
                biased;
                _ = ended => {}
                () = follow_all(&node, monitor, level, sender) => {}
            }
        });
        Ok(Self { lines, _end: end })
    }

    /// The next line; `None` after the node was shut down. Of the lines of one node the order is kept.
    ///
    /// # Cancellation
    ///
    /// Safe: no line is lost by dropping the future.
    pub async fn next(&mut self) -> Option<Caught> {
        self.lines.recv().await
    }
}

/// Follows the nodes that listen somewhere, as long as they do.
async fn follow_all(node: &Node, mut monitor: FamilyMonitor, level: LogLevel, lines: mpsc::Sender<Caught>) {
    let mut followed: BTreeMap<NodeId, oneshot::Sender<()>> = BTreeMap::new();
    while let Some(change) = monitor.next().await {
        for name in &change.deleted {
            followed.remove(&**name);
        }
        for name in change.added.into_keys() {
            let Ok(peer) = NodeId::new(&name) else { continue };
            if peer == *node.id() {
                continue;
            }
            let (end, ended) = oneshot::channel::<()>();
            let (weak, lines, of) = (node.downgrade(), lines.clone(), peer.clone());
            node.spawn_task(async move {
                let Some(node) = weak.upgrade() else { return };
                tokio::select! {
                    biased;
                    _ = ended => {}
                    () = follow(&node, &of, level, &lines) => {}
                }
            });
            followed.insert(peer, end);
        }
    }
}

/// Asks a node for its lines, again whenever the connection is lost.
async fn follow(node: &Node, peer: &NodeId, level: LogLevel, lines: &mpsc::Sender<Caught>) {
    let (mut pause, longest) = PAUSES;
    loop {
        let Ok(mut port) = node.try_port() else { return };
        let gone = node.monitor(peer.port());
        let request = (CONNECT, 0, port.id().clone(), level.number());
        if node.send(peer.port(), request).await.is_err() {
            return;
        }
        let came = tokio::select! {
            biased;
            came = forward(&mut port, peer, lines) => came,
            _ = gone => port.waiting() > 0,
        };
        pause = if came { PAUSES.0 } else { (pause * 2).min(longest) };
        clock::sleep_until(clock::now() + pause).await;
    }
}

/// Passes lines on until the port ends; whether there were any.
async fn forward(port: &mut Port, peer: &NodeId, lines: &mpsc::Sender<Caught>) -> bool {
    let (mut lost, mut came) = (0, false);
    while let Some(message) = port.recv().await {
        let Some(line) = LogLine::read(&message) else {
            tracing::debug!(target: TARGET, node = %peer, "a message is no log line");
            continue;
        };
        came = true;
        match lines.try_send(Caught { node: peer.clone(), line, lost }) {
            Ok(()) => lost = 0,
            Err(mpsc::error::TrySendError::Full(_)) => lost += 1,
            Err(mpsc::error::TrySendError::Closed(_)) => return came,
        }
    }
    came
}
