//! Whether the peer is still there `[TK-57]`.

use std::time::{Duration, Instant};

use mp_transport::clock::after;

/// When the peer was heard last, and we were.
#[derive(Debug, Clone)]
pub(super) struct Silence {
    bound: Duration,
    heard: Instant,
    spoke: Instant,
    /// The bound has passed, and so long what may have come meanwhile is still read: it may be we who slept.
    last: Option<Instant>,
}

impl Silence {
    pub(super) fn new(bound: Duration, now: Instant) -> Self {
        Self { bound, heard: now, spoke: now, last: None }
    }

    pub(super) fn bound(&self) -> Duration {
        self.bound
    }

    pub(super) fn heard(&mut self, now: Instant) {
        (self.heard, self.last) = (now, None);
    }

    pub(super) fn spoke(&mut self, now: Instant) {
        self.spoke = now;
    }

    /// When there is something to be done.
    pub(super) fn next(&self) -> Instant {
        let end = self.last.unwrap_or_else(|| after(self.heard, self.bound));
        end.min(after(self.spoke, self.bound / 3))
    }

    /// Whether the peer is to be given up. The first time that its silence is noticed that is not so.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        match self.last {
            Some(last) => now >= last,
            None => {
                self.last = (now >= after(self.heard, self.bound)).then(|| after(now, self.bound / 10));
                false
            }
        }
    }

    /// Whether something has to be said, which is asked once.
    pub(super) fn must_speak(&mut self, now: Instant) -> bool {
        let must = now >= after(self.spoke, self.bound / 3);
        if must {
            self.spoke = now;
        }
        must
    }
}
