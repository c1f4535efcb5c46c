//! What a registry wants of its owner.

use std::sync::Arc;

use mp_proto::{Message, NodeId, Value};

use super::Excess;
use crate::data::{Entries, Key};

/// Names a monitor; not used again in the life of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonitorId(pub(super) u64);

/// Names a question; not used again in the life of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub(super) u64);

/// One thing that the owner is to do, or to tell the application.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Send this to the node's own port.
    Send {
        /// A node that is up.
        to: NodeId,
        /// The tag and its arguments.
        message: Message,
    },
    /// Disconnect the node: it exceeds a limit. Its data is gone already, and it is no longer listened to until it has
    /// been down `[GL-32]`.
    Expel {
        /// The node.
        node: NodeId,
        /// What it has too much of.
        excess: Excess,
    },
    /// Keep connected to this global node `[GL-24]`. Told again when its addresses change.
    Connect {
        /// The node.
        node: NodeId,
        /// Where it listens, as far as known.
        addresses: Vec<String>,
    },
    /// The node is no longer known as a global one.
    Release(NodeId),
    /// This is a global node from now on.
    BecameGlobal,
    /// A monitored family changed, or is told for the first time.
    Changed(Change),
    /// A question has its answer.
    Reply {
        /// The question.
        query: QueryId,
        /// The answer.
        answer: Answer,
    },
    /// The search for a node has its answer.
    Found {
        /// The node.
        node: NodeId,
        /// Where it listens; none if nobody knows it.
        addresses: Option<Vec<String>>,
    },
}

/// What changed in a monitored family.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whose.
    pub monitor: MonitorId,
    /// The family.
    pub family: Key,
    /// Keys that were not there before.
    pub added: Vec<Key>,
    /// Keys that have another value.
    pub changed: Vec<Key>,
    /// Keys that are no longer there.
    pub deleted: Vec<Key>,
    /// The family as it is now. Let go of it soon: as long as it is held, each change copies it.
    pub whole: Arc<Entries>,
    /// Whether a global node has said so. If not, this is what we own ourselves, and what the last master said.
    pub synced: bool,
}

/// What was asked for. Of a family that does not exist it is empty `[GL-13]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Keys and values.
    Family(Entries),
    /// The keys, in no particular order.
    Keys(Vec<Key>),
    /// The values, in no particular order.
    Values(Vec<Value>),
}
