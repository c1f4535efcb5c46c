//! Where an array ends.

use super::levels::Levels;
use super::plain::plain_len;
use super::{is_white, malformed};
use crate::codec::{DecodeError, Scanner, Span};

/// Cuts concatenated JSON arrays by their brackets, looking at each byte once `[FR-11]`. What stands between the
/// brackets is the reader's to judge.
#[derive(Debug, Clone, Default)]
pub struct JsonScanner {
    /// How far the input has been looked at.
    at: usize,
    /// Where the frame begins, once [`State::Between`] is left.
    start: usize,
    state: State,
    levels: Levels,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before a frame.
    #[default]
    Between,
    /// Inside brackets, outside strings.
    Plain,
    /// Inside a string.
    Quoted,
    /// Inside a string, behind a backslash.
    Escaped,
}

impl Scanner for JsonScanner {
    fn scan(&mut self, input: &[u8], max: usize) -> Result<Option<Span>, DecodeError> {
        if self.state == State::Between && !self.find_start(input, max)? {
            return Ok(None);
        }
        // What lies beyond the longest frame [FR-12] is not looked at: cut otherwise, it might not be here yet.
        let window = input.get(..self.start.saturating_add(max)).unwrap_or(input);
        while let Some(rest) = window.get(self.at..)
            && !rest.is_empty()
        {
            match self.state {
                State::Plain => {
                    if self.plain(rest)? {
                        return Ok(Some(self.finish()));
                    }
                }
                State::Quoted => self.quoted(rest)?,
                State::Escaped => {
                    self.at = self.at.saturating_add(1);
                    self.state = State::Quoted;
                }
                State::Between => return Err(malformed(0, "the scanner is spent")),
            }
        }
        if self.at.saturating_sub(self.start) >= max { Err(DecodeError::TooLong { max }) } else { Ok(None) }
    }

    #[inline]
    fn is_between(&self) -> bool {
        self.state == State::Between && self.at == 0
    }
}

impl JsonScanner {
    /// Skips white space; says whether an array begins behind it.
    fn find_start(&mut self, input: &[u8], max: usize) -> Result<bool, DecodeError> {
        let rest = input.get(self.at..).unwrap_or_default();
        let white = rest.iter().take_while(|byte| is_white(**byte)).count();
        self.at = self.at.saturating_add(white);
        if self.at > max {
            return Err(DecodeError::TooLong { max });
        }
        match rest.get(white) {
            None => Ok(false),
            Some(b'[') => {
                self.start = self.at;
                self.state = State::Plain;
                Ok(true)
            }
            Some(_) => Err(malformed(0, "a message must be an array")),
        }
    }

    /// Takes what there is outside strings, up to and with the next quote; says whether the frame ends with it.
    #[inline]
    fn plain(&mut self, rest: &[u8]) -> Result<bool, DecodeError> {
        let base = self.at;
        for (index, &byte) in rest.iter().enumerate() {
            match byte {
                b'"' => {
                    self.at = base.saturating_add(index).saturating_add(1);
                    self.state = State::Quoted;
                    return Ok(false);
                }
                b'[' | b'{' => self.levels.push(byte == b'{')?,
                b']' | b'}' => {
                    if self.levels.in_map() != (byte == b'}') {
                        let offset = base.saturating_add(index).saturating_sub(self.start);
                        return Err(malformed(offset, "the closing bracket is not of the kind that is open"));
                    }
                    self.levels.pop();
                    if self.levels.is_empty() {
                        self.at = base.saturating_add(index).saturating_add(1);
                        return Ok(true);
                    }
                }
                _ => {}
            }
        }
        self.at = base.saturating_add(rest.len());
        Ok(false)
    }

    /// Takes what there is of a string, up to and with the next quote or backslash.
    #[inline]
    fn quoted(&mut self, rest: &[u8]) -> Result<(), DecodeError> {
        let plain = plain_len(rest);
        self.at = self.at.saturating_add(plain);
        self.state = match rest.get(plain) {
            None => return Ok(()),
            Some(b'"') => State::Plain,
            Some(b'\\') => State::Escaped,
            Some(_) => {
                let offset = self.at.saturating_sub(self.start);
                return Err(malformed(offset, "a control character in a string"));
            }
        };
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    /// The frame that ends here; the next begins here.
    fn finish(&mut self) -> Span {
        let span = Span { skip: self.start, len: self.at.saturating_sub(self.start) };
        self.at = 0;
        self.state = State::Between;
        span
    }
}
