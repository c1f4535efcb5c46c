//! Handshakes with a node of another kind.

use std::sync::Arc;

use mp_proto::{Handshake, HandshakeConfig, HandshakeError, HandshakeEvent, Protocol, Side, Stage};

use super::pair::{Pair, config, node, nonce, perl, start};

fn with_perl(config: HandshakeConfig) -> Pair {
    let handshake = Handshake::new(Arc::new(config), Side::Accepted, nonce(1), "127.0.0.1:5", start());
    Pair::new(handshake, perl())
}

fn holding() -> Pair {
    let mut config = config("rust");
    config.hold_auth = true;
    with_perl(config)
}

/// [HS-16]: without holding, nothing is waited for.
#[test]
fn there_is_no_go_with_perl() {
    let mut pair = with_perl(config("rust"));
    assert!(pair.run(usize::MAX).both_established());
    assert_eq!((pair.a.lines().len(), pair.b.lines().len()), (3, 3));
    assert_eq!(
        pair.a.events[..2],
        [
            HandshakeEvent::PeerGreeted { node: node("perl"), ours: false },
            HandshakeEvent::Authenticated { node: node("perl"), instance: None, decider: false },
        ]
    );
    let session = pair.a.session().unwrap();
    assert_eq!((session.instance, session.silence), (None, None));
    assert!(!session.decider(&node("aaa")));
    assert_eq!(pair.b.session().unwrap().instance, None, "who plays Perl takes us for Perl");
}

/// [HS-16]
#[test]
fn our_proof_is_held_until_the_peer_has_proven_itself() {
    let mut pair = holding();
    pair.run(1);
    assert_eq!(pair.a.lines().len(), 2, "no proof yet");
    assert_eq!(pair.a.events.len(), 2, "but Perl's was verified: {:?}", pair.a.events);
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Proceed));
    assert_eq!(pair.b.handshake.stage(), Some(Stage::Auth));

    assert!(pair.a.handshake.proceed());
    assert!(!pair.a.handshake.proceed(), "only once");
    pair.a.poll(pair.now);
    assert!(pair.run(1).both_established());
    assert_eq!(pair.a.lines().len(), 3);
}

/// [HS-16]: an owner that has nothing to fear proceeds at once.
#[test]
fn our_proof_may_be_let_go_before_the_peer_has_proven_itself() {
    let mut pair = holding();
    assert!(!pair.a.handshake.proceed(), "before the greeting");
    let perl = pair.b.unsent(usize::MAX);
    pair.a.hear(pair.now, &perl);
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Auth));
    assert!(pair.a.handshake.proceed());
    pair.a.poll(pair.now);
    assert_eq!(pair.a.lines().len(), 3);
    assert!(!pair.a.handshake.proceed());
    assert!(pair.run(1).both_established());
}

/// [HS-16]: two of our nodes never hold back, so they cannot wait for each other.
#[test]
fn nothing_is_held_from_our_own_kind() {
    let hold = |name| {
        let mut config = config(name);
        config.hold_auth = true;
        config
    };
    assert!(Pair::of(hold("alpha"), hold("beta")).run(3).both_established());
}

/// [HS-18]: Perl may send messages right behind its proof.
#[test]
fn messages_behind_the_proof_are_left() {
    let mut pair = holding();
    let greeting = pair.b.unsent(usize::MAX);
    pair.a.hear(pair.now, &greeting);
    let ours = pair.a.unsent(usize::MAX);
    pair.b.hear(pair.now, &ours);
    let mut proof = pair.b.unsent(usize::MAX);
    proof.extend_from_slice(b"[\"\",\"g_slave\"]");
    pair.a.hear(pair.now, &proof);
    assert!(!pair.a.handshake.wants_input());
    assert_eq!(pair.a.input, "[\"\",\"g_slave\"]");
    assert!(pair.a.handshake.proceed());
    pair.a.poll(pair.now);
    assert!(pair.a.session().is_some());
    assert_eq!(pair.a.input, "[\"\",\"g_slave\"]");
}

#[test]
fn a_peer_may_give_up_while_we_hold() {
    let mut pair = holding();
    pair.run(usize::MAX);
    assert_eq!(pair.a.handshake.handle_eof(pair.now), Err(HandshakeError::Closed { stage: Stage::Proceed }));
    assert!(!pair.a.handshake.proceed());
    assert_eq!(pair.a.handshake.poll_timeout(), None);
}
