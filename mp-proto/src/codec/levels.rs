//! The lists and maps that a reader is in, for framings that announce how many items there are.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

use smallvec::SmallVec;

use super::DecodeError;
use crate::token::MAX_DEPTH;

/// The lists and maps that are open. Seven inside one another cost no allocation.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    /// The innermost, if [`depth`](Self::depth) is not zero.
    top: Level,
    depth: usize,
    /// Those around it, outermost first; below them lies one that stands for none.
    outer: SmallVec<[Level; 7]>,
}

#[derive(Debug, Clone, Copy, Default)]
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
        self.depth == 0
    }

    /// Begins a list or map with so many items, keys and values counted alike, at most [`MAX_DEPTH`] inside one
    /// another `[FR-06]`. With `None` it ends when [`close`](Self::close) is called.
    #[inline]
    pub(super) fn push(&mut self, map: bool, items: Option<u64>) -> Result<(), DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.outer.push(self.top);
        self.depth = self.depth.wrapping_add(1);
        self.top = Level { map, open: items.is_none(), items: items.unwrap_or(0) };
        Ok(())
    }

    /// Goes on to the next item.
    #[inline]
    pub(super) fn step(&mut self) -> Step {
        let Level { map, open, items } = self.top;
        if open {
            self.top.items = items.wrapping_add(1);
        } else if let Some(left) = items.checked_sub(1) {
            self.top.items = left;
        } else if self.is_empty() {
            return Step::Outermost;
        } else {
            self.pop();
            return Step::End;
        }
        if map && items.is_multiple_of(2) { Step::Key } else { Step::Value }
    }

    #[inline]
    fn pop(&mut self) {
        self.top = self.outer.pop().unwrap_or_default();
        self.depth = self.depth.saturating_sub(1);
    }

    /// Whether the innermost list or map ends when [`close`](Self::close) is called.
    #[inline]
    #[cfg(feature = "cbor")]
    pub(super) fn is_open(&self) -> bool {
        self.top.open
    }

    /// Closes the innermost list or map; says whether that was the place to, and not between a key and its value.
    #[inline]
    #[cfg(feature = "cbor")]
    pub(super) fn close(&mut self) -> bool {
        let Level { map, items, .. } = self.top;
        self.pop();
        !map || items.is_multiple_of(2)
    }
}
