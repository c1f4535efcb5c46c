//! What a receiver makes of its messages, so that nobody can say that they were not read.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

/// How many payloads came, and the sum of their first and last bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Payloads.
    pub count: u64,
    /// Their first and last bytes, added up, with overflow.
    pub sum: u64,
}

impl Tally {
    /// One more payload.
    pub fn add(&mut self, payload: &[u8]) {
        self.count += 1;
        if let (Some(first), Some(last)) = (payload.first(), payload.last()) {
            self.sum = self.sum.wrapping_add(u64::from(*first) + u64::from(*last));
        }
    }

    /// What it should be after so many payloads of one kind.
    #[must_use]
    pub fn of(count: u64, payload: &[u8]) -> Self {
        let mut one = Self::default();
        one.add(payload);
        Self { count, sum: one.sum.wrapping_mul(count) }
    }

    /// What has come since then.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self { count: self.count - before.count, sum: self.sum.wrapping_sub(before.sum) }
    }

    /// As a frame between raw sockets.
    #[must_use]
    pub fn frame(self) -> [u8; 16] {
        (u128::from(self.sum) << 64 | u128::from(self.count)).to_le_bytes()
    }

    /// Of a frame.
    #[must_use]
    pub fn of_frame(frame: &[u8]) -> Option<Self> {
        let (count, sum) = frame.split_first_chunk::<8>()?;
        Some(Self { count: u64::from_le_bytes(*count), sum: u64::from_le_bytes(sum.try_into().ok()?) })
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self { count: a.count + b.count, sum: a.sum.wrapping_add(b.sum) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_as_expected_and_survives_a_frame() {
        let mut tally = Tally::default();
        for _ in 0..1_000 {
            tally.add(b"axz");
        }
        assert_eq!(tally, Tally::of(1_000, b"axz"));
        assert_eq!(Tally::of_frame(&tally.frame()), Some(tally));
        assert_eq!(tally.since(Tally::of(400, b"axz")), Tally::of(600, b"axz"));
        assert_eq!(Tally::of_frame(&[0; 15]), None);
    }
}
