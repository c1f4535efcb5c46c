//! Values as plain JSON, to be compared.

use mp_node::{Message, Value};
use serde_json::Value as Json;

/// A value as JSON, byte strings as texts of the same characters.
pub(crate) fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(map) => map.iter().map(|(key, value)| (key.as_str().to_owned(), plain(value))).collect(),
        text => text.as_str().expect("a text").into_owned().into(),
    }
}

pub(crate) fn plain_message(message: &Message) -> Json {
    message.values().iter().map(plain).collect()
}
