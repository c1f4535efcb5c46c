//! A network's secret is changed, node by node.

use std::sync::Arc;

use mp_proto::{AuthMethod, Greeting, Handshake, HandshakeConfig, HandshakeError as E, Secret, Side, Stage};

use super::pair::{PERL, Pair, config, node, nonce, start};

/// A node whose secret is `secret`, which may have an old one behind it: `new`, `new+old`.
fn having(name: &str, secrets: &str) -> HandshakeConfig {
    let mut secrets = secrets.split('+').map(|text| Secret::from_text(text).ok());
    let mut config = config(name);
    config.secret = secrets.next().flatten();
    config.old_secret = secrets.next().flatten();
    config
}

/// How `alpha` and `beta` end: whether each took the other's proof, and for an old one.
fn outcome(alpha: HandshakeConfig, beta: HandshakeConfig) -> [Result<bool, E>; 2] {
    let mut pair = Pair::of(alpha, beta);
    pair.run(7);
    [pair.a, pair.b].map(|end| match end.error {
        None if end.session().is_some() => Ok(end.handshake.is_proof_old()),
        error => Err(error.expect("established or refused")),
    })
}

/// [HS-20]: the table of PROTOCOL.md. First every node gets both, one after the other, then every node loses the old one:
/// at no moment there are two that cannot meet.
#[test]
fn a_secret_is_changed_node_by_node() {
    for tls in [false, true] {
        for (one, other, expected) in [
            ("old", "old", [false, false]),
            ("old", "new+old", [false, true]),
            ("new+old", "new+old", [false, false]),
            ("new+old", "new", [false, false]),
            ("new", "new", [false, false]),
        ] {
            let make = |name, secrets| {
                let mut config = having(name, secrets);
                config.tls = tls;
                config
            };
            let [first, second] = expected.map(Ok);
            let met = outcome(make("alpha", one), make("beta", other));
            assert_eq!(met, [first.clone(), second.clone()], "{one} and {other}");
            let met = outcome(make("alpha", other), make("beta", one));
            assert_eq!(met, [second, first], "{other} and {one}");
        }
    }
}

/// [HS-20]: the old secret is a second one, and no hole: who has neither is refused, before it has seen any proof of ours.
#[test]
fn another_secret_is_still_wrong() {
    for other in ["third", "third+fourth", "old2"] {
        let mut pair = Pair::of(having("alpha", "new+old"), having("beta", other));
        pair.run(usize::MAX);
        assert_eq!(pair.a.error, Some(E::BadToken { node: node("beta") }));
        assert!(pair.b.error.is_some());
        let shown = pair.a.lines().len() > 2;
        assert_eq!(shown, other.contains('+'), "who has one only must show it first");
    }
    let [alpha, beta] = outcome(having("alpha", "old"), having("beta", "new"));
    assert!(alpha.is_err() && beta.is_err(), "without the step in between they do not meet");
}

/// [HS-20]: an old secret beside none is none: nothing is proven with it, and nothing taken for it.
#[test]
fn an_old_secret_does_not_stand_alone() {
    let mut alone = having("alpha", "new+old");
    alone.secret = None;
    for beta in ["old", "new+old"] {
        let mut pair = Pair::of(alone.clone(), having("beta", beta));
        assert!(!pair.a.lines()[0].contains("rotates") && !pair.a.lines()[0].contains("hmac"));
        pair.run(usize::MAX);
        assert_eq!(pair.a.error, Some(E::NoSecret));
        assert!(pair.b.session().is_none());
    }
    // Within TLS it stays what it is without a secret.
    alone.tls = true;
    let mut other = having("beta", "old");
    other.tls = true;
    alone.auth_accept = vec![AuthMethod::HmacSha3_512];
    let [alpha, _] = outcome(alone, other);
    assert_eq!(alpha, Err(E::NoUsableAuth));
}

/// [HS-20]: a peer of another kind shows its proof without being asked; the same one is given back to it.
#[test]
fn a_perl_node_is_answered_with_the_secret_that_it_has() {
    for (hold, theirs) in [(true, "old"), (true, "new"), (false, "old"), (false, "new")] {
        let perl = Handshake::with_greeting(
            Arc::new(having("perl", theirs)),
            Side::Dialled,
            nonce(99),
            &Greeting::parse(PERL.as_bytes()).expect("a recorded greeting"),
            start(),
        );
        let mut rust = having("rust", "new+old");
        rust.hold_auth = hold;
        let mut pair =
            Pair::new(Handshake::new(Arc::new(rust), Side::Accepted, nonce(1), "127.0.0.1:5", start()), perl);
        let greeting = pair.b.unsent(usize::MAX);
        pair.a.hear(pair.now, &greeting);
        assert_eq!(pair.a.handshake.stage(), Some(Stage::Auth));
        assert_eq!(pair.a.lines().len(), 2, "nothing is shown yet");
        // An owner that lets the proof go early still waits for the peer's.
        assert_eq!(pair.a.handshake.proceed(), hold);
        pair.a.poll(pair.now);
        assert_eq!(pair.a.lines().len(), 2);
        assert!(pair.run(usize::MAX).both_established(), "{:?} {:?}", pair.a.error, pair.b.error);
        assert_eq!(pair.a.handshake.is_proof_old(), theirs == "old");
    }
}

/// [HS-20] [HS-11]: that a node has two is part of what is proven: nobody in between can take it out.
#[test]
fn the_key_cannot_be_stripped() {
    let mut pair = Pair::of(having("alpha", "new+old"), having("beta", "new+old"));
    let mut strip = |from_a: bool| {
        let sent = if from_a { pair.a.unsent(usize::MAX) } else { pair.b.unsent(usize::MAX) };
        String::from_utf8(sent).expect("ASCII").replace(";rotates=1", "").into_bytes()
    };
    let (to_b, to_a) = (strip(true), strip(false));
    pair.a.hear(pair.now, &to_a);
    pair.b.hear(pair.now, &to_b);
    pair.run(usize::MAX);
    assert!(pair.a.session().is_none() && pair.b.session().is_none());
}

/// Neither secret is in what a handshake shows of itself, not even where the proof is the secret.
#[test]
fn debug_output_shows_no_secret() {
    let open = |name: &str| {
        let mut config = having(name, "new+old");
        config.auth_offer = vec![AuthMethod::Cleartext];
        config.auth_accept = vec![AuthMethod::Cleartext];
        config
    };
    let mut pair = Pair::of(open("alpha"), open("beta"));
    pair.run(usize::MAX);
    let shown = format!("{:?} {:?} {:?}", pair.a.handshake, pair.b.handshake, open("alpha"));
    for part in ["new", "old+", "6e6577", "6f6c64"] {
        assert!(!shown.contains(part), "{shown}");
    }
}
