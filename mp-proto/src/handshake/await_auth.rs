//! The third state: the peer's proof of the secret is to come.

use super::await_nonce::Peer;
use super::config::decides;
use super::context::{Context, Which};
use super::decide::{AwaitAdmit, AwaitGo, AwaitProceed};
use super::error::shown;
use super::{HandshakeError, HandshakeEvent, Session, State};
use crate::text::latin1;
use crate::{AuthMethod, Framing};

/// Both greetings have been exchanged; the peer's proof is to come.
pub(super) struct AwaitAuth {
    peer: Peer,
    /// Our owner holds our proof back `[HS-16]`.
    held: bool,
    /// The peer's proof is to tell with which secret we give ours `[HS-20]`.
    waits: bool,
}

impl AwaitAuth {
    pub(super) fn new(context: &mut Context, peer: Peer) -> Self {
        let held = context.config.hold_auth && peer.own_kind.is_none();
        let keyed = context.signed(&[], &[], peer.bind, Which::Current).is_keyed(peer.method);
        let waits = context.rotates && !peer.rotates && keyed;
        let state = Self { peer, held, waits };
        state.send_if_free(context);
        state
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    pub(super) fn proceed(mut self, context: &mut Context) -> Self {
        self.held = false;
        self.send_if_free(context);
        self
    }

    fn send_if_free(&self, context: &mut Context) {
        if !self.held && !self.waits {
            let line = self.line(context, Which::Current);
            context.send_line(&line);
        }
    }

    /// Our own proof.
    fn line(&self, context: &Context, which: Which) -> String {
        let Peer { method, send, lines, bind, .. } = &self.peer;
        let token = method.token(&context.signed(&context.own_lines, lines, *bind, which));
        format!("{method};{};{send}", token.unwrap_or_default())
    }

    pub(super) fn on_line(mut self, context: &mut Context, line: &[u8]) -> Result<State, HandshakeError> {
        let (receive, which) = self.verify(context, line)?;
        let ours = self.line(context, which);
        if std::mem::take(&mut self.waits) && !self.held {
            context.send_line(&ours);
        }
        let Self { peer, held, .. } = self;
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
            pieces: [peer.own_kind, context.own_kind].iter().all(|kind| kind.is_some_and(|kind| kind.pieces)),
            many: [peer.own_kind, context.own_kind].iter().all(|kind| kind.is_some_and(|kind| kind.many)),
        };
        Ok(match instance {
            Some(_) if decider => State::AwaitAdmit(AwaitAdmit::new(session)),
            Some(_) => State::AwaitGo(AwaitGo::new(session)),
            None if held => State::AwaitProceed(AwaitProceed::new(session, ours)),
            None => context.establish(session),
        })
    }

    /// Checks `method;token;framing` in this order; gives the framing, and the secret that the token was made with. What
    /// follows is ignored, as Perl does. The proof does not cover method and framing, so they count only if they are
    /// among those that we offered `[HS-13]`.
    fn verify(&self, context: &mut Context, line: &[u8]) -> Result<(Framing, Which), HandshakeError> {
        let mut fields = line.split(|&byte| byte == b';');
        let mut field = || fields.next().unwrap_or_default();
        let (method, token, framing) = (field(), field(), field());
        let offered = |known: &AuthMethod| context.config.usable_accepts().any(|ours| ours == *known);
        let usable = |known: &AuthMethod| context.tls.is_some() || !known.needs_tls();
        let known = latin1(method).parse().ok().filter(offered).filter(usable);
        let Some(method) = known else {
            return Err(HandshakeError::AuthNotOffered { method: shown(method) });
        };
        let Peer { node, lines, bind, .. } = &self.peer;
        let signed = |which| context.signed(lines, &context.own_lines, *bind, which);
        let keyed = signed(Which::Current).is_keyed(method);
        // Both are tried in any case, so that the time does not tell which of them it was.
        let [current, old] = [Which::Current, Which::Old].map(|which| method.verify(&signed(which), token));
        let which = match (current, old) {
            (true, _) => Which::Current,
            (false, true) if keyed => Which::Old,
            _ if keyed => return Err(HandshakeError::BadToken { node: node.clone() }),
            _ => return Err(HandshakeError::BadTlsToken { node: node.clone() }),
        };
        context.proof = Some((method, which));
        let known = latin1(framing).parse().ok();
        let offered = known.filter(|framing| context.config.usable_framings().any(|ours| ours == *framing));
        let framing = offered.ok_or_else(|| HandshakeError::FramingNotOffered { framing: shown(framing) })?;
        Ok((framing, which))
    }
}
