//! A handle for those who must not keep the node alive.

use std::fmt;
use std::sync::{Arc, Weak};

use super::{Inner, Node};

/// A handle that keeps nothing alive, neither the node's tasks nor its memory: for what the node itself holds, such as
/// a [`Service`](crate::Service). From [`Node::downgrade`].
#[derive(Clone)]
pub struct WeakNode(Weak<Inner>);

impl WeakNode {
    /// The node, unless it is gone. Its tasks end with the handles that its maker holds, whether or not this one is
    /// held.
    #[must_use]
    pub fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(Node::from_inner)
    }
}

impl fmt::Debug for WeakNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakNode")
    }
}

impl Node {
    /// A handle that keeps nothing alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.inner))
    }

    /// Gives up the connection to a peer, or the attempt to make one, for the reason `why`: what waits for it is lost, and
    /// monitors of its ports fire. The peer may connect again.
    pub fn disconnect(&self, node: &mp_proto::NodeId, why: &str) {
        if let Some(peer) = self.inner.known_peer(node.as_str()) {
            peer.doom(why);
        }
    }
}
