//! The second state: the peer's nonce is to come. With it the greeting is complete, and judged.

use super::await_auth::AwaitAuth;
use super::context::{Context, two_lines};
use super::{HandshakeError, HandshakeEvent};
use crate::greeting::OwnKind;
use crate::{AuthMethod, Framing, Greeting, NodeId};

/// The greeting has been read; the peer's nonce is to come.
#[derive(Debug)]
pub(super) struct AwaitNonce {
    greeting: Greeting,
    line: Vec<u8>,
}

/// A peer whose greeting is in order.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) node: NodeId,
    /// What it says of its life, if it and we are of our own kind.
    pub(super) own_kind: Option<OwnKind>,
    /// How we write to it.
    pub(super) send: Framing,
    /// Both its lines.
    pub(super) lines: Vec<u8>,
}

impl AwaitNonce {
    pub(super) fn new(greeting: Greeting, line: &[u8]) -> Self {
        Self { greeting, line: line.to_vec() }
    }

    pub(super) fn on_line(self, context: &mut Context, nonce: &[u8]) -> Result<AwaitAuth, HandshakeError> {
        let kind = self.greeting.own_kind()?;
        // Before the name is looked at: a mere echo must not make a node believe that it has found itself.
        if context.is_own_nonce(nonce) {
            return Err(HandshakeError::Echo);
        }
        if *self.greeting.node() == context.node {
            return Err(self.same_name(context, kind));
        }
        self.check_auth(context)?;
        let peer = Peer {
            node: self.greeting.node().clone(),
            own_kind: kind.filter(|_| context.own_kind.is_some()),
            send: self.choose_framing(context)?,
            lines: two_lines(&self.line, nonce),
        };
        let ours = peer.own_kind.is_some();
        context.events.push_back(HandshakeEvent::PeerGreeted { node: peer.node.clone(), ours });
        let hold = context.config.hold_auth && !ours;
        Ok(AwaitAuth::new(context, peer, hold))
    }

    /// `[HS-08]`
    fn same_name(&self, context: &Context, kind: Option<OwnKind>) -> HandshakeError {
        let instance = |kind: Option<OwnKind>| kind.map(|kind| kind.instance);
        if instance(kind) == instance(context.own_kind) {
            return HandshakeError::SelfConnection;
        }
        HandshakeError::SameName { node: self.greeting.node().clone() }
    }

    /// The first method of the peer's list that we can use is the one; there is one only `[HS-05]`.
    fn check_auth(&self, context: &Context) -> Result<(), HandshakeError> {
        if !self.greeting.auth_methods().any(|method| method == AuthMethod::HmacSha3_512) {
            let [peer, _] = self.greeting.offers();
            return Err(HandshakeError::NoCommonAuth { peer });
        }
        if context.secret().is_none() {
            return Err(HandshakeError::NoSecret);
        }
        Ok(())
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
