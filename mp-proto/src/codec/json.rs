//! JSON: arrays, one after another.
//!
//! A stream is JSON arrays with nothing between them; white space between them is taken, and never written `[FR-10]`.
//!
//! What JSON cannot say, and what becomes of it:
//!
//! | written | on the wire | read |
//! |---|---|---|
//! | a byte string | the characters U+0000 to U+00FF of the same numbers | a text |
//! | not-a-number, infinities | the strings `"NaN"`, `"Inf"`, `"-Inf"` | a text |
//! | `Float(1.0)` | `1.0`; a float always has a fraction or an exponent | a float |
//! | (a peer's) integer beyond 64 bits | its digits | the nearest float |
//! | (a peer's) `-0` | | the integer 0; `-0.0` is the float |

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

mod levels;
mod plain;
mod quick;
mod read;
mod scan;
mod write;

use std::borrow::Cow;

use bytes::BytesMut;

use super::quick::{Entrance, check};
use super::{Codec, DecodeError, Framing, Nameless};

pub use quick::JsonQuick;
pub use read::JsonReader;
pub use scan::JsonScanner;
pub use write::JsonWriter;

/// The codec of [`Framing::Json`].
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl Codec for Json {
    const FRAMING: Framing = Framing::Json;
    type Reader<'a> = JsonReader<'a>;
    type Quick<'a> = JsonQuick<'a>;
    type Writer<'a> = JsonWriter<'a>;
    type Scanner = JsonScanner;

    #[inline]
    fn reader(frame: &[u8]) -> JsonReader<'_> {
        JsonReader::new(frame)
    }

    #[inline(always)]
    fn quick(frame: &[u8]) -> Option<Entrance<'_, JsonQuick<'_>>> {
        JsonQuick::new(frame)
    }

    #[inline]
    fn check(frame: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
        check::check::<Self>(frame)
    }

    #[inline]
    fn quick_cut(input: &[u8]) -> Option<(&[u8], usize)> {
        check::cut::<Self>(input)
    }

    #[inline]
    fn writer(out: &mut BytesMut) -> JsonWriter<'_> {
        JsonWriter::new(out)
    }

    /// A bracket, and two quotes.
    fn nameless(_: &[u8]) -> Option<Nameless> {
        Some(Nameless { frame: 0, name: 1..3 })
    }
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { framing: Framing::Json, offset, what }
}

/// White space between the tokens of RFC 8259.
#[inline]
fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
