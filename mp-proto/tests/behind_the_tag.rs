//! What handlers read: the tag, and what stands behind it, straight from a frame as from its values.

use bytes::BytesMut;
use mp_proto::codec::FrameScanner;
use mp_proto::{Frame, Framing, Message, Value};
use proptest::collection;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,20}".prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::from),
        collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            collection::btree_map("[a-z]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

/// The frame of a message, as it comes out of the scanner.
fn frame(framing: Framing, message: &Message) -> Option<Frame> {
    let mut bytes = BytesMut::new();
    Frame::write(framing, "port", message, None, usize::MAX, &mut bytes).ok()?;
    let mut scanner = FrameScanner::new(framing).expect("compiled in");
    scanner.next(&mut bytes, usize::MAX).expect("well-formed")
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    A(String, Option<i64>),
    B { a: i64 },
}

fn reads<T: DeserializeOwned>(frame: &Frame, values: &Message) -> (Option<T>, Option<T>) {
    (frame.decode_args().ok(), values.decode().ok())
}

proptest! {
    #[test]
    fn from_a_frame_as_from_its_values(values in collection::vec(value(), 0..6)) {
        let message = Message::from(values);
        for framing in Framing::available() {
            let Some(frame) = frame(*framing, &message) else { continue };
            // A framing may not carry all that there is: what counts is what is read.
            let read = frame.message().unwrap();
            prop_assert_eq!(frame.tag().unwrap(), read.tag());
            let args = Message::from(read.args().to_vec());
            prop_assert_eq!(frame.decode_args::<Message>().unwrap(), args.clone());
            macro_rules! same {
                ($($type:ty),*) => {$(
                    let (direct, by_values) = reads::<$type>(&frame, &args);
                    prop_assert_eq!(direct, by_values);
                )*};
            }
            same!((i64,), (String, i64), Vec<i64>, Vec<String>, Option<i64>, (Value, Value), String, Kind, ());
        }
    }
}

#[test]
fn what_has_no_tag_has_nothing_behind_it() {
    for framing in Framing::available() {
        let frame = frame(*framing, &Message::default()).unwrap();
        assert_eq!(frame.tag(), Ok(None));
        assert_eq!(frame.decode_args::<Message>(), Ok(Message::default()));
    }
}

#[test]
fn the_first_element_is_passed_over_whatever_it_is() {
    let nested = Value::List(vec![Value::List(vec![]), Value::from(1), Value::List(vec![Value::from("x")])]);
    for framing in Framing::available() {
        let frame = frame(*framing, &Message::from([nested.clone(), Value::from(5)])).unwrap();
        assert_eq!(frame.tag(), Ok(None));
        assert_eq!(frame.decode_args::<(i64,)>(), Ok((5,)));
    }
}
