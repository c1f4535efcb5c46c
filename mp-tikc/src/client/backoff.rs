//! How long to wait before the next attempt, without clock or chance of its own.

use std::time::Duration;

/// The waits between attempts: doubling from the first to the longest, each up to a quarter longer by chance, so that
/// the clients of a server that was restarted do not come all at once `[TK-60]`.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first), next: first }
    }

    /// A connection had come to something: what comes next is a first failure.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next wait; `random` is any number. The first one is as long as it was set, as peers are used to.
    pub(crate) fn next(&mut self, random: u16) -> Duration {
        let wait = self.next;
        self.next = self.next.saturating_mul(2).min(self.longest);
        if wait == self.first {
            return wait;
        }
        wait.saturating_add(wait.mul_f64(f64::from(random) / f64::from(u16::MAX) / 4.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [TK-60]
    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let secs = Duration::from_secs;
        let mut backoff = Backoff::new(secs(2), secs(60));
        let waits: Vec<u64> = (0..8).map(|_| backoff.next(0).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.next(u16::MAX), secs(75));
        backoff.reset();
        assert_eq!(backoff.next(u16::MAX), secs(2));
    }
}
