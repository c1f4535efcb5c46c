//! Large messages in pieces: what goes between them, what goes behind them, and what is left of them when things end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{Limits, Message, Node, Payload, PortId, Reason, TrySendError};
use serde::ser::{Serialize, Serializer};

use crate::net::{limits, moment, node, pair, seconds, settled, timed, within};
use crate::puppet::{Kind, Puppet, accept};

const KIB: usize = 1024;
/// Bytes a second of the slow links here.
const SLOW: u64 = 1_000_000;

/// A message of so many bytes, which begins with a word.
fn large(word: &str, bytes: usize) -> (String, String) {
    (word.to_owned(), "x".repeat(bytes))
}

/// A node `a`, and a puppet `b` that is connected with it.
async fn with_puppet(net: &MemoryNet, kind: Kind) -> (Node, Puppet) {
    let a = node(net, "a", Limits::default()).await;
    let hello: PortId = "b#hello".parse().expect("valid");
    let (mut b, sent) =
        tokio::join!(async { accept(net, "b", &kind).await.established().await }, a.send(&hello, "hello"));
    sent.expect("room");
    assert_eq!(words(&mut b, 1).await, ["hello hello"]);
    (a, b)
}

/// The next messages that the puppet gets: port and first word.
async fn words(puppet: &mut Puppet, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    while words.len() < count {
        let (port, message) = puppet.recv().await.expect("the connection stands");
        let second = |message: &Message| message.values().get(1).map(ToString::to_string).unwrap_or_default();
        let word = message.tag().unwrap_or_default().into_owned();
        if word == "snd" && !second(&message).contains("b#x") {
            // The question for the round trip.
            continue;
        }
        words.push(format!("{port} {word}").trim().to_owned());
    }
    words
}

fn port(id: &str) -> PortId {
    id.parse().expect("valid")
}

/// In virtual time, to the byte: at the most a piece and what the pipe holds lies before a small message, while the large
/// one takes ten seconds. [LN-06]
#[tokio::test(start_paused = true)]
async fn a_small_message_waits_for_a_piece_and_what_the_pipe_holds() {
    let net = MemoryNet::new(1);
    net.buffer_size(64 * KIB);
    let (a, b) = pair(&net, Limits::default()).await;
    let (mut bulk, mut pings) = (b.port(), b.port());
    settled(&a, &b).await;
    net.between("a", "b").throttle(Some(SLOW));
    a.send(&bulk, large("large", 10_000_000)).await.expect("room");
    let begun = tokio::time::Instant::now();
    for number in 0..30_u32 {
        seconds(0.17).await;
        a.send(&pings, number).await.expect("room");
        let (heard, waited) = timed(pings.recv_as()).await;
        assert_eq!(heard, Some(number));
        // A piece and a pipe's fill of 64 KiB each, and the small message.
        assert!(waited <= (128.0 * 1024.0 + 100.0) / 1e6, "{waited} s");
        assert_eq!(bulk.waiting(), 0, "the large one is under way still");
    }
    let (word, _) = within(bulk.recv_as::<(String, String)>()).await.expect("alive");
    assert_eq!(word, "large");
    let took = begun.elapsed().as_secs_f64();
    assert!((10.0..11.0).contains(&took), "nothing is lost of the link's speed: {took} s");
}

/// [LN-07] [LN-08]
#[tokio::test(start_paused = true)]
async fn what_must_not_overtake_a_large_message_does_not() {
    let net = MemoryNet::new(1);
    let (a, mut b) = with_puppet(&net, Kind::Ours(1)).await;
    let (mine, p, q) = (a.port(), port("b#p"), port("b#q"));
    b.send("", ("mon1", mine.id().name())).await;
    moment().await;
    net.between("a", "b").throttle(Some(SLOW));
    a.send(&p, large("large", 500 * KIB)).await.expect("room");
    a.send(&p, "small").await.expect("room");
    a.kill(&p, Reason::new("tired", "of it"));
    let monitor = a.monitor(&p);
    a.send(&q, "ping").await.expect("room");
    a.kill(&mine, Reason::normal());
    a.send(&port("b#"), ("snd", "b#x", "on")).await.expect("room");
    a.send(&q, "pong").await.expect("room");
    assert_eq!(words(&mut b, 3).await, ["q ping", "q pong", "p large"]);
    let mut behind = words(&mut b, 5).await;
    let place = |word: &str| behind.iter().position(|found| found == word);
    assert!(place("p small") < place("kil1") && place("kil0") < place("snd"), "{behind:?}");
    behind.sort_unstable();
    assert_eq!(behind, ["kil0", "kil1", "mon1", "p small", "snd"]);
    drop(monitor);
}

/// A monitor overtakes what is large. [LN-09]
#[tokio::test(start_paused = true)]
async fn a_monitor_does_not_wait_for_a_large_message() {
    let net = MemoryNet::new(1);
    let (a, mut b) = with_puppet(&net, Kind::Ours(1)).await;
    net.between("a", "b").throttle(Some(SLOW));
    a.send(&port("b#p"), large("large", 500 * KIB)).await.expect("room");
    let monitor = a.monitor(port("b#p"));
    assert_eq!(words(&mut b, 2).await, ["mon1", "p large"]);
    drop(monitor);
}

/// A peer that does not say that it takes pieces gets none. [LN-01]
#[tokio::test(start_paused = true)]
async fn who_takes_no_pieces_gets_whole_messages() {
    for kind in [Kind::Whole(1), Kind::Perl] {
        let net = MemoryNet::new(1);
        let (a, mut b) = with_puppet(&net, kind).await;
        net.between("a", "b").throttle(Some(SLOW));
        a.send(&port("b#p"), large("large", 500 * KIB)).await.expect("room");
        a.send(&port("b#q"), "ping").await.expect("room");
        assert_eq!(words(&mut b, 2).await, ["p large", "q ping"]);
    }
}

/// What waits for a connection is cut, too, when it comes to a peer that takes pieces. [LN-01] [LN-06]
#[tokio::test(start_paused = true)]
async fn what_waited_for_the_connection_goes_in_pieces() {
    for (kind, expected) in [(Kind::Ours(1), ["q ping", "p large"]), (Kind::Perl, ["q ping", "p large"])] {
        let net = MemoryNet::new(1);
        net.between("a", "b").throttle(Some(SLOW));
        let a = node(&net, "a", Limits::default()).await;
        a.send(&port("b#p"), large("large", 500 * KIB)).await.expect("room");
        a.send(&port("b#q"), "ping").await.expect("room");
        let mut b = accept(&net, "b", &kind).await.established().await;
        assert_eq!(words(&mut b, 2).await, expected);
    }
}

/// Nothing of a message is delivered whose connection breaks, nothing of it is kept, and its sender hears of it. [LN-05]
/// [ND-02]
#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_takes_what_is_under_way_with_it() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let mut far = b.port();
    settled(&a, &b).await;
    net.between("a", "b").throttle(Some(SLOW));
    let monitor = a.monitor(&far);
    a.send(&far, large("lost", 2_000_000)).await.expect("room");
    a.send(&far, "behind").await.expect("room");
    seconds(1.0).await;
    let queued = a.stats();
    assert_eq!(queued.queued_messages, 2);
    assert!((500_000..1_100_000).contains(&queued.queued_bytes), "{}", queued.queued_bytes);
    net.reset("a", "b");
    assert_eq!(within(monitor).await.word(), "transport_error");
    let queued = a.stats();
    assert_eq!((queued.queued_messages, queued.queued_bytes), (0, 0));
    a.send(&far, "after").await.expect("room");
    assert_eq!(
        within(far.recv()).await.and_then(|message| message.tag().map(Into::into)),
        Some("after".to_owned())
    );
    assert_eq!(far.waiting(), 0);
}

/// [ND-12]
#[tokio::test(start_paused = true)]
async fn a_shutdown_writes_large_messages_too() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let mut ports: Vec<_> = (0..5).map(|_| b.port()).collect();
    settled(&a, &b).await;
    net.between("a", "b").throttle(Some(SLOW));
    for port in &ports {
        a.send(port, large("large", 500_000)).await.expect("room");
        a.send(port, "last").await.expect("room");
    }
    within(a.shutdown()).await;
    for port in &mut ports {
        for word in ["large", "last"] {
            let message = within(port.recv()).await.expect("alive");
            assert_eq!(message.tag().as_deref(), Some(word));
        }
    }
}

/// [LN-11] [ND-10]
#[tokio::test(start_paused = true)]
async fn large_messages_make_nobody_wait_who_sends_small_ones() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(|limits| limits.outbox_bytes = 300 * KIB)).await;
    let (mut one, mut two, mut three) = (b.port(), b.port(), b.port());
    settled(&a, &b).await;
    net.between("a", "b").throttle(Some(SLOW));
    a.try_send(&one, large("first", 2_000_000)).expect("larger than the bound, and alone");
    let second = large("second", 400 * KIB);
    let Err(TrySendError::Full(second)) = a.try_send(&two, second) else { panic!("there is no room") };
    let Err(TrySendError::Full(_)) = a.try_send(&one, "behind") else { panic!("it would go behind") };
    for number in 0..1000_u32 {
        a.try_send(&three, (number, "x".repeat(100))).expect("room for what is small");
    }
    let sending = {
        let (a, to) = (a.clone(), two.id().clone());
        tokio::task::spawn(async move { a.send(&to, second).await })
    };
    for number in 0..1000_u32 {
        let (found, _) = within(three.recv_as::<(u32, String)>()).await.expect("alive");
        assert_eq!(found, number);
    }
    assert_eq!((one.waiting(), two.waiting()), (0, 0));
    assert_eq!(within(one.recv_as::<(String, String)>()).await.expect("alive").0, "first");
    assert_eq!(within(two.recv_as::<(String, String)>()).await.expect("alive").0, "second");
    assert_eq!(within(sending).await.expect("no panic"), Ok(()));
}

/// What is large has a bound of its own, at which it waits. [LN-11]
#[tokio::test(start_paused = true)]
async fn large_bytes_bound_large_messages() {
    let net = MemoryNet::new(1);
    for (bound, taken) in [(2 * 300 * KIB, 2), (2 * 300 * KIB + 1000, 3)] {
        let (a, b) = pair(&net, limits(|limits| limits.large_bytes = bound)).await;
        let one = b.port();
        settled(&a, &b).await;
        for number in 0..5 {
            let sent = a.try_send(&one, large("large", 300 * KIB)).is_ok();
            assert_eq!(sent, number < taken, "{number} of {bound}");
        }
        within(a.shutdown()).await;
        within(b.shutdown()).await;
    }
}

/// A message that is large, and notes whether another task has run when it is written.
struct Slow<'a> {
    others_ran: &'a AtomicBool,
    noted: &'a AtomicBool,
}

impl Serialize for Slow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.noted.store(self.others_ran.load(Ordering::Relaxed), Ordering::Relaxed);
        serializer.serialize_str(&"x".repeat(500 * KIB))
    }
}

/// Before a large message is encoded, which takes its time, others run; small ones do not wait for that. [LN-13]
#[tokio::test(start_paused = true)]
async fn others_run_before_a_large_message_is_encoded() {
    let (a, b) = pair(&MemoryNet::new(1), Limits::default()).await;
    let mut one = b.port();
    settled(&a, &b).await;
    let (others_ran, noted) = (AtomicBool::new(false), AtomicBool::new(false));
    let sent = a.send(&one, Slow { others_ran: &others_ran, noted: &noted });
    let others = async { others_ran.store(true, Ordering::Relaxed) };
    let (sent, ()) = tokio::join!(sent, others);
    sent.expect("room");
    assert!(noted.into_inner());
    assert!(within(one.recv()).await.is_some());
}

/// A message that is large, and cannot be written.
struct Spoilt(AtomicBool);

impl Serialize for Spoilt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(!self.0.swap(true, Ordering::Relaxed), "the second time, when it was found to be large");
        serializer.serialize_str(&"x".repeat(500 * KIB))
    }
}

/// A panic of a type's `Serialize`, which is called twice for a large message, leaves the way free. [LN-11]
#[tokio::test(start_paused = true)]
async fn a_message_that_fails_to_be_encoded_keeps_no_room() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let mut far = b.port();
    settled(&a, &b).await;
    let spoilt = Spoilt(AtomicBool::new(false));
    assert!(catch_unwind(AssertUnwindSafe(|| a.try_send(&far, &spoilt).is_ok())).is_err());
    assert!(a.try_send(&far, large("much", 65 << 20)).is_err(), "more than a message may have");
    a.try_send(&far, large("large", 500 * KIB)).expect("room");
    assert_eq!(within(far.recv_as::<(String, String)>()).await.expect("alive").0, "large");
}

/// Large answers of several ports, and their ends: each asker hears the answer, and not that the port has died. [LN-08]
#[tokio::test(start_paused = true)]
async fn an_answer_comes_before_the_end_of_the_port_that_gave_it() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    settled(&a, &b).await;
    net.between("a", "b").throttle(Some(10 * SLOW)).delay(Duration::from_millis(5), Duration::from_millis(5));
    let ports: Vec<PortId> = (0..6)
        .map(|_| {
            let node = b.clone();
            b.spawn(move |mut port| async move {
                let (_, reply) = port.recv_as::<(String, PortId)>().await.ok_or(Reason::normal())?;
                let sent = node.send(&reply, large("answer", 300 * KIB)).await;
                sent.map_err(|error| Reason::die(error.to_string()))
            })
        })
        .collect();
    let calls = ports.iter().map(|port| {
        let (a, port) = (a.clone(), port.clone());
        tokio::task::spawn(async move { a.call(&port, "what").await })
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = within(call).await.expect("no panic").expect("an answer");
        assert_eq!(answer.tag().as_deref(), Some("answer"));
    }
}

/// Bytes that send a message when nobody has them any more.
struct Farewell(Node, PortId, std::sync::mpsc::SyncSender<()>);

impl AsRef<[u8]> for Farewell {
    fn as_ref(&self) -> &[u8] {
        &[7; 300 * KIB]
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        // There is room, and so nothing to wait for.
        self.0.try_send(&self.1, "farewell").expect("there is room");
        self.2.send(()).expect("the test waits for it");
    }
}

/// What a program's bytes do when they are dropped is done when nothing is locked: here, as the connection breaks on which they
/// were to go, to send to that very peer. [MSG-17]
#[test]
fn bytes_of_a_program_are_dropped_when_nothing_is_locked() {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    // By itself, as a thread that has locked itself out never comes back.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("it can be made").block_on(async {
            let net = MemoryNet::new(1);
            net.buffer_size(16 * KIB);
            let (a, b) = pair(&net, Limits::default()).await;
            let far = b.port();
            settled(&a, &b).await;
            net.between("a", "b").throttle(Some(SLOW));
            let farewell = Farewell(a.clone(), far.id().clone(), tell);
            let payload = Payload::from(bytes::Bytes::from_owner(farewell));
            a.send(&far, ("large", payload)).await.expect("room");
            seconds(0.05).await;
            net.reset("a", "b");
            seconds(5.0).await;
        });
    });
    told.recv_timeout(Duration::from_secs(20)).expect("it was dropped, and sent its message");
}
