//! One clock for all processes of a soak.

use std::time::{Duration, Instant};

use mp_transport::clock;

/// Two readings that lie farther apart than this were interrupted, and are made again.
const INSTANT: Duration = Duration::from_micros(2);
/// So often.
const TRIES: usize = 20_000;

/// The time since the run's start, the same in all its processes: that of the machine's clock which never goes back, set by
/// its wall clock once when a process begins.
#[derive(Debug, Clone)]
pub(super) struct RunClock {
    zero: Instant,
    /// The wall clock's time at the run's start.
    wall: f64,
}

impl RunClock {
    /// The run starts now.
    pub(super) fn start() -> Self {
        let (zero, wall) = reading();
        Self { zero, wall }
    }

    /// That of a run which was started when the wall clock showed `wall`.
    pub(super) fn of(wall: f64) -> Self {
        let (now, shown) = reading();
        let since = Duration::try_from_secs_f64(shown - wall).unwrap_or_default();
        Self { zero: now.checked_sub(since).unwrap_or(now), wall }
    }

    /// What the wall clock showed at the run's start.
    pub(super) fn wall(&self) -> f64 {
        self.wall
    }

    /// The time since then.
    pub(super) fn now(&self) -> Duration {
        clock::now().saturating_duration_since(self.zero)
    }

    /// By how much the wall clock was set since then: processes begun before and after have clocks that differ by so much.
    pub(super) fn set_by(&self) -> Duration {
        let other = Self::of(self.wall);
        other.zero.saturating_duration_since(self.zero).max(self.zero.saturating_duration_since(other.zero))
    }
}

/// What both clocks show at the same time.
fn reading() -> (Instant, f64) {
    let read = || {
        let (before, wall, after) = (clock::now(), clock::wall(), clock::now());
        (after.saturating_duration_since(before), before, wall)
    };
    let mut best = read();
    for _ in 0..TRIES {
        if best.0 <= INSTANT {
            break;
        }
        let next = read();
        if next.0 < best.0 {
            best = next;
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_have_one_time() {
        let ours = RunClock::start();
        let theirs = RunClock::of(ours.wall());
        let (one, other, again) = (ours.now(), theirs.now(), ours.now());
        let slack = Duration::from_millis(1);
        assert!(one <= other + slack && other <= again + slack, "{one:?} {other:?} {again:?}");
        assert!(ours.set_by() < slack);
    }
}
