//! What a message can carry.

mod de;
mod map;
mod ser;

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;

pub(crate) use de::NAME;
pub use map::Map;

use crate::text::{latin1, to_latin1};
use crate::{PortId, Text};

/// Byte strings of fewer bytes are copied out of the frame that they came in `[MSG-16]`: what came may be kept, one value of
/// it here and there, by programs that know nothing of what it was read with.
pub(crate) const OWNED: usize = 32 * 1024;

/// One value of the data model that all framings share (law 9).
///
/// Perl does not tell a byte string from a character string, so neither does equality here: [`Value::Bytes`] stands
/// for the characters U+0000 to U+00FF of the same numbers, and equals a [`Value::Text`] of these characters. That is
/// what a byte string becomes when it travels as JSON. Numbers are equal if their values are: `Int(1) == Float(1.0)`,
/// because Perl sends an integral float as an integer.
#[derive(Clone, Default)]
pub enum Value {
    /// Perl's `undef`, JSON's `null`.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 signed bits.
    Int(i64),
    /// An integer above [`i64::MAX`]. Smaller ones are always [`Value::Int`] (use [`From`]).
    UInt(u64),
    /// A floating point number. Not-a-number and the infinities travel as the texts `NaN`, `Inf` and `-Inf` in JSON.
    Float(f64),
    /// A character string.
    Text(Text),
    /// A byte string: a slice of what was read, if it is 32 KiB or more, else in memory of its own `[MSG-16]`.
    Bytes(Bytes),
    /// An array.
    List(Vec<Value>),
    /// A hash: names to values, in the order they were written in.
    Map(Map),
}

impl Value {
    /// The characters of a text or byte string.
    #[must_use]
    pub fn as_str(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(std::borrow::Cow::Borrowed(text)),
            Self::Bytes(bytes) => Some(latin1(bytes)),
            _ => None,
        }
    }

    /// The octets of a byte string, or of a text whose characters are all below U+0100.
    #[must_use]
    pub fn as_bytes(&self) -> Option<std::borrow::Cow<'_, [u8]>> {
        match self {
            Self::Text(text) if text.is_ascii() => Some(std::borrow::Cow::Borrowed(text.as_bytes())),
            Self::Text(text) => to_latin1(text).map(std::borrow::Cow::Owned),
            Self::Bytes(bytes) => Some(std::borrow::Cow::Borrowed(bytes)),
            _ => None,
        }
    }

    /// The integer, if it is one in the range of `i64`; a decimal text counts, as Perl may send it so.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(_) | Self::Bytes(_) => self.as_str()?.parse().ok(),
            _ => None,
        }
    }

    /// The number as a float; a decimal text counts, as Perl may send it so.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::UInt(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Text(_) | Self::Bytes(_) => self.as_str()?.parse().ok(),
            _ => None,
        }
    }

    /// The elements of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The port ID that this text names.
    #[must_use]
    pub fn as_port(&self) -> Option<PortId> {
        self.as_str()?.parse().ok()
    }

    /// Whether this is [`Value::Null`].
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether Perl takes the value for true: everything but null, false, zero, the empty string and `"0"`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Int(number) => *number != 0,
            Self::UInt(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !matches!(text.as_str(), "" | "0"),
            Self::Bytes(bytes) => !matches!(&bytes[..], b"" | b"0"),
            Self::List(_) | Self::Map(_) => true,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::UInt(a), Self::UInt(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Float(float), integer @ (Self::Int(_) | Self::UInt(_)))
            | (integer @ (Self::Int(_) | Self::UInt(_)), Self::Float(float)) => integer_is(integer, *float),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Text(text), Self::Bytes(bytes)) | (Self::Bytes(bytes), Self::Text(text)) => {
                text.chars().map(u32::from).cmp(bytes.iter().map(|&byte| u32::from(byte))) == Ordering::Equal
            }
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

/// Whether the integer's exact value is `float`'s.
fn integer_is(integer: &Value, float: f64) -> bool {
    if float.fract() != 0.0 || !float.is_finite() || float.abs() > 2f64.powi(65) {
        return false;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "integral and below 2^65 in magnitude, as checked above"
    )]
    let exact = float as i128;
    match integer {
        Value::Int(number) => i128::from(*number) == exact,
        Value::UInt(number) => i128::from(*number) == exact,
        _ => false,
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::UInt(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Map(map) => map.fmt(f),
        }
    }
}

/// Something like JSON, on one line, with control characters escaped: fit for logs and terminals.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{:?}", text.as_str()),
            Self::Bytes(bytes) => write!(f, "{:?}", latin1(bytes)),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                for (index, (key, item)) in map.iter().enumerate() {
                    write!(f, "{}{:?}:{item}", if index == 0 { "" } else { "," }, key.as_str())?;
                }
                f.write_str("}")
            }
            scalar => fmt::Debug::fmt(scalar, f),
        }
    }
}

macro_rules! from_integer {
    ($($small:ty),*) => {$(
        impl From<$small> for Value {
            fn from(number: $small) -> Self {
                Self::Int(number.into())
            }
        }
    )*};
}
from_integer!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::UInt(number), Self::Int)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

macro_rules! from_variant {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Value {
            fn from(inner: $from) -> Self {
                Self::$variant(inner.into())
            }
        }
    )*};
}
from_variant!(bool => Bool, f64 => Float, &str => Text, String => Text, Text => Text, Bytes => Bytes, Vec<Self> => List, Map => Map);

impl From<&PortId> for Value {
    fn from(port: &PortId) -> Self {
        Self::from(port.as_str())
    }
}

impl From<PortId> for Value {
    fn from(port: PortId) -> Self {
        Self::from(&port)
    }
}
