//! Our codecs against those of others.

use bytes::Bytes;
use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::json::Json;
use mp_proto::{Map, Text, Value};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::{Index, select};

use crate::strategy::value;
use crate::tokens::{as_json, exact, item, read};

fn to_ciborium(value: &Value) -> ciborium::Value {
    match value {
        Value::Null => ciborium::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => bytes.to_vec().into(),
        Value::List(items) => ciborium::Value::Array(items.iter().map(to_ciborium).collect()),
        Value::Map(map) => ciborium::Value::Map(
            map.iter().map(|(key, item)| (key.as_str().into(), to_ciborium(item))).collect(),
        ),
    }
}

/// What the data model makes of it, if it can.
fn from_ciborium(value: &ciborium::Value) -> Option<Value> {
    Some(match value {
        ciborium::Value::Null => Value::Null,
        ciborium::Value::Bool(value) => Value::from(*value),
        ciborium::Value::Integer(number) => {
            let number = i128::from(*number);
            let small =
                i64::try_from(number).map(Value::from).or_else(|_| u64::try_from(number).map(Value::from));
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is what the reader gives")]
            small.unwrap_or(Value::Float(number as f64))
        }
        ciborium::Value::Float(number) => Value::from(*number),
        ciborium::Value::Text(text) => Value::from(text.as_str()),
        ciborium::Value::Bytes(bytes) => Value::from(Bytes::from(bytes.clone())),
        ciborium::Value::Array(items) => Value::List(items.iter().map(from_ciborium).collect::<Option<_>>()?),
        ciborium::Value::Map(entries) => {
            let entry = |(key, item): &(ciborium::Value, ciborium::Value)| {
                Some((key_text(key)?, from_ciborium(item)?))
            };
            Value::Map(entries.iter().map(entry).collect::<Option<Vec<_>>>()?.into_iter().collect::<Map>())
        }
        ciborium::Value::Tag(55799, inner) => from_ciborium(inner)?,
        _ => return None,
    })
}

fn key_text(key: &ciborium::Value) -> Option<Text> {
    Some(match from_ciborium(key)? {
        Value::List(_) | Value::Map(_) => return None,
        key @ (Value::Text(_) | Value::Bytes(_)) => Text::from(key.as_str()?),
        scalar => {
            let json = String::from_utf8(item::<Json>(&scalar)).ok()?;
            Text::from(json.trim_matches('"'))
        }
    })
}

fn read_ciborium(mut bytes: &[u8]) -> Option<ciborium::Value> {
    ciborium::from_reader(&mut bytes).ok().filter(|_| bytes.is_empty())
}

fn from_serde_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::from(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (_, Some(number)) => Value::from(number),
            _ => Value::from(number.as_f64().expect("a number is one of the three")),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_serde_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.iter().map(|(key, item)| (key.as_str(), from_serde_json(item))).collect())
        }
    }
}

fn spoil(mut bytes: Vec<u8>, changes: Vec<(Index, u8, bool)>) -> Vec<u8> {
    for (place, byte, insert) in changes {
        let place = place.index(bytes.len() + 1);
        if insert || place == bytes.len() { bytes.insert(place, byte) } else { bytes[place] = byte }
    }
    bytes
}

/// Text that is nearly JSON.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&str] = &[
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"\"",
        "\"a\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\udE00\\ud83d\"",
        "\"\\u00Ff\"",
        "0",
        "-0",
        "01",
        "-",
        "1",
        "12",
        "1.5",
        "1.",
        ".5",
        "1e5",
        "1E+5",
        "1e",
        "1e-400",
        "1e400",
        "-1e309",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "0.1",
        "2.2250738585072011e-308",
        "null",
        "true",
        "false",
        "nul",
        "nan",
        "inf",
        " ",
        "\t",
        "\n",
        "\r",
        "\u{c}",
        "\u{feff}",
        "\"\t\"",
        "\"\u{7f}\"",
        "\"\\x\"",
        "\"\\/\"",
        "/",
    ];
    vec(select(pieces.to_vec()), 0..10).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn we_read_the_cbor_of_ciborium(value in value()) {
        let mut bytes = Vec::new();
        ciborium::into_writer(&to_ciborium(&value), &mut bytes).unwrap();
        prop_assert_eq!(exact(&read::<Cbor>(&bytes).unwrap()), exact(&value));
    }

    #[test]
    fn ciborium_reads_our_cbor(value in value()) {
        let found = read_ciborium(&item::<Cbor>(&value)).expect("well-formed");
        prop_assert_eq!(exact(&from_ciborium(&found).unwrap()), exact(&value));
    }

    /// What we take, ciborium takes for the same, and the other way round but for what the data model has not.
    #[test]
    fn both_read_the_same_of_spoilt_cbor(
        value in value(),
        changes in vec((any::<Index>(), any::<u8>(), any::<bool>()), 0..4),
    ) {
        let bytes = spoil(item::<Cbor>(&value), changes);
        let theirs = read_ciborium(&bytes).as_ref().and_then(from_ciborium);
        prop_assert_eq!(read::<Cbor>(&bytes).ok().as_ref().map(exact), theirs.as_ref().map(exact), "{:x?}", bytes);
    }

    #[test]
    fn we_read_the_json_of_serde(value in value()) {
        let json: serde_json::Value = serde_json::from_slice(&item::<Json>(&value)).unwrap();
        let value = as_json(&value);
        prop_assert_eq!(from_serde_json(&json), value.clone());
        for text in [serde_json::to_vec(&json).unwrap(), serde_json::to_vec_pretty(&json).unwrap()] {
            prop_assert_eq!(read::<Json>(&text).unwrap(), value.clone());
        }
    }

    /// What we take, serde_json takes for the same, and the other way round.
    #[test]
    fn both_read_the_same_of_spoilt_json(
        value in value(),
        changes in vec((any::<Index>(), prop_oneof![any::<u8>(), select(br#"[]{}",:\u09aefn-+.E"#.to_vec())], any::<bool>()), 0..4),
    ) {
        let bytes = spoil(item::<Json>(&value), changes);
        let theirs = serde_json::from_slice(&bytes).ok();
        prop_assert_eq!(read::<Json>(&bytes).ok(), theirs.as_ref().map(from_serde_json), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn both_read_the_same_of_what_is_nearly_json(bytes in nearly_json()) {
        let theirs = serde_json::from_slice(&bytes).ok();
        prop_assert_eq!(read::<Json>(&bytes).ok(), theirs.as_ref().map(from_serde_json), "{}", String::from_utf8_lossy(&bytes));
    }

    /// The digits are those of the float, to the last bit `[FR-16]`.
    #[test]
    fn floats_come_back_to_the_bit(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        proptest::prop_assume!(number.is_finite());
        let Ok(Value::Float(found)) = read::<Json>(&item::<Json>(&Value::from(number))) else { panic!("a float stays one") };
        prop_assert!(found.to_bits() == bits);
    }
}
