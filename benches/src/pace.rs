//! Time: how long to go on, and how long things took.

use std::time::{Duration, Instant};

use mp_transport::clock;

use crate::figures::{Figure, Metric};

/// Bytes that are sent between two looks at the clock, which costs more than a small message.
const STRETCH: usize = 64 * 1024;

/// Says when a job has lasted long enough.
#[derive(Debug)]
pub struct Pace {
    begun: Instant,
    time: Duration,
    stretch: usize,
    left: usize,
    sent: u64,
}

impl Pace {
    /// Begins now. At least one message is sent.
    #[must_use]
    pub fn new(time: Duration, payload: usize) -> Self {
        let stretch = (STRETCH / payload.max(1)).clamp(1, 1_024);
        Self { begun: clock::now(), time, stretch, left: stretch, sent: 0 }
    }

    /// Whether one more is to be sent.
    pub fn more(&mut self) -> bool {
        if self.left == 0 {
            if self.begun.elapsed() >= self.time {
                return false;
            }
            self.left = self.stretch;
        }
        self.left -= 1;
        self.sent += 1;
        true
    }

    /// How many were to be sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// How long each of many things took.
#[derive(Debug, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// One more, unless there are a million.
    pub fn add(&mut self, time: Duration) {
        if self.0.len() < 1_000_000 {
            self.0.push(time);
        }
    }

    /// The `part`-th of a thousand takes no longer, in microseconds. Zero if there is none.
    #[must_use]
    pub fn quantile(&mut self, part: usize) -> f64 {
        self.0.sort_unstable();
        let at = (self.0.len() * part).div_ceil(1_000).saturating_sub(1);
        self.0.get(at).map_or(0.0, |time| micros(*time))
    }

    /// The mean, and the usual quantiles.
    #[must_use]
    pub fn figures(mut self) -> Vec<Figure> {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX).max(1);
        let mean = micros(self.0.iter().sum::<Duration>() / count);
        vec![
            (Metric::RttMean, mean),
            (Metric::RttP50, self.quantile(500)),
            (Metric::RttP99, self.quantile(990)),
        ]
    }
}

/// A time in microseconds.
#[must_use]
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_came() {
        let mut durations = Durations::default();
        assert_eq!(durations.quantile(500), 0.0);
        for number in (1..=100).rev() {
            durations.add(Duration::from_micros(number));
        }
        assert_eq!((durations.quantile(500), durations.quantile(990)), (50.0, 99.0));
        let figures = durations.figures();
        assert_eq!(figures[0], (Metric::RttMean, 50.5));
    }

    #[test]
    fn a_pace_without_time_sends_one_stretch() {
        let mut pace = Pace::new(Duration::ZERO, 64 * 1024);
        assert!(pace.more());
        assert!(!pace.more());
        assert_eq!(pace.sent(), 1);
        let mut pace = Pace::new(Duration::ZERO, 64);
        while pace.more() {}
        assert_eq!(pace.sent(), 1_024);
    }
}
