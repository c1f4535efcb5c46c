//! The quick way and the thorough one `[MSG-15]`.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::super::frame::{count_more_values, decode_quickly, decode_thoroughly, has_more_values};
use super::super::{
    Codec, FrameScanner, Scanner, Span, cbor::Cbor, json::Json, postcard::Postcard, storable::Storable,
};
use crate::{Frame, Framing, Message, Payload, Value};

/// Bytes, as `serde_bytes` has them.
#[derive(Debug, PartialEq, Clone)]
struct Octets(Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Octets;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("octets")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Octets, E> {
                Ok(Octets(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

/// A type that does not look at what it is read from.
#[derive(Debug, PartialEq, Clone)]
struct Blind;

impl<'de> Deserialize<'de> for Blind {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(rename_all = "snake_case")]
enum Traffic {
    Data(u64, Octets),
    Text(String),
    Person(Person),
    Named { id: i32, tags: Vec<String> },
    Nested(Box<Traffic>),
    Maybe(Option<i64>, Option<char>),
    Numbers(Vec<f64>),
    Words(BTreeMap<String, bool>),
    Keys(BTreeMap<i16, Colour>),
    Any(Value),
    Quit,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Person {
    name: String,
    age: u8,
    #[serde(default)]
    friend: Option<Box<Person>>,
    colour: Colour,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Colour {
    Red,
    #[serde(rename = "gr\u{fc}n")]
    Green,
}

/// A type that makes the best of what it does not understand.
#[derive(Deserialize, Debug, PartialEq)]
struct Lenient(
    #[serde(deserialize_with = "or_default")] Vec<u8>,
    #[serde(deserialize_with = "or_default")] Traits,
);

#[derive(Deserialize, Debug, PartialEq, Default)]
struct Traits {
    #[serde(default, deserialize_with = "or_default")]
    id: Option<u8>,
    #[serde(default, deserialize_with = "or_default")]
    words: BTreeMap<bool, String>,
    #[serde(default, deserialize_with = "or_default")]
    tags: Vec<i8>,
}

fn or_default<'de, T: Default + Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(T::deserialize(deserializer).unwrap_or_default())
}

#[derive(Deserialize, Debug, PartialEq)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    Pair(u8, String),
    Many(Vec<Value>),
}

#[derive(Deserialize, Debug, PartialEq)]
struct Defaults(u8, #[serde(default = "seven")] Option<u8>, #[serde(default)] String);

fn seven() -> Option<u8> {
    Some(7)
}

fn both<T: DeserializeOwned>(frame: &Frame) -> (Option<T>, Result<T, crate::DecodeError>) {
    let quick = match frame.framing() {
        Framing::Json => decode_quickly::<Json, T>(frame.bytes(), Some(frame.bytes())),
        Framing::Cbor => decode_quickly::<Cbor, T>(frame.bytes(), Some(frame.bytes())),
        Framing::Postcard => decode_quickly::<Postcard, T>(frame.bytes(), Some(frame.bytes())),
        Framing::Storable => decode_quickly::<Storable, T>(frame.bytes(), Some(frame.bytes())),
    };
    (quick, decode_thoroughly(frame.view()))
}

/// What is read quickly is what is read thoroughly.
fn compare<T: DeserializeOwned + Debug>(frame: &Frame) -> Result<(), TestCaseError> {
    let (quick, thorough) = both::<T>(frame);
    if let Some(quick) = quick {
        let thorough = thorough.map_err(|error| TestCaseError::fail(format!("{quick:?}, but {error}")))?;
        // As texts: what is not a number is not equal to itself.
        prop_assert_eq!(format!("{quick:?}"), format!("{thorough:?}"), "{:?}", frame);
    }
    Ok(())
}

/// So is what is checked quickly, and its values are counted.
fn compare_checks<C: Codec>(image: &[u8]) -> Result<(), TestCaseError> {
    let name = super::super::frame::check(C::FRAMING, C::reader(image));
    prop_assert_eq!(C::check(image), name.clone());
    if name.is_ok() {
        for max in 0..image.len() + 2 {
            prop_assert_eq!(has_more_values::<C>(image, max), count_more_values(C::reader(image), max));
        }
    }
    Ok(())
}

/// What is cut and checked in one walk is what the scanner cuts, and checked then.
fn compare_cuts<C: Codec>(image: &[u8]) -> Result<(), TestCaseError> {
    for behind in [&b""[..], b"[", b"\x81\x00", b" 1", image] {
        let input = [image, behind].concat();
        if let Some((name, len)) = C::quick_cut(&input) {
            let span = C::Scanner::default().scan(&input, usize::MAX);
            prop_assert_eq!(span, Ok(Some(Span { skip: 0, len })));
            let checked = C::check(&input[..len]).map(std::borrow::Cow::into_owned);
            prop_assert_eq!(checked, Ok(name.to_vec()));
        }
    }
    Ok(())
}

fn compare_all(frame: &Frame) -> Result<(), TestCaseError> {
    match frame.framing() {
        Framing::Json => compare_checks::<Json>(frame.bytes()).and(compare_cuts::<Json>(frame.bytes()))?,
        Framing::Cbor => compare_checks::<Cbor>(frame.bytes()).and(compare_cuts::<Cbor>(frame.bytes()))?,
        Framing::Postcard => compare_checks::<Postcard>(frame.bytes())?,
        Framing::Storable => compare_checks::<Storable>(frame.bytes())?,
    }
    compare::<Traffic>(frame)?;
    compare::<Person>(frame)?;
    compare::<Flat>(frame)?;
    compare::<Untagged>(frame)?;
    compare::<Defaults>(frame)?;
    compare::<Lenient>(frame)?;
    compare::<Vec<Lenient>>(frame)?;
    compare::<Message>(frame)?;
    compare::<Value>(frame)?;
    compare::<Option<u8>>(frame)?;
    compare::<Option<(u8, Option<String>)>>(frame)?;
    compare::<(Blind, String, Blind)>(frame)?;
    compare::<(IgnoredAny, (i8, Option<f32>))>(frame)?;
    compare::<Vec<bool>>(frame)?;
    compare::<Vec<String>>(frame)?;
    compare::<Vec<Vec<u64>>>(frame)?;
    compare::<Vec<Option<Colour>>>(frame)?;
    compare::<(String, BTreeMap<String, Option<i128>>)>(frame)?;
    compare::<BTreeMap<char, Octets>>(frame)?;
    compare::<BTreeMap<bool, IgnoredAny>>(frame)?;
    compare::<u64>(frame)?;
    compare::<f64>(frame)?;
    compare::<char>(frame)?;
    compare::<Octets>(frame)?;
    compare::<Payload>(frame)?;
    compare::<Vec<Payload>>(frame)?;
    compare::<(Option<Payload>, Payload)>(frame)?;
    compare::<()>(frame)
}

const FRAMINGS: [Framing; 4] = [Framing::Json, Framing::Cbor, Framing::Postcard, Framing::Storable];

fn frame<T: Serialize>(framing: Framing, content: &T) -> Frame {
    let mut out = BytesMut::new();
    Frame::write(framing, "room", content, None, usize::MAX, &mut out).expect("it can be written");
    let mut scanner = FrameScanner::new(framing).expect("compiled in");
    scanner.next(&mut out, usize::MAX).expect("well-formed").expect("whole")
}

fn word() -> impl Strategy<Value = String> {
    let words =
        ["data", "text", "person", "named", "nested", "maybe", "numbers", "words", "keys", "any", "quit"];
    let others = [
        "name",
        "age",
        "friend",
        "colour",
        "id",
        "tags",
        "Red",
        "gr\u{fc}n",
        "1",
        "0",
        "",
        "-7",
        "2.5",
        "NaN",
    ];
    prop_oneof![
        8 => select([&words[..], &others[..]].concat()).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => "[a-z\u{e0}-\u{ff}\"\\\\\n]{0,20}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        3 => (-2..300_i64).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => (-3..3_i8).prop_map(|number| Value::from(f64::from(number))),
        5 => word().prop_map(Value::from),
        2 => word().prop_map(|word| Value::Bytes(word.into_bytes().into())),
        1 => vec(any::<u8>(), 0..80).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((word(), inner), 0..5).prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

fn person() -> impl Strategy<Value = Person> {
    let colour = || prop_oneof![Just(Colour::Red), Just(Colour::Green)];
    let alone = || {
        (word(), any::<u8>(), colour()).prop_map(|(name, age, colour)| Person {
            name,
            age,
            friend: None,
            colour,
        })
    };
    (alone(), proptest::option::of(alone()))
        .prop_map(|(person, friend)| Person { friend: friend.map(Box::new), ..person })
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let leaf = prop_oneof![
        (any::<u64>(), vec(any::<u8>(), 0..80))
            .prop_map(|(number, bytes)| Traffic::Data(number, Octets(bytes))),
        word().prop_map(Traffic::Text),
        person().prop_map(Traffic::Person),
        (any::<i32>(), vec(word(), 0..4)).prop_map(|(id, tags)| Traffic::Named { id, tags }),
        any::<(Option<i64>, Option<char>)>().prop_map(|(number, letter)| Traffic::Maybe(number, letter)),
        vec(-1e300..1e300, 0..4).prop_map(Traffic::Numbers),
        btree_map(word(), any::<bool>(), 0..4).prop_map(Traffic::Words),
        btree_map(any::<i16>(), Just(Colour::Red), 0..4).prop_map(Traffic::Keys),
        Just(Traffic::Quit),
    ];
    leaf.prop_recursive(3, 4, 1, |inner| inner.prop_map(|traffic| Traffic::Nested(Box::new(traffic))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// [MSG-15]
    #[test]
    fn what_is_written_from_a_type_is_read_quickly(traffic in traffic()) {
        for framing in FRAMINGS {
            let frame = frame(framing, &traffic);
            let (quick, thorough) = both::<Traffic>(&frame);
            prop_assert_eq!(thorough.as_ref(), Ok(&traffic));
            // Keys with escapes, and words beyond ASCII in byte strings, are not as expected.
            if let Some(quick) = quick {
                prop_assert_eq!(quick, traffic.clone());
            } else {
                let text = format!("{traffic:?}");
                prop_assert!(text.contains('\\') || !text.is_ascii(), "{framing}: {text}");
            }
        }
    }

    /// [MSG-15]
    #[test]
    fn any_message_is_read_quickly_as_it_is_thoroughly(tag in word(), values in vec(value(), 0..5)) {
        for framing in FRAMINGS {
            compare_all(&frame(framing, &(&tag, &values)))?;
            compare_all(&frame(framing, &Message::from(values.clone())))?;
            compare_all(&frame(framing, &Message::from([vec![Value::from(tag.as_str())], values.clone()].concat())))?;
        }
    }

    /// [MSG-15]
    #[test]
    fn what_is_spoilt_is_not_read_quickly_as_something_else(
        traffic in traffic(),
        values in vec(value(), 0..5),
        changes in vec((any::<Index>(), prop_oneof![any::<u8>(), select(b"[]{}\",:\\u09.e-n \x00\x02\x05\x07\x19".to_vec())], any::<bool>()), 0..4),
        cut in proptest::option::of(any::<Index>()),
    ) {
        for framing in FRAMINGS {
            for frame in [frame(framing, &traffic), frame(framing, &Message::from(values.clone()))] {
                let mut bytes = frame.bytes().to_vec();
                for (index, byte, insert) in &changes {
                    let at = index.index(bytes.len());
                    if *insert { bytes.insert(at, *byte) } else { bytes[at] = *byte }
                }
                if let Some(cut) = cut {
                    bytes.truncate(cut.index(bytes.len()));
                }
                compare_all(&Frame::new(framing, Bytes::from(bytes)))?;
            }
        }
    }
}

/// [MSG-15]: a type that asks for nothing, or for what is not there, is none of the quick way's business.
#[test]
fn what_is_not_as_expected_is_read_thoroughly() {
    for framing in FRAMINGS {
        let frame = |values: &[Value]| frame(framing, &Message::from(values.to_vec()));
        let message = frame(&[1.into(), "x".into(), 2.into()]);
        let (quick, thorough) = both::<(Blind, String, Blind)>(&message);
        assert_eq!((quick, thorough), (None, Ok((Blind, "x".into(), Blind))), "{framing}");
        let (quick, thorough) = both::<Defaults>(&frame(&[1.into()]));
        assert_eq!((quick, thorough), (None, Ok(Defaults(1, None, String::new()))), "{framing}");
    }
}
