//! The one clock `[TR-01]`.
//!
//! Nothing else in these crates reads the time. It is tokio's clock, so that a test on a paused runtime controls it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::Sleep;

/// The present, on the clock that never goes back. Costs some 30 ns: read it once a round and pass it on.
///
/// On a runtime with a paused clock it is that clock's time; elsewhere, and outside of a runtime, the machine's.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one clock module")]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The machine's date: seconds since 1970-01-01 00:00 UTC, fraction included. For what people read and for what
/// travels between machines; it may jump, and a paused runtime does not stop it. Negative before 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one clock module")]
pub fn wall() -> f64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// The time that lies `duration` after `now`. A duration so long that no clock can show its end, such as
/// [`Duration::MAX`] for *never*, ends in thirty years.
#[must_use]
pub fn after(now: Instant, duration: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    now.checked_add(duration.min(NEVER)).unwrap_or(now)
}

/// Waits until `at` has come; returns at once if it has. Precise to a millisecond, and never early.
///
/// # Cancellation
///
/// Dropping the future ends the wait and does nothing else.
///
/// # Panics
///
/// Outside of a tokio runtime, or on one without its timer.
pub async fn sleep_until(at: Instant) {
    tokio::time::sleep_until(at.into()).await;
}

/// A timer for those who poll: it is made when first needed, and moved only to fire earlier.
#[derive(Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready once `at` has come; until then the task is woken then, or earlier.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let at = at.into();
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        loop {
            // A time-out that each message puts off does not move the timer: one vain wake-up per period costs less.
            if sleep.deadline() > at || (sleep.is_elapsed() && sleep.deadline() != at) {
                sleep.as_mut().reset(at);
            }
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// `[TR-01]`
    #[tokio::test(start_paused = true)]
    async fn a_paused_runtime_controls_the_clock() {
        let start = now();
        sleep_until(start + Duration::from_secs(3600)).await;
        assert_eq!(now() - start, Duration::from_secs(3600));
        sleep_until(start).await;
        assert_eq!(now() - start, Duration::from_secs(3600), "what is past is not waited for");
    }

    #[test]
    fn the_wall_clock_is_in_seconds() {
        assert!(wall() > 1_700_000_000.0 && wall() < 1e11);
    }
}
