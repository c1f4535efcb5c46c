//! Lists and maps being read.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::blur::{Found, characters, mismatch};
use super::{Item, Tag};
use crate::DecodeError;
use crate::token::{Token, TokenReader};

/// How long a list is believed to be before its elements are there.
const CAUTIOUS: usize = 64;

/// What is left of a list or map that has begun.
pub(in crate::adaptor) struct Rest<'r, 'a, R> {
    pub(in crate::adaptor) reader: &'r mut R,
    /// Read already, but not used.
    pub(in crate::adaptor) first: Option<Token<'a>>,
    /// Its end has been read.
    pub(in crate::adaptor) ended: bool,
    /// How many levels of lists and maps may still begin in it.
    pub(in crate::adaptor) room: usize,
    /// How many elements are still to come, by what the sender announced.
    pub(in crate::adaptor) hint: usize,
    /// How many elements have been read.
    pub(in crate::adaptor) taken: usize,
    /// Whether it is the message itself, where errors say which element they are about.
    pub(in crate::adaptor) root: bool,
    /// How many more elements the type wants; those that the message lacks are null `[MSG-14]`.
    pub(in crate::adaptor) due: usize,
}

impl<'r, 'a, R: TokenReader<'a>> Rest<'r, 'a, R> {
    #[inline]
    pub(super) fn new(reader: &'r mut R, hint: usize, room: usize) -> Self {
        Self { reader, first: None, ended: false, room, hint, taken: 0, root: false, due: 0 }
    }

    /// Behind something that is no list, where nothing comes.
    #[inline]
    pub(super) fn nothing(reader: &'r mut R) -> Self {
        Self { ended: true, ..Self::new(reader, 0, 0) }
    }

    /// The next element's first token; [`Token::End`] if there is none, however often one asks.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        let token = if self.first.is_some() {
            self.first.take().unwrap_or(Token::End)
        } else if self.ended {
            return Ok(Token::End);
        } else {
            self.reader.next()?
        };
        if matches!(token, Token::End) {
            self.ended = true;
        } else {
            self.taken += 1;
            self.hint = self.hint.saturating_sub(1);
        }
        Ok(token)
    }

    /// Takes back what [`next`](Self::next) gave.
    pub(super) fn put_back(&mut self, token: Token<'a>) {
        if !matches!(token, Token::End) {
            self.taken -= 1;
            self.first = Some(token);
        }
    }

    #[inline]
    pub(super) fn item(&mut self, token: Token<'a>) -> Item<'_, 'a, R> {
        Item { token, reader: &mut *self.reader, room: self.room }
    }

    /// Reads an element with `seed`; `token` is its first.
    #[inline]
    fn element<'de, S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
        token: Token<'a>,
    ) -> Result<S::Value, DecodeError> {
        let at = self.taken + usize::from(matches!(token, Token::End));
        let root = self.root;
        seed.deserialize(self.item(token)).map_err(|error| if root { locate(error, at) } else { error })
    }

    /// The end must come now: nothing nested may have more elements than its type knows.
    #[inline]
    pub(super) fn finish(mut self) -> Result<(), DecodeError> {
        if self.ended { Ok(()) } else { self.check_end() }
    }

    fn check_end(&mut self) -> Result<(), DecodeError> {
        let wanted = self.taken;
        match self.next()? {
            Token::End => Ok(()),
            surplus => {
                let plural = if wanted == 1 { "" } else { "s" };
                let found = Found(&surplus);
                Err(DecodeError::Mismatch(format!(
                    "expected a list of {wanted} element{plural}, found {found} behind"
                )))
            }
        }
    }

    /// Reads a struct: from a map that comes next (or if nothing does), else from the elements in order.
    pub(super) fn fields<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.next()? {
            Token::Map(len) => self.item(Token::Map(len)).map(visitor),
            Token::End => visitor.visit_map(&mut *self),
            token => {
                self.put_back(token);
                visitor.visit_seq(&mut *self)
            }
        }
    }
}

/// Says which element of the message the error is about.
#[cold]
fn locate(error: DecodeError, at: usize) -> DecodeError {
    match error {
        DecodeError::Mismatch(text) => DecodeError::Mismatch(format!("element {at}: {text}")),
        other => other,
    }
}

impl<'de, 'a, R: TokenReader<'a>> SeqAccess<'de> for &mut Rest<'_, 'a, R> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let due = self.due;
        self.due = due.saturating_sub(1);
        match self.next()? {
            // What takes no null may have a default; if not, serde says that the message is too short.
            Token::End if due > 0 => Ok(self.element(seed, Token::Null).ok()),
            Token::End => Ok(None),
            token => self.element(seed, token).map(Some),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint.min(CAUTIOUS))
    }
}

impl<'de, 'a, R: TokenReader<'a>> MapAccess<'de> for &mut Rest<'_, 'a, R> {
    type Error = DecodeError;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        match self.next()? {
            Token::End => Ok(None),
            token => seed.deserialize(self.item(token)).map(Some),
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let token = self.reader.next()?;
        seed.deserialize(self.item(token))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.hint.min(CAUTIOUS))
    }
}

/// An enum: the tag has been read, its fields are the rest of the list.
pub(super) struct Variant<'e, 'r, 'a, R> {
    pub(super) tag: Cow<'a, str>,
    pub(super) rest: &'e mut Rest<'r, 'a, R>,
}

impl<'de, 'e, 'r, 'a, R: TokenReader<'a>> EnumAccess<'de> for Variant<'e, 'r, 'a, R> {
    type Error = DecodeError;
    type Variant = &'e mut Rest<'r, 'a, R>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), DecodeError> {
        Ok((seed.deserialize(Tag(self.tag))?, self.rest))
    }
}

impl<'de, 'a, R: TokenReader<'a>> VariantAccess<'de> for &mut Rest<'_, 'a, R> {
    type Error = DecodeError;

    #[inline]
    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, DecodeError> {
        let token = self.next()?;
        self.element(seed, token)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.due = if self.root { len } else { 0 };
        visitor.visit_seq(self)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.fields(visitor)
    }
}

/// The tag of an enum that must be one.
#[inline]
pub(super) fn tag<'de, 'a, V: Visitor<'de>>(
    token: Token<'a>,
    visitor: &V,
) -> Result<Cow<'a, str>, DecodeError> {
    match token {
        Token::Text(text) => Ok(text),
        other => characters(other).map_err(|token| mismatch(&token, visitor)),
    }
}
