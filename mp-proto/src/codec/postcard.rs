//! The private form of connections between nodes of our own kind: tokens as postcard, in length-prefixed frames.
//!
//! Before each frame stands its length, four bytes, the least significant first `[FR-30]`. A frame is a sequence of
//! tokens, each the postcard form of an enum of nine variants, `Item`: a list or map is followed by its elements or entries, as
//! many as it says; an entry is a text and a value `[FR-31]`.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

mod check;
mod item;
mod read;
mod scan;
mod write;

use std::borrow::Cow;

use bytes::BytesMut;

use super::{Codec, DecodeError, Entered, Framing};
use crate::adaptor;

pub use read::PostcardReader;
pub use scan::PostcardScanner;
pub use write::PostcardWriter;

/// Bytes of a length prefix.
const PREFIX: usize = size_of::<u32>();

/// The codec of [`Framing::Postcard`].
#[derive(Debug, Clone, Copy)]
pub struct Postcard;

impl Codec for Postcard {
    const FRAMING: Framing = Framing::Postcard;
    type Reader<'a> = PostcardReader<'a>;
    type Writer<'a> = PostcardWriter<'a>;
    type Scanner = PostcardScanner;

    #[inline]
    fn reader(frame: &[u8]) -> PostcardReader<'_> {
        PostcardReader::new(frame)
    }

    #[inline]
    fn writer(out: &mut BytesMut) -> PostcardWriter<'_> {
        PostcardWriter::new(out)
    }

    #[inline]
    fn capped_writer(out: &mut BytesMut, cap: usize) -> PostcardWriter<'_> {
        PostcardWriter::capped(out, cap)
    }

    #[inline]
    fn enter(reader: &mut PostcardReader<'_>) -> Result<Entered, DecodeError> {
        match reader.skip_name() {
            Some(hint) => Ok(Entered { hint, ended: false }),
            None => adaptor::enter(reader),
        }
    }

    #[inline]
    fn open(out: &mut BytesMut) {
        out.extend_from_slice(&[0; PREFIX]);
    }

    #[inline]
    fn check(frame: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
        check::check(frame)
    }

    #[inline(always)]
    fn is_sound_behind(frame: &[u8], head: usize) -> bool {
        check::is_sound_behind(frame, head)
    }

    /// Fills in the length. One that 32 bits cannot hold becomes the largest that they can, which every scanner with a
    /// smaller bound refuses.
    #[inline]
    fn close(out: &mut BytesMut, start: usize) {
        let Some((prefix, frame)) = out.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut) else {
            return;
        };
        *prefix = u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes();
    }
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { framing: Framing::Postcard, offset, what }
}
