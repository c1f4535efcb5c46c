//! What is written and read at once, all of it inline, is what is written and read in general.

#![cfg(feature = "postcard")]
#![expect(clippy::panic, reason = "a type that panics is among what is tried")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::BytesMut;
use mp_proto::{Frame, Framing, Limits, Message, PortId, Value};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, option, sample};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Talk {
    Data(u64, Octets),
    Say { who: Option<String>, words: Vec<String>, at: i64 },
    Measure(f64, bool),
    Stop,
}

/// A string of bytes.
#[derive(Debug, Clone, PartialEq)]
struct Octets(Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taker;

        impl Visitor<'_> for Taker {
            type Value = Octets;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Octets, E> {
                Ok(Octets(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Taker)
    }
}

fn talk() -> impl Strategy<Value = Talk> {
    prop_oneof![
        (any::<u64>(), collection::vec(any::<u8>(), 0..300))
            .prop_map(|(n, bytes)| Talk::Data(n, Octets(bytes))),
        (option::of(".{0,40}"), collection::vec(".{0,90}", 0..6), any::<i64>())
            .prop_map(|(who, words, at)| Talk::Say { who, words, at }),
        (-1e9..1e9, any::<bool>()).prop_map(|(number, truth)| Talk::Measure(number, truth)),
        Just(Talk::Stop),
    ]
}

fn values() -> impl Strategy<Value = Message> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,140}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| collection::vec(inner, 0..4).prop_map(Value::from));
    collection::vec(value, 0..40).prop_map(Message::from)
}

fn port() -> impl Strategy<Value = String> {
    prop_oneof!["[!-~]{0,24}", "[!-~]{100,256}"]
}

/// Both ways to write a message; gives what was written.
fn written<M: Serialize>(
    framing: Framing,
    port: &str,
    message: &M,
    reply: bool,
    bounds: [usize; 3],
) -> BytesMut {
    let mut limits = Limits::default();
    (limits.max_message, limits.max_values) = (bounds[0], bounds[1]);
    let reply: Option<PortId> = reply.then(|| "node#reply".parse().expect("a port"));
    let (mut at_once, mut in_general) = (BytesMut::from(&b"x"[..]), BytesMut::from(&b"x"[..]));
    let taken =
        Frame::write_at_once(framing, port, message, reply.as_ref(), &limits, bounds[2], &mut at_once);
    let expected =
        Frame::write_capped(framing, port, message, reply.as_ref(), &limits, bounds[2], &mut in_general);
    assert_eq!(taken, expected == Ok(true), "{framing}: {expected:?}");
    assert_eq!(at_once, in_general, "{framing}");
    at_once
}

fn bound() -> impl Strategy<Value = usize> {
    prop_oneof![Just(usize::MAX), 0..400_usize, 0..40_usize]
}

proptest! {
    /// [FR-31] The bytes are the same, and so is what is too long, or has too many values.
    #[test]
    fn what_is_written_at_once_is_what_is_written(
        talk in talk(),
        values in values(),
        port in port(),
        reply: bool,
        bounds in [bound(), bound(), bound()],
    ) {
        for &framing in Framing::available() {
            written(framing, &port, &talk, reply, bounds);
            written(framing, &port, &values, reply, bounds);
        }
    }

    /// [MSG-15] Nothing is taken for something else, whatever the bytes; and what is as expected is taken.
    #[test]
    fn what_is_read_at_once_is_what_is_read(
        talk in talk(),
        port in "[!-~]{0,40}",
        broken in option::of((any::<sample::Index>(), 1..=255_u8)),
    ) {
        let mut out = written(Framing::Postcard, &port, &talk, false, [usize::MAX; 3]).split_off(5);
        if let Some((place, change)) = broken {
            let place = place.index(out.len());
            out[place] ^= change;
        }
        let frame = Frame::new(Framing::Postcard, out.freeze());
        let at_once = frame.view().decode_at_once::<Talk>();
        prop_assert!(at_once.is_some() || broken.is_some());
        if let Some(read) = at_once {
            prop_assert_eq!(format!("{:?}", Ok::<_, ()>(read)), format!("{:?}", frame.decode::<Talk>().map_err(drop)));
        }
    }
}

/// Panics when it has written more than gathers before it goes to the buffer.
struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        drop(["x"; 100].iter().map(|text| text.repeat(3)).collect::<Vec<_>>().serialize(serializer));
        panic!("as told")
    }
}

#[test]
fn a_panic_leaves_nothing() {
    let mut out = BytesMut::from(&b"before"[..]);
    let write = || {
        let message = ("a text", vec![1; 50], Panics);
        Frame::write_at_once(Framing::Postcard, "port", &message, None, &Limits::default(), 10_000, &mut out)
    };
    assert!(catch_unwind(AssertUnwindSafe(write)).is_err());
    assert_eq!(out, &b"before"[..]);
}
