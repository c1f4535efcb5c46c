//! The log lines of a whole network in one place: `mp::log_catcher`, which understands itself with Perl's LogCatcher.
//!
//! A catcher asks every node of the directory for its lines: it calls the function [`CONNECT`] there, with the version 0, the
//! ID of a port, and a level; of our own kind, only those nodes that say that they know it. Whoever does sends to that port,
//! for each line from then on that is at least as grave, `[time, context, level, text]`, as long as the port lives
//! `[LC-01]`. Both parts are here:
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
use std::sync::Arc;
use std::time::Duration;

use mp_node::{Node, Port};
use mp_proto::NodeId;
use mp_transport::clock;
use mp_transport::sync::Lock;
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
/// A node may take so long to say whether it knows [`CONNECT`].
const PATIENCE: Duration = Duration::from_secs(10);

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

/// How many nodes a catcher asks, and what has come of that so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// Nodes of the directory, without its own.
    pub nodes: usize,
    /// Of these, nodes that pass their lines on: ours that say so, and others that have sent one.
    pub willing: usize,
    /// Nodes of our own kind that do not know how. They are asked again now and then.
    pub unable: usize,
}

/// Catches the log lines of all nodes of the network that know how, but its own. Dropping it ends that.
#[derive(Debug)]
pub struct LogCatcher {
    lines: mpsc::Receiver<Caught>,
    known: Arc<Known>,
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
        let (weak, known) = (node.downgrade(), Arc::new(Known::default()));
        let learns = Arc::clone(&known);
        node.spawn_task(async move {
            let Some(node) = weak.upgrade() else { return };
            tokio::select! {
                biased;
                _ = ended => {}
                () = follow_all(&node, monitor, level, sender, &learns) => {}
            }
        });
        Ok(Self { lines, known, _end: end })
    }

    /// How many nodes are asked, and what they have said. It takes a moment until they have.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.known.asked()
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

/// What is known of the nodes that are followed: whether they pass their lines on.
#[derive(Debug, Default)]
struct Known(Lock<BTreeMap<NodeId, Option<bool>>>);

impl Known {
    fn asked(&self) -> Asked {
        let nodes = self.0.lock();
        let of = |what: bool| nodes.values().filter(|known| **known == Some(what)).count();
        Asked { nodes: nodes.len(), willing: of(true), unable: of(false) }
    }

    /// The node has shown that it does or does not; or nothing is known any more.
    fn learn(&self, node: &NodeId, passes_on: Option<bool>) {
        // One that is not followed any more has nothing to say.
        if let Some(known) = self.0.lock().get_mut(node) {
            *known = passes_on;
        }
    }
}

/// Follows the nodes of the directory, as long as they are in it.
async fn follow_all(
    node: &Node,
    mut monitor: FamilyMonitor,
    level: LogLevel,
    lines: mpsc::Sender<Caught>,
    known: &Arc<Known>,
) {
    let mut followed: BTreeMap<NodeId, oneshot::Sender<()>> = BTreeMap::new();
    while let Some(change) = monitor.next().await {
        for name in &change.deleted {
            followed.remove(&**name);
            known.0.lock().remove(&**name);
        }
        for name in change.added.into_keys() {
            let Ok(peer) = NodeId::new(&name) else { continue };
            if peer == *node.id() {
                continue;
            }
            known.0.lock().insert(peer.clone(), None);
            let (end, ended) = oneshot::channel::<()>();
            let (weak, lines, of, known) = (node.downgrade(), lines.clone(), peer.clone(), Arc::clone(known));
            node.spawn_task(async move {
                let Some(node) = weak.upgrade() else { return };
                tokio::select! {
                    biased;
                    _ = ended => {}
                    () = follow(&node, &of, level, &lines, &known) => {}
                }
            });
            followed.insert(peer, end);
        }
    }
}

/// Asks a node for its lines, again whenever the connection is lost.
async fn follow(
    node: &Node,
    peer: &NodeId,
    level: LogLevel,
    lines: &mpsc::Sender<Caught>,
    known: &Arc<Known>,
) {
    let (mut pause, longest) = PAUSES;
    loop {
        let mut came = false;
        match knows(node, peer).await {
            Answer::Nothing => known.learn(peer, None),
            // It may yet learn to, as a program does that has just been started.
            Answer::No => known.learn(peer, Some(false)),
            answer => {
                known.learn(peer, (answer == Answer::Yes).then_some(true));
                let Ok(mut port) = node.try_port() else { return };
                let gone = node.monitor(peer.port());
                let request = (CONNECT, 0, port.id().clone(), level.number());
                if node.send(peer.port(), request).await.is_err() {
                    return;
                }
                came = tokio::select! {
                    biased;
                    came = forward(&mut port, peer, lines, known) => came,
                    _ = gone => port.waiting() > 0,
                };
                known.learn(peer, None);
            }
        }
        pause = if came { PAUSES.0 } else { (pause * 2).min(longest) };
        clock::sleep_until(clock::now() + pause).await;
    }
}

/// What a node says when it is asked whether it knows [`CONNECT`].
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// A node of another kind answers for its requests alone, and may have a function of that name.
    Perhaps,
    Nothing,
}

/// Asks a node whether it knows [`CONNECT`]: one of our own kind would complain of a request that it does not know.
async fn knows(node: &Node, peer: &NodeId) -> Answer {
    let answer = node.call(peer.port(), ("can", CONNECT)).returning::<(String,)>().timeout(PATIENCE).await;
    match answer {
        Ok((known,)) if node.is_own_kind(peer) => {
            if known.is_empty() {
                Answer::No
            } else {
                Answer::Yes
            }
        }
        _ if node.is_own_kind(peer) || !node.nodes().contains(peer) => Answer::Nothing,
        _ => Answer::Perhaps,
    }
}

/// Passes lines on until the port ends; whether there were any.
async fn forward(port: &mut Port, peer: &NodeId, lines: &mpsc::Sender<Caught>, known: &Known) -> bool {
    let (mut lost, mut came) = (0, false);
    while let Some(message) = port.recv().await {
        let Some(line) = LogLine::read(&message) else {
            tracing::debug!(target: TARGET, node = %peer, "a message is no log line");
            continue;
        };
        if !std::mem::replace(&mut came, true) {
            known.learn(peer, Some(true));
        }
        match lines.try_send(Caught { node: peer.clone(), line, lost }) {
            Ok(()) => lost = 0,
            Err(mpsc::error::TrySendError::Full(_)) => lost += 1,
            Err(mpsc::error::TrySendError::Closed(_)) => return came,
        }
    }
    came
}
