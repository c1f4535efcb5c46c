//! The third state: the peer's proof of the secret is to come.

use super::await_nonce::Peer;
use super::config::decides;
use super::context::Context;
use super::decide::{AwaitAdmit, AwaitGo, AwaitProceed};
use super::error::shown;
use super::{HandshakeError, HandshakeEvent, Session, State};
use crate::auth::Binding;
use crate::text::latin1;
use crate::{AuthMethod, Framing};

/// Both greetings have been exchanged; the peer's proof is to come.
#[derive(Debug)]
pub(super) struct AwaitAuth {
    peer: Peer,
    /// Our own line, if it is held back.
    held: Option<String>,
}

impl AwaitAuth {
    pub(super) fn new(context: &mut Context, peer: Peer) -> Self {
        let token = peer.method.token(&context.signed(&context.own_lines, &peer.lines, peer.bind));
        let line = format!("{};{};{}", peer.method, token.unwrap_or_default(), peer.send);
        let hold = context.config.hold_auth && peer.own_kind.is_none();
        let state = Self { peer, held: Some(line) };
        if hold { state } else { state.proceed(context) }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn proceed(mut self, context: &mut Context) -> Self {
        if let Some(line) = self.held.take() {
            context.send_line(&line);
        }
        self
    }

    pub(super) fn on_line(self, context: &mut Context, line: &[u8]) -> Result<State, HandshakeError> {
        let receive = self.verify(context, line)?;
        let Self { peer, held } = self;
        let instance = peer.own_kind.map(|kind| kind.instance);
        let decider = instance.is_some() && decides(&context.node, &peer.node);
        let node = peer.node.clone();
        context.events.push_back(HandshakeEvent::Authenticated { node, instance, decider });
        let session = Session {
            peer: peer.node,
            instance,
            side: context.side,
            send: peer.send,
            receive,
            silence: peer.own_kind.and_then(|kind| kind.silence),
        };
        Ok(match held {
            _ if decider => State::AwaitAdmit(AwaitAdmit::new(session)),
            _ if instance.is_some() => State::AwaitGo(AwaitGo::new(session)),
            Some(line) => State::AwaitProceed(AwaitProceed::new(session, line)),
            None => context.establish(session),
        })
    }

    /// Checks `method;token;framing` in this order; gives the framing. What follows is ignored, as Perl does. The proof
    /// does not cover method and framing, so they count only if they are among those that we offered `[HS-13]`.
    fn verify(&self, context: &mut Context, line: &[u8]) -> Result<Framing, HandshakeError> {
        let mut fields = line.split(|&byte| byte == b';');
        let mut field = || fields.next().unwrap_or_default();
        let (method, token, framing) = (field(), field(), field());
        let offered = |known: &AuthMethod| context.config.usable_accepts().any(|ours| ours == *known);
        let usable = |known: &AuthMethod| context.tls.is_some() || !known.needs_tls();
        let known = latin1(method).parse().ok().filter(offered).filter(usable);
        let Some(method) = known else {
            return Err(HandshakeError::AuthNotOffered { method: shown(method) });
        };
        let signed = context.signed(&self.peer.lines, &context.own_lines, self.peer.bind);
        if !method.verify(&signed, token) {
            let node = self.peer.node.clone();
            let keyed = method.needs_secret() || matches!(signed.binding, Binding::Keyed(_));
            return Err(if keyed {
                HandshakeError::BadToken { node }
            } else {
                HandshakeError::BadTlsToken { node }
            });
        }
        context.proof = Some(method);
        let known = latin1(framing).parse().ok();
        let offered = known.filter(|framing| context.config.usable_framings().any(|ours| ours == *framing));
        offered.ok_or_else(|| HandshakeError::FramingNotOffered { framing: shown(framing) })
    }
}
