//! Large messages in pieces: whatever lies between them, and whatever a peer makes of them.

#![cfg(feature = "postcard")]

use std::collections::VecDeque;
use std::time::Instant;

use allocation_counter::measure;
use bytes::BytesMut;
use mp_proto::connection::pieces::{self, SLOTS};
use mp_proto::{
    Connection, ConnectionError, DecodeError, Frame, Framing, InstanceId, Limits, NodeId, Place, Protocol,
    Session, Side,
};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::{collection, sample};

const MAX_MESSAGE: usize = 3000;

#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}

fn connection(pieces: bool) -> Connection {
    connection_with(pieces, MAX_MESSAGE)
}

fn connection_with(pieces: bool, max_message: usize) -> Connection {
    let plain = Session::new(NodeId::new("peer").expect("a node ID"), Side::Dialled, Framing::Postcard);
    let session = Session { instance: Some(InstanceId(1)), pieces, ..plain };
    let mut limits = Limits::default();
    limits.max_message = max_message;
    Connection::new(session, &limits, start()).expect("compiled in")
}

/// The message that has this number, and as many bytes of padding.
type Numbered = (u32, String);

/// A frame as it goes over the wire, and its body.
fn frame(number: u32, padding: usize) -> (Vec<u8>, Vec<u8>) {
    let mut out = BytesMut::new();
    let message: Numbered = (number, "x".repeat(padding));
    Frame::write(Framing::Postcard, "p", &message, None, usize::MAX, &mut out).expect("small enough");
    (out.to_vec(), out[4..].to_vec())
}

fn piece(slot: u8, last: bool, bytes: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    pieces::put(slot, last, bytes, &mut out);
    out.to_vec()
}

fn heard(connection: &mut Connection, bytes: &[u8]) -> (Vec<Numbered>, Result<(), ConnectionError>) {
    let mut input = BytesMut::from(bytes);
    let result = connection.handle_bytes(start(), &mut input);
    (events(connection), result)
}

/// Gives bytes to a connection as an owner does that reads them to their place, if there is one; how many of them.
fn place(connection: &mut Connection, input: &mut BytesMut, bytes: &[u8]) -> Option<usize> {
    let Place { memory, most } = if input.is_empty() { connection.poll_place()? } else { return None };
    let len = bytes.len().min(most);
    assert!(len > 0 && memory.capacity() - memory.len() >= most, "there is room");
    memory.extend_from_slice(&bytes[..len]);
    connection.handle_placed(start(), len, input).expect("good pieces");
    Some(len)
}

fn events(connection: &mut Connection) -> Vec<Numbered> {
    std::iter::from_fn(|| connection.poll_event())
        .map(|incoming| incoming.frame.decode().expect("as it was written"))
        .collect()
}

fn numbers(messages: &[Numbered]) -> Vec<u32> {
    messages.iter().map(|(number, _)| *number).collect()
}

/// The head of a piece as it stands in PROTOCOL.md. [LN-02]
#[test]
fn a_piece_is_marked_in_the_length() {
    assert_eq!(piece(2, false, b"abc"), [4, 0, 0, 0x80, 2, b'a', b'b', b'c']);
    assert_eq!(piece(3, true, b""), [1, 0, 0, 0x80, 0x83]);
}

/// A transcript: two large messages at a time, a small one between them, and what follows. [LN-03]
#[test]
fn what_lies_between_pieces_comes_first() {
    let mut connection = connection(true);
    let ((_, one), (_, two), (small, _)) = (frame(1, 1000), frame(2, 2000), frame(3, 0));
    let said = [
        piece(0, false, &one[..700]),
        piece(1, false, &two[..5]),
        small,
        piece(1, false, &two[5..1500]),
        piece(0, true, &one[700..]),
        piece(0, true, &frame(4, 10).1),
        piece(1, false, &two[1500..]),
        frame(5, 0).0,
        piece(1, true, b""),
    ];
    let (messages, result) = heard(&mut connection, &said.concat());
    assert_eq!((numbers(&messages), result), (vec![3, 1, 4, 5, 2], Ok(())));
    assert_eq!(messages[4].1.len(), 2000);
}

/// What can be no piece ends the connection, at once; what came before it is delivered. [LN-04] [CN-03]
#[test]
fn what_can_be_no_piece_is_a_bad_message() {
    let body = frame(1, 10).1;
    let bad = [
        ("a slot that is none", piece(4, true, &body)),
        ("a bit that must be zero", piece(0x40, false, &body)),
        ("no byte for the slot", vec![0, 0, 0, 0x80]),
        ("an empty piece that is not the last", piece(0, false, b"")),
        ("an empty message", piece(0, true, b"")),
        ("what is no message", piece(0, true, b"\xff\xff")),
        ("two messages in one", piece(0, true, &[&body[..], &body[..]].concat())),
    ];
    for (what, bytes) in bad {
        let mut connection = connection(true);
        let (messages, result) = heard(&mut connection, &[&frame(7, 0).0[..], &bytes[..]].concat());
        assert!(matches!(result, Err(ConnectionError::BadMessage(_))), "{what}: {result:?}");
        assert_eq!(numbers(&messages), [7], "{what}");
        assert_eq!(heard(&mut connection, &frame(8, 0).0), (vec![], Ok(())), "{what}: spent");
    }
}

/// [LN-01] [LN-04]
#[test]
fn where_none_was_agreed_a_piece_is_a_bad_message() {
    let (messages, result) = heard(&mut connection(false), &piece(0, true, &frame(1, 0).1));
    let too_long = ConnectionError::BadMessage(DecodeError::TooLong { max: MAX_MESSAGE });
    assert_eq!((messages, result), (vec![], Err(too_long)));
}

/// A threshold is tested on both sides: the bound is the same as for whole messages, and it is the announced length that is
/// refused. [LN-04] [FR-12]
#[test]
fn a_message_in_pieces_has_at_most_so_many_bytes() {
    let (_, body) = frame(1, MAX_MESSAGE - 10);
    assert_eq!(body.len(), MAX_MESSAGE, "the padding makes it the longest");
    let cut = |body: &[u8]| [piece(2, false, &body[..2000]), piece(2, true, &body[2000..])].concat();
    assert_eq!(numbers(&heard(&mut connection(true), &cut(&body)).0), [1]);
    let longer = [piece(2, false, &body[..2000]), piece(2, false, &body[..1001])[..5].to_vec()].concat();
    let too_long = ConnectionError::BadMessage(DecodeError::TooLong { max: MAX_MESSAGE });
    assert_eq!(heard(&mut connection(true), &longer).1, Err(too_long));
}

/// What is under way when the stream ends is nothing. [LN-05] [CN-07]
#[test]
fn the_end_of_the_stream_is_the_end_of_what_is_under_way() {
    let mut connection = connection(true);
    assert_eq!(heard(&mut connection, &piece(0, false, &frame(1, 10).1)), (vec![], Ok(())));
    assert_eq!(connection.handle_eof(start()), Err(ConnectionError::Closed));
    assert!(connection.poll_event().is_none());
}

/// One message: where it goes, and how it is cut.
#[derive(Debug, Clone)]
struct Sent {
    /// `None` if it goes whole.
    slot: Option<usize>,
    padding: usize,
    cuts: Vec<sample::Index>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let cuts = collection::vec(any::<sample::Index>(), 0..6);
    (proptest::option::weighted(0.7, 0..SLOTS), 0..MAX_MESSAGE - 9, cuts).prop_map(|(slot, padding, cuts)| {
        Sent { slot, padding: if slot.is_none() { padding / 50 } else { padding }, cuts }
    })
}

/// The messages as what goes over the wire, each in its slot's order; those that go whole are a fifth row.
fn rows(messages: &[Sent]) -> Vec<VecDeque<Vec<u8>>> {
    let mut rows = vec![VecDeque::new(); SLOTS + 1];
    for (number, message) in (0..).zip(messages) {
        let (whole, body) = frame(number, message.padding);
        let Some(slot) = message.slot else {
            rows[SLOTS].push_back(whole);
            continue;
        };
        let name = u8::try_from(slot).expect("few");
        let mut cuts: Vec<usize> = message.cuts.iter().map(|cut| cut.index(body.len())).collect();
        cuts.retain(|cut| *cut > 0);
        cuts.sort_unstable();
        cuts.dedup();
        let mut from = 0;
        for cut in cuts {
            rows[slot].push_back(piece(name, false, &body[from..cut]));
            from = cut;
        }
        rows[slot].push_back(piece(name, true, &body[from..]));
    }
    rows
}

/// Bytes of a message that is larger by far than what else is allocated.
const LONG: usize = 40_000;

/// A message in pieces, and the same as it was sent.
fn in_pieces(slot: u8, number: u32, padding: usize) -> (Vec<u8>, Vec<u8>) {
    let (_, body) = frame(number, padding);
    let (first, second) = body.split_at(body.len() / 2);
    ([piece(slot, false, first), piece(slot, true, second)].concat(), body)
}

/// A stream of large messages is read to its place from the second read on: with the end of a piece comes the head of the next,
/// and what comes with it that is none goes to the input. [TR-26]
#[test]
fn what_follows_a_piece_is_read_to_its_place_too() {
    let mut connection = connection_with(true, 2 * LONG);
    let ((first, _), (second, _), (small, _)) = (in_pieces(0, 1, LONG), in_pieces(1, 2, LONG), frame(3, 10));
    let wire = [first, second, small].concat();
    let mut input = BytesMut::from(&wire[..100]);
    connection.handle_bytes(start(), &mut input).expect("good pieces");
    let mut rest = &wire[100..];
    while let Some(len) = place(&mut connection, &mut input, rest) {
        rest = &rest[len..];
    }
    assert_eq!(numbers(&events(&mut connection)), [1, 2]);
    assert_eq!((input.len(), input.len() + rest.len()), (5, frame(3, 10).0.len()), "the rest is no piece");
    input.extend_from_slice(rest);
    connection.handle_bytes(start(), &mut input).expect("a good frame");
    assert_eq!(numbers(&events(&mut connection)), [3]);
}

/// A length makes room for one read, and no more. [LN-05]
#[test]
fn a_piece_that_is_announced_takes_little_before_it_comes() {
    let mut connection = connection_with(true, 1 << 30);
    let head = pieces::head(0, false, 1 << 29);
    connection.handle_bytes(start(), &mut BytesMut::from(&head[..])).expect("a good head");
    let found = measure(|| assert!(connection.poll_place().is_some()));
    assert!((1..=256 * 1024).contains(&found.bytes_total), "{}", found.bytes_total);
    assert_eq!(measure(|| assert!(connection.poll_place().is_some())).bytes_total, 0, "once");
}

/// The memory of a message that is gone takes in the next one. [LN-12]
#[test]
fn the_memory_of_a_message_is_used_again() {
    let mut connection = connection_with(true, 2 * LONG);
    let (bytes, _) = in_pieces(0, 1, LONG);
    let mut hear = || {
        let mut input = BytesMut::from(&bytes[..]);
        measure(|| {
            connection.handle_bytes(start(), &mut input).expect("good pieces");
            drop(connection.poll_event().expect("a message"));
            assert!(connection.poll_event().is_none());
        })
    };
    assert!(hear().bytes_total > LONG as u64);
    for _ in 0..10 {
        assert!(hear().bytes_total < 1000);
    }
    connection.tidy();
    assert!(measure(|| connection.tidy()).bytes_current < -(LONG as i64), "it has not been used");
}

/// A message that waits has no more memory than it needs, however large an earlier one was. [LN-12] [ND-24]
#[test]
fn a_message_does_not_hold_the_memory_of_a_larger_one() {
    let mut connection = connection_with(true, 2 * LONG);
    heard(&mut connection, &in_pieces(0, 1, LONG).0).1.expect("good pieces");
    let mut input = BytesMut::from(&in_pieces(0, 2, 100).0[..]);
    connection.handle_bytes(start(), &mut input).expect("good pieces");
    let waits = connection.poll_event().expect("a message");
    connection.tidy();
    assert!(measure(|| connection.tidy()).bytes_current < -(LONG as i64), "nobody holds it");
    assert_eq!(waits.frame.decode::<Numbered>().expect("as it was written").0, 2);
}

proptest! {
    /// Whoever holds messages for how long: nothing that comes later changes them. [LN-12]
    #[test]
    fn memory_that_is_used_again_is_nobody_else_s(
        messages in collection::vec((0..SLOTS, 0..2800_usize, 0..6_usize, any::<bool>()), 0..60),
    ) {
        let mut connection = connection(true);
        let mut held: VecDeque<(Frame, Vec<u8>)> = VecDeque::new();
        for (number, (slot, padding, keep, tidy)) in messages.into_iter().enumerate() {
            let (bytes, body) = in_pieces(slot.try_into().unwrap(), number.try_into().unwrap(), padding);
            let mut input = BytesMut::from(&bytes[..]);
            prop_assert!(connection.handle_bytes(start(), &mut input).is_ok());
            let incoming = connection.poll_event().expect("a message");
            held.push_back((incoming.frame, body));
            while held.len() > keep {
                held.pop_front();
            }
            if tidy {
                connection.tidy();
            }
            for (frame, body) in &held {
                prop_assert_eq!(&frame.bytes()[..], &body[..]);
            }
        }
    }
}

proptest! {
    /// Whatever the order between the slots, and however the stream is cut: all messages come, each once and whole, those of
    /// a slot in their order, and those that go whole in theirs; whether what is known to belong to a piece is read to its place
    /// or not. [LN-03] [CN-01] [TR-26]
    #[test]
    fn any_interleaving_gives_the_messages(
        messages in collection::vec(sent(), 0..12),
        order in collection::vec(0..=SLOTS, 0..60),
        reads in collection::vec((1..900_usize, any::<bool>()), 1..20),
    ) {
        let mut rows = rows(&messages);
        let mut wire = Vec::new();
        for row in order {
            wire.extend(rows[row].pop_front().unwrap_or_default());
        }
        // What is left, row by row.
        wire.extend(rows.into_iter().flatten().flatten());
        let mut connection = connection(true);
        let (mut input, mut found) = (BytesMut::new(), Vec::new());
        let mut rest = &wire[..];
        for (read, to_place) in reads.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*read).min(rest.len()));
            let placed = to_place.then(|| place(&mut connection, &mut input, now)).flatten();
            if let Some(len) = placed {
                rest = &rest[len..];
            } else {
                rest = later;
                input.extend_from_slice(now);
                prop_assert_eq!(connection.handle_bytes(start(), &mut input), Ok(()));
            }
            found.extend(events(&mut connection));
        }
        for (number, padding) in &found {
            prop_assert_eq!(padding.len(), messages[*number as usize].padding);
        }
        for slot in (0..SLOTS).map(Some).chain([None]) {
            let is_of = |number: &&u32| messages[**number as usize].slot == slot;
            let found: Vec<u32> = numbers(&found).iter().filter(is_of).copied().collect();
            let expected: Vec<u32> = (0..).take(messages.len()).collect();
            let expected: Vec<u32> = expected.iter().filter(is_of).copied().collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// Whatever a peer sends, no more is allocated for it than a few times what came: a length allocates nothing.
    /// [LN-05]
    #[test]
    fn hostile_pieces_allocate_no_more_than_what_came(
        parts in collection::vec((0..6_u8, any::<bool>(), 0..200_usize, any::<u32>(), any::<bool>()), 0..40),
    ) {
        let mut bytes = Vec::new();
        for (slot, last, len, lie, lies) in parts {
            let mut one = piece(slot, last, &vec![b'x'; len]);
            if lies {
                one[..4].copy_from_slice(&(lie | 1 << 31).to_le_bytes());
            }
            bytes.extend(one);
        }
        let mut connection = connection(true);
        let mut input = BytesMut::from(&bytes[..]);
        let found = measure(|| drop(connection.handle_bytes(start(), &mut input)));
        let bound = 4 * u64::try_from(bytes.len()).unwrap() + 1024;
        prop_assert!(found.bytes_max <= bound, "{} bytes for {}", found.bytes_max, bytes.len());
    }
}
