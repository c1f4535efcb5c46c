//! One direction between two hosts: how long bytes take.

use std::time::{Duration, Instant};

/// The most bytes that arrive in one piece on a throttled link: what fits a packet.
pub(super) const PACKET: usize = 1448;

/// What a link does to bytes, as far as a test sets it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conduct {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) cut: bool,
}

/// What happens to all that one host sends to another.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conduct: Conduct,
    /// When the link has sent all that it was given, as far as it is throttled.
    busy_until: Option<Instant>,
    chance: Chance,
}

impl Link {
    pub(super) fn new(seed: u64, conduct: Conduct) -> Self {
        Self { conduct, busy_until: None, chance: Chance(seed) }
    }

    /// At the end of a cut, what was sent so far does not hold up what comes: it went nowhere.
    pub(super) fn forget_backlog(&mut self) {
        if self.conduct.cut {
            self.busy_until = None;
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.conduct.cut
    }

    /// Whether bytes arrive the moment they are sent.
    pub(super) fn is_plain(&self) -> bool {
        let Conduct { latency, jitter, bytes_per_second, cut } = self.conduct;
        !cut && bytes_per_second.is_none() && latency.is_zero() && jitter.is_zero()
    }

    /// How many bytes go into one piece with one time of arrival.
    pub(super) fn piece(&self) -> usize {
        if self.conduct.bytes_per_second.is_some() { PACKET } else { usize::MAX }
    }

    /// When `len` bytes arrive that are sent now.
    pub(super) fn arrival(&mut self, now: Instant, len: usize) -> Instant {
        let sent = match self.conduct.bytes_per_second {
            None => now,
            Some(rate) => {
                let len = u64::try_from(len).unwrap_or(u64::MAX);
                let nanos = len.saturating_mul(1_000_000_000) / rate;
                let sent = self.busy_until.map_or(now, |busy| busy.max(now)) + Duration::from_nanos(nanos);
                self.busy_until = Some(sent);
                sent
            }
        };
        sent + self.conduct.latency + self.chance.up_to(self.conduct.jitter)
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
        let conduct = Conduct {
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(4),
            ..Conduct::default()
        };
        let mut link = Link::new(seed_for(7, "a", "b"), conduct);
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
        let mut link = Link::new(1, Conduct { bytes_per_second: Some(1000), ..Conduct::default() });
        assert_eq!(link.arrival(now, 500) - now, Duration::from_millis(500));
        assert_eq!(link.arrival(now, 500) - now, Duration::from_millis(1000));
        let later = now + Duration::from_secs(60);
        assert_eq!(link.arrival(later, 1) - later, Duration::from_millis(1), "idle time is not saved up");
    }
}
