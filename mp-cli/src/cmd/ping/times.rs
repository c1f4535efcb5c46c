//! How long answers took.

use std::collections::VecDeque;
use std::time::Duration;

use mp_node::PortId;
use serde::Serialize;

use super::seconds;

/// So many of the latest times are kept for the percentile.
const KEPT: usize = 100_000;

/// The times of answers.
#[derive(Debug, Default)]
pub(super) struct Times {
    sent: u64,
    received: u64,
    least: Option<Duration>,
    most: Duration,
    total: Duration,
    latest: VecDeque<Duration>,
}

/// What they come to, in seconds; without any answer there are none.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    port: String,
    sent: u64,
    received: u64,
    /// The part that was lost, from 0 to 1.
    loss: f64,
    round_trip_min: Option<f64>,
    round_trip_mean: Option<f64>,
    round_trip_max: Option<f64>,
    round_trip_p99: Option<f64>,
}

impl Times {
    pub(super) fn answered(&mut self, took: Duration) {
        self.sent += 1;
        self.received += 1;
        self.least = Some(self.least.map_or(took, |least| least.min(took)));
        self.most = self.most.max(took);
        self.total += took;
        if self.latest.len() == KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(took);
    }

    pub(super) fn lost(&mut self) {
        self.sent += 1;
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^53 of them")]
    pub(super) fn summary(&self, port: &PortId) -> Summary {
        let (sent, received) = (self.sent as f64, self.received as f64);
        let some = |time: Duration| (self.received > 0).then(|| seconds(time));
        Summary {
            port: port.to_string(),
            sent: self.sent,
            received: self.received,
            loss: if self.sent == 0 { 0.0 } else { (sent - received) / sent },
            round_trip_min: self.least.map(seconds),
            round_trip_mean: (self.received > 0)
                .then(|| self.total.as_secs_f64() / received)
                .map(|mean| (mean * 1e6).round() / 1e6),
            round_trip_max: some(self.most),
            round_trip_p99: self.percentile(99).map(seconds),
        }
    }

    /// The least time that so many of a hundred answers did not take longer than.
    fn percentile(&self, part: usize) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.latest.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * part).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    }
}

impl Summary {
    pub(super) fn text(&self) -> String {
        let loss = self.loss * 100.0;
        let mut text =
            format!("{}: {} sent, {} answered, {loss:.0} % lost", self.port, self.sent, self.received);
        if let (Some(min), Some(mean), Some(max), Some(p99)) =
            (self.round_trip_min, self.round_trip_mean, self.round_trip_max, self.round_trip_p99)
        {
            let [min, mean, p99, max] = [min, mean, p99, max].map(|time| time * 1e3);
            text += &format!("\nround trip: min {min:.3}, mean {mean:.3}, p99 {p99:.3}, max {max:.3} ms");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_times_come_to() {
        let mut times = Times::default();
        for number in 1..=200 {
            times.answered(Duration::from_millis(number));
        }
        times.lost();
        let summary = times.summary(&"n".parse().unwrap());
        assert_eq!((summary.sent, summary.received), (201, 200));
        assert_eq!((summary.round_trip_min, summary.round_trip_mean), (Some(0.001), Some(0.1005)));
        assert_eq!((summary.round_trip_p99, summary.round_trip_max), (Some(0.198), Some(0.2)));
        assert_eq!(summary.text().lines().next(), Some("n: 201 sent, 200 answered, 0 % lost"));
        let none = Times::default().summary(&"n".parse().unwrap());
        assert_eq!((none.round_trip_p99, none.loss), (None, 0.0));
        assert_eq!(none.text(), "n: 0 sent, 0 answered, 0 % lost");
    }
}
