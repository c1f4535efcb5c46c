//! Images as they nearly always are.

use std::borrow::Cow;

use super::item::{ARRAY, FLAG_HASH, HASH, REFERENCE, UNDEF};
use super::simple::{Item, Key, MAX_LEVELS, Simple};
use crate::codec::quick::{Entrance, QuickReader, QuickValue};
use crate::text::is_ascii;
use crate::token::Token;

/// Reads a frame that is as expected: a simple image.
#[derive(Debug, Clone, Copy)]
pub struct StorableQuick<'a> {
    image: Simple<'a>,
}

/// An array or hash that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Level {
    /// Elements or entries to come.
    left: u32,
    /// In a hash, whether there are flags before its keys.
    flagged: bool,
}

impl<'a> StorableQuick<'a> {
    /// Stands behind the port's name. The whole image has been walked over: what is wrong anywhere is said at once
    /// `[ST-02]`.
    #[inline(always)]
    pub(super) fn new(frame: &'a [u8]) -> Option<Entrance<'a, Self>> {
        let (mut image, count) = simple_message(frame)?;
        let level = Level { left: count.checked_sub(1)?, flagged: false };
        let name = match image.item()? {
            Item::Bytes(name) => is_ascii(name).then_some(name),
            Item::Text(name) => Some(name.as_bytes()),
            _ => return None,
        };
        Some(Entrance { reader: Self { image }, level, name })
    }

    /// The array or hash that begins with this.
    #[inline(always)]
    fn container(&mut self) -> Option<Item<'a>> {
        match self.image.item()? {
            item @ (Item::Array(_) | Item::Hash { .. }) => Some(item),
            _ => None,
        }
    }
}

/// Whether the frame is as expected as a whole.
pub(super) fn is_simple(frame: &[u8]) -> bool {
    simple_message(frame).is_some()
}

/// The inside of a message that is a simple image as a whole, and how many elements it has.
fn simple_message(frame: &[u8]) -> Option<(Simple<'_>, u32)> {
    let mut image = Simple::image(frame)?;
    let root = image.container()?;
    let Item::Array(count) = root else { return None };
    let inside = image;
    image.pass(root, MAX_LEVELS)?;
    (image.left() == 0).then_some((inside, count))
}

impl<'a> QuickReader<'a> for StorableQuick<'a> {
    type Level = Level;

    #[inline(always)]
    fn left(&self) -> usize {
        self.image.left()
    }

    #[inline(always)]
    fn more(&mut self, list: &mut Level) -> Option<bool> {
        let left = list.left.checked_sub(1);
        list.left = left.unwrap_or(0);
        Some(left.is_some())
    }

    /// Perl puts it behind the value.
    #[inline]
    fn key(&mut self, map: &mut Level) -> Option<Option<&'a [u8]>> {
        let Some(left) = map.left.checked_sub(1) else { return Some(None) };
        map.left = left;
        let mut ahead = self.image;
        let item = ahead.item()?;
        ahead.pass(item, MAX_LEVELS)?;
        match ahead.key(map.flagged)? {
            Key::Bytes(bytes) => is_ascii(bytes).then_some(Some(bytes)),
            Key::Text(text) => Some(Some(text.as_bytes())),
        }
    }

    #[inline(always)]
    fn value_ended(&mut self, map: &Level) -> Option<()> {
        self.image.key(map.flagged).map(drop)
    }

    #[inline(always)]
    fn hint(level: &Level) -> usize {
        usize::try_from(level.left).unwrap_or(0)
    }

    #[inline(always)]
    fn is_list(&self) -> bool {
        matches!(self.image.rest(), [REFERENCE, ARRAY, ..])
    }

    #[inline(always)]
    fn is_map(&self) -> bool {
        matches!(self.image.rest(), [REFERENCE, HASH | FLAG_HASH, ..])
    }

    #[inline(always)]
    fn null(&mut self) -> bool {
        self.image.rest().first() == Some(&UNDEF) && self.image.item().is_some()
    }

    #[inline]
    fn value(&mut self) -> Option<QuickValue<'a, Level>> {
        Some(QuickValue::Scalar(match self.image.item()? {
            Item::Null => Token::Null,
            Item::Int(number) => Token::Int(number),
            Item::Bytes(bytes) => Token::Bytes(Cow::Borrowed(bytes)),
            Item::Text(text) => Token::Text(Cow::Borrowed(text)),
            Item::Array(left) => return Some(QuickValue::List(Level { left, flagged: false })),
            Item::Hash { flagged, count } => {
                return Some(QuickValue::Map(Level { left: count, flagged }));
            }
        }))
    }

    #[inline(always)]
    fn int(&mut self) -> Option<i64> {
        match self.image.item()? {
            Item::Int(number) => Some(number),
            _ => None,
        }
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        match self.image.item()? {
            Item::Bytes(bytes) => std::str::from_utf8(bytes).ok().filter(|text| is_ascii(text.as_bytes())),
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    #[inline(always)]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        match self.image.item()? {
            Item::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    #[inline(always)]
    fn word(&mut self) -> Option<&'a [u8]> {
        match self.image.item()? {
            Item::Bytes(bytes) => is_ascii(bytes).then_some(bytes),
            Item::Text(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    #[inline(always)]
    fn list(&mut self) -> Option<Level> {
        match self.container()? {
            Item::Array(left) => Some(Level { left, flagged: false }),
            _ => None,
        }
    }

    #[inline(always)]
    fn map(&mut self) -> Option<Level> {
        match self.container()? {
            Item::Hash { flagged, count } => Some(Level { left: count, flagged }),
            _ => None,
        }
    }
}
