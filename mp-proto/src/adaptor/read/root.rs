//! The list that a message is, as a user's type.

use serde::de::{Deserializer, Visitor};

use super::list::{Rest, Variant, tag};
use super::{Item, MAX_TYPE_DEPTH};
use crate::adaptor::values::{ValueReader, build};
use crate::token::{Token, TokenReader};
use crate::{DecodeError, Value};

/// Reads a message: what is left of its list.
pub(in crate::adaptor) struct Root<'r, 'a, R>(Rest<'r, 'a, R>);

impl<'r, 'a, R: TokenReader<'a>> Root<'r, 'a, R> {
    /// The message is the rest of the list that `reader` is in, of which `hint` elements were announced, or nothing if
    /// that has `ended`.
    #[inline]
    pub(in crate::adaptor) fn new(reader: &'r mut R, hint: usize, ended: bool) -> Self {
        let room = MAX_TYPE_DEPTH - 1;
        Self(Rest { reader, first: None, ended, room, hint, taken: 0, root: true, due: 0 })
    }

    /// The message's first element; what follows is ignored.
    #[inline]
    fn item(&mut self) -> Result<Item<'_, 'a, R>, DecodeError> {
        let token = self.0.next()?;
        Ok(self.0.item(token))
    }

    /// The whole message, where it cannot be understood in one pass.
    fn gather(self, tokens: impl IntoIterator<Item = Token<'a>>) -> Result<Vec<Value>, DecodeError> {
        build(self.0.reader, self.0.hint, tokens)
    }
}

/// Methods for types whose message has one element.
macro_rules! one_element {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
            self.item()?.$method(visitor)
        }
    )*};
}

impl<'de, 'a, R: TokenReader<'a>> Deserializer<'de> for Root<'_, 'a, R> {
    type Error = DecodeError;

    one_element! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_identifier
        deserialize_bytes deserialize_byte_buf
        deserialize_map
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        let first = self.0.next()?;
        if !matches!(first, Token::Map(_)) {
            self.0.put_back(first);
            return visitor.visit_seq(&mut self.0);
        }
        let values = self.gather([first])?;
        let mut reader = ValueReader::elements(&values);
        let mut root = Root::new(&mut reader, values.len(), false);
        if values.len() == 1 { root.item()?.deserialize_any(visitor) } else { visitor.visit_seq(&mut root.0) }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.next()? {
            Token::End => visitor.visit_none(),
            Token::Null => match self.0.next()? {
                Token::End => visitor.visit_none(),
                // A tuple or sequence whose first element happens to be null.
                second => {
                    let values = self.gather([Token::Null, second])?;
                    visitor.visit_some(Root::new(&mut ValueReader::elements(&values), values.len(), false))
                }
            },
            first => {
                self.0.put_back(first);
                visitor.visit_some(self)
            }
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(&mut self.0)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.0.due = len;
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.0.fields(visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let tag = tag(self.0.next()?, &visitor)?;
        visitor.visit_enum(Variant { tag, rest: &mut self.0 })
    }
}
