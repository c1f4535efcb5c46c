//! What can be wrong with bytes and with values.

use std::fmt::{self, Write};

use super::Framing;
use crate::token::MAX_DEPTH;

/// Bytes are not a message, or a message is not what the receiver's type says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes break the rules of the framing.
    #[error("malformed {framing} at byte {offset} of the frame: {what}")]
    Malformed {
        /// The framing whose rules they are.
        framing: Framing,
        /// Where, counted from the frame's first byte.
        offset: usize,
        /// What was wrong.
        what: &'static str,
    },
    /// The frame ends within a value.
    #[error("the {framing} frame ends too early")]
    Truncated {
        /// The framing.
        framing: Framing,
    },
    /// Lists and maps are nested too deeply.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The frame has more bytes than are allowed.
    #[error("a frame of more than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// The frame has more values than are allowed `[FR-19]`.
    #[error("a message of more than {max} values")]
    TooManyValues {
        /// The bound.
        max: usize,
    },
    /// The message is well-formed, but not of the type that was asked for.
    #[error("not the message that was expected: {0}")]
    Mismatch(String),
    /// The framing is not compiled in.
    #[error("the framing {0} is not compiled in")]
    Unavailable(Framing),
}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        let mut short = Short(String::new());
        if write!(short, "{text}").is_err() {
            short.0.push('…');
        }
        Self::Mismatch(short.0)
    }
}

/// The longest text of a mismatch that a type's `Deserialize` gives, in bytes. Many such texts quote what came, such as
/// serde's for an unknown tag, and a peer may send megabytes.
const MAX_MISMATCH: usize = 1000;

/// A text that takes no more than fits.
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_MISMATCH - self.0.len();
        let fits = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
        self.0.push_str(fits);
        if fits.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// A value cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Lists and maps are nested too deeply.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The frame would have more bytes than are allowed.
    #[error("the message has {len} bytes where {max} are allowed")]
    TooLong {
        /// The bytes it has.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// The message would have more values than are allowed `[FR-19]`.
    #[error(
        "the message has more than the {max} values that are allowed: send many small ones as one byte string"
    )]
    TooManyValues {
        /// The bound.
        max: usize,
    },
    /// An integer does not fit 64 bits.
    #[error("the integer {0} does not fit 64 bits")]
    Integer(String),
    /// A map's key is not a string, number, truth value or character.
    #[error("a map's key must be a string, a number or a truth value")]
    Key,
    /// The type's own `Serialize` gave up.
    #[error("{0}")]
    Custom(String),
    /// The framing is not compiled in.
    #[error("the framing {0} is not compiled in")]
    Unavailable(Framing),
}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Custom(text.to_string())
    }
}
