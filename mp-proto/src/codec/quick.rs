//! Reading what is as expected, in as few steps as can be.
//!
//! Nearly every message is of the type that its receiver expects, in the form that senders usually give it. A
//! [`QuickReader`] reads such messages and no others: it keeps no notes of where it is, and has no errors, it just gives
//! up. Then the message is read once more with the codec's [`TokenReader`](crate::token::TokenReader), which knows all
//! forms and says what is wrong. So a quick reader may take less than that, but must never take anything for something
//! else `[MSG-15]`.

use crate::token::Token;

#[cfg(any(feature = "cbor", feature = "json"))]
pub(super) mod check;

#[cfg(all(test, feature = "json", feature = "cbor", feature = "postcard", feature = "storable"))]
mod tests;

/// A value as a quick reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum QuickValue<'a, L> {
    /// A null, number, truth value or string; not a beginning, a key or an end.
    Scalar(Token<'a>),
    /// A list begins.
    List(L),
    /// A map begins.
    Map(L),
}

/// A quick reader that stands behind the port's name of a frame.
#[derive(Debug, Clone)]
pub struct Entrance<'a, Q: QuickReader<'a>> {
    /// Before the message's first element.
    pub reader: Q,
    /// What must be known of the list that it is in.
    pub level: Q::Level,
    /// The port's name, if it stands in the frame in UTF-8.
    pub name: Option<&'a [u8]>,
}

/// What a quick reader has passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed<L> {
    /// A null, number, truth value or string.
    Scalar,
    /// The beginning of a list.
    List(L),
    /// The beginning of a map.
    Map(L),
}

/// Reads the elements of a message one after the other, if they are in usual forms. Whatever gives `None` has given up, and
/// the reader is of no use any more.
///
/// After a step of one kind that gave up one may try another one at the same place, with the reader that was cloned before.
///
/// Who calls says what is to come: [`more`](Self::more) before each element of a list and behind the last one,
/// [`key`](Self::key) before each value of a map and [`value_ended`](Self::value_ended) behind it, and `key` again for the
/// map's end. Lists and maps may be left in the middle only if nothing more is read.
pub trait QuickReader<'a>: Clone {
    /// What must be known of a list or map that has begun.
    type Level: Copy + std::fmt::Debug;

    /// How many bytes are left: fewer when something has been taken.
    fn left(&self) -> usize;

    /// Whether the list has another element. If not, it has ended.
    fn more(&mut self, list: &mut Self::Level) -> Option<bool>;

    /// The next key of the map, in UTF-8 if it is a text at all; `Some(None)` if there is none, and the map has ended.
    fn key(&mut self, map: &mut Self::Level) -> Option<Option<&'a [u8]>>;

    /// The value behind the last key has been taken.
    #[inline(always)]
    fn value_ended(&mut self, map: &Self::Level) -> Option<()> {
        let _: &Self::Level = map;
        Some(())
    }

    /// How many elements or entries are to come, as far as is known.
    fn hint(level: &Self::Level) -> usize;

    /// Whether a list begins here.
    fn is_list(&self) -> bool;

    /// Whether a map begins here.
    fn is_map(&self) -> bool;

    /// Takes a null, if one comes next.
    fn null(&mut self) -> bool;

    /// Takes any value, or its beginning.
    fn value(&mut self) -> Option<QuickValue<'a, Self::Level>>;

    /// Takes what [`value`](Self::value) takes, to see that it is well-formed.
    #[inline(always)]
    fn pass(&mut self) -> Option<Passed<Self::Level>> {
        self.value().map(|value| match value {
            QuickValue::Scalar(_) => Passed::Scalar,
            QuickValue::List(level) => Passed::List(level),
            QuickValue::Map(level) => Passed::Map(level),
        })
    }

    /// Takes an integer in the range of `i64`.
    fn int(&mut self) -> Option<i64>;

    /// Takes the characters of a string.
    fn text(&mut self) -> Option<&'a str>;

    /// Takes the octets of a string.
    fn bytes(&mut self) -> Option<&'a [u8]>;

    /// Takes the characters of a string, in UTF-8 if it is a text at all.
    fn word(&mut self) -> Option<&'a [u8]>;

    /// Takes a list's beginning.
    fn list(&mut self) -> Option<Self::Level>;

    /// Takes a map's beginning.
    fn map(&mut self) -> Option<Self::Level>;
}
