//! The last states: the peer is authenticated, and someone decides whether this is the connection to use.

use super::context::Context;
use super::error::shown;
use super::{HandshakeError, HandshakeEvent, Session, Stage, State};

/// Our owner has to admit the connection.
pub(super) struct AwaitAdmit {
    session: Session,
}

/// The peer has to admit the connection.
pub(super) struct AwaitGo {
    session: Session,
}

/// Our owner has to let our proof go out.
pub(super) struct AwaitProceed {
    session: Session,
    held: String,
}

/// The line that admits a connection `[HS-15]`.
const GO: &str = "go";

impl AwaitAdmit {
    pub(super) fn new(session: Session) -> Self {
        Self { session }
    }

    pub(super) fn admit(self, context: &mut Context) -> State {
        context.send_line(GO);
        context.establish(self.session)
    }
}

impl AwaitGo {
    pub(super) fn new(session: Session) -> Self {
        Self { session }
    }

    pub(super) fn on_line(self, context: &mut Context, line: &[u8]) -> Result<State, HandshakeError> {
        if line != GO.as_bytes() {
            // A proof once more, perhaps: what proves something is not for the log.
            let first = line.split(|&byte| byte == b';').next().unwrap_or_default();
            return Err(HandshakeError::BadLine { stage: Stage::Go, line: shown(first) });
        }
        Ok(context.establish(self.session))
    }
}

impl AwaitProceed {
    pub(super) fn new(session: Session, held: String) -> Self {
        Self { session, held }
    }

    pub(super) fn proceed(self, context: &mut Context) -> State {
        context.send_line(&self.held);
        context.establish(self.session)
    }
}

impl Context {
    pub(super) fn establish(&mut self, session: Session) -> State {
        self.events.push_back(HandshakeEvent::Established(session));
        State::Established
    }
}
