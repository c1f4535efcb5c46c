//! When the peer was heard, and when it heard us.

use std::time::{Duration, Instant};

use super::ConnectionError;

/// No peer can make us send keep-alives as if it bore a shorter silence than this.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);
/// Keep-alives in the time of the silence that is borne: three may be late.
const KEEP_ALIVES: u32 = 4;
/// Keep-alives are never closer together.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// When the peer was heard, and when it heard us.
#[derive(Debug)]
pub(super) struct Liveness {
    /// The longest silence that we bear.
    patience: Duration,
    heard: Instant,
    /// The owner does not read.
    paused: bool,
    /// The longest that we are silent.
    interval: Duration,
    sent: Instant,
    /// A keep-alive is to be sent.
    due: bool,
}

impl Liveness {
    pub(super) fn new(patience: Duration, peer: Option<Duration>, now: Instant) -> Self {
        let borne = peer.map_or(patience, |peer| patience.min(peer.max(SHORTEST_SILENCE)));
        let interval = (borne / KEEP_ALIVES).max(SHORTEST_INTERVAL);
        Self { patience, heard: now, paused: false, interval, sent: now, due: false }
    }

    pub(super) fn note_heard(&mut self, now: Instant) {
        self.heard = now;
    }

    pub(super) fn note_sent(&mut self, now: Instant) {
        self.sent = now;
        self.due = false;
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn resume(&mut self, now: Instant) {
        if std::mem::take(&mut self.paused) {
            self.heard = now;
        }
    }

    pub(super) fn check(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let reached = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if reached(self.silent_at()) {
            return Err(ConnectionError::Silent { after: self.patience });
        }
        self.due |= reached(self.due_at());
        Ok(())
    }

    /// Whether a keep-alive is to be sent; it then counts as sent.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.due;
        if due {
            self.note_sent(now);
        }
        due
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.silent_at().into_iter().chain(self.due_at()).min()
    }

    fn silent_at(&self) -> Option<Instant> {
        if self.paused { None } else { self.heard.checked_add(self.patience) }
    }

    /// Nothing while a keep-alive waits to be taken: the owner may be unable to write.
    fn due_at(&self) -> Option<Instant> {
        if self.due { None } else { self.sent.checked_add(self.interval) }
    }
}
