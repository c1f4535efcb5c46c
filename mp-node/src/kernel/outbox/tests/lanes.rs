//! Large messages, and what goes before and behind them: each step of the state table.

use std::time::Instant;

use mp_proto::{Connection, InstanceId, NodeId, Protocol, Side};

use super::*;
use crate::kernel::bulk::COST;

/// Frames of more bytes are cut here.
const LARGE: usize = 1024;
const PIECE: usize = LARGE / 2;

#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}

pub(super) fn session(pieces: bool) -> Session {
    let plain = Session::new(NodeId::new("peer").expect("valid"), Side::Dialled, Framing::Postcard);
    Session { instance: Some(InstanceId(1)), pieces, many: true, ..plain }
}

/// The peer's end: what it understands of what is written.
pub(super) struct Peer(Connection, Instant);

impl Peer {
    pub(super) fn new(pieces: bool) -> Self {
        let now = start();
        Self(Connection::new(session(pieces), &Limits::default(), now).expect("compiled in"), now)
    }

    /// The messages that are whole by now, each with its port: they begin with a text.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<(String, String)> {
        self.0.handle_bytes(self.1, &mut BytesMut::from(bytes)).expect("no bad message");
        std::iter::from_fn(|| self.0.poll_event())
            .map(|incoming| {
                let message = incoming.frame.message().expect("checked");
                let word = message.values()[0].as_str().expect("a word").into_owned();
                (incoming.port().to_owned(), word)
            })
            .collect()
    }
}

/// A box with a peer that takes pieces, as a transcript.
struct Talk {
    outbox: Outbox,
    peer: Peer,
    limits: Limits,
}

impl Talk {
    fn new() -> Self {
        let mut limits = Limits::default();
        limits.outbox_bytes = 10_000;
        Self { outbox: Outbox::new(&session(true), LARGE), peer: Peer::new(true), limits }
    }

    /// Sends a word and so many bytes; what came of it.
    fn try_say(&mut self, lane: Lane<'_>, port: &str, word: &str, len: usize) -> Offer {
        let message = (word, "x".repeat(len));
        let offer = self.outbox.offer(port, &message, None, lane, &self.limits).expect("encodes");
        if offer == Offer::Large {
            let mut frame = BytesMut::new();
            Frame::write(Framing::Postcard, port, &message, None, usize::MAX, &mut frame).expect("encodes");
            self.outbox.offer_frame(port, frame.freeze().into(), lane, &self.limits).expect("encodes");
        }
        offer
    }

    fn say(&mut self, lane: Lane<'_>, port: &str, word: &str, len: usize) {
        let offer = self.try_say(lane, port, word, len);
        assert!(matches!(offer, Offer::Taken | Offer::Large), "{word}: {offer:?}");
    }

    fn data(&mut self, port: &str, word: &str, len: usize) {
        self.say(Lane::Data, port, word, len);
    }

    /// What the peer hears by one more write, and how many bytes that is.
    fn write(&mut self) -> (String, usize) {
        let mut out = BytesMut::new();
        let taken = self.outbox.take(&mut out, 1);
        taken.join(&mut out);
        let words: Vec<String> = self.peer.hear(&out).into_iter().map(|(_, word)| word).collect();
        assert_eq!(taken.messages, words.len(), "messages count with their last piece");
        assert_eq!(taken.left, !self.outbox.is_empty());
        (words.join(" "), out.len())
    }

    fn hears(&mut self) -> String {
        self.write().0
    }

    /// All that comes until nothing waits.
    fn rest(&mut self) -> String {
        let mut words = Vec::new();
        while !self.outbox.is_empty() {
            words.push(self.hears());
        }
        assert_eq!((self.outbox.messages(), self.outbox.bytes(), self.outbox.data_bytes()), (0, 0, 0));
        words.retain(|word| !word.is_empty());
        words.join(" ")
    }
}

/// [LN-06]
#[test]
fn what_is_small_goes_between_pieces() {
    let mut talk = Talk::new();
    talk.data("p", "large", 1400);
    assert_eq!(talk.write(), (String::new(), PIECE));
    talk.data("q", "ping", 0);
    let (heard, len) = talk.write();
    assert_eq!(heard, "ping");
    assert!(len > PIECE && len < PIECE + 30, "a piece goes with it: {len}");
    assert_eq!(talk.rest(), "large");
}

/// The threshold, on both sides. [LN-06]
#[test]
fn a_message_at_the_threshold_goes_whole() {
    for (len, large) in [(LARGE, false), (LARGE + 1, true)] {
        let mut talk = Talk::new();
        // The list's head, the port, the word, and the text's head.
        talk.data("p", "word", len - 14);
        let (heard, written) = talk.write();
        assert_eq!((heard.is_empty(), written == PIECE), (large, large), "{len} bytes");
    }
}

/// [LN-06]
#[test]
fn no_piece_goes_before_it_is_wanted() {
    let mut talk = Talk::new();
    talk.data("p", "large", 1400);
    let mut out = BytesMut::new();
    assert_eq!(talk.outbox.take(&mut out, 0), Taken { left: true, ..Taken::default() });
    assert!(out.is_empty());
}

/// Who sends without a pause cannot keep large messages from going. [LN-06]
#[test]
fn a_flood_of_small_messages_leaves_a_share_to_large_ones() {
    let mut talk = Talk::new();
    talk.data("p", "large", 4000);
    let mut writes = 0;
    while !talk.outbox.bulk.is_empty() {
        while talk.try_say(Lane::Data, "q", "small", 900) == Offer::Taken {}
        talk.write();
        writes += 1;
    }
    assert!(writes <= 2, "with 10,000 small bytes go five pieces: {writes} writes");
}

/// [LN-07] [ND-01]
#[test]
fn what_goes_to_the_same_port_waits_behind_a_large_message() {
    let mut talk = Talk::new();
    talk.data("p", "large", 2000);
    talk.data("p", "small", 0);
    talk.say(Lane::Control, "p", "notice", 0);
    talk.say(Lane::About("p"), "", "kil1", 0);
    talk.data("q", "other", 0);
    talk.say(Lane::About("q"), "", "kil1", 0);
    assert_eq!(talk.hears(), "other kil1");
    assert_eq!(talk.rest(), "large small notice kil1");
    talk.data("p", "late", 0);
    assert_eq!(talk.hears(), "late", "nothing is in the way any more");
}

/// [LN-07]
#[test]
fn a_monitor_waits_for_the_order_to_make_its_port_and_for_nothing_else() {
    let mut talk = Talk::new();
    talk.say(Lane::About("new"), "", "spawn", 2000);
    talk.say(Lane::Watch("new"), "", "mon1", 0);
    talk.data("new", "first", 0);
    talk.data("old", "large", 3000);
    talk.say(Lane::Watch("old"), "", "mon1-old", 0);
    assert_eq!(talk.hears(), "mon1-old");
    assert_eq!(talk.rest(), "spawn mon1 first large");
}

/// [LN-08] [MON-04]
#[test]
fn a_death_is_told_behind_what_the_port_may_have_sent() {
    let mut talk = Talk::new();
    talk.data("p", "answer", 2000);
    talk.say(Lane::Death, "", "kil0", 0);
    talk.data("", "time", 0);
    talk.data("q", "later", 2500);
    talk.data("q", "ping", 0);
    talk.say(Lane::Death, "", "kil0-later", 0);
    assert_eq!(talk.rest(), "answer kil0 time later ping kil0-later");
}

/// [LN-09]
#[test]
fn control_overtakes_large_messages() {
    let mut talk = Talk::new();
    talk.data("p", "large", 2000);
    talk.say(Lane::Control, "", "g_upd", 0);
    talk.say(Lane::Watch("p"), "", "mon1", 0);
    talk.say(Lane::Passed, "", "answer", 0);
    talk.say(Lane::Carried, "", "r_data", 2000);
    assert_eq!(talk.hears(), "g_upd mon1 answer r_data");
}

/// [LN-09] [LN-10]
#[test]
fn a_large_request_has_its_own_slot_and_later_ones_go_behind_it() {
    let mut talk = Talk::new();
    talk.limits.outbox_bytes = 100_000;
    for port in ["a", "b", "c", "d"] {
        talk.data(port, port, 3000);
    }
    talk.say(Lane::Control, "", "g_set", 1100);
    talk.say(Lane::Control, "", "g_upd", 0);
    assert_eq!(talk.rest(), "g_set g_upd a b c d");
}

/// Three ports at a time take turns; the others follow in their order, and none has two turns before another has one.
/// [LN-10]
#[test]
fn ports_take_turns() {
    let mut talk = Talk::new();
    talk.limits.outbox_bytes = 100_000;
    for word in ["1", "2"] {
        for port in ["a", "b", "c", "d"] {
            talk.data(port, &format!("{port}{word}"), 2000);
        }
    }
    assert_eq!(talk.rest(), "a1 b1 c1 d1 a2 b2 c2 d2");
}

/// [LN-11] [ND-10]
#[test]
fn large_messages_have_a_bound_of_their_own() {
    let mut talk = Talk::new();
    talk.data("p", "large", 50_000);
    assert_eq!(talk.try_say(Lane::Data, "q", "large", 2000), Offer::Full(Room::Large));
    assert_eq!(talk.try_say(Lane::Data, "p", "small", 0), Offer::Full(Room::Large), "it goes behind");
    assert_eq!(talk.try_say(Lane::Data, "q", "small", 0), Offer::Taken);
    assert_eq!(talk.try_say(Lane::About("p"), "", "kil1", 0), Offer::Taken);
    assert!(
        !talk.outbox.has_room(Room::Large, &talk.limits) && talk.outbox.has_room(Room::Small, &talk.limits)
    );
    while !talk.outbox.has_room(Room::Large, &talk.limits) {
        talk.write();
    }
    assert_eq!(talk.outbox.messages(), 1, "the kill; room is made with the last piece");
    talk.outbox.reserve(true);
    assert_eq!(
        talk.try_say(Lane::Data, "q", "large", 2000),
        Offer::Full(Room::Large),
        "one is being encoded"
    );
    assert_eq!(talk.try_say(Lane::Control, "q", "large", 2000), Offer::Large);
}

/// [LN-11] [ND-11]
#[test]
fn deaths_that_wait_are_bounded_too() {
    let mut talk = Talk::new();
    talk.limits.outbox_control_bytes = 5000;
    talk.data("p", "large", 2000);
    let told = (0..1000).take_while(|_| talk.try_say(Lane::Death, "", "kil0", 0) == Offer::Taken).count();
    // A small one takes far more memory than its bytes, and counts with that.
    assert!((5000 / (COST + 40)..=5000 / COST + 2).contains(&told), "{told}");
    assert_eq!(talk.try_say(Lane::Control, "", "mon1", 0), Offer::Taken, "which waits for nothing");
}

/// What has waited without a connection: by queues if the peer takes pieces, and one behind the other if not.
/// [LN-01] [LN-07]
#[test]
fn what_waited_is_cut_if_the_peer_takes_pieces() {
    let mut waiting = Talk::new();
    waiting.outbox = Outbox::without_connection(LARGE);
    let messages =
        [("p", "one", 0), ("p", "large", 2000), ("p", "two", 0), ("q", "three", 0), ("", "time", 0)];
    for (port, word, len) in messages {
        waiting.data(port, word, len);
    }
    waiting.say(Lane::About("p"), "", "kil1", 0);
    let expected = "one three large two time kil1";
    for pieces in [true, false] {
        let mut talk = Talk::new();
        talk.outbox = Outbox::new(&session(pieces), LARGE);
        talk.peer = Peer::new(pieces);
        talk.outbox.append(&waiting.outbox, &talk.limits).expect("encodes");
        assert_eq!(talk.outbox.messages(), 6);
        let first = talk.hears();
        if pieces {
            assert_eq!(first, "one three");
            // The kill goes behind what goes to its port, the question behind what was there before it.
            let rest = talk.rest();
            assert!(["large two time kil1", "large two kil1 time"].contains(&&*rest), "{rest}");
        } else {
            assert_eq!(first, expected, "all goes whole");
        }
    }
}

/// What waited under another name of a peer goes behind what waits for it here. [ND-08] [LN-07]
#[test]
fn what_waited_elsewhere_overtakes_nothing_here() {
    let mut other = Talk::new();
    other.outbox = Outbox::without_connection(LARGE);
    let kill = NodeRequest::Kill { port: "p".into(), reason: mp_proto::Reason::normal() }.into_message();
    other.data("p", "small", 0);
    other.data("q", "other", 0);
    other.outbox.offer("", &kill, None, Lane::About("p"), &other.limits).expect("encodes");
    let mut talk = Talk::new();
    talk.data("p", "large", 2000);
    talk.outbox.append(&other.outbox, &talk.limits).expect("encodes");
    assert_eq!(talk.rest(), "other large small kil1");
}
