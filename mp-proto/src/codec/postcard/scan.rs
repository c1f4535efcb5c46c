//! Where a frame ends.

use super::{PREFIX, malformed};
use crate::codec::{DecodeError, Scanner, Span};

/// Cuts frames by the length before them, which is not zero `[FR-30]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostcardScanner;

impl Scanner for PostcardScanner {
    /// As in the trait; a length beyond `max` is refused before the frame's bytes come `[FR-12]`.
    #[inline]
    fn scan(&mut self, input: &[u8], max: usize) -> Result<Option<Span>, DecodeError> {
        let Some((prefix, rest)) = input.split_first_chunk::<PREFIX>() else { return Ok(None) };
        match usize::try_from(u32::from_le_bytes(*prefix)) {
            Ok(0) => Err(malformed(0, "an empty frame")),
            Ok(len) if len <= max => Ok((len <= rest.len()).then_some(Span { skip: PREFIX, len })),
            _ => Err(DecodeError::TooLong { max }),
        }
    }
}
