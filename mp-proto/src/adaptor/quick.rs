//! What is as expected as a user's type, in as few steps as can be.
//!
//! These are the rules of [`read`](super::read) for what comes in its usual form. Anything else is given up, without saying
//! why: it is read once more by way of its tokens, where all rules are known and errors say what they are about
//! `[MSG-15]`. So a type may be read twice, and what it makes of the first time is dropped.

mod key;
mod list;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

use list::{Elements, End, Variant};

use super::read::{MAX_TYPE_DEPTH, Names, byte_characters, characters, float, integer, octets, truth};
use crate::codec::quick::{QuickReader, QuickValue};
use crate::payload;
use crate::token::Token;
use crate::value::{self, OWNED};

/// Reads a message, whose first element comes next in `from`, as a `T`. Nothing if something about it is not as expected.
#[inline(always)]
pub(crate) fn read_quickly<'a, T: DeserializeOwned, Q: QuickReader<'a>>(
    mut from: Q,
    level: Q::Level,
    home: Option<&Bytes>,
) -> Option<T> {
    let reading = Reading { given_up: Cell::new(false), home };
    let room = MAX_TYPE_DEPTH - 1;
    let message =
        Elements { from: &mut from, level, room, end: End::Open, ended: false, flag: Flag(&reading) };
    let content = T::deserialize(Root(message)).ok();
    // Some types make something else of an error.
    if reading.given_up.get() { None } else { content }
}

/// What concerns the message as a whole.
struct Reading<'h> {
    /// Whether something was given up, as types need not hand on errors.
    given_up: Cell<bool>,
    /// What the message lies in, if parts of it can be kept.
    home: Option<&'h Bytes>,
}

#[derive(Clone, Copy)]
struct Flag<'f>(&'f Reading<'f>);

impl Flag<'_> {
    #[cold]
    fn give_up(self) -> GivenUp {
        self.0.given_up.set(true);
        GivenUp
    }

    #[inline(always)]
    fn taken<T>(self, taken: Option<T>) -> Read<T> {
        taken.ok_or_else(|| self.give_up())
    }

    /// The same for what a type made: with an error it may have left the reader anywhere.
    #[inline(always)]
    fn made<T>(self, made: Read<T>) -> Read<T> {
        made.map_err(|_| self.give_up())
    }
}

/// The message is not as expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenUp;

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not as expected")
    }
}

impl std::error::Error for GivenUp {}

impl Error for GivenUp {
    #[inline(always)]
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }

    // Others are made of this, some with more ado.
    #[inline(always)]
    fn invalid_length(_: usize, _: &dyn serde::de::Expected) -> Self {
        Self
    }

    #[inline(always)]
    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }
}

type Read<T> = Result<T, GivenUp>;

/// Reads one value within a message, which comes next.
struct Item<'q, 'f, Q> {
    from: &'q mut Q,
    room: usize,
    flag: Flag<'f>,
}

impl<'q, 'f, 'a, Q: QuickReader<'a>> Item<'q, 'f, Q> {
    /// The inside of a list or map that has begun.
    #[inline(always)]
    fn inside(self, level: Q::Level) -> Read<Elements<'q, 'f, 'a, Q>> {
        let room = self.flag.taken(self.room.checked_sub(1))?;
        Ok(Elements { from: self.from, level, room, end: End::Nested, ended: false, flag: self.flag })
    }

    #[inline(always)]
    fn in_list<'de, V: Visitor<'de>>(self, level: Q::Level, visitor: V) -> Read<V::Value> {
        let flag = self.flag;
        let mut elements = self.inside(level)?;
        let value = flag.made(visitor.visit_seq(&mut elements))?;
        elements.finish()?;
        Ok(value)
    }

    #[inline(always)]
    fn in_map<'de, V: Visitor<'de>>(self, level: Q::Level, names: Names, visitor: V) -> Read<V::Value> {
        let flag = self.flag;
        let mut entries = list::Entries { map: self.inside(level)?, names };
        let value = flag.made(visitor.visit_map(&mut entries))?;
        entries.finish()?;
        Ok(value)
    }

    /// What `other` takes in place of what was expected.
    #[inline(always)]
    fn taken_by<T>(&mut self, other: impl Fn(Q) -> Option<(T, Q)>) -> Read<T> {
        let (value, behind) = self.flag.taken(other(self.from.clone()))?;
        *self.from = behind;
        Ok(value)
    }

    /// Hands on bytes of which a part may be kept `[MSG-16]`.
    #[inline(always)]
    fn lend<'de, V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let before = self.from.clone();
        match self.from.bytes() {
            Some(bytes) if bytes.len() < payload::SLICED => visitor.visit_bytes(bytes),
            Some(bytes) => visit_slice(self.flag.0.home, bytes, visitor),
            None => {
                *self.from = before;
                self.lend_other(visitor)
            }
        }
    }

    /// The same of what was not written as bytes.
    #[cold]
    #[inline(never)]
    fn lend_other<'de, V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_bytes(visitor)
    }

    /// Shows the value to a type that takes any.
    #[inline]
    fn show<'de, V: Visitor<'de>>(self, ascii: bool, visitor: V) -> Read<V::Value> {
        let flag = self.flag;
        match flag.taken(self.from.value())? {
            QuickValue::List(level) => self.in_list(level, visitor),
            QuickValue::Map(level) => self.in_map(level, &[], visitor),
            QuickValue::Scalar(token) => match token {
                Token::Null => visitor.visit_unit(),
                Token::Bool(value) => visitor.visit_bool(value),
                Token::Int(number) => visitor.visit_i64(number),
                Token::UInt(number) => visitor.visit_u64(number),
                Token::Float(number) => visitor.visit_f64(number),
                Token::Text(text) => show_text(text, visitor),
                Token::Bytes(bytes) if ascii && bytes.is_ascii() => {
                    show_text(byte_characters(bytes), visitor)
                }
                Token::Bytes(Cow::Borrowed(bytes)) => match flag.0.home {
                    Some(home) if bytes.len() >= OWNED => {
                        payload::lend(home.clone(), || visitor.visit_bytes(bytes))
                    }
                    _ => visitor.visit_bytes(bytes),
                },
                Token::Bytes(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
                Token::List(_) | Token::Map(_) | Token::Key(_) | Token::End => Err(flag.give_up()),
            },
        }
    }

    /// Walks over the value.
    fn skip(self) -> Read<()> {
        let flag = self.flag;
        match flag.taken(self.from.value())? {
            QuickValue::Scalar(_) => Ok(()),
            QuickValue::List(level) => {
                let mut list = self.inside(level)?;
                while list.comes()? {
                    list.item().skip()?;
                }
                Ok(())
            }
            QuickValue::Map(level) => {
                let mut map = self.inside(level)?;
                while let Some(key) = flag.taken(map.from.key(&mut map.level))? {
                    flag.taken(std::str::from_utf8(key).ok())?;
                    map.item().skip()?;
                    flag.taken(map.from.value_ended(&map.level))?;
                }
                Ok(())
            }
        }
    }
}

/// Hands on bytes that may be kept as a part of `home`, if they are.
#[inline(never)]
fn visit_slice<'de, V: Visitor<'de>>(home: Option<&Bytes>, bytes: &[u8], visitor: V) -> Read<V::Value> {
    match home.and_then(|home| payload::slice_of(home, bytes)) {
        Some(slice) => payload::lend(slice, || visitor.visit_bytes(bytes)),
        None => visitor.visit_bytes(bytes),
    }
}

/// Takes a value that is no list or map, for the same blur between types as everywhere `[MSG-10]`. Readers are given and
/// given back, as one that is lent could not stay in registers.
#[inline]
fn scalar<'a, Q: QuickReader<'a>>(mut from: Q) -> Option<(Token<'a>, Q)> {
    match from.value()? {
        QuickValue::Scalar(token) => Some((token, from)),
        QuickValue::List(_) | QuickValue::Map(_) => None,
    }
}

#[inline(never)]
fn other_integer<'a, Q: QuickReader<'a>, I: TryFrom<i128>>(from: Q) -> Option<(I, Q)> {
    let (token, from) = scalar(from)?;
    Some((I::try_from(integer(&token)?).ok()?, from))
}

#[inline(never)]
fn any_float<'a, Q: QuickReader<'a>>(from: Q) -> Option<(f64, Q)> {
    let (token, from) = scalar(from)?;
    Some((float(&token)?, from))
}

#[inline(never)]
fn any_truth<'a, Q: QuickReader<'a>>(from: Q) -> Option<(bool, Q)> {
    let (token, from) = scalar(from)?;
    Some((truth(&token)?, from))
}

#[inline(never)]
fn other_text<'a, Q: QuickReader<'a>>(from: Q) -> Option<(Cow<'a, str>, Q)> {
    let (token, from) = scalar(from)?;
    Some((characters(token).ok()?, from))
}

#[inline(never)]
fn other_bytes<'a, Q: QuickReader<'a>>(from: Q) -> Option<(Cow<'a, [u8]>, Q)> {
    let (token, from) = scalar(from)?;
    Some((octets(token).ok()?, from))
}

#[inline(always)]
fn show_text<'de, V: Visitor<'de>>(text: Cow<'_, str>, visitor: V) -> Read<V::Value> {
    match text {
        Cow::Borrowed(text) => visitor.visit_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $integer:ty),* $(,)?) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
            let before = self.from.clone();
            if let Some(number) = self.from.int()
                && let Ok(number) = <$integer>::try_from(number)
            {
                return visitor.$visit(number);
            }
            *self.from = before;
            visitor.$visit(self.taken_by(other_integer)?)
        }
    )*};
}

/// Methods for which another one does.
macro_rules! same {
    ($($method:ident($($ignored:ty),*) => $other:ident;)*) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(self, $(_: $ignored,)* visitor: V) -> Read<V::Value> {
            self.$other(visitor)
        }
    )*};
}

impl<'de, 'a, Q: QuickReader<'a>> Deserializer<'de> for Item<'_, '_, Q> {
    type Error = GivenUp;

    integers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
    }

    same! {
        deserialize_f32() => deserialize_f64;
        deserialize_string() => deserialize_str;
        deserialize_char() => deserialize_str;
        deserialize_identifier() => deserialize_str;
        deserialize_byte_buf() => deserialize_bytes;
        deserialize_unit_struct(&'static str) => deserialize_unit;
        deserialize_tuple(usize) => deserialize_seq;
        deserialize_tuple_struct(&'static str, usize) => deserialize_seq;
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.show(true, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.skip()?;
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
        visitor.visit_bool(self.taken_by(any_truth)?)
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
        visitor.visit_f64(self.taken_by(any_float)?)
    }

    #[inline(always)]
    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
        let before = self.from.clone();
        if let Some(text) = self.from.text() {
            return visitor.visit_str(text);
        }
        *self.from = before;
        show_text(self.taken_by(other_text)?, visitor)
    }

    #[inline(always)]
    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
        let before = self.from.clone();
        if let Some(bytes) = self.from.bytes() {
            return visitor.visit_bytes(bytes);
        }
        *self.from = before;
        match self.taken_by(other_bytes)? {
            Cow::Borrowed(bytes) => visitor.visit_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    #[inline(always)]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if self.from.null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    #[inline(always)]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if self.from.null() { visitor.visit_unit() } else { Err(self.flag.give_up()) }
    }

    #[inline(always)]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Read<V::Value> {
        match name {
            payload::NAME => self.lend(visitor),
            value::NAME => self.show(false, visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    #[inline(always)]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let level = self.flag.taken(self.from.list())?;
        self.in_list(level, visitor)
    }

    #[inline(always)]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let level = self.flag.taken(self.from.map())?;
        self.in_map(level, &[], visitor)
    }

    #[inline(always)]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: Names,
        visitor: V,
    ) -> Read<V::Value> {
        if self.from.is_map() {
            let level = self.flag.taken(self.from.map())?;
            return self.in_map(level, names, visitor);
        }
        self.deserialize_seq(visitor)
    }

    #[inline(always)]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: Names,
        visitor: V,
    ) -> Read<V::Value> {
        if self.from.is_list() {
            let level = self.flag.taken(self.from.list())?;
            let flag = self.flag;
            let mut fields = self.inside(level)?;
            let tag = fields.tag()?;
            let value = flag.made(visitor.visit_enum(Variant { tag, variants, fields: &mut fields }))?;
            fields.finish()?;
            return Ok(value);
        }
        let bytes = self.flag.taken(self.from.word())?;
        visitor.visit_enum(key::Key { bytes, names: variants, flag: self.flag })
    }
}

/// Reads a message: the rest of its list.
struct Root<'q, 'f, 'a, Q: QuickReader<'a>>(Elements<'q, 'f, 'a, Q>);

impl<'f, 'a, Q: QuickReader<'a>> Root<'_, 'f, 'a, Q> {
    /// The message's first element; what follows is ignored.
    #[inline(always)]
    fn item(&mut self) -> Read<Item<'_, 'f, Q>> {
        if self.0.comes()? { Ok(self.0.item()) } else { Err(self.0.flag.give_up()) }
    }
}

/// Methods for types whose message has one element.
macro_rules! one_element {
    ($($method:ident)*) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
            self.item()?.$method(visitor)
        }
    )*};
}

impl<'de, 'a, Q: QuickReader<'a>> Deserializer<'de> for Root<'_, '_, 'a, Q> {
    type Error = GivenUp;

    one_element! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_identifier
        deserialize_bytes deserialize_byte_buf
        deserialize_map
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
        if self.0.begins_with_map()? {
            return Err(self.0.flag.give_up());
        }
        visitor.visit_seq(&mut self.0)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    /// A message that is nothing or a null is rare.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let mut ahead = self.0.from.clone();
        let mut level = self.0.level;
        if !self.0.flag.taken(ahead.more(&mut level))? || ahead.null() {
            return Err(self.0.flag.give_up());
        }
        visitor.visit_some(self)
    }

    #[inline(always)]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    #[inline(always)]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        if name == payload::NAME { self.item()?.lend(visitor) } else { visitor.visit_newtype_struct(self) }
    }

    #[inline(always)]
    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Read<V::Value> {
        visitor.visit_seq(&mut self.0)
    }

    #[inline(always)]
    fn deserialize_tuple<V: Visitor<'de>>(mut self, _: usize, visitor: V) -> Read<V::Value> {
        self.0.end = End::Due;
        visitor.visit_seq(&mut self.0)
    }

    #[inline(always)]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Read<V::Value> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline(always)]
    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        names: Names,
        visitor: V,
    ) -> Read<V::Value> {
        self.0.fields(names, visitor)
    }

    #[inline(always)]
    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        variants: Names,
        visitor: V,
    ) -> Read<V::Value> {
        let tag = self.0.tag()?;
        visitor.visit_enum(Variant { tag, variants, fields: &mut self.0 })
    }
}
