//! JSON as tokens.

mod number;
mod string;

use super::levels::Levels;
use super::{is_white, malformed};
use crate::DecodeError;
use crate::codec::Framing;
use crate::token::{Token, TokenReader};

/// Reads one item of strict RFC 8259 JSON `[FR-13]`.
#[derive(Debug, Clone)]
pub struct JsonReader<'a> {
    /// The frame, or what of it is before the first byte that is not UTF-8.
    input: &'a str,
    /// Whether the frame is longer than `input`.
    broken: bool,
    at: usize,
    expect: Expect,
    levels: Levels,
}

/// What may come next, white space apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A value.
    Value,
    /// A list's first element, or its end.
    FirstElement,
    /// A map's first key, or its end.
    FirstKey,
    /// A comma, or the end of the innermost list or map.
    Next,
    /// Nothing: the item is complete.
    Nothing,
}

impl<'a> TokenReader<'a> for JsonReader<'a> {
    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        if self.expect == Expect::Nothing {
            return Err(malformed(self.at, "read on behind the end"));
        }
        let byte = self.solid()?;
        match self.expect {
            Expect::Next => match byte {
                b',' => {
                    self.advance(1);
                    let byte = self.solid()?;
                    if self.levels.in_map() { self.key(byte) } else { self.value(byte) }
                }
                b']' | b'}' => self.close(byte),
                _ => Err(malformed(self.at, "neither a comma nor a closing bracket")),
            },
            Expect::FirstElement if byte == b']' => self.close(byte),
            Expect::FirstKey if byte == b'}' => self.close(byte),
            Expect::FirstKey => self.key(byte),
            _ => self.value(byte),
        }
    }
}

impl<'a> JsonReader<'a> {
    #[inline]
    pub(super) fn new(input: &'a [u8]) -> Self {
        // All at once is faster than string by string.
        let (input, broken) = match std::str::from_utf8(input) {
            Ok(text) => (text, false),
            Err(error) => {
                let valid =
                    input.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
                (valid.unwrap_or_default(), true)
            }
        };
        Self { input, broken, at: 0, expect: Expect::Value, levels: Levels::default() }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.input.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.input.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// The next byte that is not white space, not taken.
    #[inline]
    fn solid(&mut self) -> Result<u8, DecodeError> {
        while let Some(byte) = self.peek() {
            if !is_white(byte) {
                return Ok(byte);
            }
            self.advance(1);
        }
        Err(self.end())
    }

    #[inline]
    fn value(&mut self, byte: u8) -> Result<Token<'a>, DecodeError> {
        let token = match byte {
            b'"' => Token::Text(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b'[' => return self.open(false),
            b'{' => return self.open(true),
            b'n' => self.word(b"null", Token::Null)?,
            b't' => self.word(b"true", Token::Bool(true))?,
            b'f' => self.word(b"false", Token::Bool(false))?,
            _ => return Err(malformed(self.at, "not the start of a value")),
        };
        self.complete(token)
    }

    #[inline]
    fn key(&mut self, byte: u8) -> Result<Token<'a>, DecodeError> {
        if byte != b'"' {
            return Err(malformed(self.at, "a key must be a string"));
        }
        let key = self.string()?;
        if self.solid()? != b':' {
            return Err(malformed(self.at, "a colon must follow the key"));
        }
        self.advance(1);
        self.expect = Expect::Value;
        Ok(Token::Key(key))
    }

    #[inline]
    fn open(&mut self, map: bool) -> Result<Token<'a>, DecodeError> {
        self.levels.push(map)?;
        self.advance(1);
        self.expect = if map { Expect::FirstKey } else { Expect::FirstElement };
        Ok(if map { Token::Map(0) } else { Token::List(0) })
    }

    #[inline]
    fn close(&mut self, byte: u8) -> Result<Token<'a>, DecodeError> {
        if self.levels.in_map() != (byte == b'}') {
            return Err(malformed(self.at, "the closing bracket is not of the kind that is open"));
        }
        self.advance(1);
        self.levels.pop();
        self.complete(Token::End)
    }

    /// A value is complete; behind the outermost one must be nothing `[FR-18]`.
    #[inline]
    fn complete(&mut self, token: Token<'a>) -> Result<Token<'a>, DecodeError> {
        self.expect = Expect::Next;
        if self.levels.is_empty() {
            self.expect = Expect::Nothing;
            if self.broken || self.solid().is_ok() {
                return Err(malformed(self.at, "something behind the message"));
            }
        }
        Ok(token)
    }

    fn word(&mut self, word: &'static [u8], token: Token<'a>) -> Result<Token<'a>, DecodeError> {
        let rest = self.rest();
        if rest.starts_with(word) {
            self.advance(word.len());
            Ok(token)
        } else if word.starts_with(rest) {
            Err(self.end())
        } else {
            Err(malformed(self.at, "none of null, true and false"))
        }
    }

    /// The input ends here, and should not.
    #[cold]
    fn end(&self) -> DecodeError {
        if self.broken {
            return malformed(self.input.len(), "not UTF-8");
        }
        DecodeError::Truncated { framing: Framing::Json }
    }
}
