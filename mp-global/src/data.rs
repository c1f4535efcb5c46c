//! Families of keys and values.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use mp_proto::{Map, Text, Value};

/// The name of a family, or of a key in it. Cheap to clone, and of its own memory: never a slice of a read buffer.
pub type Key = Arc<str>;

/// What a family holds: keys and their values.
pub type Entries = BTreeMap<Key, Value>;

/// Families by name.
pub type Database = BTreeMap<Key, Entries>;

/// The family that maps node IDs to lists of listener addresses `[GL-02]`.
pub const LISTENERS: &str = "'l";

/// The family whose keys are the IDs of the global nodes; the values are null `[GL-02]`.
pub const GLOBALS: &str = "'g";

/// Whether a family is one of the registry's own, which applications cannot write `[GL-02]`.
#[must_use]
pub fn is_internal(family: &str) -> bool {
    family.starts_with('\'')
}

/// What an entry costs beside its characters, roughly; part of [`weight`].
const ENTRY: usize = 64;

/// What an entry counts towards the limits on bytes: its characters and bytes, and 64 for itself and each value in it.
#[must_use]
pub fn weight(key: &str, value: &Value) -> usize {
    key.len().saturating_add(value_weight(value))
}

fn value_weight(value: &Value) -> usize {
    let content = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(value_weight).fold(0, usize::saturating_add),
        Value::Map(map) => map.iter().map(|(key, value)| weight(key, value)).fold(0, usize::saturating_add),
        _ => 0,
    };
    content.saturating_add(ENTRY)
}

/// The same value in memory of its own. What is stored must not keep the whole frame alive that it was read from.
pub(crate) fn detach(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::from(text.as_str()),
        Value::Bytes(bytes) => Value::Bytes(Bytes::copy_from_slice(&bytes)),
        Value::List(items) => Value::List(items.into_iter().map(detach).collect()),
        Value::Map(map) => Value::Map(
            map.into_iter().map(|(key, value)| (Text::from(key.as_str()), detach(value))).collect::<Map>(),
        ),
        scalar => scalar,
    }
}

/// The text of a name, as Perl would take it: strings of either kind, and numbers and booleans as they print.
pub(crate) fn word(value: &Value) -> Option<Key> {
    match value {
        Value::Text(_) | Value::Bytes(_) => value.as_str().map(|text| Key::from(&*text)),
        Value::Bool(truth) => Some(Key::from(if *truth { "1" } else { "" })),
        Value::Int(number) => Some(number.to_string().into()),
        Value::UInt(number) => Some(number.to_string().into()),
        Value::Float(number) => Some(number.to_string().into()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// The words of a list; what is none is left out. A lone word is a list of one.
pub(crate) fn words(value: &Value) -> Option<Vec<Key>> {
    match value {
        Value::List(items) => Some(items.iter().filter_map(word).collect()),
        other => word(other).map(|word| vec![word]),
    }
}

/// A list of words as a value.
pub(crate) fn word_list<'a>(words: impl IntoIterator<Item = &'a Key>) -> Value {
    Value::List(words.into_iter().map(|word| Value::from(&**word)).collect())
}

/// Entries as a value.
pub(crate) fn entries_value(entries: &Entries) -> Value {
    Value::Map(entries.iter().map(|(key, value)| (&**key, value.clone())).collect())
}

/// A database as a value.
pub(crate) fn database_value(database: &Database) -> Value {
    Value::Map(database.iter().map(|(family, entries)| (&**family, entries_value(entries))).collect())
}

/// The entries of a map, in memory of their own.
pub(crate) fn entries(map: Map) -> Entries {
    map.into_iter().map(|(key, value)| (Key::from(key.as_str()), detach(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [GL-03]
    #[test]
    fn numbers_and_booleans_are_names_as_they_print() {
        let name = |value: Value| word(&value).map(|word| word.to_string());
        assert_eq!(name(Value::from(7)).as_deref(), Some("7"));
        assert_eq!(name(Value::from(u64::MAX)).as_deref(), Some("18446744073709551615"));
        assert_eq!(name(Value::from(2.0)).as_deref(), Some("2"));
        assert_eq!(name(Value::from(true)).as_deref(), Some("1"));
        assert_eq!(name(Value::from(false)).as_deref(), Some(""));
        assert_eq!(name(Value::Bytes(Bytes::from_static(b"caf\xe9"))).as_deref(), Some("café"));
        assert_eq!(name(Value::Null), None);
        assert_eq!(name(Value::List(vec![])), None);
    }

    /// [GL-32]
    #[test]
    fn weights_count_what_is_nested() {
        let flat = weight("k", &Value::from("four"));
        let nested = weight("k", &Value::List(vec![Value::from("four"), Value::Null]));
        assert_eq!(flat, 1 + 4 + ENTRY);
        assert_eq!(nested, 1 + ENTRY + (4 + ENTRY) + ENTRY);
    }

    #[test]
    fn detached_values_are_equal_and_elsewhere() {
        let frame = Bytes::from_static(b"a frame");
        let text = Text::from_utf8(frame.slice(2..)).expect("UTF-8");
        let value = Value::List(vec![Value::Text(text.clone()), Value::Bytes(frame.clone())]);
        let detached = detach(value.clone());
        assert_eq!(detached, value);
        let Some([Value::Text(copy), Value::Bytes(bytes)]) = detached.as_list() else {
            panic!("{detached:?}")
        };
        assert_ne!(copy.as_ptr(), text.as_ptr());
        assert_ne!(bytes.as_ptr(), frame.as_ptr());
    }
}
