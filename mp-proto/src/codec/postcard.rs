//! The private form of connections between nodes of our own kind: tokens as postcard, in length-prefixed frames.
//!
//! Before each frame stands its length, four bytes, the least significant first `[FR-30]`. A frame is a sequence of
//! tokens, each the postcard form of an enum of nine variants, `Item`: a list or map is followed by its elements or entries, as
//! many as it says; an entry is a text and a value `[FR-31]`.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

mod check;
mod item;
pub(super) mod many;
mod quick;
mod read;
mod scan;
mod write;

use std::borrow::Cow;
use std::ops::Range;

use bytes::BytesMut;

use super::quick::Entrance;
use super::{Codec, DecodeError, Entered, Framing, Nameless};
use crate::adaptor;
use crate::request::is_no_op;

pub use quick::PostcardQuick;
pub use read::PostcardReader;
pub use scan::PostcardScanner;
pub(in crate::codec) use write::GatheringWriter;
pub use write::PostcardWriter;

/// Bytes of a length prefix.
pub(in crate::codec) const PREFIX: usize = size_of::<u32>();

/// The codec of [`Framing::Postcard`].
#[derive(Debug, Clone, Copy)]
pub struct Postcard;

impl Codec for Postcard {
    const FRAMING: Framing = Framing::Postcard;
    type Reader<'a> = PostcardReader<'a>;
    type Quick<'a> = PostcardQuick<'a>;
    type Writer<'a> = PostcardWriter<'a>;
    type Scanner = PostcardScanner;

    #[inline]
    fn reader(frame: &[u8]) -> PostcardReader<'_> {
        PostcardReader::new(frame)
    }

    #[inline(always)]
    fn quick(frame: &[u8]) -> Option<Entrance<'_, PostcardQuick<'_>>> {
        PostcardQuick::new(frame)
    }

    #[inline]
    fn writer(out: &mut BytesMut) -> PostcardWriter<'_> {
        PostcardWriter::new(out)
    }

    #[inline(always)]
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

    #[inline(always)]
    fn open(out: &mut BytesMut) {
        out.extend_from_slice(&[0; PREFIX]);
    }

    fn nameless(written: &[u8]) -> Option<Nameless> {
        let mut rest = written.get(PREFIX..)?;
        let Ok(item::Item::List(_)) = item::Item::take(&mut rest) else { return None };
        let begin = written.len().checked_sub(rest.len())?.checked_sub(PREFIX)?;
        Some(Nameless { frame: PREFIX, name: begin..begin.saturating_add(2) })
    }

    #[inline]
    fn check(frame: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
        check::check(frame)
    }

    #[inline(always)]
    fn find_alike(input: &[u8], head: &[u8], max: usize, found: impl FnMut(Range<usize>) -> bool) {
        check::find_alike(input, head, max, found);
    }

    #[inline]
    fn is_request(frame: &[u8]) -> bool {
        let Some((1.., _, mut rest)) = item::split_list_of_text(frame) else { return false };
        item::take_text(&mut rest).is_some_and(|tag| !is_no_op(tag))
    }

    /// Fills in the length. One that 32 bits cannot hold becomes the largest that they can, which every scanner with a
    /// smaller bound refuses.
    #[inline(always)]
    fn close(out: &mut BytesMut, start: usize) {
        let Some((prefix, frame)) = out.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut) else {
            return;
        };
        *prefix = u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes();
    }
}

impl Postcard {
    /// Fills in the length of a frame that is the first thing in `out`, and not all there.
    pub(super) fn close_with(out: &mut BytesMut, len: usize) {
        if let Some(prefix) = out.first_chunk_mut() {
            *prefix = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        }
    }
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { framing: Framing::Postcard, offset, what }
}
