//! Postcard as it nearly always is.

use std::borrow::Cow;

use super::item::{self, Item};
use crate::codec::quick::{Entrance, QuickReader, QuickValue};
use crate::text::is_utf8;
use crate::token::Token;

/// Reads a frame that is as expected. There are two that do the same: `AT_ONCE` is used in one place for each type, and so becomes a part
/// of that.
#[derive(Debug, Clone, Copy)]
pub struct PostcardQuick<'a, const AT_ONCE: bool = false> {
    rest: &'a [u8],
}

impl<'a, const AT_ONCE: bool> PostcardQuick<'a, AT_ONCE> {
    /// Stands before the elements behind the port's name.
    #[inline(always)]
    pub(in crate::codec) fn new(frame: &'a [u8]) -> Option<Entrance<'a, Self>> {
        let (count, name, rest) = item::split_list_of_text(frame)?;
        let count = usize::from(count);
        let sound = count <= rest.len() && is_utf8(name);
        sound.then_some(Entrance { reader: Self { rest }, level: count, name: Some(name) })
    }

    /// A list or map of so many elements or entries, of at least `least` bytes each.
    #[inline(always)]
    fn begin(&self, count: u64, least: usize) -> Option<usize> {
        let count = usize::try_from(count).ok()?;
        (count.checked_mul(least)? <= self.rest.len()).then_some(count)
    }
}

impl<'a, const AT_ONCE: bool> QuickReader<'a> for PostcardQuick<'a, AT_ONCE> {
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
        item::take_text(&mut self.rest).map(Some)
    }

    #[inline(always)]
    fn hint(level: &usize) -> usize {
        *level
    }

    #[inline(always)]
    fn is_list(&self) -> bool {
        self.rest.first() == Some(&item::LIST)
    }

    #[inline(always)]
    fn is_map(&self) -> bool {
        self.rest.first() == Some(&item::MAP)
    }

    #[inline(always)]
    fn null(&mut self) -> bool {
        match self.rest {
            [item::NULL, rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn value(&mut self) -> Option<QuickValue<'a, usize>> {
        Some(QuickValue::Scalar(match Item::take(&mut self.rest).ok()? {
            Item::Null => Token::Null,
            Item::Bool(value) => Token::Bool(value),
            Item::Int(number) => Token::Int(number),
            Item::UInt(number) => i64::try_from(number).map_or(Token::UInt(number), Token::Int),
            Item::Float(number) => Token::Float(number),
            Item::Text(text) => Token::Text(Cow::Borrowed(text)),
            Item::Bytes(bytes) => Token::Bytes(Cow::Borrowed(bytes)),
            Item::List(count) => return self.begin(count, 1).map(QuickValue::List),
            Item::Map(count) => return self.begin(count, 3).map(QuickValue::Map),
        }))
    }

    #[inline(always)]
    fn int(&mut self) -> Option<i64> {
        item::take_int(&mut self.rest)
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(item::take_text(&mut self.rest)?).ok()
    }

    #[inline(always)]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        item::take_octets(&mut self.rest)
    }

    #[inline(always)]
    fn word(&mut self) -> Option<&'a [u8]> {
        item::take_text(&mut self.rest)
    }

    #[inline(always)]
    fn list(&mut self) -> Option<usize> {
        let count = item::take_list(&mut self.rest)?;
        self.begin(count, 1)
    }

    #[inline(always)]
    fn map(&mut self) -> Option<usize> {
        let count = item::take_map(&mut self.rest)?;
        self.begin(count, 3)
    }
}
