//! What can be wrong with an image.

use crate::codec::{DecodeError, Framing};
use crate::token::MAX_DEPTH;

/// Bytes are not an image, or one that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorableError {
    /// No Perl writes such an image.
    #[error("malformed Storable image at byte {offset}: {what}")]
    Malformed {
        /// Where, counted from the image's first byte.
        offset: usize,
        /// What was wrong.
        what: &'static str,
    },
    /// The image has what Perl can write and we do not read: it is not plain data, or comes from another kind of
    /// machine or another age `[ST-15]`.
    #[error("the Storable image has {what} at byte {offset}, which is not taken")]
    Refused {
        /// Where, counted from the image's first byte.
        offset: usize,
        /// What it is.
        what: &'static str,
    },
    /// The image has an object of a class that is none of truth values `[ST-15]`.
    #[error("the Storable image has an object of the class {class:?} at byte {offset}, which is not taken")]
    Object {
        /// Where, counted from the image's first byte.
        offset: usize,
        /// The beginning of the name, at most 100 bytes of it, taken for Latin-1.
        class: String,
    },
    /// The image ends within a value; Perl's `thaw` would give undef without a word `[ST-19]`.
    #[error("the Storable image ends too early")]
    Truncated,
    /// Arrays and hashes, or references to references, are nested too deeply `[ST-16]`.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The image has more bytes than are allowed.
    #[error("an image of more than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// The image has more values than are allowed `[ST-26]`.
    #[error("an image of more than {max} values")]
    TooManyValues {
        /// The bound.
        max: usize,
    },
    /// What the image shares makes too much when each place gets its copy `[ST-12]`.
    #[error("the copies of what the Storable image shares are more than {max} bytes")]
    TooManyCopies {
        /// The bound.
        max: usize,
    },
}

impl StorableError {
    #[cold]
    pub(super) fn malformed(offset: usize, what: &'static str) -> Self {
        Self::Malformed { offset, what }
    }

    #[cold]
    pub(super) fn refused(offset: usize, what: &'static str) -> Self {
        Self::Refused { offset, what }
    }
}

impl From<StorableError> for DecodeError {
    fn from(error: StorableError) -> Self {
        let malformed = |offset, what| Self::Malformed { framing: Framing::Storable, offset, what };
        match error {
            StorableError::Malformed { offset, what } | StorableError::Refused { offset, what } => {
                malformed(offset, what)
            }
            StorableError::Object { offset, .. } => malformed(offset, "an object of a class"),
            StorableError::Truncated => Self::Truncated { framing: Framing::Storable },
            StorableError::TooDeep => Self::TooDeep,
            StorableError::TooLong { max } => Self::TooLong { max },
            StorableError::TooManyValues { .. } => malformed(0, "too many values"),
            StorableError::TooManyCopies { .. } => malformed(0, "too many copies of what is shared"),
        }
    }
}
