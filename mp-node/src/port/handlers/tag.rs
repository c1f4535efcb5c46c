//! A message's tag, kept where it is used if it is short.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

/// Bytes that need no memory of their own.
const SHORT: usize = 14;

/// A text: most tags are a word of a few letters.
#[derive(Clone)]
pub(crate) enum Tag {
    Short([u8; SHORT], u8),
    #[expect(clippy::box_collection, reason = "one word, so that a tag has two")]
    Long(Box<String>),
}

impl Tag {
    pub(crate) fn new(text: &str) -> Self {
        let mut short = [0; SHORT];
        match (short.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short(short, len)
            }
            _ => Self::Long(Box::new(text.to_owned())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short(bytes, len) => {
                let bytes = bytes.get(..usize::from(*len)).unwrap_or_default();
                std::str::from_utf8(bytes).expect("it was made of a text")
            }
            Self::Long(text) => text,
        }
    }
}

impl Borrow<str> for Tag {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Tag {}

impl PartialOrd for Tag {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Tag {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_read_back() {
        for text in ["", "a", "fourteen_bytes", "fifteen_bytes__", "caf\u{e9}", &"long ".repeat(100)] {
            assert_eq!(Tag::new(text).as_str(), text);
        }
        assert_eq!(size_of::<Option<Tag>>(), 16);
    }
}
