//! What all states share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

use super::{HandshakeConfig, HandshakeEvent, Side};
use crate::auth::{Binding, Signed};
use crate::greeting::{Bind, LineReader, OwnKind};
use crate::{AuthMethod, Greeting, NodeId, Nonce, TlsBinding};

/// What all states share: what we are, and what goes in and out.
pub(super) struct Context {
    pub(super) config: Arc<HandshakeConfig>,
    pub(super) side: Side,
    /// What our own greeting says of our kind; nothing if it plays another one.
    pub(super) own_kind: Option<OwnKind>,
    /// Whether our own greeting wants TLS, and we can have it.
    pub(super) wants_tls: bool,
    /// How our own greeting says that we bind proofs.
    pub(super) bind: Option<Bind>,
    /// The TLS channel, once there is one.
    pub(super) tls: Option<TlsBinding>,
    /// Who the peer says it is.
    pub(super) claims: Option<NodeId>,
    /// How the peer has proven itself, and with which secret if with one.
    pub(super) proof: Option<(AuthMethod, Which)>,
    /// Whether our own greeting says that two secrets are valid here, and they are.
    pub(super) rotates: bool,
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

/// Which of a node's secrets `[HS-20]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Current,
    Old,
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
            wants_tls: config.tls && greeting.wants_tls(),
            bind: greeting.bind(),
            rotates: config.rotates() && greeting.rotates(),
            tls: None,
            claims: None,
            proof: None,
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

    pub(super) fn own_nonce(&self) -> &[u8] {
        self.nonce.as_str().as_bytes()
    }

    /// What the proof is about that the side with the greeting `own` gives to the other one. `bind` is what both
    /// greetings agree on.
    pub(super) fn signed<'a>(
        &'a self,
        own: &'a [u8],
        other: &'a [u8],
        bind: Option<Bind>,
        which: Which,
    ) -> Signed<'a> {
        let binding = match (bind, &self.tls) {
            (Some(Bind::Hmac), Some(tls)) => Binding::Keyed(tls),
            (Some(Bind::Hash), Some(tls)) => Binding::Hashed(tls),
            (None, _) | (_, None) => Binding::None,
        };
        let secret = match which {
            Which::Current => self.config.secret.as_ref(),
            // Never without a current one: a node that gave up its secret has none.
            Which::Old => self.config.old_secret.as_ref().filter(|_| self.rotates),
        };
        Signed { secret, own, other, binding }
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
