//! Every way in which a handshake is refused.

use std::sync::Arc;

use mp_proto::auth::{Binding, Signed};
use mp_proto::{
    Framing, Handshake, HandshakeConfig, HandshakeError as E, IdError, InstanceId, Protocol, Secret, Side,
    Stage,
};

use super::pair::{End, PERL, Pair, config, node, nonce, secret, start};

fn rust(config: HandshakeConfig) -> End {
    End::new(Handshake::new(Arc::new(config), Side::Accepted, nonce(1), "x:1", start()))
}

/// What a node called `rust` says to these bytes.
fn error(bytes: &[u8]) -> Option<E> {
    let mut end = rust(config("rust"));
    end.hear(start(), bytes);
    end.error
}

/// What it says to a greeting and some nonce.
fn greeted(line: &str) -> Option<E> {
    error(format!("{line}\nnonce\n").as_bytes())
}

/// What it says to a Perl node's proof.
fn proven(line: &str) -> Option<E> {
    let mut end = rust(config("rust"));
    end.hear(start(), format!("{PERL}\nnonce\n").as_bytes());
    assert_eq!(end.error, None);
    let own = end.lines()[..2].iter().fold(String::new(), |lines, line| lines + line + "\n");
    let theirs = format!("{PERL}\nnonce\n");
    let secret = secret();
    let (own, theirs) = (own.as_bytes(), theirs.as_bytes());
    let signed = Signed { secret: secret.as_ref(), own: theirs, other: own, binding: Binding::None };
    let token = mp_proto::AuthMethod::HmacSha3_512.token(&signed).expect("a proof");
    end.hear(start(), line.replace("TOKEN", &token).as_bytes());
    assert_eq!(end.session().is_some(), end.error.is_none() && line.ends_with('\n'));
    end.error
}

#[test]
fn a_good_peer_is_not_refused() {
    assert_eq!(greeted(PERL), None);
    assert_eq!(proven("hmac_sha3_512;TOKEN;json\n"), None);
    assert_eq!(proven("hmac_sha3_512;TOKEN;json;more;fields\r\n"), None);
}

#[test]
fn other_protocols() {
    let speaks = |bytes: &[u8]| match error(bytes) {
        Some(E::NotAemp { speaks, .. }) => speaks,
        other => Some(other.map_or("nothing", |_| "something else")),
    };
    assert_eq!(speaks(b"GET / HTTP/1.1\r\n"), Some("an HTTP client"));
    assert_eq!(speaks(b"GET /verylong"), Some("an HTTP client"), "no end of line is waited for");
    assert_eq!(speaks(b"\x16\x03\x01\x02\x00"), Some("a TLS client"));
    assert_eq!(speaks(b"SSH-2.0-x\r\n"), Some("an SSH server or client"));
    assert_eq!(speaks(b"what is this?"), None);
    assert_eq!(speaks(b"hm\n"), None);
    assert_eq!(speaks(b"\n"), None);
    assert_eq!(error(b"hm"), None, "too early to tell");
    assert_eq!(error(b"aem"), None);
}

#[test]
fn a_short_foreign_beginning_is_told_at_the_end() {
    let mut end = rust(config("rust"));
    end.hear(start(), b"Hi");
    end.hear_eof();
    assert!(matches!(end.error, Some(E::NotAemp { first, .. }) if first == "Hi"));
}

/// [HS-04]
#[test]
fn versions_and_extensions() {
    assert_eq!(greeted("aemp;2;x;hmac_sha3_512;json"), Some(E::Version { version: "2".into() }));
    assert_eq!(greeted("aemp-foo;1;x;hmac_sha3_512;json"), Some(E::Extension { name: "aemp-foo".into() }));
}

/// [HS-17]: names that would break something later.
#[test]
fn names() {
    assert_eq!(greeted("aemp;1;;hmac_sha3_512;json"), Some(E::BadNodeId(IdError::Empty)));
    assert_eq!(greeted("aemp;1;a b;hmac_sha3_512;json"), Some(E::BadNodeId(IdError::Character(' '))));
    assert_eq!(greeted("aemp;1;x;hmac_sha3_512;json;mp=1"), Some(E::BadInstance));
}

/// [HS-08]
#[test]
fn talking_to_oneself() {
    let mut pair = Pair::of(config("rust"), config("rust"));
    pair.run(usize::MAX);
    assert_eq!(pair.a.error, Some(E::SelfConnection));
    assert_eq!(pair.b.error, Some(E::SelfConnection));
    assert!(pair.a.events.is_empty());
}

/// [HS-08]: another node of the same name is no reason to believe that one has found oneself.
#[test]
fn another_node_of_our_name() {
    let mut twin = config("rust");
    twin.instance = InstanceId(1);
    let mut pair = Pair::of(config("rust"), twin);
    pair.run(usize::MAX);
    assert_eq!(pair.a.error, Some(E::SameName { node: node("rust") }));
    assert_eq!(greeted("aemp;1;rust;hmac_sha3_512;json"), Some(E::SameName { node: node("rust") }));
}

/// [HS-08]: whatever the name.
#[test]
fn an_echo() {
    let own = rust(config("rust")).sent;
    assert_eq!(error(&own), Some(E::Echo), "not SelfConnection");
    let text = String::from_utf8(own).unwrap();
    assert_eq!(error(text.replace(";rust;", ";other;").as_bytes()), Some(E::Echo));
}

/// [HS-05]
#[test]
fn proofs_without_a_common_method() {
    for (list, shown) in [
        ("tls_sha3_512,cleartext", "tls_sha3_512, cleartext"),
        ("", ""),
        (" hmac_sha3_512", " hmac_sha3_512"),
        ("hmac_md6_64_256", "hmac_md6_64_256"),
    ] {
        let ours = "hmac_sha3_512".into();
        let error = E::NoCommonAuth { peer: shown.into(), ours };
        assert_eq!(greeted(&format!("aemp;1;x;{list};json")), Some(error));
    }
    assert_eq!(greeted("aemp;1;x;tls_sha3_512,what,hmac_sha3_512;json"), None);
    let mut end = rust(HandshakeConfig::new(node("rust"), InstanceId(1), None, &mp_proto::Limits::default()));
    end.hear(start(), format!("{PERL}\nnonce\n").as_bytes());
    assert_eq!(end.error, Some(E::NoSecret));
    assert_eq!(end.lines().len(), 2);
}

/// [HS-06]
#[test]
fn framings_without_a_common_one() {
    let ours = Framing::available().iter().map(|framing| framing.name()).collect::<Vec<_>>().join(", ");
    let none = |peer: &str| Some(E::NoCommonFraming { peer: peer.into(), ours: ours.clone() });
    assert_eq!(greeted("aemp;1;x;hmac_sha3_512;sereal,JSON"), none("sereal, JSON"));
    assert_eq!(greeted("aemp;1;x;hmac_sha3_512"), none(""));
    assert_eq!(greeted("aemp;1;x;hmac_sha3_512;nosuch,json"), None);
}

/// [HS-13]
#[test]
fn proofs_that_we_did_not_offer_to_take() {
    for method in ["cleartext", "tls_anon", "tls_sha3_512", "HMAC_SHA3_512", "", "x\u{1b}"] {
        let shown = method.replace('\u{1b}', "\\u{1b}");
        assert_eq!(proven(&format!("{method};TOKEN;json\n")), Some(E::AuthNotOffered { method: shown }));
    }
    assert_eq!(
        proven("cleartext;73336b723174;json\n"),
        Some(E::AuthNotOffered { method: "cleartext".into() })
    );
}

/// [HS-12]
#[test]
fn proofs_that_are_wrong() {
    let bad = Some(E::BadToken { node: node("perl") });
    for line in
        ["hmac_sha3_512;0;json\n", "hmac_sha3_512;;json\n", "hmac_sha3_512\n", "hmac_sha3_512;TOKEN0;json\n"]
    {
        assert_eq!(proven(line), bad, "{line}");
    }
}

/// [HS-13]
#[test]
fn framings_that_we_did_not_offer_to_take() {
    for framing in ["sereal", "JSON", "", "netstring"] {
        let error = Some(E::FramingNotOffered { framing: framing.into() });
        assert_eq!(proven(&format!("hmac_sha3_512;TOKEN;{framing}\n")), error);
    }
    assert_eq!(proven("hmac_sha3_512;TOKEN\n"), Some(E::FramingNotOffered { framing: String::new() }));

    // Not even one that we could read.
    let mut choosy = config("alpha");
    choosy.framings = vec![Framing::Json];
    for framing in Framing::available().iter().filter(|framing| **framing != Framing::Json) {
        let mut pair = Pair::of(choosy.clone(), config("beta"));
        let greeting = pair.b.unsent(usize::MAX);
        pair.a.hear(pair.now, &greeting);
        let ours = pair.a.unsent(usize::MAX);
        pair.b.hear(pair.now, &ours);
        let proof =
            String::from_utf8(pair.b.unsent(usize::MAX)).unwrap().replace(";json", &format!(";{framing}"));
        pair.a.hear(pair.now, proof.as_bytes());
        assert_eq!(pair.a.error, Some(E::FramingNotOffered { framing: framing.to_string() }));
    }
}

/// [HS-01]
#[test]
fn lines_that_are_too_long() {
    let padded = |len: usize| {
        let line = "aemp;1;x;hmac_sha3_512;json;pad=";
        error(format!("{line}{}\n", "x".repeat(len - line.len() - 1)).as_bytes())
    };
    assert_eq!(padded(4096), None);
    assert_eq!(padded(4097), Some(E::LineTooLong { stage: Stage::Greeting }));
    let nonce = |len: usize| error(format!("{PERL}\n{}", "x".repeat(len)).as_bytes());
    assert_eq!(nonce(4095), None);
    assert_eq!(nonce(4096), Some(E::LineTooLong { stage: Stage::Nonce }));
}

/// [HS-15]
#[test]
fn something_else_than_go() {
    for line in ["stop", "", "GO", "go ", "[\"x\"]"] {
        let mut pair = Pair::of(config("alpha"), config("beta"));
        pair.a.admits = false;
        pair.run(usize::MAX);
        pair.b.hear(pair.now, format!("{line}\n").as_bytes());
        assert!(matches!(pair.b.error, Some(E::BadLine { stage: Stage::Go, .. })), "{:?}", pair.b.error);
    }
}

/// [HS-12]: the proof that came together with the end of input is judged first, as it tells more.
#[test]
fn different_secrets_are_named_as_such() {
    let mut other = config("beta");
    other.secret = Secret::from_text("other").ok();
    let mut pair = Pair::of(config("alpha"), other);
    pair.run(usize::MAX);
    pair.a.hear_eof();
    pair.b.hear_eof();
    let error = pair.a.error.unwrap();
    assert_eq!(error, E::BadToken { node: node("beta") });
    assert_eq!(pair.b.error, Some(E::BadToken { node: node("alpha") }));
    assert_eq!(
        error.to_string(),
        "the secret of node beta differs from ours: compare them with `aemp showconfig --show-secrets` on both sides"
    );
    assert!(error.is_permanent());
}

#[test]
fn a_peer_that_closes() {
    let closed = |bytes: &str| {
        let mut end = rust(config("rust"));
        end.hear(start(), bytes.as_bytes());
        end.hear_eof();
        end.error.expect("closed")
    };
    assert_eq!(closed(""), E::Closed { stage: Stage::Greeting });
    assert_eq!(closed("aemp;1;x"), E::Closed { stage: Stage::Greeting });
    assert_eq!(closed(&format!("{PERL}\n")), E::Closed { stage: Stage::Nonce });
    let after_greeting = closed(&format!("{PERL}\nnonce\n"));
    assert_eq!(after_greeting, E::Closed { stage: Stage::Auth });
    assert!(after_greeting.to_string().contains("its secret differs from ours"), "{after_greeting}");
}

#[test]
fn after_an_error_nothing_more_happens() {
    let mut end = rust(config("rust"));
    end.hear(start(), b"nonsense\n");
    end.error = None;
    end.hear(start(), format!("{PERL}\nnonce\n").as_bytes());
    assert!(end.events.is_empty() && end.error.is_none());
    assert_eq!(end.handshake.handle_eof(start()), Ok(()));
    assert_eq!(end.handshake.poll_timeout(), None);
}
