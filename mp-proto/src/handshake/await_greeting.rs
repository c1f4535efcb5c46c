//! The first state: the peer's greeting is to come.

use bytes::Bytes;

use super::await_nonce::AwaitNonce;
use super::{HandshakeError, Stage};
use crate::Greeting;

/// How many bytes tell a foreign protocol.
const TELLING: usize = 8;
/// How many of a foreign protocol's bytes are kept for the error's text.
const KEPT: usize = 64;

/// The peer's greeting is to come.
#[derive(Debug, Default)]
pub(super) struct AwaitGreeting {
    /// The beginning of an unfinished line that is not AEMP.
    foreign: Vec<u8>,
}

impl AwaitGreeting {
    /// Looks at the beginning of a line that has no end yet. A TLS or HTTP/2 client may never send a line, and its user
    /// should hear why at once.
    pub(super) fn judge_beginning(
        &mut self,
        input: &[u8],
        line: &Result<Option<Bytes>, HandshakeError>,
    ) -> Result<(), HandshakeError> {
        let strange = input.iter().zip(b"aemp").any(|(byte, expected)| byte != expected);
        if matches!(line, Ok(Some(_))) || !strange {
            return Ok(());
        }
        self.foreign.clear();
        self.foreign.extend(input.iter().take(KEPT));
        let binary = input.first().is_some_and(u8::is_ascii_control);
        if binary && input.len() > 1 || input.len() >= TELLING {
            return Err(HandshakeError::not_aemp(&self.foreign));
        }
        Ok(())
    }

    pub(super) fn on_line(self, line: &[u8]) -> Result<AwaitNonce, HandshakeError> {
        Greeting::parse(line).map(|greeting| AwaitNonce::new(greeting, line))
    }

    /// The input has ended.
    pub(super) fn closed(&self) -> HandshakeError {
        if self.foreign.is_empty() {
            return HandshakeError::Closed { stage: Stage::Greeting };
        }
        HandshakeError::not_aemp(&self.foreign)
    }
}
