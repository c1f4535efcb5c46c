//! What has been said lately, so that a log is not flooded by a peer that tries again and again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The same line is not said again for this long.
const REST: Duration = Duration::from_secs(60);
/// Lines that are remembered.
const REMEMBERED: usize = 256;

/// Lines and when they were last said.
#[derive(Debug, Default)]
pub(crate) struct Complaints(BTreeMap<String, Instant>);

impl Complaints {
    /// Whether the line should be said now.
    pub(crate) fn first(&mut self, line: String, now: Instant) -> bool {
        if self.0.get(&line).is_some_and(|said| now.saturating_duration_since(*said) < REST) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, said| now.saturating_duration_since(*said) < REST);
        }
        if self.0.len() < REMEMBERED {
            self.0.insert(line, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_once_a_minute() {
        let (mut complaints, start) = (Complaints::default(), mp_transport::clock::now());
        assert!(complaints.first("a".into(), start));
        assert!(!complaints.first("a".into(), start + REST - Duration::from_millis(1)));
        assert!(complaints.first("b".into(), start));
        assert!(complaints.first("a".into(), start + REST));
    }

    #[test]
    fn many_lines_do_not_grow_it() {
        let (mut complaints, start) = (Complaints::default(), mp_transport::clock::now());
        for number in 0..10_000 {
            assert!(complaints.first(number.to_string(), start));
        }
        assert!(complaints.0.len() <= REMEMBERED);
    }
}
