//! Handshakes that go on within TLS, or would like to.

use std::sync::Arc;

use mp_proto::{
    AuthMethod, Framing, Greeting, Handshake, HandshakeConfig, HandshakeError as E, HandshakeEvent, Nonce,
    Protocol, Secret, Side, Stage, TlsBinding, TlsRole,
};

use super::pair::{Pair, config, node, nonce, secret, start};

const TLS_PERL: &str = "aemp;1;perl;tls_sha3_512,hmac_sha3_512,tls_anon,cleartext;cbor,json,storable\
    ;provider=AE-2.01;gproto=1;tls=1.0;peeraddr=127.0.0.1:4040;mproto=1";

/// A node with a certificate, and with this secret or none.
fn certified(name: &str, secret: Option<Secret>) -> HandshakeConfig {
    let mut config = config(name);
    config.secret = secret;
    config.tls = true;
    config
}

/// A handshake that plays a Perl node with a certificate and no secret.
fn tls_perl() -> Handshake {
    let greeting = Greeting::parse(TLS_PERL.as_bytes()).expect("a greeting");
    let config = Arc::new(certified("perl", None));
    Handshake::with_greeting(config, Side::Dialled, nonce(99), &greeting, start())
}

fn begin(config: HandshakeConfig, nonce: Nonce) -> Handshake {
    Handshake::new(Arc::new(config), Side::Accepted, nonce, "127.0.0.1:4040", start())
}

/// How `alpha` and `beta` end: the proof that each took, or its error.
fn outcome(alpha: HandshakeConfig, beta: HandshakeConfig) -> [Result<(AuthMethod, bool), E>; 2] {
    let mut pair = Pair::of(alpha, beta);
    pair.run(usize::MAX);
    [pair.a, pair.b].map(|end| match (end.error.clone(), end.session()) {
        (None, Some(_)) => Ok((end.handshake.proof().expect("proven"), end.handshake.is_within_tls())),
        (error, _) => Err(error.expect("established or refused")),
    })
}

/// [TLS-01] [TLS-06]: the table of what two nodes of our kind have, and what comes of it.
#[test]
fn certificates_and_secrets_in_every_combination() {
    let tls = Ok((AuthMethod::TlsSha3_512, true));
    let hmac = Ok((AuthMethod::HmacSha3_512, false));
    let has = |name: &str, what: &str| {
        let mut config = config(name);
        config.tls = what.contains("cert");
        config.secret = secret().filter(|_| what.contains("secret"));
        config
    };
    let no_common = |peer: &str| Err(E::NoCommonAuth { peer: peer.into(), ours: "hmac_sha3_512".into() });
    let no_certificate = || Err(E::NoCertificate { peer: "tls_sha3_512".into() });
    let not_either = || Err(E::NoCertificate { peer: "tls_sha3_512, hmac_sha3_512".into() });
    let (no_secret, no_tls) = (|| Err(E::NoSecret), || Err(E::PeerWithoutTls));
    for (a, b, expected) in [
        ("cert", "cert", [tls.clone(), tls.clone()]),
        ("cert+secret", "cert", [tls.clone(), tls.clone()]),
        ("cert+secret", "cert+secret", [tls.clone(), tls.clone()]),
        ("cert+secret", "secret", [hmac.clone(), hmac.clone()]),
        ("secret", "secret", [hmac.clone(), hmac.clone()]),
        ("cert", "secret", [no_tls(), no_certificate()]),
        ("cert", "nothing", [no_tls(), no_certificate()]),
        ("cert+secret", "nothing", [no_common(""), not_either()]),
        ("secret", "nothing", [no_common(""), no_secret()]),
        ("nothing", "nothing", [no_secret(), no_secret()]),
    ] {
        assert_eq!(outcome(has("alpha", a), has("beta", b)), expected, "{a} and {b}");
        let [first, second] = expected;
        assert_eq!(outcome(has("alpha", b), has("beta", a)), [second, first], "{b} and {a}");
    }
}

/// [TLS-01]: what goes over the wire.
#[test]
fn two_nodes_with_certificates() {
    let mut pair = Pair::of(certified("alpha", secret()), certified("beta", None));
    pair.run(1);
    assert!(pair.both_established(), "{:?} {:?}", pair.a.error, pair.b.error);
    let [a, b] = [pair.a.lines(), pair.b.lines()];
    assert!(a[0].starts_with("aemp;1;alpha;tls_sha3_512,hmac_sha3_512;"), "{}", a[0]);
    assert!(a[0].ends_with(";tls=1.0;bind=hmac"), "{}", a[0]);
    assert!(b[0].starts_with("aemp;1;beta;tls_sha3_512;"), "what it cannot take is not offered: {}", b[0]);
    assert!(b[0].ends_with(";tls=1.0;bind=hash"), "{}", b[0]);
    assert!(a[2].starts_with("tls_sha3_512;") && b[2].starts_with("tls_sha3_512;"));
    assert_eq!(a[3..], ["go"]);
    let stages = pair.a.events.iter().map(|event| match event {
        HandshakeEvent::PeerGreeted { .. } => "greeted",
        HandshakeEvent::StartTls { .. } => "tls",
        HandshakeEvent::Authenticated { .. } => "authenticated",
        HandshakeEvent::Established(_) => "established",
    });
    assert_eq!(stages.collect::<Vec<_>>(), ["greeted", "tls", "authenticated", "established"]);
}

/// [TLS-04]: whoever dialled.
#[test]
fn the_smaller_nonce_is_the_client() {
    for (one, other, roles) in [
        (1, 2, [TlsRole::Client, TlsRole::Server]),
        (2, 1, [TlsRole::Server, TlsRole::Client]),
        // In base64, whose order is another one: 0xff is "/////w", 0xa0 is "oKCgoA".
        (0xff, 0xa0, [TlsRole::Client, TlsRole::Server]),
    ] {
        let mut pair =
            Pair::new(begin(certified("a", None), nonce(one)), begin(certified("b", None), nonce(other)));
        assert!(pair.run(usize::MAX).both_established());
        assert_eq!([pair.a.role(), pair.b.role()], roles.map(Some));
    }
}

/// [TLS-04]: there are no roles then, and Perl would hang.
#[test]
fn equal_nonces_are_refused() {
    let same = || nonce(5);
    let mut pair = Pair::new(begin(certified("a", None), same()), begin(certified("b", None), same()));
    pair.run(usize::MAX);
    assert_eq!([pair.a.error, pair.b.error], [Some(E::Echo), Some(E::Echo)]);
    assert_eq!(pair.a.events, []);
}

/// [TLS-04]: what comes behind the nonce is not looked at until TLS has started, nor is anything said.
#[test]
fn the_handshake_waits_for_tls() {
    let mut pair = Pair::of(certified("alpha", None), certified("beta", None));
    pair.a.exports = None;
    let greeting = pair.b.unsent(usize::MAX);
    pair.a.hear(pair.now, &[&greeting[..], b"\x16\x03\x01hello\n"].concat());
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Tls));
    assert_eq!(pair.a.input, b"\x16\x03\x01hello\n"[..]);
    assert_eq!(pair.a.lines().len(), 2);
    assert!(!pair.a.handshake.wants_input());
    assert!(!pair.a.handshake.proceed() && !pair.a.handshake.admit());
    assert!(!pair.a.handshake.is_within_tls());

    let deadline = pair.a.handshake.poll_timeout().expect("the deadline holds for TLS");
    let late = E::Timeout { stage: Stage::Tls };
    assert_eq!(late.to_string(), "the handshake took too long: we still waited for its part in TLS");
    assert_eq!(pair.a.handshake.handle_timeout(deadline), Err(late));
    assert!(!pair.a.handshake.tls_started(TlsBinding::new([0; TlsBinding::LEN])), "it is over");
}

#[test]
fn tls_is_started_once_and_only_when_asked_for() {
    let binding = || TlsBinding::new([7; TlsBinding::LEN]);
    let mut pair = Pair::of(certified("alpha", None), certified("beta", None));
    assert!(!pair.a.handshake.tls_started(binding()));
    assert!(pair.run(usize::MAX).both_established());
    assert!(!pair.a.handshake.tls_started(binding()));
}

/// [TLS-05]: the form of Perl, whatever the channel; our proof is held until its owner says so.
#[test]
fn a_perl_node_within_tls() {
    let mut rust = certified("rust", secret());
    rust.hold_auth = true;
    let mut pair = Pair::new(begin(rust, nonce(1)), tls_perl());
    pair.b.exports = Some([8; TlsBinding::LEN]);
    pair.run(3);
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Proceed), "{:?} {:?}", pair.a.error, pair.b.error);
    assert_eq!(pair.a.handshake.proof(), Some(AuthMethod::TlsSha3_512));
    assert!(pair.a.handshake.proceed());
    pair.a.poll(pair.now);
    assert!(pair.run(3).both_established(), "{:?}", pair.b.error);
}

/// [TLS-07]: a proof serves the channel that it was made for. This is what the end nodes see of a relay that has TLS
/// with each of them.
#[test]
fn another_channel_is_found_out() {
    let keyed = |node| E::BadToken { node };
    let hashed = |node| E::BadTlsToken { node };
    let cases: [(_, _, fn(_) -> E); 3] =
        [(secret(), secret(), keyed), (secret(), None, hashed), (None, None, hashed)];
    for (a, b, error) in cases {
        let mut pair = Pair::of(certified("alpha", a), certified("beta", b));
        pair.b.exports = Some([8; TlsBinding::LEN]);
        pair.run(usize::MAX);
        assert_eq!(pair.a.error, Some(error(node("beta"))));
        assert_eq!(pair.b.error, Some(error(node("alpha"))));
    }
}

/// [TLS-07]: a certificate alone is not enough where both have a secret.
#[test]
fn different_secrets_are_found_out_within_tls() {
    let other = Secret::from_text("other").ok();
    let mut pair = Pair::of(certified("alpha", secret()), certified("beta", other));
    pair.run(usize::MAX);
    assert_eq!(pair.a.error, Some(E::BadToken { node: node("beta") }));
    assert_eq!(pair.b.error, Some(E::BadToken { node: node("alpha") }));
}

/// [TLS-08]: an attacker who strips TLS or its binding from the greetings breaks the proofs that a secret keys.
#[test]
fn tls_cannot_be_stripped() {
    let mut no_tls_proof = certified("alpha", secret());
    no_tls_proof.auth_accept = vec![AuthMethod::HmacSha3_512];
    let plain = certified("alpha", secret());
    for (alpha, stripped) in [
        (plain, ";tls=1.0;bind=hmac"),
        // Whoever wants the secret and TLS both names the hmac alone: then no proof without a key is taken.
        (no_tls_proof.clone(), ";bind=hmac"),
        (no_tls_proof, ";mp=1"),
    ] {
        let mut beta = certified("beta", secret());
        beta.auth_accept.clone_from(&alpha.auth_accept);
        let mut pair = Pair::of(alpha, beta);
        let mut strip = |from: usize| {
            let sent = if from == 0 { pair.a.unsent(usize::MAX) } else { pair.b.unsent(usize::MAX) };
            String::from_utf8(sent).expect("ASCII").replace(stripped, "").into_bytes()
        };
        let (to_b, to_a) = (strip(0), strip(1));
        pair.a.hear(pair.now, &to_a);
        pair.b.hear(pair.now, &to_b);
        pair.run(usize::MAX);
        assert!(matches!(pair.a.error, Some(E::BadToken { .. })), "{stripped}: {:?}", pair.a.error);
        assert!(matches!(pair.b.error, Some(E::BadToken { .. })), "{stripped}: {:?}", pair.b.error);
    }
}

/// [TLS-02]: the peer's list decides among what our auth_offer allows, and ours among what its does.
#[test]
fn the_receiver_names_its_preferred_proof() {
    let mut alpha = certified("alpha", secret());
    alpha.auth_accept = vec![AuthMethod::HmacSha3_512, AuthMethod::TlsSha3_512, AuthMethod::HmacSha3_512];
    let expected = [Ok((AuthMethod::HmacSha3_512, true)), Ok((AuthMethod::TlsSha3_512, true))];
    assert_eq!(outcome(alpha, certified("beta", secret())), expected);
}

/// [TLS-08]: a node whose lists name TLS alone does not fall back.
#[test]
fn tls_can_be_demanded() {
    let tls_only = vec![AuthMethod::TlsSha3_512];
    for (offer, accept) in
        [(tls_only.clone(), AuthMethod::DEFAULT.to_vec()), (AuthMethod::DEFAULT.to_vec(), tls_only)]
    {
        let mut strict = certified("alpha", secret());
        strict.auth_offer = offer;
        strict.auth_accept = accept;
        let [alpha, _] = outcome(strict.clone(), config("beta"));
        assert_eq!(alpha, Err(E::PeerWithoutTls));
        let [alpha, beta] = outcome(strict, certified("beta", secret()));
        assert!(alpha.is_ok() && beta.is_ok());
    }
}

#[test]
fn lists_that_leave_nothing_are_named_as_the_fault() {
    let mut secretive = config("alpha");
    secretive.auth_offer = vec![AuthMethod::TlsSha3_512];
    assert_eq!(outcome(secretive, config("beta"))[0], Err(E::NoUsableAuth));
    let mut certain = certified("alpha", None);
    certain.auth_accept = vec![AuthMethod::Cleartext];
    assert_eq!(outcome(certain, certified("beta", None))[0], Err(E::NoUsableAuth));
}

/// [TLS-03]: only where both sides' configurations name it.
#[test]
fn cleartext_and_anonymous_proofs_must_be_named() {
    for (method, tls) in
        [(AuthMethod::Cleartext, false), (AuthMethod::Cleartext, true), (AuthMethod::TlsAnon, true)]
    {
        let named = |name: &str| {
            let mut config = certified(name, secret());
            config.tls = tls;
            config.auth_offer = vec![method];
            config.auth_accept = vec![method];
            config
        };
        assert_eq!(outcome(named("alpha"), named("beta")), [Ok((method, tls)), Ok((method, tls))]);
        let usual = || {
            let mut config = certified("beta", secret());
            config.tls = tls;
            config
        };
        assert!(outcome(named("alpha"), usual()).iter().any(Result::is_err));

        // It is not taken from one who gives it without being asked, either.
        let mut pusher = Pair::of(named("alpha"), usual());
        let greeting = Greeting::own(&named("beta"), "x").to_line();
        let asked = [&greeting[..], b"\n", nonce(2).as_str().as_bytes(), b"\n"].concat();
        pusher.a.hear(pusher.now, &asked);
        let all = pusher.a.unsent(usize::MAX);
        pusher.b.hear(pusher.now, &all);
        assert!(
            matches!(pusher.b.error, Some(E::AuthNotOffered { .. } | E::NoCommonAuth { .. })),
            "{:?}",
            pusher.b.error
        );
        assert!(pusher.b.session().is_none());
    }
}

/// [TLS-03]: an empty cleartext proof, which Perl takes within TLS from anybody if it has no secret, is none.
#[test]
fn no_secret_is_no_cleartext() {
    let mut alpha = certified("alpha", None);
    alpha.auth_accept.push(AuthMethod::Cleartext);
    let mut pair = Pair::of(alpha, certified("beta", None));
    assert!(!pair.a.lines()[0].contains("cleartext"));
    let greeting = pair.b.unsent(usize::MAX);
    pair.a.hear(pair.now, &greeting);
    pair.a.hear(pair.now, format!("cleartext;;{}\n", Framing::Json).as_bytes());
    assert_eq!(pair.a.error, Some(E::AuthNotOffered { method: "cleartext".into() }));
}

/// [TLS-03]: outside of TLS the proofs that need it are worth nothing, even if they were listed.
#[test]
fn proofs_that_need_tls_are_refused_outside_of_it() {
    for method in ["tls_sha3_512", "tls_anon"] {
        let mut alpha = certified("alpha", secret());
        alpha.auth_accept.push(AuthMethod::TlsAnon);
        let mut pair = Pair::of(alpha, config("beta"));
        assert!(pair.a.lines()[0].contains(method));
        let greeting = pair.b.unsent(usize::MAX);
        pair.a.hear(pair.now, &greeting);
        assert_eq!(pair.a.role(), None);
        pair.a.hear(pair.now, format!("{method};;json\n").as_bytes());
        assert_eq!(pair.a.error, Some(E::AuthNotOffered { method: method.into() }));
    }
}
