//! Lists and maps that are as expected.

use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::key::Key;
use super::{Flag, GivenUp, Item, Names, Read};
use crate::codec::quick::QuickReader;

/// How long a list is believed to be before its elements are there.
const CAUTIOUS: usize = 64;

/// What is left of a list that has begun.
pub(super) struct Elements<'q, 'f, 'a, Q: QuickReader<'a>> {
    pub(super) from: &'q mut Q,
    pub(super) level: Q::Level,
    /// How many levels of lists and maps may still begin in it.
    pub(super) room: usize,
    pub(super) end: End,
    pub(super) ended: bool,
    pub(super) flag: Flag<'f>,
}

/// What it means that there are no more elements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing: it is a list within the message.
    Nested,
    /// The message is at its end, and nothing may be behind it.
    Open,
    /// The message lacks some, for which there are rules `[MSG-14]`.
    Due,
}

impl<'f, 'a, Q: QuickReader<'a>> Elements<'_, 'f, 'a, Q> {
    #[inline(always)]
    pub(super) fn item(&mut self) -> Item<'_, 'f, Q> {
        Item { from: &mut *self.from, room: self.room, flag: self.flag }
    }

    /// Whether another element comes.
    #[inline(always)]
    pub(super) fn comes(&mut self) -> Read<bool> {
        self.flag.taken(self.from.more(&mut self.level))
    }

    /// Whether one does that is due.
    #[inline(always)]
    fn comes_as_due(&mut self) -> Read<()> {
        if self.comes()? { Ok(()) } else { Err(self.flag.give_up()) }
    }

    /// Reads a value, which comes next. Whoever goes on behind an error of it may do so elsewhere.
    #[inline(always)]
    fn value<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Read<S::Value> {
        let before = self.from.left();
        let value = self.flag.made(seed.deserialize(self.item()))?;
        // Some types do not look at what they are read from.
        if self.from.left() == before { Err(self.flag.give_up()) } else { Ok(value) }
    }

    /// The tag of an enum.
    #[inline(always)]
    pub(super) fn tag(&mut self) -> Read<&'a [u8]> {
        self.comes_as_due()?;
        self.flag.taken(self.from.word())
    }

    /// The end must come now, unless it has come already.
    #[inline(always)]
    pub(super) fn finish(&mut self) -> Read<()> {
        if !self.ended && self.comes()? { Err(self.flag.give_up()) } else { Ok(()) }
    }

    /// Whether an element comes, and it is a map.
    #[inline(always)]
    pub(super) fn begins_with_map(&self) -> Read<bool> {
        let (mut ahead, mut level) = (self.from.clone(), self.level);
        Ok(self.flag.taken(ahead.more(&mut level))? && ahead.is_map())
    }

    /// Reads a struct: from a map that comes next, else from the elements in order.
    #[inline(always)]
    pub(super) fn fields<'de, V: Visitor<'de>>(&mut self, names: Names, visitor: V) -> Read<V::Value> {
        let (mut ahead, mut level) = (self.from.clone(), self.level);
        if !self.flag.taken(ahead.more(&mut level))? {
            return Err(self.flag.give_up());
        }
        if !ahead.is_map() {
            return visitor.visit_seq(self);
        }
        *self.from = ahead;
        self.level = level;
        let map = self.flag.taken(self.from.map())?;
        self.item().in_map(map, names, visitor)
    }
}

impl<'de, 'a, Q: QuickReader<'a>> SeqAccess<'de> for &mut Elements<'_, '_, 'a, Q> {
    type Error = GivenUp;

    #[inline(always)]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Read<Option<S::Value>> {
        if self.ended {
            return Ok(None);
        }
        if self.comes()? {
            return self.value(seed).map(Some);
        }
        self.ended = true;
        match self.end {
            End::Nested => Ok(None),
            End::Open if self.from.left() == 0 => Ok(None),
            End::Open | End::Due => Err(self.flag.give_up()),
        }
    }

    #[inline(always)]
    fn size_hint(&self) -> Option<usize> {
        Some(Q::hint(&self.level).min(CAUTIOUS))
    }
}

/// What is left of a map that has begun.
pub(super) struct Entries<'q, 'f, 'a, Q: QuickReader<'a>> {
    pub(super) map: Elements<'q, 'f, 'a, Q>,
    /// The keys that the type knows, if it is a struct.
    pub(super) names: Names,
}

impl<'a, Q: QuickReader<'a>> Entries<'_, '_, 'a, Q> {
    /// The end must come now, unless it has come already.
    #[inline(always)]
    pub(super) fn finish(&mut self) -> Read<()> {
        if self.map.ended || self.key()?.is_none() { Ok(()) } else { Err(self.map.flag.give_up()) }
    }

    #[inline(always)]
    fn key(&mut self) -> Read<Option<&'a [u8]>> {
        self.map.flag.taken(self.map.from.key(&mut self.map.level))
    }
}

impl<'de, 'a, Q: QuickReader<'a>> MapAccess<'de> for &mut Entries<'_, '_, 'a, Q> {
    type Error = GivenUp;

    #[inline(always)]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Read<Option<S::Value>> {
        if self.map.ended {
            return Ok(None);
        }
        let Some(bytes) = self.key()? else {
            self.map.ended = true;
            return Ok(None);
        };
        seed.deserialize(Key { bytes, names: self.names, flag: self.map.flag }).map(Some)
    }

    #[inline(always)]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Read<S::Value> {
        let value = self.map.value(seed)?;
        self.map.flag.taken(self.map.from.value_ended(&self.map.level))?;
        Ok(value)
    }

    #[inline(always)]
    fn size_hint(&self) -> Option<usize> {
        Some(Q::hint(&self.map.level).min(CAUTIOUS))
    }
}

/// An enum: the tag has been read, its fields are the rest of the list.
pub(super) struct Variant<'e, 'q, 'f, 'a, Q: QuickReader<'a>> {
    pub(super) tag: &'a [u8],
    pub(super) variants: Names,
    pub(super) fields: &'e mut Elements<'q, 'f, 'a, Q>,
}

impl<'de, 'e, 'q, 'f, 'a, Q: QuickReader<'a>> EnumAccess<'de> for Variant<'e, 'q, 'f, 'a, Q> {
    type Error = GivenUp;
    type Variant = &'e mut Elements<'q, 'f, 'a, Q>;

    #[inline(always)]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Read<(S::Value, Self::Variant)> {
        let tag = Key { bytes: self.tag, names: self.variants, flag: self.fields.flag };
        Ok((seed.deserialize(tag)?, self.fields))
    }
}

impl<'de, 'a, Q: QuickReader<'a>> VariantAccess<'de> for &mut Elements<'_, '_, 'a, Q> {
    type Error = GivenUp;

    #[inline(always)]
    fn unit_variant(self) -> Read<()> {
        Ok(())
    }

    #[inline(always)]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Read<S::Value> {
        self.comes_as_due()?;
        self.value(seed)
    }

    #[inline(always)]
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<V::Value> {
        if self.end == End::Open {
            self.end = End::Due;
        }
        visitor.visit_seq(self)
    }

    #[inline(always)]
    fn struct_variant<V: Visitor<'de>>(self, names: Names, visitor: V) -> Read<V::Value> {
        self.fields(names, visitor)
    }
}
