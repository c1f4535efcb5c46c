//! Messages that arrive together are judged, cut and handed out as if each had come by itself. Needs the codecs.

#![cfg(feature = "postcard")]

use std::time::Instant;

use bytes::BytesMut;
use mp_proto::{
    Connection, ConnectionError, Frame, FrameRef, Frames, Framing, Limits, Message, NodeId, Protocol,
    Session, Side, Value,
};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_assume, proptest};
use proptest::{collection, option, prop_oneof, sample};

#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
fn now() -> Instant {
    Instant::now()
}

fn connection(framing: Framing) -> Connection {
    let peer = NodeId::new("peer").expect("a node ID");
    let session = Session::new(peer, Side::Dialled, framing);
    let mut limits = Limits::default();
    limits.max_values = 40;
    Connection::new(session, &limits, now()).expect("compiled in")
}

fn frame(framing: Framing, port: &str, message: &Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    Frame::write(framing, port, message, None, usize::MAX, &mut out).expect("a small message");
    out.to_vec()
}

type Heard = (Vec<(String, Vec<u8>)>, Result<(), ConnectionError>);

/// What is heard, each frame with the port that it is for, until one is bad: one by one.
fn one_by_one(framing: Framing, frames: &[Vec<u8>]) -> Heard {
    let (mut connection, mut input, mut result) = (connection(framing), BytesMut::new(), Ok(()));
    for frame in frames {
        input.extend_from_slice(frame);
        result = connection.handle_bytes(now(), &mut input);
        if result.is_err() {
            break;
        }
    }
    let events = std::iter::from_fn(|| connection.poll_event());
    (events.map(|event| (event.port().to_owned(), event.frame.bytes().to_vec())).collect(), result)
}

/// The same in runs, whose messages are `shared` with all that came or moved; each run is split where `split` says.
fn in_runs(framing: Framing, frames: &[Vec<u8>], shared: bool, split: usize) -> Heard {
    let (mut connection, mut heard) = (connection(framing), Vec::new());
    let result = connection.handle_bytes(now(), &mut BytesMut::from(&frames.concat()[..]));
    while let Some(mut arrivals) = connection.poll_arrivals() {
        while let Some(run) = arrivals.next_run() {
            let shared_from = if shared { 0 } else { usize::MAX };
            let mut rest = run.frames(shared_from);
            assert_eq!(rest.len(), run.len());
            if let Some(only) = run.only(shared_from) {
                assert_eq!(
                    (only.bytes(), run.len()),
                    (run.frames(shared_from).next().expect("one").bytes(), 1)
                );
            }
            let first = rest.split_to(split);
            assert_eq!(first.len(), split.min(run.len()));
            for mut part in [first, rest] {
                assert_eq!(part.bytes(), part.sizes().sum::<usize>());
                heard.extend(
                    std::iter::from_fn(|| take(&mut part)).map(|bytes| (run.port().to_owned(), bytes)),
                );
                assert_eq!((part.len(), part.bytes()), (0, 0));
            }
        }
    }
    (heard, result)
}

/// The next one, in one or the other way.
fn take(part: &mut Frames) -> Option<Vec<u8>> {
    if part.len().is_multiple_of(2) {
        part.next().map(|frame| frame.bytes().to_vec())
    } else {
        part.take_ref().map(|frame| frame.bytes().to_vec())
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-zä]{0,5}".prop_map(Value::from),
        Just(Value::from(vec![Value::from(1), Value::from("x")])),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| collection::vec(inner, 0..4).prop_map(Value::from))
}

fn message() -> impl Strategy<Value = (String, Message)> {
    let port = sample::select(vec!["p", "p", "p", "port.2", "", "pp"]);
    (port, collection::vec(value(), 0..5)).prop_map(|(port, values)| (port.into(), Message::from(values)))
}

proptest! {
    /// [CN-01] [CN-03]: what follows a message that begins in the same way is checked as if it stood alone.
    #[test]
    fn together_as_one_by_one(
        messages in collection::vec(message(), 0..12),
        broken in option::of((any::<sample::Index>(), any::<sample::Index>(), 1..=255_u8)),
        shared: bool,
        split in 0..6_usize,
    ) {
        for &framing in Framing::available() {
            let mut frames: Vec<_> = messages.iter().map(|(port, message)| frame(framing, port, message)).collect();
            if let Some((which, place, change)) = &broken
                && !frames.is_empty()
            {
                let frame = which.get_mut(&mut frames[..]);
                let head = if matches!(framing, Framing::Postcard | Framing::Storable) { 4 } else { 0 };
                let place = head + place.index(frame.len() - head);
                frame[place] ^= change;
            }
            prop_assert_eq!(in_runs(framing, &frames, shared, split), one_by_one(framing, &frames), "{}", framing);
        }
    }

    /// What messages end with is given as it stands there, in the memory of all that came or in its own; and no more than
    /// there is. [ND-31]
    #[test]
    fn tails_are_what_messages_end_with(
        messages in collection::vec(message(), 1..12),
        first in 0..3_usize,
        cut in 0..4_usize,
        shared: bool,
    ) {
        let frames: Vec<_> =
            messages.iter().map(|(_, message)| frame(Framing::Postcard, "p", message)).collect();
        let mut connection = connection(Framing::Postcard);
        prop_assume!(connection.handle_bytes(now(), &mut BytesMut::from(&frames.concat()[..])).is_ok());
        let mut arrivals = connection.poll_arrivals().expect("some came");
        let run = arrivals.next_run().expect("one at least");
        let whole: Vec<&[u8]> = (first..).map_while(|index| run.view(index)).map(FrameRef::bytes).collect();
        prop_assert_eq!(whole.len(), run.len().saturating_sub(first));
        let expected: Vec<&[u8]> = whole.iter().map(|frame| &frame[cut..]).collect();
        let mut lens: Vec<usize> = expected.iter().map(|tail| tail.len()).collect();
        let shared_from = if shared { 0 } else { usize::MAX };
        if first <= run.len() {
            let mut tails = run.tails(first, &lens, shared_from).expect("they are there");
            prop_assert_eq!((tails.len(), tails.bytes()), (lens.len(), lens.iter().sum()));
            for tail in expected {
                prop_assert_eq!(take(&mut tails).expect("as many"), tail);
            }
        }
        if let Some(len) = lens.first_mut() {
            *len += cut + 1;
            prop_assert!(run.tails(first, &lens, shared_from).is_none(), "longer than the first");
            lens[0] = 1;
        }
        lens.push(1);
        prop_assert!(run.tails(first, &lens, shared_from).is_none(), "more than there are");
    }

    /// Messages to one port behind one another are one run, however their frames are made.
    #[test]
    fn a_run_is_as_long_as_it_can_be(messages in collection::vec(message(), 1..12)) {
        let frames: Vec<_> =
            messages.iter().map(|(port, message)| frame(Framing::Postcard, port, message)).collect();
        let mut connection = connection(Framing::Postcard);
        // Some have too many values.
        prop_assume!(connection.handle_bytes(now(), &mut BytesMut::from(&frames.concat()[..])).is_ok());
        let mut ports = Vec::new();
        while let Some(mut arrivals) = connection.poll_arrivals() {
            while let Some(run) = arrivals.next_run() {
                ports.push(run.port().to_owned());
            }
        }
        let mut expected: Vec<_> = messages.iter().map(|(port, _)| port.clone()).collect();
        expected.dedup();
        // What asks for nothing is left out, so that others may be together, or not, where there was some.
        if messages.iter().all(|(port, _)| !port.is_empty()) {
            prop_assert_eq!(ports, expected);
        }
    }
}
