//! What goes into a handshake, and what comes out.

use std::fmt;
use std::time::Duration;

use crate::{AuthMethod, Framing, Limits, NodeId, Secret};

/// What a node brings to each of its handshakes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HandshakeConfig {
    /// Our name.
    pub node: NodeId,
    /// Our life.
    pub instance: InstanceId,
    /// The shared secret, if there is one. Without it every handshake outside of TLS fails.
    pub secret: Option<Secret>,
    /// While the network's secret is being changed, the one that it had `[HS-20]`: proofs that were made with it are taken,
    /// too, and answered with it. It counts only beside a secret. Default none.
    pub old_secret: Option<Secret>,
    /// Whether TLS is offered: then the owner starts it when told to by
    /// [`StartTls`](super::HandshakeEvent::StartTls) `[TLS-01]`. Default no.
    pub tls: bool,
    /// How we may prove ourselves, in no order: it is the peer who chooses. `cleartext` and `tls_anon` only if they stand
    /// here `[TLS-03]`. Default: [`AuthMethod::DEFAULT`].
    pub auth_offer: Vec<AuthMethod>,
    /// What proofs we take, the preferred one first. `cleartext` and `tls_anon` only if they stand here `[TLS-03]`; what
    /// needs TLS or the secret only if there is one. Default: [`AuthMethod::DEFAULT`].
    pub auth_accept: Vec<AuthMethod>,
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
            old_secret: None,
            tls: false,
            auth_offer: AuthMethod::DEFAULT.to_vec(),
            auth_accept: AuthMethod::DEFAULT.to_vec(),
            framings: Framing::available().to_vec(),
            time: limits.handshake_time,
            silence: limits.monitor_timeout,
            hold_auth: false,
        }
    }

    /// Whether two secrets are valid `[HS-20]`.
    pub(crate) fn rotates(&self) -> bool {
        self.secret.is_some() && self.old_secret.is_some()
    }

    /// The methods that can prove something here: what needs the secret or TLS is left out where there is none.
    fn can_use(&self, method: AuthMethod) -> bool {
        (self.secret.is_some() || !method.needs_secret()) && (self.tls || !method.needs_tls())
    }

    /// The proofs that we take, each once.
    pub(crate) fn usable_accepts(&self) -> impl Iterator<Item = AuthMethod> {
        each_once(&self.auth_accept).filter(|method| self.can_use(*method))
    }

    /// The proofs that we can give, each once.
    pub(crate) fn usable_offers(&self) -> impl Iterator<Item = AuthMethod> {
        each_once(&self.auth_offer).filter(|method| self.can_use(*method))
    }

    /// The framings that are both wanted and compiled in, each once.
    pub(crate) fn usable_framings(&self) -> impl Iterator<Item = Framing> {
        each_once(&self.framings).filter(|framing| framing.is_available())
    }
}

fn each_once<T: Copy + PartialEq>(list: &[T]) -> impl Iterator<Item = T> {
    let first = |(index, item): &(usize, &T)| !list.iter().take(*index).any(|earlier| earlier == *item);
    list.iter().enumerate().filter(first).map(|(_, &item)| item)
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

/// Which part we play in TLS. It depends on the nonces, and not on who dialled `[TLS-04]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsRole {
    /// Our nonce is bytewise the smaller one.
    Client,
    /// The peer's is.
    Server,
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
    /// Whether both sides take large messages in pieces `[LN-01]`.
    pub pieces: bool,
    /// Whether both sides take one message for many ports `[ND-31]`.
    pub many: bool,
}

impl Session {
    /// One with a peer that has said nothing beyond the original protocol, and writes as we do: for connections that come about
    /// without a [`Handshake`](crate::Handshake), as in tests. The fields say what else there is:
    ///
    /// ```
    /// # use mp_proto::{Framing, InstanceId, NodeId, Session, Side};
    /// let plain = Session::new(NodeId::new("peer")?, Side::Dialled, Framing::Json);
    /// let own_kind = Session { instance: Some(InstanceId(1)), many: true, ..plain };
    /// # Ok::<(), mp_proto::IdError>(())
    /// ```
    #[must_use]
    pub fn new(peer: NodeId, side: Side, framing: Framing) -> Self {
        Self {
            peer,
            instance: None,
            side,
            send: framing,
            receive: framing,
            silence: None,
            pieces: false,
            many: false,
        }
    }

    /// Whether we write large messages in pieces `[LN-01]`.
    #[must_use]
    pub fn sends_pieces(&self) -> bool {
        self.pieces && self.send == Framing::Postcard
    }

    /// Whether the peer may write large messages in pieces `[LN-01]`.
    #[must_use]
    pub fn receives_pieces(&self) -> bool {
        self.pieces && self.receive == Framing::Postcard
    }

    /// Whether we write one message for many ports as one request `[ND-31]`.
    #[inline]
    #[must_use]
    pub fn sends_for_many(&self) -> bool {
        self.many && self.send == Framing::Postcard
    }

    /// Whether the peer may write one message for many ports as one request `[ND-31]`.
    #[must_use]
    pub fn receives_for_many(&self) -> bool {
        self.many && self.receive == Framing::Postcard
    }

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
