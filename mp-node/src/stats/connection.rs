//! What a node tells of its connections.

use std::time::Duration;

use mp_proto::{AuthMethod, Framing, NodeId};
use mp_transport::Addr;

use crate::Node;
use crate::node::Inner;

/// One connection, from this node's side `[SV-02]`. Counters begin with the connection.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The peer.
    pub node: NodeId,
    /// The other end of the pipe; a relay's name, if there is one between.
    pub address: Addr,
    /// Whether it goes through other nodes `[RL-01]`.
    pub relayed: bool,
    /// Whether this node has made it, rather than the peer.
    pub dialled: bool,
    /// Whether the peer is a node of our own kind.
    pub own_kind: bool,
    /// How this node writes.
    pub send: Framing,
    /// How the peer writes.
    pub receive: Framing,
    /// How the peer has proven itself.
    pub auth: Option<AuthMethod>,
    /// The version of TLS, as `TLS 1.3`, if it is protected by that.
    pub tls: Option<&'static str>,
    /// How long it stands.
    pub age: Duration,
    /// Messages and requests that came.
    pub messages_in: u64,
    /// Bytes of frames that came, keep-alives among them; before decryption's gain or loss.
    pub bytes_in: u64,
    /// Messages and requests that were given to the connection to be written.
    pub messages_out: u64,
    /// Bytes of frames that were.
    pub bytes_out: u64,
    /// Messages of the peer that were for ports that do not exist.
    pub dropped: u64,
    /// Messages that wait here to be written.
    pub queued_messages: usize,
    /// Bytes of these. What is with the operating system already does not count.
    pub queued_bytes: usize,
    /// Bytes of messages that came, and wait for room in mailboxes or in queues to other nodes. From
    /// [`Limits::read_ahead_bytes`](mp_proto::Limits::read_ahead_bytes) on the connection is not read.
    pub parked_bytes: u64,
    /// The time that the last question to the peer and its answer took, both on their way through all queues; asked
    /// as often as keep-alives are due. `None` if the peer is of another kind, or has not answered yet `[SV-01]`.
    pub round_trip: Option<Duration>,
}

impl Node {
    /// The connections that stand, in the order of the peers' names.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.inner().connections()
    }
}

impl Inner {
    fn connections(&self) -> Vec<ConnectionInfo> {
        let now = mp_transport::clock::now();
        self.all_peers().iter().filter_map(|peer| peer.lock().info(&peer.id, now)).collect()
    }
}
