//! Handshakes under way with peers that are not of our kind, by the name that the peer claims.

use std::collections::BTreeMap;
use std::sync::Arc;

use mp_proto::NodeId;
use tokio::sync::Notify;

use crate::sync::Lock;

/// Who may go on first with a peer of that name.
#[derive(Debug, Default)]
pub(crate) struct Claims(Arc<Table>);

#[derive(Debug, Default)]
struct Table {
    queues: Lock<(u64, BTreeMap<NodeId, Vec<u64>>)>,
    changed: Notify,
}

/// A place in the queue for a name; dropping it lets the next one go on.
#[derive(Debug)]
pub(crate) struct Claim {
    table: Arc<Table>,
    node: NodeId,
    ticket: u64,
}

impl Claims {
    pub(crate) fn claim(&self, node: NodeId) -> Claim {
        let mut queues = self.0.queues.lock();
        queues.0 += 1;
        let ticket = queues.0;
        queues.1.entry(node.clone()).or_default().push(ticket);
        Claim { table: Arc::clone(&self.0), node, ticket }
    }

    /// Waits until some queue has changed.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }
}

impl Claim {
    pub(crate) fn is_first(&self) -> bool {
        let queues = self.table.queues.lock();
        queues.1.get(&self.node).and_then(|queue| queue.first()) == Some(&self.ticket)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut queues = self.table.queues.lock();
        if let Some(queue) = queues.1.get_mut(&self.node) {
            queue.retain(|ticket| *ticket != self.ticket);
            if queue.is_empty() {
                queues.1.remove(&self.node);
            }
        }
        drop(queues);
        self.table.changed.notify_waiters();
    }
}
