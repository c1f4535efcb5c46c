//! Chance that follows from a seed.

use std::time::Duration;

/// A stream of random choices that follows from its seed, the same on every machine and in every version.
///
/// Splitmix64: fine for simulations, useless against an attacker.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// A stream for one purpose. It does not depend on how much was drawn from this one before for other purposes, so
    /// that a change in one part of a simulation leaves the others as they are.
    #[must_use]
    pub fn stream(seed: u64, purpose: &str) -> Self {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(mix(purpose.bytes().fold(mix(seed), step)))
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `bound - 1`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.word().checked_rem(bound).unwrap_or(0)
    }

    /// The same for lengths and indices.
    pub fn index(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// True once in `times` times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A time below `bound`, in whole milliseconds.
    pub fn millis(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.index(from.len()))
    }
}

fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut dice = Dice::new(42);
        assert_eq!([dice.below(1000), dice.below(1000), dice.below(1000)], [281, 191, 141]);
        assert_eq!(Dice::stream(42, "faults").below(1000), Dice::stream(42, "faults").below(1000));
        assert_ne!(Dice::stream(42, "faults").word(), Dice::stream(42, "links").word());
    }

    #[test]
    fn bounds_hold() {
        let mut dice = Dice::new(1);
        assert_eq!((dice.below(0), dice.below(1), dice.pick::<u8>(&[])), (0, 0, None));
        assert!((0..1000).all(|_| dice.millis(7) < Duration::from_millis(7)));
    }
}
