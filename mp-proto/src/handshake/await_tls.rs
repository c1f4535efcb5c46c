//! Between the greetings and the proofs: TLS is to start.

use super::State;
use super::await_auth::AwaitAuth;
use super::await_nonce::Peer;
use super::context::Context;
use crate::TlsBinding;

/// Both sides want TLS; our owner has to start it.
pub(super) struct AwaitTls {
    peer: Peer,
}

impl AwaitTls {
    pub(super) fn new(peer: Peer) -> Self {
        Self { peer }
    }

    pub(super) fn started(self, context: &mut Context, binding: TlsBinding) -> State {
        context.tls = Some(binding);
        State::AwaitAuth(AwaitAuth::new(context, self.peer))
    }
}
