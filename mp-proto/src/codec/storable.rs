//! Storable: the memory images of Perl's `freeze` and `nfreeze`.
//!
//! Before each frame stands its length as Perl's `pack "w"` writes it, seven bits in a byte, the most significant first
//! `[ST-01]`. A frame is a network image whose root is the array itself `[ST-03]`. Beside the codec, [`freeze`] and
//! [`thaw`] serve those who exchange images of any kind.
//!
//! What is written is what Perl 5.8 and all later ones read `[ST-20]`, and Perl has fewer kinds of values than we:
//!
//! | written | as | and read back as |
//! |---|---|---|
//! | an integer of 32 bits, or a float that is one | an integer | [`Int`](crate::Value::Int) |
//! | any other number | the shortest decimal text, `Inf`, `-Inf`, `NaN` `[ST-21]` | a byte string |
//! | true, false | the strings `1` and the empty one, which are what Perl's own are in an image `[ST-22]` | a byte string |
//! | a text in ASCII | a byte string | a byte string, which is equal to it |
//!
//! What becomes of what Perl has and the data model has not:
//!
//! | read | becomes |
//! |---|---|
//! | a reference, also a weak one | what it refers to `[ST-10]` |
//! | something that was met before | a copy, within a bound on all copies `[ST-11]` `[ST-12]` |
//! | an object of a class of truth values, such as `JSON::PP::Boolean` | true or false `[ST-13]` |
//! | a version string | the string that it stands for |
//! | a character that Unicode has not | U+FFFD `[ST-14]` |
//! | the empty place of a restricted hash | nothing |
//! | other objects, code, regular expressions, what is tied or has hooks, cycles | an error `[ST-15]` |

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

mod cursor;
mod error;
mod header;
mod item;
mod part;
mod plain;
mod quick;
mod read;
mod scan;
mod simple;
mod survey;
mod write;

use std::borrow::Cow;

use bytes::BytesMut;

use super::quick::Entrance;
use super::{Codec, DecodeError, Framing, frame};

pub use error::StorableError;
pub use part::{Field, FieldsWriter, FrozenList, Span, fields};
pub use plain::{MAX_FREEZE_DEPTH, ThawLimits, freeze, thaw};
pub use quick::StorableQuick;
pub use read::StorableReader;
pub use scan::StorableScanner;
pub use write::StorableWriter;

/// The codec of [`Framing::Storable`].
#[derive(Debug, Clone, Copy)]
pub struct Storable;

impl Codec for Storable {
    const FRAMING: Framing = Framing::Storable;
    type Reader<'a> = StorableReader<'a>;
    type Quick<'a> = StorableQuick<'a>;
    type Writer<'a> = StorableWriter<'a>;
    type Scanner = StorableScanner;

    fn reader(frame: &[u8]) -> StorableReader<'_> {
        StorableReader::message(frame)
    }

    #[inline(always)]
    fn quick(frame: &[u8]) -> Option<Entrance<'_, StorableQuick<'_>>> {
        StorableQuick::new(frame)
    }

    #[inline]
    fn check(image: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
        match StorableQuick::new(image).and_then(|entrance| entrance.name) {
            Some(name) => Ok(Cow::Borrowed(name)),
            None => frame::check(Self::FRAMING, Self::reader(image)),
        }
    }

    #[inline]
    fn has_copies(frame: &[u8]) -> bool {
        !quick::is_simple(frame)
    }

    fn writer(out: &mut BytesMut) -> StorableWriter<'_> {
        StorableWriter::new(out)
    }

    fn open(out: &mut BytesMut) {
        scan::open(out);
    }

    fn close(out: &mut BytesMut, start: usize) {
        scan::close(out, start);
    }
}
