//! One direction between two hosts: how long bytes take.

use std::time::{Duration, Instant};

/// The most bytes that arrive in one piece on a throttled link: what fits a packet.
pub(super) const PACKET: usize = 1448;

/// What happens to all that one host sends to another.
#[derive(Debug)]
pub(super) struct Link {
    latency: Duration,
    jitter: Duration,
    bytes_per_second: Option<u64>,
    /// When the link has sent all that it was given, as far as it is throttled.
    busy_until: Option<Instant>,
    cut: bool,
    chance: Chance,
}

impl Link {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            bytes_per_second: None,
            busy_until: None,
            cut: false,
            chance: Chance(seed),
        }
    }

    pub(super) fn delay(&mut self, latency: Duration, jitter: Duration) {
        (self.latency, self.jitter) = (latency, jitter);
    }

    pub(super) fn throttle(&mut self, bytes_per_second: Option<u64>) {
        self.bytes_per_second = bytes_per_second.map(|rate| rate.max(1));
        self.busy_until = None;
    }

    pub(super) fn cut(&mut self) {
        self.cut = true;
    }

    /// Ends a cut. What was sent meanwhile went nowhere, so the link is free.
    pub(super) fn heal(&mut self) {
        self.cut = false;
        self.busy_until = None;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether bytes arrive the moment they are sent.
    pub(super) fn is_plain(&self) -> bool {
        !self.cut && self.bytes_per_second.is_none() && self.latency.is_zero() && self.jitter.is_zero()
    }

    /// How many bytes go into one piece with one time of arrival.
    pub(super) fn piece(&self) -> usize {
        if self.bytes_per_second.is_some() { PACKET } else { usize::MAX }
    }

    /// When `len` bytes arrive that are sent now.
    pub(super) fn arrival(&mut self, now: Instant, len: usize) -> Instant {
        let sent = match self.bytes_per_second {
            None => now,
            Some(rate) => {
                let len = u64::try_from(len).unwrap_or(u64::MAX);
                let nanos = len.saturating_mul(1_000_000_000) / rate;
                let sent = self.busy_until.map_or(now, |busy| busy.max(now)) + Duration::from_nanos(nanos);
                self.busy_until = Some(sent);
                sent
            }
        };
        sent + self.latency + self.chance.up_to(self.jitter)
    }
}

/// A small random generator (SplitMix64), one per link, so that what happens on one does not disturb another.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn up_to(&mut self, most: Duration) -> Duration {
        if most.is_zero() {
            return Duration::ZERO;
        }
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(self.next() % (nanos.saturating_add(1)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }
}

/// The seed of the link between two hosts: it depends on the network's seed and on their names, and not on the order
/// in which tests mention them.
pub(super) fn seed_for(seed: u64, from: &str, to: &str) -> u64 {
    let names = from.bytes().chain([0]).chain(to.bytes());
    names.fold(mix(seed), |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn jitter_covers_its_range_and_no_more() {
        let now = clock::now();
        let mut link = Link::new(seed_for(7, "a", "b"));
        link.delay(Duration::from_millis(10), Duration::from_millis(4));
        let delays: Vec<_> = (0..1000).map(|_| link.arrival(now, 1) - now).collect();
        assert!(delays.iter().all(|d| (Duration::from_millis(10)..=Duration::from_millis(14)).contains(d)));
        assert!(delays.iter().any(|d| *d < Duration::from_millis(11)));
        assert!(delays.iter().any(|d| *d > Duration::from_millis(13)));
    }

    #[test]
    fn seeds_differ_by_direction() {
        assert_ne!(seed_for(7, "a", "b"), seed_for(7, "b", "a"));
        assert_ne!(seed_for(7, "a", "bc"), seed_for(7, "ab", "c"));
    }

    #[test]
    fn a_throttled_link_sends_one_after_another() {
        let now = clock::now();
        let mut link = Link::new(1);
        link.throttle(Some(1000));
        assert_eq!(link.arrival(now, 500) - now, Duration::from_millis(500));
        assert_eq!(link.arrival(now, 500) - now, Duration::from_millis(1000));
        let later = now + Duration::from_secs(60);
        assert_eq!(link.arrival(later, 1) - later, Duration::from_millis(1), "idle time is not saved up");
    }
}
