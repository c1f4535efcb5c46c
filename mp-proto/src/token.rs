//! The data model as a stream of tokens: what every codec reads and writes.
//!
//! A codec is a [`TokenWriter`] and a [`TokenReader`]; the serde adaptor and [`Value`](crate::Value) are written once,
//! against these.

use std::borrow::Cow;

use crate::DecodeError;

/// How deeply lists and maps may be nested, the message itself counted. Perl's JSON and CBOR modules have the same
/// limit `[FR-06]`.
pub const MAX_DEPTH: usize = 512;

/// One step through a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// A null.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer in the range of `i64`.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A float.
    Float(f64),
    /// A character string.
    Text(Cow<'a, str>),
    /// A byte string.
    Bytes(Cow<'a, [u8]>),
    /// A list begins. The number is how many elements its sender announced, zero if it did not; never allocate by it.
    List(usize),
    /// A map begins; the number as for lists. What follows alternates between a key and its value.
    Map(usize),
    /// The key of the map entry whose value comes next.
    Key(Cow<'a, str>),
    /// The innermost list or map ends.
    End,
}

/// Writes one item (usually a list with all that is in it) in a codec's form. Never fails: what cannot be written is
/// refused before it comes here.
///
/// Calls must be well-formed: as many elements as `list` and `map` announced, a `key` before each value of a map, an
/// end for each begin.
pub trait TokenWriter {
    /// Writes a null.
    fn null(&mut self);
    /// Writes a truth value.
    fn bool(&mut self, value: bool);
    /// Writes an integer.
    fn int(&mut self, number: i64);
    /// Writes an integer that may be above `i64::MAX`.
    fn uint(&mut self, number: u64);
    /// Writes a float.
    fn float(&mut self, number: f64);
    /// Writes a character string.
    fn text(&mut self, text: &str);
    /// Writes a byte string.
    fn bytes(&mut self, bytes: &[u8]);
    /// Begins a list of exactly `len` elements.
    fn list(&mut self, len: usize);
    /// Begins a list of exactly `len` elements, of which `first` is the first.
    #[inline]
    fn list_of_text(&mut self, len: usize, first: &str) {
        self.list(len);
        self.text(first);
    }
    /// Ends the innermost list.
    fn end_list(&mut self);
    /// Begins a map of exactly `len` entries.
    fn map(&mut self, len: usize);
    /// Writes the key of the next entry.
    fn key(&mut self, key: &str);
    /// Ends the innermost map.
    fn end_map(&mut self);

    /// Whether the writer has been given more than it takes: then what it has is of no use, and who writes may stop.
    /// Most take everything.
    #[inline]
    fn is_full(&self) -> bool {
        false
    }
}

/// Reads one item in a codec's form, token by token, without recursion.
pub trait TokenReader<'a> {
    /// The next token.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not what the codec writes, nest deeper than [`MAX_DEPTH`], or end; also when
    /// called after the item's last token.
    fn next(&mut self) -> Result<Token<'a>, DecodeError>;
}

impl<'a, R: TokenReader<'a> + ?Sized> TokenReader<'a> for &mut R {
    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        (**self).next()
    }
}
