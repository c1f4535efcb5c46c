//! Handshakes that succeed.

use std::time::Duration;

use mp_proto::{Framing, HandshakeEvent, InstanceId, Protocol, Session, Side, Stage};

use super::pair::{Pair, config, node};

/// [HS-02] [HS-03] [HS-15]: what goes over the wire when `alpha` dials `beta`.
#[test]
fn two_nodes_of_our_kind() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    pair.run(usize::MAX);

    let a = pair.a.lines();
    let provider = concat!("provider=mp-", env!("CARGO_PKG_VERSION"));
    let framings = Framing::available().iter().map(|framing| framing.name()).collect::<Vec<_>>().join(",");
    assert_eq!(
        a[0],
        format!(
            "aemp;1;alpha;hmac_sha3_512;{framings};{provider};peeraddr=127.0.0.1:4040;mproto=1;gproto=1;mp=1\
             ;inst=0000000000000000000001616c706861;silence=10000;pieces=1;many=1"
        )
    );
    assert_eq!(a[1], "AQEB".repeat(22));
    assert!(a[2].starts_with("hmac_sha3_512;") && a[2].ends_with(Framing::available()[0].name()), "{}", a[2]);
    assert_eq!(a[3..], ["go"], "alpha is the smaller name, so it decides");
    assert_eq!(pair.b.lines().len(), 3);

    assert_eq!(
        pair.a.events,
        [
            HandshakeEvent::PeerGreeted { node: node("beta"), ours: true },
            HandshakeEvent::Authenticated {
                node: node("beta"),
                instance: Some(config("beta").instance),
                decider: true
            },
            HandshakeEvent::Established(Session {
                peer: node("beta"),
                instance: Some(config("beta").instance),
                side: Side::Dialled,
                send: Framing::available()[0],
                receive: Framing::available()[0],
                silence: Some(Duration::from_secs(10)),
                pieces: true,
                many: true,
            }),
        ]
    );
    let b = pair.b.session().unwrap();
    assert_eq!((b.peer.as_str(), b.side), ("alpha", Side::Accepted));
    assert!(pair.a.session().unwrap().decider(&node("alpha")));
    assert!(!b.decider(&node("beta")));
    assert_eq!(pair.a.handshake.poll_timeout(), None);
    assert!(!pair.a.handshake.wants_input(), "what comes now is the connection's");
}

/// [HS-02]: nobody waits for the other's greeting.
#[test]
fn both_greet_at_once() {
    let pair = Pair::of(config("alpha"), config("beta"));
    assert_eq!((pair.a.lines().len(), pair.b.lines().len()), (2, 2));
}

#[test]
fn bytes_may_come_one_by_one() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    assert!(pair.run(1).both_established());
}

/// [HS-15]: the stages of both sides, step by step.
#[test]
fn a_connection_is_admitted_by_the_smaller_name() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    pair.a.admits = false;
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Greeting));
    let greeting = pair.b.unsent(usize::MAX);
    let end = greeting.iter().position(|byte| *byte == b'\n').unwrap();
    pair.a.hear(pair.now, &greeting[..=end]);
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Nonce));
    assert!(!pair.a.handshake.admit(), "too early");
    pair.a.hear(pair.now, &greeting[end + 1..]);
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Auth));
    assert!(!pair.a.handshake.proceed(), "our proof is not held from our own kind");

    pair.run(usize::MAX);
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Admit));
    assert_eq!(pair.b.handshake.stage(), Some(Stage::Go));
    assert!(!pair.b.handshake.admit(), "not the decider");
    assert!(!pair.a.handshake.proceed());
    assert!(pair.a.session().is_none() && pair.b.session().is_none());

    assert!(pair.a.handshake.admit());
    assert!(!pair.a.handshake.admit(), "only once");
    pair.a.poll(pair.now);
    assert!(pair.run(usize::MAX).both_established());
    assert_eq!(pair.a.handshake.stage(), None);
}

/// [HS-15]: while the owner decides, input waits, but not without bound.
#[test]
fn a_decider_reads_at_most_once_more() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    pair.a.admits = false;
    pair.run(usize::MAX);
    assert!(pair.a.handshake.wants_input(), "to hear the end of it");
    pair.a.hear(pair.now, b"something");
    assert!(!pair.a.handshake.wants_input());
    assert_eq!(pair.a.input, "something");
}

/// [HS-18]
#[test]
fn what_follows_the_handshake_is_left_to_the_connection() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    pair.a.admits = false;
    pair.run(usize::MAX);
    pair.b.hear(pair.now, b"go\n[\"x\",1]");
    assert!(pair.b.session().is_some());
    assert_eq!(pair.b.input, "[\"x\",1]");
    pair.b.hear(pair.now, b"\n");
    assert_eq!(pair.b.input, "[\"x\",1]\n");
}

/// [HS-06]: each direction has its own framing.
#[test]
fn the_receiver_names_its_preferred_framing() {
    if Framing::available().len() < 2 {
        return;
    }
    let [x, y] = [Framing::available()[0], Framing::available()[1]];
    let (mut a, mut b) = (config("alpha"), config("beta"));
    a.framings = vec![x, y, x];
    b.framings = vec![y, x];
    let mut pair = Pair::of(a, b);
    assert!(pair.run(usize::MAX).both_established());
    let a = pair.a.session().unwrap();
    assert_eq!((a.send, a.receive), (y, x));
    assert!(pair.a.lines()[0].contains(&format!(";{x},{y};")), "each once");
}

/// [HS-14]
#[test]
fn a_restarted_node_shows_another_instance() {
    let mut again = config("beta");
    again.instance = InstanceId(7);
    let mut pair = Pair::of(config("alpha"), again);
    pair.run(usize::MAX);
    assert_eq!(pair.a.session().unwrap().instance, Some(InstanceId(7)));
    assert_ne!(InstanceId(7), config("beta").instance);
}

/// [HS-01]
#[test]
fn lines_may_end_with_crlf() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    let crlf = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace('\n', "\r\n").into_bytes();
    for _ in 0..3 {
        let (to_a, to_b) = (crlf(pair.b.unsent(usize::MAX)), crlf(pair.a.unsent(usize::MAX)));
        pair.a.hear(pair.now, &to_a);
        pair.b.hear(pair.now, &to_b);
    }
    assert!(pair.both_established(), "{:?} {:?}", pair.a.error, pair.b.error);
}

#[test]
fn an_address_cannot_break_the_greeting() {
    use super::pair::{nonce, start};
    use std::sync::Arc;
    let begin = |addr: &str| {
        let mut handshake =
            mp_proto::Handshake::new(Arc::new(config("alpha")), Side::Accepted, nonce(1), addr, start());
        let mut out = bytes::BytesMut::new();
        assert!(handshake.poll_transmit(start(), &mut out));
        String::from_utf8(out.to_vec()).unwrap()
    };
    assert!(begin("/tmp/a;mp=2\nx\u{e9}").contains(";peeraddr=/tmp/amp=2x;"));
    assert!(begin(&"x".repeat(10_000)).lines().next().unwrap().len() < 1000);
}
