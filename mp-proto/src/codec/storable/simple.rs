//! Simple images, which nearly all posts are: in network order, nothing but scalars, arrays and hashes, each array and
//! hash referred to once, strings as they should be, not deeply nested.
//!
//! Such an image needs no notes: a hash's key is found by walking over its value, and nothing is referred to by its
//! number. So it is read in one go `[ST-27]`. Whatever else an image has, right or wrong, is left to the
//! [survey](super::survey), which knows all cases and says what is wrong; here it is only found to be not simple.

mod reader;
mod values;

use super::header::NETWORK;
use super::item::{
    ARRAY, BYTES, FLAG_HASH, HASH, INTEGER, LONG_BYTES, LONG_UTF8, REFERENCE, SMALL_BIAS, SMALL_INTEGER,
    UNDEF, UTF8,
};

pub(super) use reader::SimpleReader;
pub(super) use values::{read_value, write_value};

/// Levels of arrays and hashes that a simple image has at the most. Its keys are looked for once for each level.
pub(super) const MAX_LEVELS: usize = 32;

/// A key's bytes are UTF-8.
const KEY_IS_UTF8: u8 = 1;

/// What comes next in a simple image.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Null,
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// So many elements follow.
    Array(u32),
    /// So many entries follow, with flags before their keys or without.
    Hash {
        flagged: bool,
        count: u32,
    },
}

/// The key of a hash's entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    /// Each byte is a character.
    Bytes(&'a [u8]),
    Text(&'a str),
}

/// Reads on from a place in an image. Whatever gives `None` has found that the image is not simple, or has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simple<'a> {
    rest: &'a [u8],
}

impl<'a> Simple<'a> {
    /// At the beginning of an image, behind its header.
    pub(super) fn image(image: &'a [u8]) -> Option<Self> {
        let (&[first, _minor], rest) = image.split_first_chunk()?;
        (first == NETWORK[0]).then_some(Self { rest })
    }

    /// Before a value that has been passed over already.
    pub(super) fn at(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// What is to come.
    #[inline(always)]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Bytes to come.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    #[inline]
    fn len(&mut self) -> Option<usize> {
        usize::try_from(i32::from_be_bytes(self.array()?)).ok()
    }

    /// A count of items of at least `least` bytes each.
    #[inline]
    fn count(&mut self, least: usize) -> Option<u32> {
        let count = self.len()?;
        let room = count.checked_mul(least)? <= self.rest.len();
        room.then(|| u32::try_from(count).ok()).flatten()
    }

    #[inline]
    fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.byte()?;
        self.take(len.into())
    }

    #[inline]
    fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.len()?;
        self.take(len)
    }

    /// The array or hash at the root, whose opcode comes next.
    #[inline]
    pub(super) fn container(&mut self) -> Option<Item<'a>> {
        let opcode = self.byte()?;
        self.container_of(opcode)
    }

    #[inline]
    fn container_of(&mut self, opcode: u8) -> Option<Item<'a>> {
        match opcode {
            ARRAY => Some(Item::Array(self.count(1)?)),
            HASH => Some(Item::Hash { flagged: false, count: self.count(5)? }),
            FLAG_HASH => {
                let no_flags = self.byte()? == 0;
                no_flags.then_some(())?;
                Some(Item::Hash { flagged: true, count: self.count(6)? })
            }
            _ => None,
        }
    }

    /// A value within an array or hash, or the beginning of one.
    #[inline]
    pub(super) fn item(&mut self) -> Option<Item<'a>> {
        Some(match self.byte()? {
            BYTES => Item::Bytes(self.short()?),
            SMALL_INTEGER => Item::Int(i64::from(self.byte()?).wrapping_sub(SMALL_BIAS.into())),
            INTEGER => Item::Int(i32::from_be_bytes(self.array()?).into()),
            REFERENCE => return self.container(),
            UNDEF => Item::Null,
            UTF8 => Item::Text(std::str::from_utf8(self.short()?).ok()?),
            LONG_BYTES => Item::Bytes(self.long()?),
            LONG_UTF8 => Item::Text(std::str::from_utf8(self.long()?).ok()?),
            _ => return None,
        })
    }

    /// The key behind a value.
    #[inline]
    pub(super) fn key(&mut self, flagged: bool) -> Option<Key<'a>> {
        let flags = if flagged { self.byte()? } else { 0 };
        let bytes = self.long()?;
        match flags {
            0 => Some(Key::Bytes(bytes)),
            KEY_IS_UTF8 => std::str::from_utf8(bytes).ok().map(Key::Text),
            _ => None,
        }
    }

    /// Passes over what belongs to an item that has just come, `levels` deep at the most.
    pub(super) fn pass(&mut self, item: Item<'a>, levels: usize) -> Option<()> {
        let (count, hash) = match item {
            Item::Array(count) => (count, None),
            Item::Hash { flagged, count } => (count, Some(flagged)),
            _ => return Some(()),
        };
        let levels = levels.checked_sub(1)?;
        for _ in 0..count {
            let item = self.item()?;
            self.pass(item, levels)?;
            if let Some(flagged) = hash {
                self.key(flagged)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

    use super::super::part::{Field, fields};
    use super::super::plain::{ThawLimits, freeze_tokens, thaw_tokens};
    use super::*;
    use crate::{Map, Value};

    fn values() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i8>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,4}".prop_map(|text| Value::from(text.as_str())),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Bytes(bytes.into())),
        ];
        scalar.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::vec(("[a-c\u{e9}]{0,2}", inner), 0..4)
                    .prop_map(|entries| Value::Map(entries.into_iter().collect::<Map>())),
            ]
        })
    }

    fn image(value: &Value) -> BytesMut {
        let mut out = BytesMut::new();
        freeze_tokens(value, &mut out).unwrap();
        out
    }

    proptest! {
        /// [ST-27]: what is written simply is what would have been written anyhow.
        #[test]
        fn simple_values_are_written_as_all_are(value in values()) {
            let mut out = BytesMut::new();
            if write_value(&value, &mut out) {
                assert_eq!(out, image(&value));
            } else {
                assert!(out.is_empty());
            }
        }

        /// [ST-27]: whatever is read simply is what would have been read anyhow, of any bytes.
        #[test]
        fn simple_images_are_read_as_all_are(
            value in values(),
            spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in any::<prop::sample::Index>(),
            whole in any::<bool>(),
        ) {
            let mut image = image(&value);
            let sound = spoilt.is_empty() && whole;
            for (index, byte) in spoilt {
                let at = index.index(image.len());
                image[at] = byte;
            }
            if !whole {
                image.truncate(cut.index(image.len()));
            }
            let limits = ThawLimits::default();
            let read = read_value(&image);
            if let Some(read) = &read {
                assert_eq!(thaw_tokens(&image, &limits).as_ref(), Ok(read));
            }
            let mut entries = Vec::new();
            let whole = fields(&image, &limits, |key, field| {
                let value = match field {
                    Field::List(span) => {
                        let list = span.list_of(&bytes::Bytes::copy_from_slice(&image));
                        Some(Value::List(list.to_message().unwrap().into_values()))
                    }
                    _ => None,
                };
                entries.push((key.to_owned(), value));
            });
            if whole {
                let Some(Value::Map(map)) = &read else { panic!("a hash") };
                let mut seen = std::collections::BTreeSet::new();
                for (key, list) in entries.into_iter().rev() {
                    // Of two of a name the last counts.
                    if seen.insert(key.clone()) && list.is_some() {
                        assert_eq!(list.as_ref(), map.get(&key));
                    }
                }
            }
            if sound {
                assert_eq!(read.is_some(), matches!(value, Value::List(_) | Value::Map(_)));
            }
        }
    }
}
