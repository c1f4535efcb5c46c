//! Postcard as tokens.

use std::borrow::Cow;

use super::item::{Fault, Item, split_list_of_text};
use super::malformed;
use crate::DecodeError;
use crate::codec::Framing;
use crate::codec::levels::{Levels, Step};
use crate::text::is_utf8;
use crate::token::{Token, TokenReader};

/// Reads one item, token by token `[FR-31]`.
#[derive(Debug, Clone)]
pub struct PostcardReader<'a> {
    input: &'a [u8],
    rest: &'a [u8],
    begun: bool,
    levels: Levels,
}

impl<'a> TokenReader<'a> for PostcardReader<'a> {
    #[inline(always)]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.levels.step() {
            Step::Outermost if self.begun => Err(self.malformed("read on behind the end")),
            Step::Outermost => {
                self.begun = true;
                self.value()
            }
            Step::Value => self.value(),
            Step::Key => self.key(),
            Step::End => self.complete(Token::End),
        }
    }
}

impl<'a> PostcardReader<'a> {
    #[inline]
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, rest: input, begun: false, levels: Levels::default() }
    }

    /// Goes behind the port's name of a frame, and says how many elements come there. `None`, and nothing has been read,
    /// if the frame has no such beginning, or a rare one.
    #[inline]
    pub(super) fn skip_name(&mut self) -> Option<usize> {
        let (left, name, rest) = split_list_of_text(self.input)?;
        if usize::from(left) > rest.len() || !is_utf8(name) {
            return None;
        }
        self.levels.push(false, Some(left.into())).ok()?;
        self.rest = rest;
        self.begun = true;
        Some(left.into())
    }

    #[inline(always)]
    fn item(&mut self) -> Result<Item<'a>, DecodeError> {
        Item::take(&mut self.rest).map_err(|fault| match fault {
            Fault::Truncated => truncated(),
            Fault::Malformed(what) => self.malformed(what),
        })
    }

    #[inline(always)]
    fn value(&mut self) -> Result<Token<'a>, DecodeError> {
        let token = match self.item()? {
            Item::Null => Token::Null,
            Item::Bool(value) => Token::Bool(value),
            Item::Int(number) => Token::Int(number),
            Item::UInt(number) => i64::try_from(number).map_or(Token::UInt(number), Token::Int),
            Item::Float(number) => Token::Float(number),
            Item::Text(text) => Token::Text(Cow::Borrowed(text)),
            Item::Bytes(bytes) => Token::Bytes(Cow::Borrowed(bytes)),
            Item::List(count) => return self.open(false, count, 1).map(Token::List),
            Item::Map(count) => return self.open(true, count, 3).map(Token::Map),
        };
        self.complete(token)
    }

    #[inline(never)]
    fn key(&mut self) -> Result<Token<'a>, DecodeError> {
        let before = self.rest;
        match self.item()? {
            Item::Text(key) => Ok(Token::Key(Cow::Borrowed(key))),
            _ => {
                self.rest = before;
                Err(self.malformed("a key must be a text"))
            }
        }
    }

    /// Begins a list or map of `count` elements or entries, none shorter than `least` bytes; more than there is room
    /// for are refused at once `[FR-32]`.
    #[inline]
    fn open(&mut self, map: bool, count: u64, least: u64) -> Result<usize, DecodeError> {
        if count.checked_mul(least).is_none_or(|bytes| bytes > self.rest.len() as u64) {
            return Err(truncated());
        }
        self.levels.push(map, Some(if map { count.saturating_mul(2) } else { count }))?;
        usize::try_from(count).map_err(|_| truncated())
    }

    /// A value is complete; behind the outermost one must be nothing `[FR-18]`.
    #[inline]
    fn complete(&self, token: Token<'a>) -> Result<Token<'a>, DecodeError> {
        if self.levels.is_empty() && !self.rest.is_empty() {
            return Err(self.malformed("something behind the message"));
        }
        Ok(token)
    }

    #[cold]
    fn malformed(&self, what: &'static str) -> DecodeError {
        malformed(self.input.len().saturating_sub(self.rest.len()), what)
    }
}

#[cold]
fn truncated() -> DecodeError {
    DecodeError::Truncated { framing: Framing::Postcard }
}
