//! Perl blurs types: what is taken for what, by type that is asked for. [MSG-10]

#![expect(clippy::needless_pass_by_value, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use mp_proto::adaptor::from_message;
use mp_proto::{Message, PortId, Value};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn bytes(bytes: &'static [u8]) -> Value {
    Value::Bytes(Bytes::from_static(bytes))
}

/// All of these are read as this, as the message itself and within one.
#[track_caller]
fn taken<T: DeserializeOwned + PartialEq + Debug>(content: T, values: impl IntoIterator<Item = Value>) {
    for value in values {
        assert_eq!(from_message::<T>(&Message::from([value.clone()])).as_ref(), Ok(&content), "{value:?}");
        let within = from_message::<(T, u8)>(&Message::from([value.clone(), 1.into()]));
        assert_eq!(within.map(|(content, _)| content).as_ref(), Ok(&content), "{value:?}");
    }
}

/// None of these is read as a `T`.
#[track_caller]
fn refused<T: DeserializeOwned + Debug>(values: impl IntoIterator<Item = Value>) {
    for value in values {
        assert!(from_message::<T>(&Message::from([value.clone()])).is_err(), "{value:?}");
        assert!(from_message::<(T, u8)>(&Message::from([value.clone(), 1.into()])).is_err(), "{value:?}");
    }
}

fn list() -> Value {
    Value::List(vec![1.into()])
}

fn map() -> Value {
    Value::Map([("a", 1)].into_iter().collect())
}

/// [MSG-10]
#[test]
fn integers() {
    taken(42_u8, [42.into(), 42.0.into(), "42".into(), bytes(b"42"), "42.0".into(), "4.2e+1".into()]);
    taken(-1_i64, [(-1).into(), (-1.0).into(), "-1".into(), bytes(b"-1")]);
    taken(0_u8, [0.into(), (-0.0).into(), "-0".into(), "00".into()]);
    taken(u64::MAX, [u64::MAX.into(), "18446744073709551615".into()]);
    taken(i64::MIN, [i64::MIN.into(), "-9223372036854775808".into(), (i64::MIN as f64).into()]);
    taken(1_000_000_000_000_000_i64, ["1e+15".into(), 1e15.into()]);
    taken(u128::from(u64::MAX), [u64::MAX.into()]);
    taken(i128::from(u64::MAX) + 1, ["18446744073709551616".into(), 2f64.powi(64).into()]);
    refused::<u8>([
        256.into(),
        (-1).into(),
        1.5.into(),
        "256".into(),
        "-1".into(),
        "1.5".into(),
        u64::MAX.into(),
    ]);
    refused::<u64>([
        2f64.powi(64).into(),
        "18446744073709551616".into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
    ]);
    refused::<i64>([
        2f64.powi(63).into(),
        "9223372036854775808".into(),
        u64::MAX.into(),
        f64::NEG_INFINITY.into(),
    ]);
    refused::<i128>([1e300.into(), "1e300".into()]);
    refused::<i64>([
        "".into(),
        " 1".into(),
        "1 ".into(),
        "0x1".into(),
        "one".into(),
        "1_0".into(),
        bytes(b"\xff"),
    ]);
    refused::<i64>([Value::Null, true.into(), list(), map(), "NaN".into(), "inf".into()]);
}

/// [MSG-10]
#[test]
fn floats() {
    taken(0.5, [0.5.into(), "0.5".into(), bytes(b"0.5"), "5e-1".into(), ".5".into()]);
    taken(3.0, [3.into(), 3.0.into(), "3".into(), bytes(b"3")]);
    taken(3_f32, [3.into(), 3.0.into(), "3".into()]);
    taken(18_446_744_073_709_551_615_f64, [u64::MAX.into()]);
    taken(
        f64::INFINITY,
        ["Inf".into(), "inf".into(), "Infinity".into(), bytes(b"inf"), f64::INFINITY.into()],
    );
    taken(f64::NEG_INFINITY, ["-Inf".into(), "-inf".into(), "-Infinity".into()]);
    for text in ["NaN", "nan"] {
        assert!(from_message::<f64>(&Message::from([text.into()])).unwrap().is_nan());
    }
    refused::<f64>([Value::Null, true.into(), "".into(), "x".into(), bytes(b"\xff"), list(), map()]);
}

/// [MSG-10]
#[test]
fn truth_values() {
    taken(true, [true.into(), 1.into(), 1.0.into(), "1".into(), bytes(b"1")]);
    taken(false, [false.into(), 0.into(), 0.0.into(), "".into(), "0".into(), bytes(b""), bytes(b"0")]);
    refused::<bool>([
        2.into(),
        (-1).into(),
        0.5.into(),
        "2".into(),
        "true".into(),
        "00".into(),
        bytes(b"\xff"),
    ]);
    refused::<bool>([Value::Null, u64::MAX.into(), list(), map()]);
}

/// [MSG-10]
#[test]
fn strings() {
    taken("42".to_owned(), ["42".into(), bytes(b"42"), 42.into(), 42.0.into()]);
    taken("café".to_owned(), ["café".into(), bytes(b"caf\xe9")]);
    taken("cafÃ©".to_owned(), [bytes("café".as_bytes())]);
    taken("0.5".to_owned(), [0.5.into()]);
    taken(u64::MAX.to_string(), [u64::MAX.into()]);
    taken("NaN".to_owned(), [f64::NAN.into()]);
    taken("Inf".to_owned(), [f64::INFINITY.into()]);
    taken("-Inf".to_owned(), [f64::NEG_INFINITY.into()]);
    taken('é', ["é".into(), bytes(b"\xe9")]);
    taken('7', [7.into(), "7".into()]);
    taken("n#p".parse::<PortId>().unwrap(), ["n#p".into(), bytes(b"n#p")]);
    refused::<char>(["".into(), "ab".into(), 10.into(), bytes(b"ab")]);
    refused::<String>([Value::Null, true.into(), list(), map()]);
}

/// [MSG-10]
#[test]
fn tags() {
    #[derive(Deserialize, Debug, PartialEq)]
    enum Tag {
        #[serde(rename = "stop")]
        Stop,
        #[serde(rename = "7")]
        Seven,
        #[serde(rename = "é")]
        Accent,
    }
    taken(Tag::Stop, ["stop".into(), bytes(b"stop")]);
    taken(Tag::Seven, ["7".into(), bytes(b"7"), 7.into(), 7.0.into()]);
    taken(Tag::Accent, ["é".into(), bytes(b"\xe9")]);
    refused::<Tag>(["go".into(), Value::Null, true.into(), map(), Value::List(vec![list()])]);
}

#[derive(Debug, PartialEq)]
struct Octets(Vec<u8>);

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Octets;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Octets, E> {
                Ok(Octets(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// [MSG-10]
#[test]
fn octets() {
    taken(Octets(b"ab".to_vec()), ["ab".into(), bytes(b"ab")]);
    taken(Octets(b"\xe9\xff".to_vec()), ["éÿ".into(), bytes(b"\xe9\xff")]);
    taken(Octets(vec![]), ["".into(), bytes(b"")]);
    refused::<Octets>(["Ā".into(), 42.into(), Value::Null, true.into(), list(), map()]);
}

/// [MSG-10]
#[test]
fn keys() {
    fn key<K: DeserializeOwned + Ord + Debug>(key: K, text: &str) {
        let map = Value::Map([(text, 1)].into_iter().collect());
        taken(BTreeMap::from([(key, 1)]), [map]);
    }
    key(42, "42");
    key(42, "42.0");
    key(true, "true");
    key(true, "1");
    key(false, "false");
    key(false, "0");
    key(false, "");
    key("42".to_owned(), "42");
    key(Some('x'), "x");
    refused::<BTreeMap<u8, u8>>([map()]);
    refused::<BTreeMap<bool, u8>>([map()]);
}

#[test]
fn lists_maps_and_null_are_never_anything_else() {
    let scalars = || [true.into(), 1.into(), 0.5.into(), "a".into(), "".into(), bytes(b"a")];
    for value in scalars().into_iter().chain([Value::Null, map()]) {
        assert!(from_message::<(Vec<u8>,)>(&Message::from([value.clone()])).is_err(), "{value:?}");
        assert!(from_message::<((u8,),)>(&Message::from([value.clone()])).is_err(), "{value:?}");
    }
    for value in scalars().into_iter().chain([Value::Null, list()]) {
        assert!(
            from_message::<(BTreeMap<String, u8>,)>(&Message::from([value.clone()])).is_err(),
            "{value:?}"
        );
    }
    for value in scalars().into_iter().chain([list(), map()]) {
        assert!(from_message::<((),)>(&Message::from([value.clone()])).is_err(), "{value:?}");
    }
    assert_eq!(from_message::<((), Option<u8>)>(&Message::from([Value::Null, Value::Null])), Ok(((), None)));
}
