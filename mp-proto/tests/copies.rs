//! One message for many ports: as it is written, and as it is taken.

#![cfg(all(feature = "postcard", feature = "json", feature = "cbor"))]

use bytes::{Bytes, BytesMut};
use mp_proto::codec::{Copies, ForMany, FrameScanner};
use mp_proto::{EncodeError, Frame, FrameRef, Framing, Limits, Message, Value};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, option};

const NO_CAP: usize = usize::MAX;

type Parts = (String, Vec<(i64, Option<String>)>, Vec<bool>);

fn message() -> impl Strategy<Value = Parts> {
    let pairs = collection::vec((any::<i64>(), option::of(".{0,20}")), 0..40);
    (".{0,200}", pairs, collection::vec(any::<bool>(), 0..300))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[!-~]{0,12}", "[!-~]{120,256}"]
}

fn copies<M: serde::Serialize>(message: &M) -> Copies {
    let memory = BytesMut::from(&b"of another message"[..]);
    Copies::new(Framing::Postcard, message, &Limits::default(), memory).expect("fits").expect("has copies")
}

/// The request for so many ports, as the other side cuts it from the stream; none if it would be for less than two.
fn request(copies: &Copies, names: &[String], cap: usize) -> Option<(usize, Frame)> {
    let mut out = BytesMut::new();
    match copies.write_for_many(names.iter().map(String::as_str), cap, &mut out) {
        0 => {
            assert!(out.is_empty());
            None
        }
        count => {
            let mut scanner = FrameScanner::new(Framing::Postcard).expect("compiled in");
            let frame = scanner.next(&mut out, usize::MAX).expect("well-formed").expect("whole");
            assert!(out.is_empty() && frame.bytes().len() <= cap);
            assert_eq!(frame.check().expect("well-formed"), "");
            Some((count, frame))
        }
    }
}

proptest! {
    /// What is copied for a port is what is written for it. Where no copies can be made, nobody says otherwise.
    #[test]
    fn a_copy_is_the_message_as_written_for_that_port(message in message(), ports in collection::vec(name(), 1..4)) {
        let limits = Limits::default();
        for &framing in Framing::available() {
            let copies = Copies::new(framing, &message, &limits, BytesMut::new()).expect("fits");
            prop_assert_eq!(copies.is_none(), framing == Framing::Storable);
            let Some(copies) = copies else { continue };
            let (mut expected, mut out) = (BytesMut::from(&b"x"[..]), BytesMut::from(&b"x"[..]));
            for port in &ports {
                Frame::write_within(framing, port, &message, None, &limits, &mut expected).expect("fits");
                prop_assert_eq!(copies.write(port, &limits, NO_CAP, &mut out), Ok(true));
            }
            prop_assert_eq!(&out, &expected);
        }
    }

    /// [ND-31]
    #[test]
    fn a_request_gives_back_names_and_message(message in message(), names in collection::vec(name(), 0..6)) {
        let mut copies = copies(&message);
        let Some((count, frame)) = request(&copies, &names, NO_CAP) else {
            prop_assert!(names.len() < 2);
            return Ok(());
        };
        prop_assert_eq!(count, names.len());
        let many = ForMany::of(frame.view()).expect("in order");
        prop_assert_eq!(many.check(&Limits::default()), Ok(()));
        prop_assert_eq!(many.names().collect::<Vec<_>>(), names);
        let (came, went) = (many.frame(), copies.frame());
        prop_assert_eq!(came.bytes(), went.bytes());
        let next = many.next(frame.view()).expect("for the same ports");
        prop_assert_eq!(next.frame().bytes(), went.bytes());
        let values = frame.message().expect("readable");
        let tag = values.tag().map(String::from);
        prop_assert_eq!(tag.as_deref(), Some("many"), "it is a request like others");
    }

    /// Whatever stands behind the tag: it is refused, or what is taken is there. [ND-33]
    #[test]
    fn whatever_comes_is_taken_or_refused(bytes in collection::vec(any::<u8>(), 0..60), values in collection::vec(any::<u8>(), 0..12)) {
        let begin = request(&copies(&values), &["a".into(), "b".into()], NO_CAP).expect("two").1;
        let mut frame = begin.bytes()[..10].to_vec();
        frame.extend_from_slice(&bytes);
        if let Some(many) = ForMany::of(FrameRef::new(Framing::Postcard, &frame)) {
            prop_assert_eq!(many.names().count(), many.len());
            // Whether it is well-formed, or not: it is found out.
            let _found = many.check(&Limits::default());
        }
        // And so with each byte of a good one changed.
        for (index, byte) in bytes.iter().enumerate() {
            let mut frame = begin.bytes().to_vec();
            let place = index % frame.len();
            frame[place] ^= byte;
            if let Some(many) = ForMany::of(FrameRef::new(Framing::Postcard, &frame)) {
                let _found = many.check(&Limits::default());
            }
        }
    }
}

/// [ND-33]
#[test]
fn a_request_names_no_more_ports_than_it_may_and_fits() {
    let mut copies = copies(&("x", 1));
    let names: Vec<String> = (0..=ForMany::MOST).map(|number| format!("p{number}")).collect();
    let (count, frame) = request(&copies, &names, NO_CAP).expect("many");
    assert_eq!(count, ForMany::MOST);
    assert_eq!(ForMany::of(frame.view()).expect("at the bound").len(), ForMany::MOST);
    let one_more = Message::from([
        Value::from("many"),
        Value::List(names.iter().map(|name| Value::from(name.as_str())).collect()),
        Value::Bytes(copies.frame().bytes().clone()),
    ]);
    let mut out = BytesMut::new();
    Frame::write(Framing::Postcard, "", &one_more, None, usize::MAX, &mut out).expect("fits");
    let frame = Frame::new(Framing::Postcard, out.freeze().slice(4..));
    assert!(ForMany::of(frame.view()).is_none(), "one past the bound");

    assert_eq!(request(&copies, &names, 100).map(|(count, _)| count), Some(10), "as many as fit");
    assert!(request(&copies, &names, 54).is_none(), "one would be none");
    assert!(request(&copies, &names[..1], NO_CAP).is_none());
}

/// A message that nests as deep as it may, and one with all the values that it may have, go as by themselves. [FR-06] [FR-19]
#[test]
fn a_request_takes_nothing_from_what_a_message_may_be() {
    let mut deep = Value::Null;
    for _ in 0..511 {
        deep = Value::List(vec![deep]);
    }
    let names = ["a".to_owned(), "b".to_owned()];
    let (_, frame) = request(&copies(&Message::from([deep])), &names, NO_CAP).expect("two");
    assert_eq!(ForMany::of(frame.view()).expect("in order").check(&Limits::default()), Ok(()));

    let mut limits = Limits::default();
    limits.max_values = 100;
    let many = |count: usize| Copies::new(Framing::Postcard, &vec![0; count], &limits, BytesMut::new());
    let full = many(99).expect("at the bound").expect("copies");
    let (_, frame) = request(&full, &names, NO_CAP).expect("two");
    assert_eq!(ForMany::of(frame.view()).expect("in order").check(&limits), Ok(()));
    assert_eq!(many(100).err(), Some(EncodeError::TooManyValues { max: 100 }));
    limits.max_values = 99;
    assert!(ForMany::of(frame.view()).expect("in order").check(&limits).is_err());
}

/// What is within must be for no port, and well-formed. [ND-33]
#[test]
fn a_message_with_a_name_of_its_own_or_a_fault_is_refused() {
    let within = |bytes: &[u8]| {
        let bytes = Value::Bytes(Bytes::copy_from_slice(bytes));
        let request = Message::from([Value::from("many"), Value::List(vec![Value::from("a")]), bytes]);
        let mut out = BytesMut::new();
        Frame::write(Framing::Postcard, "", &request, None, usize::MAX, &mut out).expect("fits");
        let frame = FrameRef::new(Framing::Postcard, &out[4..]);
        ForMany::of(frame).expect("in order").check(&Limits::default())
    };
    let good = copies(&"x").frame();
    assert!(within(good.bytes()).is_ok());
    assert!(within(&good.bytes()[..good.bytes().len() - 1]).is_err(), "cut short");
    assert!(within(&[good.bytes(), &b"\0"[..]].concat()).is_err(), "and more");
    assert!(within(&[7, 2, 5, 1, b'a', 0]).is_err(), "for a port");
    assert!(within(&[]).is_err());
}

/// What is taken as one more for the same ports is what would be taken of it by itself. [ND-33]
#[test]
fn one_more_for_the_same_ports_is_taken_as_by_itself() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let frame = |text: &str, to: &[&str]| request(&copies(&text), &names(to), NO_CAP).expect("two").1;
    let first = frame("one", &["a", "b"]);
    let many = ForMany::of(first.view()).expect("in order");
    let second = frame("another", &["a", "b"]);
    let next = many.next(second.view()).expect("for the same ports");
    let alone = ForMany::of(second.view()).expect("in order");
    assert_eq!(next.frame().bytes(), alone.frame().bytes());
    assert_eq!(next.names().collect::<Vec<_>>(), ["a", "b"]);
    for others in [&["b", "a"][..], &["a", "b", "c"], &["a", "bb"], &["a", "c"]] {
        assert!(many.next(frame("one", others).view()).is_none(), "{others:?}");
    }
    let whole = second.bytes();
    assert!(many.next(FrameRef::new(Framing::Postcard, &whole[..whole.len() - 1])).is_none(), "cut short");
    let longer = [whole, &b"\0"[..]].concat();
    assert!(many.next(FrameRef::new(Framing::Postcard, &longer)).is_none(), "and more");
    assert!(many.next(FrameRef::new(Framing::Cbor, whole)).is_none());
}

/// A copy that would be too long is none. [FR-12]
#[test]
fn a_copy_is_bounded() {
    let mut limits = Limits::default();
    limits.max_message = 40;
    let copies = Copies::new(Framing::Postcard, &"x".repeat(30), &limits, BytesMut::new());
    let copies = copies.expect("fits").expect("copies");
    let mut out = BytesMut::from(&b"before"[..]);
    assert_eq!(copies.write("1234", &limits, NO_CAP, &mut out), Ok(true));
    let len = out.len();
    assert_eq!(copies.write("1234", &limits, 39, &mut out), Ok(false), "larger than what is asked for");
    assert_eq!(
        copies.write("12345", &limits, NO_CAP, &mut out),
        Err(EncodeError::TooLong { len: 41, max: 40 })
    );
    assert_eq!(out.len(), len, "nothing is added");
}
