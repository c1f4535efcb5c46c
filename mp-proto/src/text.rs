//! A string of the data model.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// UTF-8 text that is cheap to clone: a counted slice, possibly of the buffer that it was read into.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(ByteString);

impl Text {
    /// The text as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes `bytes` without copying them if they are UTF-8.
    ///
    /// # Errors
    ///
    /// Gives the bytes back if they are not UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, Bytes> {
        if std::str::from_utf8(&bytes).is_err() {
            return Err(bytes);
        }
        ByteString::try_from(bytes).map(Self).map_err(|_| Bytes::new())
    }
}

/// Whether all bytes are ASCII characters: as in the standard library, with fewer steps for short ones.
#[inline(always)]
#[must_use]
#[cfg(any(feature = "json", feature = "cbor", feature = "postcard", feature = "storable"))]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) if bytes.len() <= 16 => {
            (u64::from_ne_bytes(*first) | u64::from_ne_bytes(*last)) & HIGH == 0
        }
        (Some(_), _) => bytes.is_ascii(),
        _ => match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                u64::from(u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)) & HIGH == 0
            }
            _ => bytes.iter().fold(0, |all, byte| all | byte) < 0x80,
        },
    }
}

/// Whether the bytes are UTF-8; most are ASCII, which is seen in fewer steps.
#[inline(always)]
#[must_use]
#[cfg(any(feature = "json", feature = "cbor", feature = "postcard"))]
pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    is_ascii(bytes) || std::str::from_utf8(bytes).is_ok()
}

/// What stands behind `head` in `bytes`: as in the standard library, with fewer steps for heads of a few words.
#[inline(always)]
#[must_use]
#[cfg(feature = "postcard")]
pub(crate) fn strip_head<'a>(bytes: &'a [u8], head: &[u8]) -> Option<&'a [u8]> {
    let (begin, behind) = bytes.split_at_checked(head.len())?;
    is_same(begin, head).then_some(behind)
}

/// Whether two strings are the same: as in the standard library, with fewer steps for those of a few words.
#[inline(always)]
#[must_use]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // The last word may begin within the one before it.
    match (one.last_chunk(), other.last_chunk(), one.as_chunks().0, other.as_chunks().0) {
        (Some(a), Some(b), ones, others) => {
            let words =
                ones.iter().zip(others).map(|(a, b)| (u64::from_ne_bytes(*a), u64::from_ne_bytes(*b)));
            u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b)
                && words.fold(0, |all, (a, b)| all | (a ^ b)) == 0
        }
        _ => match (one.first_chunk(), one.last_chunk(), other.first_chunk(), other.last_chunk()) {
            (Some(a), Some(b), Some(c), Some(d)) => {
                u32::from_ne_bytes(*a) == u32::from_ne_bytes(*c)
                    && u32::from_ne_bytes(*b) == u32::from_ne_bytes(*d)
            }
            _ => one.iter().eq(other),
        },
    }
}

/// The characters that a Perl byte string stands for: each byte is the character of that number.
#[must_use]
pub(crate) fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// The bytes whose characters `text` is, if it has none above U+00FF.
#[must_use]
pub(crate) fn to_latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Compared, ordered and hashed as a string slice is.
impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        Self(text.into_owned().into())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(all(test, feature = "postcard"))]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{is_ascii, is_same, is_utf8};

    #[test]
    fn one_byte_that_is_not_ascii_is_found_in_each_place() {
        for len in 0..40 {
            assert!(is_ascii(&vec![0x7f; len]));
            for place in 0..len {
                let mut bytes = vec![b'a'; len];
                bytes[place] = 0x80;
                assert!(!is_ascii(&bytes), "{place} of {len}");
            }
        }
    }

    proptest! {
        #[test]
        fn short_texts_are_judged_as_by_the_standard_library(bytes in prop::collection::vec(any::<u8>(), 0..24), text in ".{0,6}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                prop_assert_eq!(is_ascii(bytes), bytes.is_ascii());
                prop_assert_eq!(is_utf8(bytes), std::str::from_utf8(bytes).is_ok());
            }
        }
    }

    proptest! {
        #[test]
        fn strings_are_compared_as_they_are_elsewhere(one: Vec<u8>, other: Vec<u8>, at: prop::sample::Index, len in 0..40_usize) {
            prop_assert_eq!(is_same(&one, &other), one == other);
            let one: Vec<u8> = one.into_iter().cycle().take(len).collect();
            prop_assert!(is_same(&one, &one.clone()));
            let mut other = one.clone();
            if let Some(byte) = other.get_mut(at.index(len.max(1))) {
                *byte ^= 1;
                prop_assert!(!is_same(&one, &other));
            }
        }
    }
}
