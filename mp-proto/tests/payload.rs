//! Bytes that are not copied: when a message is read, and when it is written.

#![cfg(all(feature = "postcard", feature = "json", feature = "cbor", feature = "storable"))]

use bytes::{Bytes, BytesMut};
use mp_proto::codec::{Copies, FrameScanner};
use mp_proto::{EncodeError, Frame, FrameRef, Frames, Framing, Limits, Map, Message, Payload, Value};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, option};
use serde::{Deserialize, Serialize};

const KIB: usize = 1024;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Store {
    Put(String, Payload),
    Many { all: Vec<Payload>, last: Option<Payload> },
}

fn octets(len: usize) -> Vec<u8> {
    (0..len).map(|place| u8::try_from(place % 251).expect("below 251")).collect()
}

fn payload(len: usize) -> Payload {
    octets(len).into()
}

fn framed<M: Serialize>(framing: Framing, message: &M) -> Frame {
    let mut out = BytesMut::new();
    Frame::write(framing, "port", message, None, usize::MAX, &mut out).expect("fits");
    let mut scanner = FrameScanner::new(framing).expect("compiled in");
    scanner.next(&mut out, usize::MAX).expect("well-formed").expect("whole")
}

fn lies_in(frame: &Frame, part: &[u8]) -> bool {
    frame.bytes().as_ptr_range().contains(&part.as_ptr())
}

/// [MSG-16]
#[test]
fn a_payload_is_a_slice_of_the_frame_that_it_came_in() {
    for framing in [Framing::Postcard, Framing::Cbor, Framing::Storable] {
        for (len, is_slice) in [(0, false), (2047, false), (2048, true), (100 * KIB, true)] {
            let frame = framed(framing, &Store::Put("key".into(), payload(len)));
            let Store::Put(_, value) = frame.decode().expect("a Store") else { panic!("a Put was sent") };
            assert_eq!(value, octets(len));
            assert_eq!(lies_in(&frame, &value), is_slice, "{len} bytes in {framing}");
            let (_, value): (String, Payload) = frame.decode_args().expect("two");
            assert_eq!(value, octets(len));
            assert_eq!(lies_in(&frame, &value), is_slice, "{len} bytes of arguments in {framing}");
            assert!(!lies_in(&frame, &value.detached()));
        }
    }
}

/// Those of messages that came together, too, in both ways in which receivers read them. [MSG-16]
#[test]
fn payloads_of_a_run_are_slices() {
    let frames = [1, 2, 3]
        .map(|number| framed(Framing::Postcard, &Store::Put(format!("{number}"), payload(3000 + number))));
    let lens = frames.each_ref().map(|frame| frame.bytes().len());
    let all = Bytes::from(frames.each_ref().map(|frame| frame.bytes().to_vec()).concat());
    let mut run = Frames::side_by_side(Framing::Postcard, all.clone(), &lens).expect("they are as long");
    let reads: [fn(FrameRef<'_>) -> Option<Store>; 2] =
        [|frame| frame.decode().ok(), |frame| frame.decode_at_once()];
    for (number, read) in [(1, reads[0]), (2, reads[1])] {
        let Some(Store::Put(_, value)) = run.read_first(read) else { panic!("a Put was sent") };
        assert_eq!(value, octets(3000 + number));
        assert!(all.as_ptr_range().contains(&value.as_ptr()), "number {number} is copied");
    }
}

/// In places where serde shows a type its parts one by one, and as the message itself. [MSG-16]
#[test]
fn payloads_are_found_wherever_they_stand() {
    let message =
        Store::Many { all: vec![payload(2100), payload(3), payload(2200)], last: Some(payload(2300)) };
    let frame = framed(Framing::Postcard, &message);
    let Store::Many { all, last } = frame.decode().expect("a Store") else { panic!("a Many was sent") };
    assert_eq!(all.iter().map(|one| lies_in(&frame, one)).collect::<Vec<_>>(), [true, false, true]);
    assert!(last.is_some_and(|last| last == octets(2300) && lies_in(&frame, &last)));

    let frame = framed(Framing::Postcard, &payload(2400));
    let alone: Payload = frame.decode().expect("bytes");
    assert!(alone == octets(2400) && lies_in(&frame, &alone));
}

/// What others send in place of bytes is bytes, too. [MSG-10]
#[test]
fn a_payload_is_read_from_whatever_is_bytes() {
    let text = "x".repeat(2100);
    for framing in Framing::available() {
        let frame = framed(*framing, &("put", "key", &text));
        let Store::Put(_, value) = frame.decode().expect("a Store") else { panic!("a put was sent") };
        assert_eq!(value, text.as_bytes());
        let frame = framed(*framing, &("put", "key", "é".repeat(2100)));
        let Store::Put(_, value) = frame.decode().expect("a Store") else { panic!("a put was sent") };
        assert_eq!(value, [0xe9; 2100], "{framing}");
        let frame = framed(*framing, &("put", "key", [1, 2]));
        frame.decode::<Store>().expect_err("a list is no byte string");
    }
}

/// Of what has no type, only what is long holds more than itself. [MSG-16]
#[test]
fn values_are_slices_if_they_are_long() {
    for (len, is_slice) in [(20 * KIB, false), (32 * KIB, true)] {
        let frame = framed(Framing::Postcard, &("put", &payload(len)));
        let message = frame.message().expect("values");
        let (_, typed): (String, Value) = frame.decode().expect("a word and a value");
        for value in [&message.values()[1], &typed] {
            let Value::Bytes(bytes) = value else { panic!("{value:?} is no byte string") };
            assert_eq!((&bytes[..], lies_in(&frame, bytes)), (&octets(len)[..], is_slice));
        }
    }
}

/// With serialisers of others it is bytes.
#[test]
fn a_payload_goes_through_other_serialisers() {
    let message = Store::Put("key".into(), payload(2100));
    let written = postcard::to_allocvec(&message).expect("fits");
    assert_eq!(postcard::from_bytes::<Store>(&written), Ok(message.clone()));
    let written = serde_json::to_vec(&message).expect("fits");
    assert_eq!(serde_json::from_slice::<Store>(&written).expect("a Store"), message);
}

fn in_parts<M: Serialize>(message: &M, limits: &Limits) -> Result<(Bytes, Vec<Bytes>), EncodeError> {
    let mut parts = Frame::write_in_parts("port", message, None, limits, BytesMut::new())?;
    let (whole, len) = (parts.to_bytes(), parts.len());
    let mut all = Vec::new();
    while !parts.is_empty() {
        all.push(parts.take(usize::MAX));
    }
    assert_eq!(all.concat(), whole);
    assert_eq!(len, whole.len());
    Ok((whole, all))
}

/// [MSG-17]
#[test]
fn a_long_payload_stays_where_it_lies() {
    let (long, short) = (payload(16 * KIB), payload(16 * KIB - 1));
    let message = Store::Many { all: vec![long.clone(), short], last: Some(long.clone()) };
    let (_, parts) = in_parts(&message, &Limits::default()).expect("fits");
    let kept: Vec<bool> = parts.iter().map(|part| part.as_ptr() == long.as_ptr()).collect();
    assert_eq!(kept, [false, true, false, true], "the last one is at the end of the message");

    let value = Value::Bytes(long.clone().into_bytes());
    let deep = Value::List(vec![Value::Map(Map::from_iter([("a", value)]))]);
    let (_, parts) = in_parts(&Message::from(vec![deep]), &Limits::default()).expect("fits");
    assert_eq!(parts[1].as_ptr(), long.as_ptr(), "so do values");
}

/// [MSG-17]
#[test]
fn bounds_hold_for_what_is_not_copied() {
    let mut limits = Limits::default();
    limits.max_message = 40 * KIB;
    let error = in_parts(&Store::Put(String::new(), payload(40 * KIB)), &limits).expect_err("too long");
    assert!(matches!(error, EncodeError::TooLong { max, .. } if max == 40 * KIB), "{error}");
    limits.max_values = 100;
    let many = (vec![0; 200], payload(20 * KIB));
    assert_eq!(in_parts(&many, &limits), Err(EncodeError::TooManyValues { max: 100 }));
    let long = ("x".repeat(200), payload(20 * KIB));
    let mut flat = BytesMut::new();
    Frame::write_within(Framing::Postcard, "port", &long, None, &limits, &mut flat).expect("few values");
    assert_eq!(in_parts(&long, &limits).expect("few values").0, flat);
}

type Content = (String, Vec<(Option<i64>, Payload)>, Payload);

fn content() -> impl Strategy<Value = Content> {
    let bytes = || prop_oneof![0..20_usize, 16 * KIB - 1..16 * KIB + 2, Just(70 * KIB)].prop_map(payload);
    (".{0,20}", collection::vec((option::of(any::<i64>()), bytes()), 0..4), bytes())
}

proptest! {
    /// What lies in several places is what would lie in one. [MSG-17]
    #[test]
    fn parts_are_what_is_written_at_once(content in content(), cuts in collection::vec(1..40 * KIB, 1..20)) {
        let limits = Limits::default();
        let mut flat = BytesMut::new();
        Frame::write_within(Framing::Postcard, "port", &content, None, &limits, &mut flat).expect("fits");
        prop_assert_eq!(&in_parts(&content, &limits).expect("fits").0, &flat);

        let mut parts = Frame::write_in_parts("port", &content, None, &limits, BytesMut::new()).expect("fits");
        let (mut taken, mut cuts) = (BytesMut::new(), cuts.into_iter().cycle());
        while !parts.is_empty() {
            let most = cuts.next().expect("endless");
            let part = parts.take(most);
            prop_assert!(!part.is_empty() && part.len() <= most);
            taken.extend_from_slice(&part);
            prop_assert_eq!(parts.len(), flat.len() - taken.len());
        }
        prop_assert_eq!(&taken, &flat);

        let mut scanner = FrameScanner::new(Framing::Postcard).expect("compiled in");
        let frame = scanner.next(&mut taken, usize::MAX).expect("well-formed").expect("whole");
        prop_assert_eq!(frame.decode::<Content>().expect("the same"), content);
    }

    /// [MSG-17] [ND-31]
    #[test]
    fn copies_in_parts_are_copies(content in content(), port in "[!-~]{1,200}") {
        let limits = Limits::default();
        let mut copies = Copies::new(Framing::Postcard, &content, &limits, BytesMut::new()).expect("fits").expect("has copies");
        let mut flat = BytesMut::new();
        prop_assert_eq!(copies.write(&port, &limits, usize::MAX, &mut flat), Ok(true));
        let parts = copies.write_in_parts(&port, &limits, BytesMut::new()).expect("fits");
        prop_assert_eq!(&parts.to_bytes(), &flat);
    }
}
