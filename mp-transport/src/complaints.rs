//! What has been said lately, so that a log is not flooded by a peer that tries again and again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The same line is not said again for this long.
const REST: Duration = Duration::from_secs(60);
/// Lines that are remembered.
const REMEMBERED: usize = 256;
/// Characters of what a peer sent that are shown.
const SHOWN: usize = 100;

/// What is said for whom, and when it was last said. Neither the same line nor more than 256 different ones are said
/// in a minute `[ND-15]`.
#[derive(Debug, Default)]
pub struct Complaints(BTreeMap<String, Instant>);

impl Complaints {
    /// Whether the line should be said now.
    #[must_use]
    pub fn first(&mut self, line: String, now: Instant) -> bool {
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

/// What a peer sent, fit for a log: escaped, and cut short.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [ND-15]
    #[test]
    fn a_line_is_said_once_a_minute() {
        let (mut complaints, start) = (Complaints::default(), crate::clock::now());
        assert!(complaints.first("a".into(), start));
        assert!(!complaints.first("a".into(), start + REST - Duration::from_millis(1)));
        assert!(complaints.first("b".into(), start));
        assert!(complaints.first("a".into(), start + REST));
    }

    /// [ND-15]
    #[test]
    fn no_more_than_so_many_lines_are_said_in_a_minute() {
        let (mut complaints, start) = (Complaints::default(), crate::clock::now());
        let mut said =
            |at: Instant| (0..1000).filter(|number| complaints.first(number.to_string(), at)).count();
        assert_eq!(said(start), REMEMBERED);
        assert_eq!(said(start + REST), REMEMBERED);
        assert!(complaints.0.len() <= REMEMBERED);
    }

    #[test]
    fn what_a_peer_sent_is_shown_harmlessly() {
        assert_eq!(shown("a\x1b[31m\n\""), "a\\u{1b}[31m\\n\\\"");
        assert_eq!(shown(&"x".repeat(SHOWN)), "x".repeat(SHOWN));
        assert_eq!(shown(&"x".repeat(SHOWN + 1)), "x".repeat(SHOWN) + "...");
    }
}
