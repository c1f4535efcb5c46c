//! Locks that a panic cannot spoil, and what has been logged lately.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A mutex for short sections in which no foreign code runs, so poisoning says nothing and is ignored.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same line is not said again for this long.
const REST: Duration = Duration::from_secs(60);
/// Lines that are remembered; more different ones are not said.
const REMEMBERED: usize = 256;

/// What is said about whom, and when it was last said: a hostile peer gets one line, not a full log.
#[derive(Debug, Default)]
pub(crate) struct Complaints(BTreeMap<String, Instant>);

impl Complaints {
    /// Whether the line should be said now.
    pub(crate) fn first(&mut self, line: String, now: Instant) -> bool {
        let rests = |said: &Instant| now.saturating_duration_since(*said) < REST;
        if self.0.get(&line).is_some_and(rests) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, said| rests(said));
        }
        let room = self.0.len() < REMEMBERED;
        if room {
            self.0.insert(line, now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_once_a_minute_and_no_more_than_so_many() {
        let (mut complaints, start) = (Complaints::default(), mp_transport::clock::now());
        assert!(complaints.first("a".into(), start));
        assert!(!complaints.first("a".into(), start + REST - Duration::from_millis(1)));
        assert!(complaints.first("a".into(), start + REST));
        let said = (0..1000).filter(|number: &u32| complaints.first(number.to_string(), start + REST));
        assert_eq!(said.count(), REMEMBERED - 1);
    }
}
