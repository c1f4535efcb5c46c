//! Where an array ends.

use smallvec::SmallVec;

use super::head::{BYTES, Head, LIST, MAP, NoHead, SELF_DESCRIBED, SIMPLE, TAG, TEXT};
use super::malformed;
use crate::codec::{DecodeError, Scanner, Span};
use crate::token::MAX_DEPTH;

/// Cuts concatenated CBOR arrays by their heads `[FR-11]`. A string's bytes are counted and not looked at; of a head
/// that is not complete only the first byte is looked at again. What the items are is the reader's to judge.
#[derive(Debug, Clone, Default)]
pub struct CborScanner {
    /// The end of what has been looked at and of what need not be: beyond the input while a string is incomplete.
    at: usize,
    /// Whether the array has begun; if so and no level is open, it ends at `at`.
    begun: bool,
    levels: SmallVec<[Level; 8]>,
}

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// A list or map with so many items to come, at least one, keys and values counted alike.
    Items(u64),
    /// A list or map that ends with a break.
    Open,
    /// A string that comes in chunks of this major type and ends with a break.
    Chunks(u8),
}

impl Scanner for CborScanner {
    fn scan(&mut self, input: &[u8], max: usize) -> Result<Option<Span>, DecodeError> {
        // What lies beyond the longest frame is not looked at: cut otherwise, it might not be here yet.
        let window = input.get(..max).unwrap_or(input);
        loop {
            if self.at > max {
                return Err(DecodeError::TooLong { max });
            }
            if self.begun && self.levels.is_empty() {
                return Ok((self.at <= input.len()).then(|| self.finish()));
            }
            let head = match Head::read(window.get(self.at..).unwrap_or_default()) {
                Ok(head) => head,
                Err(NoHead::Incomplete) if input.len() >= max => return Err(DecodeError::TooLong { max }),
                Err(NoHead::Incomplete) => return Ok(None),
                Err(NoHead::Reserved) => return Err(malformed(self.at, "no item begins with this byte")),
            };
            self.item(head, max)?;
        }
    }

    #[inline]
    fn is_between(&self) -> bool {
        self.at == 0
    }
}

impl CborScanner {
    /// Takes one head, and the bytes behind it if it is a string's.
    #[inline]
    fn item(&mut self, head: Head, max: usize) -> Result<(), DecodeError> {
        let start = self.at;
        self.at = start.saturating_add(head.len);
        if let Some(Level::Chunks(major)) = self.levels.last()
            && (head.is_indefinite() || head.major != *major)
            && !head.is_break()
        {
            return Err(malformed(start, "a chunk is not of the kind of its string"));
        }
        if !self.begun
            && !matches!(head, Head { major: LIST, .. } | Head { major: TAG, number: SELF_DESCRIBED, .. })
        {
            return Err(malformed(start, "a message must be an array"));
        }
        match head.major {
            TAG => return Ok(()),
            BYTES | TEXT if head.is_indefinite() => {
                self.levels.push(Level::Chunks(head.major));
                return Ok(());
            }
            BYTES | TEXT => self.skip(head.number, max)?,
            LIST | MAP => return self.list_or_map(head, max),
            SIMPLE if head.is_break() => self.end_indefinite(start)?,
            _ => {}
        }
        self.complete();
        Ok(())
    }

    /// Skips a string. Its length is refused before its bytes come if the frame would be too long `[FR-12]`.
    #[inline]
    fn skip(&mut self, len: u64, max: usize) -> Result<(), DecodeError> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        self.at = end.filter(|end| *end <= max).ok_or(DecodeError::TooLong { max })?;
        Ok(())
    }

    #[inline]
    fn list_or_map(&mut self, head: Head, max: usize) -> Result<(), DecodeError> {
        self.begun = true;
        if self.levels.len() >= MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        if head.is_indefinite() {
            self.levels.push(Level::Open);
            return Ok(());
        }
        // No item has less than one byte.
        let items = if head.major == MAP { head.number.saturating_mul(2) } else { head.number };
        if items > max.saturating_sub(self.at) as u64 {
            return Err(DecodeError::TooLong { max });
        }
        if items > 0 {
            self.levels.push(Level::Items(items));
        } else {
            self.complete();
        }
        Ok(())
    }

    /// Takes a break, which began at `start`.
    fn end_indefinite(&mut self, start: usize) -> Result<(), DecodeError> {
        match self.levels.pop() {
            Some(Level::Open | Level::Chunks(_)) => Ok(()),
            _ => Err(malformed(start, "a break where nothing is to end")),
        }
    }

    /// An item is complete, and perhaps with it the lists and maps around it.
    #[inline]
    fn complete(&mut self) {
        while let Some(Level::Items(items)) = self.levels.last_mut() {
            *items = items.saturating_sub(1);
            if *items > 0 {
                break;
            }
            self.levels.pop();
        }
    }

    /// The frame that ends here; the next begins here.
    fn finish(&mut self) -> Span {
        let span = Span { skip: 0, len: self.at };
        self.at = 0;
        self.begun = false;
        span
    }
}
