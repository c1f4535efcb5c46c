//! What all states share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

use super::{HandshakeConfig, HandshakeEvent, Side};
use crate::greeting::{LineReader, OwnKind};
use crate::{Greeting, NodeId, Nonce, Secret};

/// What all states share: what we are, and what goes in and out.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: Arc<HandshakeConfig>,
    pub(super) side: Side,
    /// What our own greeting says of our kind; nothing if it plays another one.
    pub(super) own_kind: Option<OwnKind>,
    /// The name in our own greeting.
    pub(super) node: NodeId,
    nonce: Nonce,
    /// Both lines of our greeting, as sent.
    pub(super) own_lines: Vec<u8>,
    /// Absolute: nothing that the peer sends moves it `[HS-09]`. `None` if it lies beyond all times.
    pub(super) deadline: Option<Instant>,
    pub(super) lines: LineReader,
    pub(super) out: BytesMut,
    /// At most one event of each kind.
    pub(super) events: VecDeque<HandshakeEvent>,
    /// Whether input was left over.
    pub(super) unread: bool,
}

impl Context {
    pub(super) fn new(
        config: Arc<HandshakeConfig>,
        side: Side,
        nonce: Nonce,
        greeting: &Greeting,
        now: Instant,
    ) -> Self {
        let own_lines = two_lines(&greeting.to_line(), nonce.as_str().as_bytes());
        Self {
            side,
            own_kind: greeting.own_kind().unwrap_or_default(),
            node: greeting.node().clone(),
            nonce,
            out: BytesMut::from(&own_lines[..]),
            own_lines,
            deadline: now.checked_add(config.time),
            config,
            lines: LineReader::default(),
            events: VecDeque::new(),
            unread: false,
        }
    }

    pub(super) fn is_own_nonce(&self, line: &[u8]) -> bool {
        line == self.nonce.as_str().as_bytes()
    }

    pub(super) fn secret(&self) -> Option<&Secret> {
        self.config.secret.as_ref()
    }

    pub(super) fn send_line(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\n");
    }
}

/// What proofs are computed over: both lines of a greeting, each with one LF `[HS-11]`.
pub(super) fn two_lines(greeting: &[u8], nonce: &[u8]) -> Vec<u8> {
    [greeting, b"\n", nonce, b"\n"].concat()
}
