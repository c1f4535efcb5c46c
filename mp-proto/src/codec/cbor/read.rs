//! CBOR as tokens.

use std::borrow::Cow;

use super::head::{BYTES, Head, LIST, MAP, NEGATIVE, NoHead, SELF_DESCRIBED, SIMPLE, TAG, TEXT, UNSIGNED};
use super::malformed;
use crate::DecodeError;
use crate::codec::Framing;
use crate::codec::levels::{Levels, Step};
use crate::text::latin1;
use crate::token::{Token, TokenReader};

/// The byte that ends an item of unknown length.
const BREAK: u8 = 0xff;

/// Reads one item of CBOR `[FR-21]`.
#[derive(Debug, Clone)]
pub struct CborReader<'a> {
    input: &'a [u8],
    at: usize,
    begun: bool,
    levels: Levels,
}

impl<'a> TokenReader<'a> for CborReader<'a> {
    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        if self.levels.is_open() && self.input.get(self.at) == Some(&BREAK) {
            return self.close();
        }
        match self.levels.step() {
            Step::Outermost if self.begun => Err(malformed(self.at, "read on behind the end")),
            Step::Outermost => {
                self.begun = true;
                self.item()
            }
            Step::Value => self.item(),
            Step::Key => self.key().map(Token::Key),
            Step::End => self.complete(Token::End),
        }
    }
}

impl<'a> CborReader<'a> {
    #[inline]
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, begun: false, levels: Levels::default() }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// Takes a head, and the tags before it that say nothing; gives also where it began.
    #[inline]
    fn head(&mut self) -> Result<(usize, Head), DecodeError> {
        loop {
            let start = self.at;
            let head = match Head::read(self.rest()) {
                Ok(head) => head,
                Err(NoHead::Incomplete) => return Err(truncated()),
                Err(NoHead::Reserved) => return Err(malformed(start, "no item begins with this byte")),
            };
            self.at = start.saturating_add(head.len);
            match head {
                Head { major: TAG, number: SELF_DESCRIBED, .. } => {}
                Head { major: TAG, .. } => return Err(malformed(start, "a tag")),
                _ => return Ok((start, head)),
            }
        }
    }

    #[inline]
    fn item(&mut self) -> Result<Token<'a>, DecodeError> {
        let (start, head) = self.head()?;
        let token = match head.major {
            BYTES => Token::Bytes(self.bytes(head)?),
            TEXT => Token::Text(self.text(head)?),
            LIST | MAP => return self.open(head),
            _ => scalar(start, head)?,
        };
        self.complete(token)
    }

    #[inline]
    fn open(&mut self, head: Head) -> Result<Token<'a>, DecodeError> {
        let map = head.major == MAP;
        let items = if map { head.number.checked_mul(2) } else { Some(head.number) };
        // No item has less than one byte [FR-25].
        let count = items
            .filter(|items| *items <= self.rest().len() as u64)
            .and_then(|_| usize::try_from(head.number).ok())
            .ok_or_else(truncated)?;
        self.levels.push(map, if head.is_indefinite() { None } else { items })?;
        Ok(if map { Token::Map(count) } else { Token::List(count) })
    }

    fn close(&mut self) -> Result<Token<'a>, DecodeError> {
        if !self.levels.close() {
            return Err(malformed(self.at, "a break between a key and its value"));
        }
        self.at = self.at.saturating_add(1);
        self.complete(Token::End)
    }

    /// A value is complete; behind the outermost one must be nothing `[FR-18]`.
    #[inline]
    fn complete(&mut self, token: Token<'a>) -> Result<Token<'a>, DecodeError> {
        if self.levels.is_empty() && self.at < self.input.len() {
            return Err(malformed(self.at, "something behind the message"));
        }
        Ok(token)
    }

    /// Takes a map's key, as text whatever it is `[FR-23]`.
    #[inline]
    fn key(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let (start, head) = self.head()?;
        match head.major {
            TEXT => self.text(head),
            BYTES => Ok(match self.bytes(head)? {
                Cow::Borrowed(bytes) => latin1(bytes),
                Cow::Owned(bytes) => Cow::Owned(latin1(&bytes).into_owned()),
            }),
            LIST | MAP => Err(malformed(start, "a list or map as a key")),
            _ => scalar(start, head).map(|token| Cow::Owned(scalar_text(&token))),
        }
    }

    /// Takes a byte string; borrows it if it is in one piece.
    #[inline]
    fn bytes(&mut self, head: Head) -> Result<Cow<'a, [u8]>, DecodeError> {
        if !head.is_indefinite() {
            return self.take(head.number).map(Cow::Borrowed);
        }
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk(BYTES)? {
            whole.extend_from_slice(chunk);
        }
        Ok(Cow::Owned(whole))
    }

    /// Takes a text string; borrows it if it is in one piece. Each piece must be UTF-8 by itself `[FR-22]`.
    #[inline]
    fn text(&mut self, head: Head) -> Result<Cow<'a, str>, DecodeError> {
        if !head.is_indefinite() {
            let bytes = self.take(head.number)?;
            return self.utf8(bytes).map(Cow::Borrowed);
        }
        let mut whole = String::new();
        while let Some(chunk) = self.chunk(TEXT)? {
            whole.push_str(self.utf8(chunk)?);
        }
        Ok(Cow::Owned(whole))
    }

    /// Checks what was just taken.
    #[inline]
    fn utf8(&self, bytes: &'a [u8]) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(bytes).map_err(|error| {
            let start = self.at.saturating_sub(bytes.len());
            malformed(start.saturating_add(error.valid_up_to()), "a text is not UTF-8")
        })
    }

    /// The next chunk of a string in pieces, or nothing at its end.
    fn chunk(&mut self, major: u8) -> Result<Option<&'a [u8]>, DecodeError> {
        if self.input.get(self.at) == Some(&BREAK) {
            self.at = self.at.saturating_add(1);
            return Ok(None);
        }
        let start = self.at;
        match Head::read(self.rest()) {
            Ok(head) if head.major == major && !head.is_indefinite() => {
                self.at = start.saturating_add(head.len);
                self.take(head.number).map(Some)
            }
            Err(NoHead::Incomplete) => Err(truncated()),
            _ => Err(malformed(start, "a chunk is not of the kind of its string")),
        }
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(len).map_err(|_| truncated())?;
        let bytes = self.rest().get(..len).ok_or_else(truncated)?;
        self.at = self.at.saturating_add(len);
        Ok(bytes)
    }
}

/// A number, truth value or null; what the data model has not is refused `[FR-22]`.
#[inline]
pub(super) fn scalar<'a>(start: usize, head: Head) -> Result<Token<'a>, DecodeError> {
    Ok(match (head.major, head.info) {
        (UNSIGNED, _) => i64::try_from(head.number).map_or(Token::UInt(head.number), Token::Int),
        (NEGATIVE, _) => negative(head.number),
        (SIMPLE, 20) => Token::Bool(false),
        (SIMPLE, 21) => Token::Bool(true),
        (SIMPLE, 22) => Token::Null,
        (SIMPLE, 25) => Token::Float(half(head.number)),
        (SIMPLE, 26) => {
            Token::Float(u32::try_from(head.number).map(f32::from_bits).unwrap_or_default().into())
        }
        (SIMPLE, 27) => Token::Float(f64::from_bits(head.number)),
        (SIMPLE, 23) => return Err(malformed(start, "the value undefined")),
        _ if head.is_break() => return Err(malformed(start, "a break where nothing is to end")),
        _ => return Err(malformed(start, "an unassigned simple value")),
    })
}

/// The number −1−n.
#[inline]
fn negative<'a>(n: u64) -> Token<'a> {
    #[expect(clippy::cast_precision_loss, reason = "below the range of i64 the nearest float serves")]
    let float = -1.0 - n as f64;
    i64::try_from(n).map_or(Token::Float(float), |n| Token::Int(!n))
}

/// The float of 16 bits that `bits` are.
fn half(bits: u64) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (bits >> 10 & 31, bits & 0x3ff);
    let magnitude = match exponent {
        // Subnormal: the fraction counts units of 2⁻²⁴; there are only 1024 of them.
        0 => f64::from(u16::try_from(fraction).unwrap_or_default()) / f64::from(1_u32 << 24),
        31 => f64::from_bits(0x7ff << 52 | fraction << 42),
        // The exponent's bias is 15 here, and 1023 there.
        _ => f64::from_bits(exponent.wrapping_add(1008) << 52 | fraction << 42),
    };
    sign * magnitude
}

/// What JSON has for a scalar, without quotes.
fn scalar_text(token: &Token<'_>) -> String {
    match token {
        Token::Bool(true) => "true".into(),
        Token::Bool(false) => "false".into(),
        Token::Int(number) => itoa::Buffer::new().format(*number).into(),
        Token::UInt(number) => itoa::Buffer::new().format(*number).into(),
        Token::Float(number) if number.is_finite() => zmij::Buffer::new().format_finite(*number).into(),
        Token::Float(number) if number.is_nan() => "NaN".into(),
        Token::Float(number) => if *number > 0.0 { "Inf" } else { "-Inf" }.into(),
        _ => "null".into(),
    }
}

#[cold]
fn truncated() -> DecodeError {
    DecodeError::Truncated { framing: Framing::Cbor }
}
