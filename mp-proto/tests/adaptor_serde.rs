//! serde's attributes, and types that look at the data before they know what it is.

#![expect(clippy::needless_pass_by_value, clippy::unwrap_used, reason = "helpers of tests")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use mp_proto::adaptor::{from_message, to_message};
use mp_proto::{Map, Message, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

macro_rules! map {
    ($($key:expr => $value:expr),* $(,)?) => { Value::Map([$(($key, Value::from($value))),*].into_iter().collect::<Map>()) };
}

/// Round trips, with texts as they are and as Perl writes them in a binary framing.
#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(content: T, message: &str) {
    let written = to_message(&content).unwrap();
    assert_eq!(written.to_string(), message);
    assert_eq!(from_message::<T>(&written).unwrap(), content);
    let perl = Message::from_iter(written.values().iter().map(to_bytes));
    assert_eq!(from_message::<T>(&perl).unwrap(), content, "from Perl");
}

/// The value with byte strings for all texts that are ASCII.
fn to_bytes(value: &Value) -> Value {
    match value {
        Value::Text(text) if text.is_ascii() => Value::Bytes(Bytes::copy_from_slice(text.as_bytes())),
        Value::List(items) => items.iter().map(to_bytes).collect::<Vec<_>>().into(),
        Value::Map(map) => {
            Value::Map(map.iter().map(|(key, value)| (key.clone(), to_bytes(value))).collect())
        }
        other => other.clone(),
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
}

/// [MSG-11]
#[test]
fn an_untagged_enum_is_told_by_what_it_looks_like() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Any {
        Named { name: String, colour: Colour },
        Pair(u8, String),
        Numbers(Vec<u8>),
    }
    let named = || Any::Named { name: "x".into(), colour: Colour::Red };
    round_trip(named(), r#"[{"name":"x","colour":"red"}]"#);
    round_trip(Any::Pair(1, "x".into()), r#"[1,"x"]"#);
    round_trip(Any::Numbers(vec![1, 2, 3]), "[1,2,3]");
    round_trip((named(), Any::Pair(1, "x".into())), r#"[{"name":"x","colour":"red"},[1,"x"]]"#);

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Scalar {
        Number(i64),
        Text(String),
        Nothing,
    }
    round_trip([Scalar::Number(5), Scalar::Text("5".into()), Scalar::Nothing], r#"[5,"5",null]"#);
}

/// [MSG-11]
#[test]
fn an_internally_tagged_enum_is_a_map() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Event {
        Moved { to: (i8, i8), colour: Colour },
        Stopped,
    }
    round_trip(
        Event::Moved { to: (1, -1), colour: Colour::Red },
        r#"[{"kind":"moved","to":[1,-1],"colour":"red"}]"#,
    );
    round_trip(Event::Stopped, r#"[{"kind":"stopped"}]"#);
    round_trip(vec![Event::Stopped, Event::Stopped], r#"[{"kind":"stopped"},{"kind":"stopped"}]"#);
    round_trip((1, Event::Stopped), r#"[1,{"kind":"stopped"}]"#);
}

#[test]
fn an_adjacently_tagged_enum_is_a_map() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "t", content = "c")]
    enum Event {
        Moved(i8, Colour),
        Stopped,
    }
    round_trip(Event::Moved(1, Colour::Red), r#"[{"t":"Moved","c":[1,"red"]}]"#);
    round_trip((Event::Stopped, 1), r#"[{"t":"Stopped"},1]"#);
}

#[test]
fn fields_can_be_renamed_defaulted_skipped_and_flattened() {
    #[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Options {
        max_size: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        not_there: Option<u8>,
        #[serde(skip)]
        secret: u8,
        #[serde(flatten)]
        more: BTreeMap<String, Value>,
    }
    let more = BTreeMap::from([("colour".to_owned(), "red".into())]);
    round_trip(Options { max_size: 1, more, ..Options::default() }, r#"[{"maxSize":1,"colour":"red"}]"#);
    assert_eq!(from_message(&Message::from([Map::new().into()])), Ok(Options::default()));

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "SCREAMING-KEBAB-CASE")]
    enum Command {
        StopNow {
            #[serde(rename = "in")]
            delay: u8,
        },
        #[serde(alias = "HALT")]
        GoOn,
        #[serde(other)]
        Unknown,
    }
    round_trip(Command::StopNow { delay: 1 }, r#"["STOP-NOW",{"in":1}]"#);
    assert_eq!(from_message(&Message::from(["HALT".into()])), Ok(Command::GoOn));
    assert_eq!(from_message(&Message::from(["dance".into(), 5.into()])), Ok(Command::Unknown));
}

#[test]
fn fields_at_the_end_of_a_tuple_can_have_defaults() {
    #[derive(Deserialize, PartialEq, Debug)]
    enum Command {
        Say(String, #[serde(default)] u8, #[serde(default)] Option<String>),
    }
    let say = |values: &[Value]| from_message::<Command>(&Message::from(values.to_vec()));
    assert_eq!(say(&["Say".into(), "x".into()]), Ok(Command::Say("x".into(), 0, None)));
    assert_eq!(say(&["Say".into(), "x".into(), 1.into()]), Ok(Command::Say("x".into(), 1, None)));
}

/// As the crate `serde_bytes` does it.
#[derive(PartialEq, Debug, Clone)]
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
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Octets, E> {
                Ok(Octets(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[test]
fn bytes_are_a_byte_string_and_a_vec_of_u8_is_a_list() {
    let octets = Octets(b"a\x00\xff".to_vec());
    let message = to_message(&("put", octets.clone())).unwrap();
    assert!(matches!(&message.values()[1], Value::Bytes(bytes) if bytes[..] == octets.0));
    assert_eq!(from_message::<(String, Octets)>(&message).unwrap().1, octets);
    assert_eq!(to_message(&octets).unwrap().values().len(), 1);
    assert_eq!(from_message::<Octets>(&to_message(&octets).unwrap()), Ok(octets));

    let message = to_message(&("put", b"ab".to_vec())).unwrap();
    assert_eq!(message.to_string(), r#"["put",[97,98]]"#);
    assert_eq!(from_message::<(String, Vec<u8>)>(&message).unwrap().1, b"ab");
}

/// [MSG-11]
#[test]
fn a_value_is_the_whole_message_or_the_one_map_that_it_is() {
    let read = |values: &[Value]| from_message::<Value>(&Message::from(values.to_vec()));
    assert_eq!(read(&[]), Ok(Value::List(vec![])));
    assert_eq!(read(&[1.into()]), Ok(Value::List(vec![1.into()])));
    assert_eq!(read(&[1.into(), map!["a" => 1]]), Ok(Value::List(vec![1.into(), map!["a" => 1]])));
    assert_eq!(read(&[map!["a" => 1]]), Ok(map!["a" => 1]));
    assert_eq!(read(&[map!["a" => 1], 2.into()]), Ok(Value::List(vec![map!["a" => 1], 2.into()])));
    assert_eq!(from_message::<serde::de::IgnoredAny>(&Message::from([1.into()])), Ok(serde::de::IgnoredAny));
}

/// [MSG-11]
#[test]
fn a_value_keeps_byte_strings_and_other_types_that_take_anything_see_ascii_as_text() {
    let bytes = |bytes: &'static [u8]| Value::Bytes(Bytes::from_static(bytes));
    let message = Message::from([bytes(b"ascii"), bytes(b"\xe9")]);
    let values: Vec<Value> = from_message(&message).unwrap();
    assert!(values.iter().all(|value| matches!(value, Value::Bytes(_))));
    let json: Vec<serde_json::Value> =
        from_message(&Message::from([bytes(b"ascii"), map!["a" => 1]])).unwrap();
    assert_eq!(json, [serde_json::json!("ascii"), serde_json::json!({"a": 1})]);
    assert!(from_message::<Vec<serde_json::Value>>(&message).is_err());
}

#[test]
fn a_value_is_read_by_other_formats_as_well() {
    let value: Value =
        serde_json::from_str(r#"[1,-1,18446744073709551615,0.5,"x",null,true,{"a":[]}]"#).unwrap();
    assert_eq!(value.to_string(), r#"[1,-1,18446744073709551615,0.5,"x",null,true,{"a":[]}]"#);
    assert_eq!(serde_json::to_string(&value).unwrap(), value.to_string());
}

#[test]
fn a_type_may_borrow_if_it_can_also_own() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Name<'a>(Cow<'a, str>);
    round_trip(Name(Cow::Borrowed("x")), r#"["x"]"#);
    round_trip((Name(Cow::Borrowed("x")), 1), r#"["x",1]"#);
}

#[test]
fn names_and_addresses_travel_as_text() {
    let address: std::net::SocketAddr = "127.0.0.1:4040".parse().unwrap();
    round_trip(("seen".to_owned(), address), r#"["seen","127.0.0.1:4040"]"#);
    round_trip(std::time::Duration::from_millis(1500), r#"[{"secs":1,"nanos":500000000}]"#);
}
