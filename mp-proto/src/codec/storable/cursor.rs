//! A place in an image.

use super::error::StorableError;
use super::header::Order;

/// Reads on from a place in an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) image: &'a [u8],
    pub(super) at: usize,
    pub(super) order: Order,
}

/// The key of a hash's entry, which stands behind its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) bytes: &'a [u8],
    flags: u8,
}

/// The key's bytes are UTF-8.
pub(super) const KEY_IS_UTF8: u8 = 1;
/// The key is a value of its own.
const KEY_IS_VALUE: u8 = 8;
/// There is no entry, only a place for one.
const KEY_IS_PLACE: u8 = 16;
/// All flags that there are.
const KEY_FLAGS: u8 = 31;

impl Key<'_> {
    pub(super) fn is_utf8(self) -> bool {
        self.flags & KEY_IS_UTF8 != 0
    }

    pub(super) fn is_place(self) -> bool {
        self.flags & KEY_IS_PLACE != 0
    }
}

impl<'a> Cursor<'a> {
    /// Bytes to come.
    pub(super) fn left(&self) -> usize {
        self.image.len().saturating_sub(self.at)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, StorableError> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], StorableError> {
        let rest = self.image.get(self.at..).unwrap_or_default();
        let bytes = rest.get(..len).ok_or(StorableError::Truncated)?;
        self.at = self.at.saturating_add(len);
        Ok(bytes)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StorableError> {
        let rest = self.image.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk().copied().ok_or(StorableError::Truncated)?;
        self.at = self.at.saturating_add(N);
        Ok(bytes)
    }

    /// A length or a count: four bytes with a sign, in the image's order `[ST-17]`.
    #[inline]
    pub(super) fn len(&mut self) -> Result<usize, StorableError> {
        let start = self.at;
        let bytes = self.array()?;
        let number = match self.order {
            Order::Network => i32::from_be_bytes(bytes),
            Order::Native { .. } => i32::from_le_bytes(bytes),
        };
        usize::try_from(number).map_err(|_| StorableError::malformed(start, "a negative length"))
    }

    /// A count of items that have at least `least` bytes each; more than there is room for are refused at once.
    #[inline]
    pub(super) fn count(&mut self, least: usize) -> Result<u32, StorableError> {
        let count = self.len()?;
        if count.checked_mul(least).is_none_or(|bytes| bytes > self.left()) {
            return Err(StorableError::Truncated);
        }
        u32::try_from(count).map_err(|_| StorableError::Truncated)
    }

    /// A string with its length in four bytes.
    #[inline]
    pub(super) fn long(&mut self) -> Result<&'a [u8], StorableError> {
        let len = self.len()?;
        self.take(len)
    }

    /// A string with its length in one byte.
    #[inline]
    pub(super) fn short(&mut self) -> Result<&'a [u8], StorableError> {
        let len = self.byte()?;
        self.take(len.into())
    }

    /// The key behind a value, with flags or without.
    #[inline]
    pub(super) fn key(&mut self, flagged: bool) -> Result<Key<'a>, StorableError> {
        let start = self.at;
        let flags = if flagged { self.byte()? } else { 0 };
        if flags & KEY_IS_VALUE != 0 {
            return Err(StorableError::refused(start, "a hash's key that is a value"));
        }
        if flags & !KEY_FLAGS != 0 {
            return Err(StorableError::malformed(start, "unknown flags of a hash's key"));
        }
        Ok(Key { bytes: self.long()?, flags })
    }
}
