//! CBOR: items of RFC 8949, one after another.
//!
//! A stream is CBOR arrays with nothing between them `[FR-20]`.
//!
//! What becomes of what CBOR has and the data model has not:
//!
//! | read | becomes |
//! |---|---|
//! | an integer below −2⁶³ | the nearest float |
//! | a float of 16 or 32 bits | the same float |
//! | lists, maps and strings of indefinite length | those of known length |
//! | a map's key that is a byte string | the text of the characters of these numbers |
//! | a map's key that is a number, a truth value or null | the text that JSON has for it |
//! | the tag 55799, "this is CBOR" | nothing |
//! | other tags, `undefined`, other simple values, other keys | an error |

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

mod head;
mod quick;
mod read;
mod scan;
mod write;

use std::borrow::Cow;

use bytes::BytesMut;

use super::quick::{Entrance, check};
use super::{Codec, DecodeError, Framing, Nameless};

pub use quick::CborQuick;
pub use read::CborReader;
pub use scan::CborScanner;
pub use write::CborWriter;

/// The codec of [`Framing::Cbor`].
#[derive(Debug, Clone, Copy)]
pub struct Cbor;

impl Codec for Cbor {
    const FRAMING: Framing = Framing::Cbor;
    type Reader<'a> = CborReader<'a>;
    type Quick<'a> = CborQuick<'a>;
    type Writer<'a> = CborWriter<'a>;
    type Scanner = CborScanner;

    #[inline]
    fn reader(frame: &[u8]) -> CborReader<'_> {
        CborReader::new(frame)
    }

    #[inline(always)]
    fn quick(frame: &[u8]) -> Option<Entrance<'_, CborQuick<'_>>> {
        CborQuick::new(frame)
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
    fn writer(out: &mut BytesMut) -> CborWriter<'_> {
        CborWriter::new(out)
    }

    /// The list's head, as long as its first byte says, and a text's head.
    fn nameless(written: &[u8]) -> Option<Nameless> {
        let head = match written.first()? & 0x1f {
            ..24 => 1,
            24 => 2,
            25 => 3,
            26 => 5,
            _ => 9,
        };
        Some(Nameless { frame: 0, name: head..head.saturating_add(1) })
    }
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { framing: Framing::Cbor, offset, what }
}
