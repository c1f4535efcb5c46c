//! Waiting longer and longer, with some chance in it.

use std::time::Duration;

/// A small random number generator (splitmix64); good enough to keep nodes out of step.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Once to twice the duration.
    fn stretch(&mut self, duration: Duration) -> Duration {
        let share = u32::try_from(self.next() >> 32).unwrap_or(0);
        duration + duration.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}

/// How long to wait after a number of failures: once to twice `first`, doubled with each failure; `longest` at the
/// most.
pub(super) fn wait(failures: u32, first: Duration, longest: Duration, random: &mut Random) -> Duration {
    let doubled = first.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)));
    random.stretch(doubled.min(longest / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [GL-25]
    #[test]
    fn waits_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(600), Duration::from_secs(30));
        for seed in 0..100 {
            let mut random = Random::new(seed);
            for failures in 1..=5 {
                let unit = first * 2u32.pow(failures - 1);
                let wait = wait(failures, first, longest, &mut random);
                assert!(unit <= wait && wait <= unit * 2, "{failures}: {wait:?}");
            }
            for failures in [6, 7, 40, u32::MAX] {
                let wait = wait(failures, first, longest, &mut random);
                assert!(longest / 2 <= wait && wait <= longest, "{failures}: {wait:?}");
            }
        }
    }

    #[test]
    fn chance_is_repeatable_and_differs() {
        let waits = |seed| {
            let mut random = Random::new(seed);
            [(); 8].map(|()| random.stretch(Duration::from_secs(1)))
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
