//! Tokens as a user's type.

mod blur;
mod list;
mod root;

use std::borrow::Cow;

use serde::de::{Deserializer, Visitor};

pub(super) use blur::{Found, byte_characters, characters, float, integer, octets, truth};
use blur::{mismatch, not_octets};
use list::{Rest, Variant, tag};
pub(super) use root::Root;

use crate::token::{Token, TokenReader};
use crate::{DecodeError, payload, value};

/// The variants of an enum or the fields of a struct, as the type names them.
pub(super) type Names = &'static [&'static str];

/// How deeply lists and maps may be nested in what is read as a Rust type, the message itself counted: reading them
/// recurses through the type `[MSG-12]`. [`Frame::message`](crate::Frame::message) goes as deep as frames do.
pub const MAX_TYPE_DEPTH: usize = 128;

/// Reads one value within a message: its first token, and the reader that the rest comes from. [`Token::End`] stands
/// for a value that is not there.
pub(super) struct Item<'r, 'a, R> {
    token: Token<'a>,
    reader: &'r mut R,
    room: usize,
}

impl<'r, 'a, R: TokenReader<'a>> Item<'r, 'a, R> {
    /// The inside of the list or map that begins here.
    #[inline]
    fn inside(self, hint: usize) -> Result<Rest<'r, 'a, R>, DecodeError> {
        let room = self.room.checked_sub(1).ok_or_else(too_deep)?;
        Ok(Rest::new(self.reader, hint, room))
    }

    #[inline]
    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let Token::List(len) = self.token else {
            return Err(mismatch(&self.token, &visitor));
        };
        let mut rest = self.inside(len)?;
        let value = visitor.visit_seq(&mut rest)?;
        rest.finish()?;
        Ok(value)
    }

    #[inline]
    fn map<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let Token::Map(len) = self.token else {
            return Err(mismatch(&self.token, &visitor));
        };
        let mut rest = self.inside(len)?;
        let value = visitor.visit_map(&mut rest)?;
        rest.finish()?;
        Ok(value)
    }

    /// Shows the value to a type that takes any.
    fn show<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.token {
            Token::Null | Token::End => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Int(number) => visitor.visit_i64(number),
            Token::UInt(number) => visitor.visit_u64(number),
            Token::Float(number) => visitor.visit_f64(number),
            Token::Text(Cow::Borrowed(text)) | Token::Key(Cow::Borrowed(text)) => visitor.visit_str(text),
            Token::Text(Cow::Owned(text)) | Token::Key(Cow::Owned(text)) => visitor.visit_string(text),
            Token::Bytes(Cow::Borrowed(bytes)) => visitor.visit_bytes(bytes),
            Token::Bytes(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
            Token::List(_) => self.list(visitor),
            Token::Map(_) => self.map(visitor),
        }
    }

    /// Walks over the value.
    fn skip(self) -> Result<(), DecodeError> {
        let mut depth = usize::from(matches!(self.token, Token::List(_) | Token::Map(_)));
        while depth > 0 {
            match self.reader.next()? {
                Token::List(_) | Token::Map(_) => depth += 1,
                Token::End => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cold]
fn too_deep() -> DecodeError {
    DecodeError::Mismatch(format!(
        "nested deeper than the {MAX_TYPE_DEPTH} levels that are read as a Rust type"
    ))
}

macro_rules! integers {
    ($($method:ident $visit:ident $integer:ty),*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            if let Token::Int(number) = self.token
                && let Ok(number) = <$integer>::try_from(number)
            {
                return visitor.$visit(number);
            }
            match integer(&self.token).and_then(|number| <$integer>::try_from(number).ok()) {
                Some(number) => visitor.$visit(number),
                None => Err(mismatch(&self.token, &visitor)),
            }
        }
    )*};
}

/// Methods for which another one does.
macro_rules! same {
    ($($method:ident($($ignored:ty),*) => $other:ident;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $(_: $ignored,)* visitor: V) -> Result<V::Value, DecodeError> {
            self.$other(visitor)
        }
    )*};
}

impl<'de, 'a, R: TokenReader<'a>> Deserializer<'de> for Item<'_, 'a, R> {
    type Error = DecodeError;

    integers!(deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32);
    integers!(deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128);
    integers!(deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32);
    integers!(deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128);

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

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        // Few types that look at the data first know byte strings, and Perl sends its words as such.
        if let Token::Bytes(bytes) = &mut self.token
            && bytes.is_ascii()
        {
            let bytes = std::mem::take(bytes);
            return Self { token: Token::Text(byte_characters(bytes)), ..self }.show(visitor);
        }
        self.show(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match truth(&self.token) {
            Some(value) => visitor.visit_bool(value),
            None => Err(mismatch(&self.token, &visitor)),
        }
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match float(&self.token) {
            Some(number) => visitor.visit_f64(number),
            None => Err(mismatch(&self.token, &visitor)),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if let Token::Text(Cow::Borrowed(text)) = self.token {
            return visitor.visit_str(text);
        }
        match characters(self.token) {
            Ok(Cow::Borrowed(text)) => visitor.visit_str(text),
            Ok(Cow::Owned(text)) => visitor.visit_string(text),
            Err(token) => Err(mismatch(&token, &visitor)),
        }
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if let Token::Bytes(Cow::Borrowed(bytes)) = self.token {
            return visitor.visit_bytes(bytes);
        }
        match octets(self.token) {
            Ok(Cow::Borrowed(bytes)) => visitor.visit_bytes(bytes),
            Ok(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
            Err(token) => Err(not_octets(&token, &visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.token {
            Token::Null | Token::End => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.token {
            Token::Null | Token::End => visitor.visit_unit(),
            _ => Err(mismatch(&self.token, &visitor)),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match name {
            payload::NAME => self.deserialize_bytes(visitor),
            value::NAME => self.show(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.list(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.map(visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.token {
            Token::List(_) => self.list(visitor),
            _ => self.map(visitor),
        }
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if let Token::List(len) = self.token {
            let mut rest = self.inside(len)?;
            let tag = tag(rest.next()?, &visitor)?;
            let value = visitor.visit_enum(Variant { tag, rest: &mut rest })?;
            rest.finish()?;
            return Ok(value);
        }
        let tag = tag(self.token, &visitor)?;
        visitor.visit_enum(Variant { tag, rest: &mut Rest::nothing(self.reader) })
    }
}

/// The tag of an enum.
struct Tag<'a>(Cow<'a, str>);

impl<'de> Deserializer<'de> for Tag<'_> {
    type Error = DecodeError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_str(&self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
