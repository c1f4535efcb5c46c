//! Connections: what they cut from a stream, and when they take a peer for lost. Needs the codecs.

#![cfg(feature = "json")]

use std::time::{Duration, Instant};

use bytes::BytesMut;
use mp_proto::{
    Connection, ConnectionError, DecodeError, Frame, Framing, Incoming, InstanceId, Limits, Message, NodeId,
    Protocol, Session, Side, Value,
};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::{collection, sample};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}

fn session(framing: Framing, instance: Option<InstanceId>, silence: Option<Duration>) -> Session {
    let peer = NodeId::new("peer").expect("a node ID");
    Session { instance, silence, ..Session::new(peer, Side::Dialled, framing) }
}

/// A connection with a Perl node.
fn perl(framing: Framing) -> Connection {
    Connection::new(session(framing, None, None), &Limits::default(), start()).expect("compiled in")
}

/// A connection, begun at `now`, with a node of our own kind that bears silence for `silence`.
fn own(now: Instant, silence: Option<Duration>) -> Connection {
    let session = session(Framing::available()[0], Some(InstanceId(1)), silence);
    Connection::new(session, &Limits::default(), now).expect("compiled in")
}

fn frame(framing: Framing, port: &str, message: &Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    Frame::write(framing, port, message, None, usize::MAX, &mut out).expect("a small message");
    out.to_vec()
}

fn events(connection: &mut Connection) -> Vec<Incoming> {
    std::iter::from_fn(|| connection.poll_event()).collect()
}

/// What is understood of these bytes, as `port: message`, and what then is left.
fn heard(framing: Framing, bytes: &[u8]) -> (Vec<String>, Result<(), ConnectionError>) {
    let mut connection = perl(framing);
    let mut input = BytesMut::from(bytes);
    let result = connection.handle_bytes(start(), &mut input);
    let text =
        |incoming: Incoming| format!("{}: {}", incoming.port(), incoming.frame.message().expect("checked"));
    (events(&mut connection).into_iter().map(text).collect(), result)
}

/// [CN-01]
#[test]
fn messages_are_cut_and_given_with_their_ports() {
    let (messages, result) = heard(Framing::Json, br#" ["p","hi",1] ["",  "mon1","x"]["q"][7,"a"]["unfini"#);
    assert_eq!(messages, [r#"p: ["hi",1]"#, r#": ["mon1","x"]"#, "q: []", r#"7: ["a"]"#]);
    assert_eq!(result, Ok(()));
}

/// [CN-02] [FR-05]
#[test]
fn empty_messages_are_swallowed() {
    let empty = r#"[][null][""]["",""]["",null]["","devnull",1,[2]]["","",3]"#;
    assert_eq!(heard(Framing::Json, empty.as_bytes()), (vec![], Ok(())));
    let (other, _) = heard(Framing::Json, br#"["p"]["p",""]["p","devnull"]["",0]["",[""]][null,"x"]"#);
    assert_eq!(other, ["p: []", r#"p: [""]"#, r#"p: ["devnull"]"#, ": [0]", r#": [[""]]"#, r#": ["x"]"#]);
}

/// [CN-02]: in each framing, also as Perl writes them.
#[test]
fn empty_messages_are_swallowed_in_each_framing() {
    for &framing in Framing::available() {
        let nothings = [Message::default(), Message::from([Value::from("")]), Message::from([Value::Null])];
        let bytes: Vec<u8> = nothings.iter().flat_map(|message| frame(framing, "", message)).collect();
        assert_eq!(heard(framing, &bytes), (vec![], Ok(())), "{framing}");
    }
    if Framing::Cbor.is_available() {
        assert_eq!(
            heard(Framing::Cbor, b"\x80\x81\xf6\x81\x40\x82\x40\x40\x82\x60\xf6\x82\x40\x47devnull").0.len(),
            0
        );
    }
}

/// [CN-03]: what came before the bad message is given, nothing behind it.
#[test]
fn a_bad_message_ends_the_connection() {
    let mut connection = perl(Framing::Json);
    let mut input = BytesMut::from(&br#"["p",1]["p",inf]["p",2]"#[..]);
    let error = connection.handle_bytes(start(), &mut input).unwrap_err();
    assert!(matches!(error, ConnectionError::BadMessage(DecodeError::Malformed { .. })), "{error}");
    assert!(error.to_string().starts_with("bad message: malformed json at byte"), "{error}");
    assert_eq!(events(&mut connection).len(), 1);
    assert_eq!(connection.handle_bytes(start(), &mut input), Ok(()));
    assert!(events(&mut connection).is_empty(), "spent");
}

/// [CN-03]
#[test]
fn what_is_no_list_with_a_name_is_a_bad_message() {
    for bad in ["5 ", r#"{"a":1}"#, r#""x""#, "x", "[[1]]", r#"[{"p":1}]"#, "]"] {
        let (messages, result) = heard(Framing::Json, bad.as_bytes());
        assert!(
            messages.is_empty() && matches!(result, Err(ConnectionError::BadMessage(_))),
            "{bad}: {result:?}"
        );
    }
}

/// [CN-03]: a threshold is tested on both sides.
#[test]
fn a_message_has_at_most_so_many_bytes() {
    for &framing in Framing::available() {
        let message = Message::from([Value::from("x".repeat(500))]);
        let bytes = frame(framing, "p", &message);
        let incoming = |max: usize| {
            let mut limits = Limits::default();
            limits.max_message = max;
            let mut connection =
                Connection::new(session(framing, None, None), &limits, start()).expect("compiled in");
            connection
                .handle_bytes(start(), &mut BytesMut::from(&bytes[..]))
                .map(|()| connection.poll_event())
        };
        let len = incoming(1000).unwrap().expect("a message").frame.bytes().len();
        assert!(incoming(len).unwrap().is_some(), "{framing}");
        let error = incoming(len - 1).unwrap_err();
        assert_eq!(error, ConnectionError::BadMessage(DecodeError::TooLong { max: len - 1 }), "{framing}");
    }
}

/// The name is a slice of the frame, unless it had to be translated.
#[test]
fn a_port_name_shares_the_bytes_of_its_frame() {
    let mut connection = perl(Framing::Json);
    let mut input = BytesMut::from(&br#"["name",1]["n\u0061me",1]"#[..]);
    connection.handle_bytes(start(), &mut input).unwrap();
    let [shared, translated] = [0, 1].map(|_| connection.poll_event().expect("a message"));
    let shares =
        |incoming: &Incoming| incoming.frame.bytes().as_ptr_range().contains(&incoming.port().as_ptr());
    assert!(shares(&shared) && !shares(&translated));
    assert_eq!((shared.port(), translated.port()), ("name", "name"));
}

/// [CN-07]: in Perl's words, as monitors give them on.
#[test]
fn the_end_of_input_is_the_end() {
    for rest in ["", r#"["unfini"#] {
        let mut connection = perl(Framing::Json);
        let mut input = BytesMut::from(rest);
        assert_eq!(connection.handle_bytes(start(), &mut input), Ok(()));
        let error = connection.handle_eof(start()).unwrap_err();
        assert_eq!(error.to_string(), "Unexpected end-of-file");
    }
}

/// [CN-05]
#[test]
fn perl_gets_no_keep_alives_and_owes_none() {
    let mut connection = perl(Framing::Json);
    assert_eq!(connection.poll_timeout(), None);
    let later = start() + 3600 * SECOND;
    assert_eq!(connection.handle_timeout(later), Ok(()));
    assert!(!connection.poll_transmit(later, &mut BytesMut::new()));
}

/// [CN-04]
#[test]
fn a_silent_peer_is_lost_at_the_threshold_and_not_before() {
    let now = start();
    let mut connection = own(now, None);
    let lost = now + 10 * SECOND;
    assert_eq!(connection.handle_timeout(lost - TICK), Ok(()));
    let error = connection.handle_timeout(lost).unwrap_err();
    assert_eq!(error, ConnectionError::Silent { after: 10 * SECOND });
    assert_eq!(error.to_string(), "no sign of life for 10000 ms");
    assert_eq!(connection.poll_timeout(), None, "spent");
}

/// [CN-04]: every byte counts, also that of an unfinished message.
#[test]
fn every_byte_is_a_sign_of_life() {
    let now = start();
    let mut connection = own(now, None);
    let bytes = frame(Framing::available()[0], "p", &Message::from([Value::from("a long message")]));
    let mut input = BytesMut::new();
    for second in 1..bytes.len() {
        let now = now + u32::try_from(second).unwrap() * 9 * SECOND;
        assert_eq!(connection.handle_timeout(now), Ok(()));
        input.extend_from_slice(&bytes[second - 1..second]);
        assert_eq!(connection.handle_bytes(now, &mut input), Ok(()));
    }
    let now = now + u32::try_from(bytes.len() - 1).unwrap() * 9 * SECOND;
    assert_eq!(connection.handle_bytes(now + 9 * SECOND, &mut input), Ok(()), "a call without bytes");
    assert!(connection.handle_timeout(now + 10 * SECOND).is_err(), "is none");
}

/// [CN-05]
#[test]
fn a_keep_alive_is_sent_after_a_quarter_of_the_time() {
    let now = start();
    let mut connection = own(now, None);
    let mut out = BytesMut::new();
    let due = now + SECOND * 5 / 2;
    assert_eq!(connection.poll_timeout(), Some(due));
    assert_eq!(connection.handle_timeout(due - TICK), Ok(()));
    assert!(!connection.poll_transmit(due - TICK, &mut out));

    assert_eq!(connection.handle_timeout(due), Ok(()));
    assert_eq!(
        connection.poll_timeout(),
        Some(now + 10 * SECOND),
        "it waits to be taken, and does not ask again"
    );
    assert!(connection.poll_transmit(due, &mut out));
    assert!(!connection.poll_transmit(due, &mut out), "once");
    assert_eq!(heard(Framing::available()[0], &out), (vec![], Ok(())), "it is an empty message");
    assert_eq!(connection.poll_timeout(), Some(due + SECOND * 5 / 2));
}

/// [CN-05]: what the owner sends is a sign of life too.
#[test]
fn no_keep_alive_is_sent_by_those_who_talk() {
    let now = start();
    let mut connection = own(now, None);
    connection.note_sent(now + 2 * SECOND);
    assert_eq!(connection.poll_timeout(), Some(now + SECOND * 9 / 2));
    assert_eq!(connection.handle_timeout(now + SECOND * 9 / 2), Ok(()));
    connection.note_sent(now + 5 * SECOND);
    assert!(!connection.poll_transmit(now + 5 * SECOND, &mut BytesMut::new()), "no longer due");
}

/// [CN-05]: of two nodes, the less patient one says how often it wants to hear from the other; but a peer cannot have
/// itself flooded.
#[test]
fn the_less_patient_side_sets_the_pace() {
    let now = start();
    for (peer, interval) in [
        (None, 2500),
        (Some(Duration::from_secs(600)), 2500),
        (Some(Duration::from_secs(4)), 1000),
        (Some(SECOND), 250),
        (Some(Duration::ZERO), 250),
    ] {
        assert_eq!(own(now, peer).poll_timeout(), Some(now + Duration::from_millis(interval)), "{peer:?}");
    }
}

/// [CN-06]
#[test]
fn silence_does_not_count_while_we_do_not_read() {
    let now = start();
    let mut connection = own(now, None);
    let mut out = BytesMut::new();
    connection.pause_input();
    for minute in 1..60 {
        let now = now + minute * 60 * SECOND;
        assert_eq!(connection.handle_timeout(now), Ok(()));
        assert!(connection.poll_transmit(now, &mut out), "we keep giving signs of life");
    }
    let now = now + 3600 * SECOND;
    connection.resume_input(now);
    assert_eq!(connection.handle_timeout(now + 10 * SECOND - TICK), Ok(()));
    connection.resume_input(now + 9 * SECOND);
    assert!(
        connection.handle_timeout(now + 10 * SECOND).is_err(),
        "a second resume does not extend the time"
    );
}

/// [CN-04] [CN-05]: two idle nodes do not lose each other, even if half of the keep-alives are late.
#[test]
fn two_idle_nodes_stay_connected() {
    let begin = start();
    let mut ends = [own(begin, Some(10 * SECOND)), own(begin, Some(3 * SECOND))];
    for step in 1..1000_u32 {
        let now = begin + step * Duration::from_millis(100);
        let mut outs = [BytesMut::new(), BytesMut::new()];
        for (end, out) in ends.iter_mut().zip(&mut outs) {
            assert_eq!(end.handle_timeout(now), Ok(()));
            end.poll_transmit(now, out);
        }
        outs.reverse();
        for (end, out) in ends.iter_mut().zip(&mut outs).filter(|(_, out)| !out.is_empty()) {
            assert_eq!(end.handle_bytes(now, out), Ok(()));
        }
    }
}

#[test]
fn times_beyond_all_times_do_no_harm() {
    let mut limits = Limits::default();
    limits.monitor_timeout = Duration::MAX;
    let session = session(Framing::available()[0], Some(InstanceId(1)), Some(Duration::MAX));
    let mut connection = Connection::new(session, &limits, start()).unwrap();
    assert_eq!(connection.handle_timeout(start()), Ok(()));
    assert_eq!(connection.session().peer.as_str(), "peer");
}

/// Of what every framing keeps: a Storable image has larger numbers as texts.
fn messages() -> impl Strategy<Value = Vec<(String, Message)>> {
    let value =
        (any::<i32>(), ".{0,9}").prop_map(|(number, text)| Value::List(vec![number.into(), text.into()]));
    let message = collection::vec(value, 0..4).prop_map(Message::from);
    collection::vec(("[a-zA-Z0-9]{1,9}", message), 0..12)
}

proptest! {
    /// [CN-01]: however the bytes are cut, the messages are those that were sent, in order.
    #[test]
    fn messages_survive_any_cut(
        messages in messages(),
        framing in sample::select(Framing::available().to_vec()),
        cut in 1..60_usize,
    ) {
        let mut connection = perl(framing);
        let bytes: Vec<u8> = messages.iter().flat_map(|(port, message)| frame(framing, port, message)).collect();
        let (mut input, mut got) = (BytesMut::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            input.extend_from_slice(piece);
            prop_assert_eq!(connection.handle_bytes(start(), &mut input), Ok(()));
            got.extend(events(&mut connection));
        }
        let got: Vec<_> = got.iter().map(|it| (it.port().to_owned(), it.frame.message().unwrap())).collect();
        prop_assert_eq!(got, messages);
        prop_assert!(input.is_empty());
    }

    /// [CN-03]: no input makes a connection panic.
    #[test]
    fn hostile_bytes_do_no_harm(
        bytes in collection::vec(any::<u8>(), 0..200),
        framing in sample::select(Framing::available().to_vec()),
        cut in 1..60_usize,
    ) {
        let mut connection = perl(framing);
        let mut input = BytesMut::new();
        for piece in bytes.chunks(cut) {
            input.extend_from_slice(piece);
            if connection.handle_bytes(start(), &mut input).is_err() {
                break;
            }
        }
        for incoming in events(&mut connection) {
            prop_assert!(incoming.frame.message().is_ok());
        }
    }
}
