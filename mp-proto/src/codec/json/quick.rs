//! JSON as it nearly always is: without white space; strings with escapes take longer.

use std::borrow::Cow;

use super::plain::plain_len;
use super::read::JsonReader;
use crate::codec::quick::{Entrance, Passed, QuickReader, QuickValue};
use crate::text::{is_ascii, is_utf8};
use crate::token::{Token, TokenReader as _};

/// Digits of an integer that fits 64 bits whatever they are.
const DIGITS: usize = 18;

/// Reads a frame that is as expected.
#[derive(Debug, Clone, Copy)]
pub struct JsonQuick<'a> {
    rest: &'a [u8],
}

/// Whether something has come in an array or object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun(bool);

impl<'a> JsonQuick<'a> {
    /// Stands behind the port's name.
    #[inline(always)]
    pub(super) fn new(frame: &'a [u8]) -> Option<Entrance<'a, Self>> {
        let mut reader = Self { rest: frame };
        reader.byte(b'[')?;
        let name = reader.word()?;
        is_utf8(name).then_some(Entrance { reader, level: Begun(true), name: Some(name) })
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) -> Option<()> {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                Some(())
            }
            _ => None,
        }
    }

    /// Takes what stands before the next element or entry; false if it is the closing bracket.
    #[inline(always)]
    fn next(&mut self, level: &mut Begun, closing: u8) -> Option<bool> {
        match self.rest {
            [b',', rest @ ..] if level.0 => {
                self.rest = rest;
                Some(true)
            }
            [byte, rest @ ..] if *byte == closing => {
                self.rest = rest;
                Some(false)
            }
            _ if level.0 => None,
            _ => {
                level.0 = true;
                Some(true)
            }
        }
    }
}

/// What a literal is, by way of tokens.
#[inline(never)]
fn literal(literal: &[u8]) -> Option<Token<'_>> {
    JsonReader::new(literal).next().ok()
}

/// How many bytes the string has that begins here, with its quotes.
#[inline(never)]
fn string_len(rest: &[u8]) -> Option<usize> {
    let mut len = 1_usize;
    loop {
        len = len.checked_add(plain_len(rest.get(len..)?))?;
        match rest.get(len)? {
            b'"' => return len.checked_add(1),
            b'\\' => len = len.checked_add(2)?,
            _ => return None,
        }
    }
}

fn number_len(rest: &[u8]) -> usize {
    let part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    rest.iter().take_while(part).count()
}

impl<'a> QuickReader<'a> for JsonQuick<'a> {
    type Level = Begun;

    #[inline(always)]
    fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    fn more(&mut self, list: &mut Begun) -> Option<bool> {
        self.next(list, b']')
    }

    #[inline(always)]
    fn key(&mut self, map: &mut Begun) -> Option<Option<&'a [u8]>> {
        if !self.next(map, b'}')? {
            return Some(None);
        }
        let key = self.word()?;
        self.byte(b':')?;
        Some(Some(key))
    }

    #[inline(always)]
    fn hint(_: &Begun) -> usize {
        0
    }

    #[inline(always)]
    fn is_list(&self) -> bool {
        self.rest.first() == Some(&b'[')
    }

    #[inline(always)]
    fn is_map(&self) -> bool {
        self.rest.first() == Some(&b'{')
    }

    #[inline(always)]
    fn null(&mut self) -> bool {
        match self.rest {
            [b'n', b'u', b'l', b'l', rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn value(&mut self) -> Option<QuickValue<'a, Begun>> {
        let len = match self.rest.first()? {
            b'[' => {
                self.byte(b'[')?;
                return Some(QuickValue::List(Begun(false)));
            }
            b'{' => {
                self.byte(b'{')?;
                return Some(QuickValue::Map(Begun(false)));
            }
            b'"' => {
                let before = *self;
                if let Some(text) = self.text() {
                    return Some(QuickValue::Scalar(Token::Text(Cow::Borrowed(text))));
                }
                *self = before;
                string_len(self.rest)?
            }
            b'n' | b't' => 4,
            b'f' => 5,
            _ => {
                let before = *self;
                if let Some(number) = self.int() {
                    return Some(QuickValue::Scalar(Token::Int(number)));
                }
                *self = before;
                number_len(self.rest)
            }
        };
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        literal(bytes).map(QuickValue::Scalar)
    }

    #[inline(always)]
    fn pass(&mut self) -> Option<Passed<Begun>> {
        let before = *self;
        let passed = match self.rest.first()? {
            b'"' => self.word().is_some_and(is_utf8),
            b'0'..=b'9' | b'-' => self.int().is_some(),
            _ => false,
        };
        if passed {
            return Some(Passed::Scalar);
        }
        *self = before;
        self.value().map(|value| match value {
            QuickValue::Scalar(_) => Passed::Scalar,
            QuickValue::List(level) => Passed::List(level),
            QuickValue::Map(level) => Passed::Map(level),
        })
    }

    #[inline(always)]
    fn int(&mut self) -> Option<i64> {
        let negative = self.byte(b'-').is_some();
        let (mut number, mut rest, mut len) = (0_i64, self.rest, 0_usize);
        while let [digit @ b'0'..=b'9', behind @ ..] = rest {
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit & 15));
            len = len.wrapping_add(1);
            rest = behind;
        }
        // Whether it is a float, or too long, or begins with a zero, is for others to say.
        let plain = matches!(rest, [b',' | b']' | b'}', ..])
            && matches!(len, 1..=DIGITS)
            && (len == 1 || self.rest.first() != Some(&b'0'));
        self.rest = rest;
        plain.then_some(if negative { number.wrapping_neg() } else { number })
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.word()?).ok()
    }

    #[inline(always)]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        self.word().filter(|bytes| is_ascii(bytes))
    }

    #[inline(always)]
    fn word(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let (word, rest) = self.rest.split_at_checked(plain_len(self.rest))?;
        self.rest = rest;
        self.byte(b'"')?;
        Some(word)
    }

    #[inline(always)]
    fn list(&mut self) -> Option<Begun> {
        self.byte(b'[')?;
        Some(Begun(false))
    }

    #[inline(always)]
    fn map(&mut self) -> Option<Begun> {
        self.byte(b'{')?;
        Some(Begun(false))
    }
}
