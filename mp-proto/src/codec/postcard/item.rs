//! What a frame is a sequence of.

use serde::{Deserialize, Serialize, Serializer};

/// One step through a value. The order of the variants is the wire format: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Item<'a> {
    /// A null.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer in the range of `i64`.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A float.
    Float(f64),
    /// A character string, or a map's key.
    Text(&'a str),
    /// A byte string.
    Bytes(#[serde(serialize_with = "as_bytes")] &'a [u8]),
    /// A list begins, with so many elements.
    List(u64),
    /// A map begins, with so many entries.
    Map(u64),
}

/// At once, where serde would go byte by byte.
#[inline]
fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
