//! Types that messages are read as.

use std::collections::BTreeMap;

use mp_proto::{DecodeError, Frame, Message, Payload, PortId, Value};
use serde::Deserialize;

/// An enum with a variant of each kind.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Talk {
    /// A tag alone.
    Null,
    /// One field.
    Ping(i64),
    /// Several fields, an enum among them.
    Join(String, Option<Box<Self>>),
    /// Fields with names.
    Set {
        /// A float: any number will do.
        value: f64,
        /// May be missing.
        unit: Option<String>,
    },
}

/// What a message is when it is read as each of the types, in a form that can be compared. What is wrong with it may be
/// said differently.
#[must_use]
pub fn readings(reader: &impl Reads) -> Vec<String> {
    vec![
        reading::<(String, i64)>(reader),
        reading::<(Option<f64>, Vec<String>)>(reader),
        reading::<(u8, bool, char)>(reader),
        reading::<BTreeMap<String, f64>>(reader),
        reading::<Option<Talk>>(reader),
        reading::<Vec<Talk>>(reader),
        reading::<(PortId, Talk)>(reader),
        reading::<()>(reader),
    ]
}

/// The same as byte strings. These differ between framings where JSON has a word for what is no string: `NaN` `[MSG-10]`.
#[must_use]
pub fn as_payloads(reader: &impl Reads) -> Vec<String> {
    vec![reading::<(Payload, Option<Payload>)>(reader), reading::<Vec<Payload>>(reader)]
}

fn reading<T: serde::de::DeserializeOwned + std::fmt::Debug>(reader: &impl Reads) -> String {
    reader.read::<T>().map_or_else(|_| "no".to_owned(), |value| format!("{value:?}"))
}

/// Something that can be read as a type.
pub trait Reads {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// It is not a `T`.
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError>;
}

impl Reads for Frame {
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.decode()
    }
}

impl Reads for Message {
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.decode()
    }
}

/// Whether a map within has the same name twice, or could have had: reading a type sees both, a [`Value`] keeps one.
#[must_use]
pub fn has_map(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(has_map),
        Value::Map(_) => true,
        _ => false,
    }
}
