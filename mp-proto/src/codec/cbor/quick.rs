//! CBOR as it nearly always is: lengths known, no tags.

use std::borrow::Cow;

use super::head::{BYTES, Head, LIST, MAP, NEGATIVE, SIMPLE, TEXT, UNSIGNED};
use super::read::scalar;
use crate::codec::quick::{Entrance, Passed, QuickReader, QuickValue};
use crate::text::{is_ascii, is_utf8};
use crate::token::Token;

/// The byte that is null.
const NULL: u8 = SIMPLE << 5 | 22;

/// Reads a frame that is as expected.
#[derive(Debug, Clone, Copy)]
pub struct CborQuick<'a> {
    rest: &'a [u8],
}

impl<'a> CborQuick<'a> {
    /// Stands before the elements behind the port's name.
    #[inline(always)]
    pub(super) fn new(frame: &'a [u8]) -> Option<Entrance<'a, Self>> {
        let mut reader = Self { rest: frame };
        let level = reader.list()?.checked_sub(1)?;
        let Head { major, number, .. } = reader.head()?;
        let name = reader.take(number)?;
        let name = match major {
            TEXT if is_utf8(name) => Some(name),
            BYTES => is_ascii(name).then_some(name),
            _ => return None,
        };
        Some(Entrance { reader, level, name })
    }

    /// Takes a head, unless it is of unknown length.
    #[inline(always)]
    fn head(&mut self) -> Option<Head> {
        let head = Head::read(self.rest).ok().filter(|head| !head.is_indefinite())?;
        self.rest = self.rest.get(head.len..)?;
        Some(head)
    }

    #[inline(always)]
    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A list or map of so many elements or entries, of at least `least` bytes each.
    #[inline(always)]
    fn begin(&self, count: u64, least: usize) -> Option<usize> {
        let count = usize::try_from(count).ok()?;
        (count.checked_mul(least)? <= self.rest.len()).then_some(count)
    }

    /// The major type of what comes next; something else if nothing does.
    #[inline(always)]
    fn major(&self) -> u8 {
        self.rest.first().map_or(SIMPLE, |initial| initial >> 5)
    }
}

impl<'a> QuickReader<'a> for CborQuick<'a> {
    /// How many elements or entries are to come.
    type Level = usize;

    #[inline(always)]
    fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    fn more(&mut self, list: &mut usize) -> Option<bool> {
        let left = list.checked_sub(1);
        *list = left.unwrap_or(0);
        Some(left.is_some())
    }

    #[inline(always)]
    fn key(&mut self, map: &mut usize) -> Option<Option<&'a [u8]>> {
        let Some(left) = map.checked_sub(1) else { return Some(None) };
        *map = left;
        self.word().map(Some)
    }

    #[inline(always)]
    fn hint(level: &usize) -> usize {
        *level
    }

    #[inline(always)]
    fn is_list(&self) -> bool {
        self.major() == LIST
    }

    #[inline(always)]
    fn is_map(&self) -> bool {
        self.major() == MAP
    }

    #[inline(always)]
    fn null(&mut self) -> bool {
        match self.rest {
            [NULL, rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn value(&mut self) -> Option<QuickValue<'a, usize>> {
        let head = self.head()?;
        Some(match head.major {
            BYTES => QuickValue::Scalar(Token::Bytes(Cow::Borrowed(self.take(head.number)?))),
            TEXT => {
                let text = std::str::from_utf8(self.take(head.number)?).ok()?;
                QuickValue::Scalar(Token::Text(Cow::Borrowed(text)))
            }
            LIST => QuickValue::List(self.begin(head.number, 1)?),
            MAP => QuickValue::Map(self.begin(head.number, 2)?),
            _ => QuickValue::Scalar(scalar(0, head).ok()?),
        })
    }

    #[inline(always)]
    fn pass(&mut self) -> Option<Passed<usize>> {
        let head = self.head()?;
        let sound = match head.major {
            UNSIGNED | NEGATIVE => true,
            BYTES => self.take(head.number).is_some(),
            TEXT => is_utf8(self.take(head.number)?),
            LIST => return self.begin(head.number, 1).map(Passed::List),
            MAP => return self.begin(head.number, 2).map(Passed::Map),
            _ => scalar(0, head).is_ok(),
        };
        sound.then_some(Passed::Scalar)
    }

    #[inline(always)]
    fn int(&mut self) -> Option<i64> {
        let head = self.head()?;
        let number = i64::try_from(head.number).ok()?;
        match head.major {
            UNSIGNED => Some(number),
            NEGATIVE => Some(!number),
            _ => None,
        }
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.word()?).ok()
    }

    #[inline(always)]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        match self.head()? {
            Head { major: BYTES, number, .. } => self.take(number),
            _ => None,
        }
    }

    #[inline(always)]
    fn word(&mut self) -> Option<&'a [u8]> {
        match self.head()? {
            Head { major: TEXT, number, .. } => self.take(number),
            Head { major: BYTES, number, .. } => self.take(number).filter(|bytes| is_ascii(bytes)),
            _ => None,
        }
    }

    #[inline(always)]
    fn list(&mut self) -> Option<usize> {
        match self.head()? {
            Head { major: LIST, number, .. } => self.begin(number, 1),
            _ => None,
        }
    }

    #[inline(always)]
    fn map(&mut self) -> Option<usize> {
        match self.head()? {
            Head { major: MAP, number, .. } => self.begin(number, 2),
            _ => None,
        }
    }
}
