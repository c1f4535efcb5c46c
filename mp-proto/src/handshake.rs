//! STUB: the signatures that other crates are written against.
use crate::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
/// One life of a node; a restarted node has another one `[HS-14]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub u128);
/// Who opened the pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// We dialled.
    Dialled,
    /// The peer dialled.
    Accepted,
}
/// What a node brings to each of its handshakes.
#[derive(Debug, Clone)]
pub struct HandshakeConfig {
    /// Our name.
    pub node: NodeId,
    /// Our life.
    pub instance: InstanceId,
    /// The shared secret, if there is one.
    pub secret: Option<Secret>,
    /// Framings that we take and send, the preferred one first.
    pub framings: Vec<Framing>,
    /// From the first byte to an authenticated connection.
    pub time: Duration,
}
/// The result of a handshake.
#[derive(Debug, Clone)]
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
}
/// stub
#[derive(Debug)]
pub struct Handshake;
/// stub
#[derive(Debug)]
pub struct HandshakeError;
