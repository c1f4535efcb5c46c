//! What a crate on top of the node is told: how mp-global speaks its part of the protocol.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use mp_proto::{NodeId, Reason, Value};
use mp_transport::Addr;

/// Functions that the node calls, in order for each peer: `up`, then its requests, then `down`.
///
/// They are called from the task of the peer's connection, so they must be quick and must not block. They may use the
/// node's synchronous functions. A panic in one is logged, and the node goes on.
pub struct Service {
    /// The tags that `request` understands, for those who ask the node whether it does `[NP-05]`.
    pub tags: &'static [&'static str],
    /// A peer is connected. Messages sent to it from here go behind those that waited for the connection.
    pub up: Box<Up>,
    /// The connection to a peer is lost; monitors of its ports have fired.
    pub down: Box<Down>,
    /// A request came to the node port that the node itself does not know: the peer, the tag and what stands behind
    /// it. `None` says that it was understood; otherwise it is given back, for the next service.
    pub request: Box<Request>,
}

/// See [`Service::up`].
pub type Up = dyn Fn(&NodeId) + Send + Sync;
/// See [`Service::down`].
pub type Down = dyn Fn(&NodeId, &Reason) + Send + Sync;
/// See [`Service::request`].
pub type Request = dyn Fn(&NodeId, &str, Vec<Value>) -> Option<Vec<Value>> + Send + Sync;

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

/// Finds the ways to a node that is to be dialled, the better ones first, see
/// [`Node::set_resolver`](crate::Node::set_resolver).
pub type Resolver = dyn Fn(&NodeId) -> Pin<Box<dyn Future<Output = Vec<Way>> + Send>> + Send + Sync;

/// A way to a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Way {
    /// It listens here.
    Direct(Addr),
    /// This node, with which we are connected, can carry a connection to it `[RL-01]`. It has to be of our own kind.
    Through(NodeId),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(addr) => write!(f, "{addr}"),
            Self::Through(relay) => write!(f, "the relay {relay}"),
        }
    }
}
