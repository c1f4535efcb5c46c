//! What happens to the node's connections.

use mp_proto::{NodeId, Reason};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// A connection came or went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NodeEvent {
    /// The node is connected.
    Up(NodeId),
    /// The connection to the node is lost; its monitors have fired.
    Down(NodeId, Reason),
}

/// A stream of [`NodeEvent`]s, from [`Node::events`](crate::Node::events).
#[derive(Debug)]
pub struct NodeEvents {
    pub(crate) events: broadcast::Receiver<NodeEvent>,
    /// The node has stopped.
    pub(crate) stopped: CancellationToken,
}

/// Events that a slow reader may leave unread; then it misses the oldest.
pub(crate) const KEPT: usize = 1024;

impl NodeEvents {
    /// The next event; `None` after the node was shut down. A reader that falls behind by more than 1,024 events
    /// misses the oldest.
    ///
    /// # Cancellation
    ///
    /// Safe: no event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<NodeEvent> {
        loop {
            let received = tokio::select! {
                biased;
                received = self.events.recv() => received,
                () = self.stopped.cancelled() => return self.events.try_recv().ok(),
            };
            match received {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "a reader of node events is too slow");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
