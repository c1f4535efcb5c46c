//! What goes into a handshake, and what comes out.

use std::fmt;
use std::time::Duration;

use crate::{Framing, Limits, NodeId, Secret};

/// What a node brings to each of its handshakes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HandshakeConfig {
    /// Our name.
    pub node: NodeId,
    /// Our life.
    pub instance: InstanceId,
    /// The shared secret, if there is one. Without it every handshake fails.
    pub secret: Option<Secret>,
    /// Framings that we take and send, the preferred one first. Those that are not compiled in are left out. Default:
    /// all that are.
    pub framings: Vec<Framing>,
    /// From the first byte to an established connection, whatever is received meanwhile `[HS-09]`. Default 10 s.
    pub time: Duration,
    /// The longest silence of a peer that we will bear; peers of our own kind are told `[CN-05]`. Default 10 s.
    pub silence: Duration,
    /// Whether our proof is held back from peers of another kind until
    /// [`proceed`](super::Handshake::proceed) `[HS-16]`. Default no.
    pub hold_auth: bool,
}

impl HandshakeConfig {
    /// The configuration of a node, with the times of `limits`.
    #[must_use]
    pub fn new(node: NodeId, instance: InstanceId, secret: Option<Secret>, limits: &Limits) -> Self {
        Self {
            node,
            instance,
            secret,
            framings: Framing::available().to_vec(),
            time: limits.handshake_time,
            silence: limits.monitor_timeout,
            hold_auth: false,
        }
    }

    /// The framings that are both wanted and compiled in, each once.
    pub(crate) fn usable_framings(&self) -> impl Iterator<Item = Framing> {
        let first =
            |(index, framing): &(usize, &Framing)| !self.framings.iter().take(*index).any(|f| f == *framing);
        let wanted = self.framings.iter().enumerate().filter(first);
        wanted.map(|(_, &framing)| framing).filter(|framing| framing.is_available())
    }
}

/// One life of a node; a restarted node has another one `[HS-14]`.
///
/// Written as 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub u128);

impl InstanceId {
    /// Reads what `Display` writes, and nothing else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let id = Self(u128::from_str_radix(text, 16).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Who opened the pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// We dialled.
    Dialled,
    /// The peer dialled.
    Accepted,
}

/// The result of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The peer's name, authenticated.
    pub peer: NodeId,
    /// The peer's life, if it is a node of our own kind.
    pub instance: Option<InstanceId>,
    /// Who dialled.
    pub side: Side,
    /// How we write.
    pub send: Framing,
    /// How the peer writes.
    pub receive: Framing,
    /// The longest silence that the peer bears, if it is a node of our own kind and said so.
    pub silence: Option<Duration>,
}

impl Session {
    /// Whether `own`, the node whose session this is, chooses among connections with the peer `[HS-15]`.
    #[must_use]
    pub fn decider(&self, own: &NodeId) -> bool {
        self.instance.is_some() && decides(own, &self.peer)
    }
}

/// Whether `own` chooses among connections of two nodes of our kind.
pub(super) fn decides(own: &NodeId, peer: &NodeId) -> bool {
    own.as_str().as_bytes() < peer.as_str().as_bytes()
}
