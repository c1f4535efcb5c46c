//! Strings.

use std::borrow::Cow;

use super::super::malformed;
use super::super::plain::plain_len;
use super::JsonReader;
use crate::DecodeError;

impl<'a> JsonReader<'a> {
    /// Takes a string with its quotes; borrows it if it has no escape `[FR-14]`.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        self.advance(1);
        let plain = self.plain();
        if self.peek() == Some(b'"') {
            self.advance(1);
            return Ok(Cow::Borrowed(plain));
        }
        self.string_with_escapes(plain)
    }

    fn string_with_escapes(&mut self, plain: &'a str) -> Result<Cow<'a, str>, DecodeError> {
        let mut text = String::from(plain);
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(malformed(self.at, "a control character in a string")),
                None => return Err(self.end()),
            }
            text.push_str(self.plain());
        }
        self.advance(1);
        Ok(Cow::Owned(text))
    }

    /// Takes characters that stand for themselves.
    #[inline]
    fn plain(&mut self) -> &'a str {
        let start = self.at;
        self.advance(plain_len(self.rest()));
        // Special bytes are ASCII, and never within a character.
        self.input.get(start..self.at).unwrap_or_default()
    }

    /// Takes a backslash and what belongs to it.
    fn escape(&mut self) -> Result<char, DecodeError> {
        let start = self.at;
        self.advance(1);
        let byte = self.peek().ok_or_else(|| self.end())?;
        self.advance(1);
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.code_point(start),
            _ => return Err(malformed(start, "an unknown escape in a string")),
        })
    }

    /// Takes the digits of an escape that began at `start`, and its second half if it is the first half of a pair.
    fn code_point(&mut self, start: usize) -> Result<char, DecodeError> {
        const LONE: &str = "half of a surrogate pair in a string";
        let first = self.hex()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or_else(|| malformed(start, LONE));
        }
        for byte in *b"\\u" {
            match self.peek() {
                Some(found) if found == byte => self.advance(1),
                Some(_) => return Err(malformed(start, LONE)),
                None => return Err(self.end()),
            }
        }
        let pair = [first, self.hex()?].map(|half| u16::try_from(half).unwrap_or_default());
        match char::decode_utf16(pair).next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(malformed(start, LONE)),
        }
    }

    /// Takes four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, DecodeError> {
        let mut number = 0_u32;
        for _ in 0..4 {
            let byte = self.peek().ok_or_else(|| self.end())?;
            let digit = char::from(byte).to_digit(16);
            number = number << 4 | digit.ok_or_else(|| malformed(self.at, "not a hexadecimal digit"))?;
            self.advance(1);
        }
        Ok(number)
    }
}
