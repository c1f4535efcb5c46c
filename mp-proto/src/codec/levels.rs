//! The lists and maps that a reader is in, for framings that announce how many items there are.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

use smallvec::SmallVec;

use super::DecodeError;
use crate::token::MAX_DEPTH;

/// The lists and maps that are open, outermost first. Eight cost no allocation.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels(SmallVec<[Level; 8]>);

#[derive(Debug, Clone, Copy)]
struct Level {
    map: bool,
    /// Whether the end is marked instead of announced.
    open: bool,
    /// Items to come, or for an open level items so far. Keys and values count alike, so that in a map a key comes
    /// next when this is even.
    items: u64,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The outermost item, or what is behind it.
    Outermost,
    /// An element of a list, or the value of a map's entry.
    Value,
    /// The key of a map's entry.
    Key,
    /// The end of the innermost list or map, which is closed now.
    End,
}

impl Levels {
    /// Whether none is open.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins a list or map with so many items, keys and values counted alike, at most [`MAX_DEPTH`] inside one
    /// another `[FR-06]`. With `None` it ends when [`close`](Self::close) is called.
    #[inline]
    pub(super) fn push(&mut self, map: bool, items: Option<u64>) -> Result<(), DecodeError> {
        if self.0.len() >= MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.0.push(Level { map, open: items.is_none(), items: items.unwrap_or(0) });
        Ok(())
    }

    /// Goes on to the next item.
    #[inline]
    pub(super) fn step(&mut self) -> Step {
        let Some(level) = self.0.last_mut() else { return Step::Outermost };
        let key = level.map && level.items.is_multiple_of(2);
        match (level.open, level.items.checked_sub(1)) {
            (true, _) => level.items = level.items.wrapping_add(1),
            (false, Some(left)) => level.items = left,
            (false, None) => {
                self.0.pop();
                return Step::End;
            }
        }
        if key { Step::Key } else { Step::Value }
    }

    /// Whether the innermost list or map ends when [`close`](Self::close) is called.
    #[inline]
    #[cfg(feature = "cbor")]
    pub(super) fn is_open(&self) -> bool {
        self.0.last().is_some_and(|level| level.open)
    }

    /// Closes the innermost list or map; says whether that was the place to, and not between a key and its value.
    #[inline]
    #[cfg(feature = "cbor")]
    pub(super) fn close(&mut self) -> bool {
        self.0.pop().is_some_and(|level| !level.map || level.items.is_multiple_of(2))
    }
}
