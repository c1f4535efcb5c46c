//! Which brackets are open.

use crate::DecodeError;
use crate::token::MAX_DEPTH;

/// Bits to a word.
const WORD: usize = 64;
const _: () = assert!(MAX_DEPTH.is_multiple_of(WORD), "the words hold MAX_DEPTH levels, and no more");

/// The brackets that are open, outermost first: a bit for each, set for a map's.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    maps: [u64; MAX_DEPTH / WORD],
    depth: u32,
}

impl Levels {
    /// Whether no bracket is open.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// Opens a bracket, at most [`MAX_DEPTH`] `[FR-06]`.
    #[inline]
    pub(super) fn push(&mut self, map: bool) -> Result<(), DecodeError> {
        let word = self.maps.get_mut(self.depth as usize / WORD).ok_or(DecodeError::TooDeep)?;
        let bit = 1_u64.wrapping_shl(self.depth);
        *word = if map { *word | bit } else { *word & !bit };
        self.depth = self.depth.wrapping_add(1);
        Ok(())
    }

    /// Whether the innermost open bracket is a map's.
    #[inline]
    pub(super) fn in_map(&self) -> bool {
        let Some(innermost) = self.depth.checked_sub(1) else { return false };
        self.maps.get(innermost as usize / WORD).is_some_and(|word| word & 1_u64.wrapping_shl(innermost) != 0)
    }

    /// Closes the innermost bracket.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}
