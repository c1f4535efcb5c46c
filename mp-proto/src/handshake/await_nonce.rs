//! The second state: the peer's nonce is to come. With it the greeting is complete, and judged.

use super::await_auth::AwaitAuth;
use super::await_tls::AwaitTls;
use super::context::{Context, two_lines};
use super::{HandshakeError, HandshakeEvent, State, TlsRole};
use crate::greeting::{Bind, OwnKind};
use crate::{AuthMethod, Framing, Greeting, NodeId};

/// The greeting has been read; the peer's nonce is to come.
pub(super) struct AwaitNonce {
    greeting: Greeting,
    line: Vec<u8>,
}

/// A peer whose greeting is in order.
pub(super) struct Peer {
    pub(super) node: NodeId,
    /// What it says of its life, if it and we are of our own kind.
    pub(super) own_kind: Option<OwnKind>,
    /// How we prove ourselves to it.
    pub(super) method: AuthMethod,
    /// How proofs are bound to the TLS channel, if they are.
    pub(super) bind: Option<Bind>,
    /// Whether it says that it takes two secrets, as only a node of our own kind does.
    pub(super) rotates: bool,
    /// How we write to it.
    pub(super) send: Framing,
    /// Both its lines.
    pub(super) lines: Vec<u8>,
}

impl AwaitNonce {
    pub(super) fn new(greeting: Greeting, line: &[u8]) -> Self {
        Self { greeting, line: line.to_vec() }
    }

    pub(super) fn on_line(self, context: &mut Context, nonce: &[u8]) -> Result<State, HandshakeError> {
        context.claims = Some(self.greeting.node().clone());
        let kind = self.greeting.own_kind()?;
        // Before the name is looked at: a mere echo must not make a node believe that it has found itself. And equal
        // nonces give no roles for TLS.
        if nonce == context.own_nonce() {
            return Err(HandshakeError::Echo);
        }
        if *self.greeting.node() == context.node {
            return Err(self.same_name(context, kind));
        }
        let tls = context.wants_tls && self.greeting.wants_tls();
        let own_kind = kind.filter(|_| context.own_kind.is_some());
        let peer = Peer {
            node: self.greeting.node().clone(),
            own_kind,
            method: self.choose_method(context, tls)?,
            // The weaker of the two.
            bind: self.greeting.bind().min(context.bind).filter(|_| own_kind.is_some()),
            rotates: own_kind.is_some() && self.greeting.rotates(),
            send: self.choose_framing(context)?,
            lines: two_lines(&self.line, nonce),
        };
        let ours = own_kind.is_some();
        context.events.push_back(HandshakeEvent::PeerGreeted { node: peer.node.clone(), ours });
        if !tls {
            return Ok(State::AwaitAuth(AwaitAuth::new(context, peer)));
        }
        let role = if context.own_nonce() < nonce { TlsRole::Client } else { TlsRole::Server };
        context.events.push_back(HandshakeEvent::StartTls { role });
        Ok(State::AwaitTls(AwaitTls::new(peer)))
    }

    /// `[HS-08]`
    fn same_name(&self, context: &Context, kind: Option<OwnKind>) -> HandshakeError {
        let instance = |kind: Option<OwnKind>| kind.map(|kind| kind.instance);
        if instance(kind) == instance(context.own_kind) {
            return HandshakeError::SelfConnection;
        }
        HandshakeError::SameName { node: self.greeting.node().clone() }
    }

    /// The first method of the peer's list that we can use `[HS-05]` `[TLS-02]`. There must also be one that the peer can
    /// use, or we would show our proof in vain.
    fn choose_method(&self, context: &Context, tls: bool) -> Result<AuthMethod, HandshakeError> {
        let config = &context.config;
        let usable = |method: &AuthMethod| tls || !method.needs_tls();
        if !config.usable_accepts().any(|method| usable(&method)) {
            return Err(self.nothing_to_go_by(context, tls));
        }
        let ours: Vec<_> = config.usable_offers().filter(usable).collect();
        if let Some(method) = self.greeting.auth_methods().find(|method| ours.contains(method)) {
            return Ok(method);
        }
        if ours.is_empty() {
            return Err(self.nothing_to_go_by(context, tls));
        }
        let [peer, _] = self.greeting.offers();
        let ours = ours.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ");
        if !context.config.tls && self.greeting.wants_tls() {
            return Err(HandshakeError::NoCertificate { peer });
        }
        Err(HandshakeError::NoCommonAuth { peer, ours })
    }

    /// Why there is no proof that we could give, or take.
    fn nothing_to_go_by(&self, context: &Context, tls: bool) -> HandshakeError {
        let [peer, _] = self.greeting.offers();
        match (context.config.tls, &context.config.secret) {
            (true, _) if !tls => HandshakeError::PeerWithoutTls,
            (false, None) if self.greeting.wants_tls() => HandshakeError::NoCertificate { peer },
            (false, None) => HandshakeError::NoSecret,
            _ => HandshakeError::NoUsableAuth,
        }
    }

    /// The first framing of the peer's list that we can write `[HS-06]`.
    fn choose_framing(&self, context: &Context) -> Result<Framing, HandshakeError> {
        let ours: Vec<_> = context.config.usable_framings().collect();
        self.greeting.framings().find(|framing| ours.contains(framing)).ok_or_else(|| {
            let [_, peer] = self.greeting.offers();
            let ours = ours.iter().map(|framing| framing.name()).collect::<Vec<_>>().join(", ");
            HandshakeError::NoCommonFraming { peer, ours }
        })
    }
}
