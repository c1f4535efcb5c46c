//! Which nodes meet, and how.

use std::time::Duration;

use mp_node::tls::TlsError;
use mp_node::{AuthMethod, DialError, Limits, Node, StartError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::relay::Relay;
use super::{EXPIRED, LEAF_CA, LEAF_ONE, LEAF_TWO, STOCK, STOCK_OTHER, builder, node, soon};

/// Has `a` and `b` exchange something that no compressor makes small.
async fn talk(a: &Node, b: &Node) {
    let mut port = b.port();
    let text = "0123456789".repeat(50_000);
    soon(a.send(&port, ("large", &text))).await.expect("sent");
    assert_eq!(soon(port.recv_as::<(String, String)>()).await, Some(("large".into(), text)));
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The first byte of a TLS handshake, and the kind of a ClientHello in the sixth.
fn is_client_hello(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x16) && bytes.get(5) == Some(&1)
}

fn behind_greeting(bytes: &[u8]) -> &[u8] {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at).nth(1).and_then(|end| bytes.get(end + 1..)).unwrap_or_default()
}

/// [TLS-04]: nothing but the greetings is in plain text, and the nonces decide on the roles, whoever dials. The nonces
/// come from the seeds.
#[tokio::test]
async fn nodes_talk_over_tls_in_both_roles() {
    let mut roles = Vec::new();
    for seeds in [[1, 2], [2, 1]] {
        let start = |id, seed| builder(id).cert(STOCK).insecure_seed(seed).start();
        let (a, b) =
            (start("a", seeds[0]).await.expect("starts"), start("b", seeds[1]).await.expect("starts"));
        let relay = Relay::looking(&b).await;
        assert_eq!(&soon(a.dial(&relay.at)).await.expect("meets"), b.id());
        talk(&a, &b).await;
        talk(&b, &a).await;
        let seen = relay.seen();
        assert!(seen.iter().all(|said| contains(said, ";tls=1.0;")));
        assert!(seen.iter().all(|said| !contains(behind_greeting(said), "tls_sha3_512")));
        assert!(seen.iter().all(|said| !contains(said, "0123456789")));
        let [there, back] = seen.each_ref().map(|said| is_client_hello(behind_greeting(said)));
        assert_ne!(there, back);
        roles.push(there);
        soon(a.shutdown()).await;
        soon(b.shutdown()).await;
    }
    assert_ne!(roles[0], roles[1], "the other seeds make the other one the client");
}

/// [TLS-10]
#[tokio::test]
async fn leaves_of_one_ca_meet() {
    for (one, other) in [(LEAF_ONE, LEAF_TWO), (LEAF_TWO, LEAF_CA)] {
        let (a, b) = (node("a", one, false).await, node("b", other, false).await);
        soon(a.dial(&b.addresses()[0])).await.expect("meets");
        talk(&b, &a).await;
    }
}

/// What comes of a dial between what `a` and `b` have: `cert`, `secret`, both or nothing.
async fn outcome(a: &str, b: &str) -> Result<&'static str, String> {
    let start = |id: &str, has: &str| {
        let mut builder = builder(id);
        if has.contains("cert") {
            builder = builder.cert(STOCK);
        }
        if has.contains("secret") {
            builder = builder.secret("s3kr1t");
        }
        builder.start()
    };
    let (a, b) = (start("a", a).await.expect("starts"), start("b", b).await.expect("starts"));
    let relay = Relay::looking(&b).await;
    soon(a.dial(&relay.at)).await.map_err(|error| error.to_string())?;
    talk(&a, &b).await;
    Ok(if contains(&relay.seen()[0], "0123456789") { "plain" } else { "tls" })
}

/// [TLS-06]: the table of PROTOCOL.md, over sockets.
#[tokio::test]
async fn certificates_and_secrets_in_every_combination() {
    for (one, other, expected) in [
        ("cert", "cert", "tls"),
        ("cert", "cert+secret", "tls"),
        ("cert+secret", "cert+secret", "tls"),
        ("cert+secret", "secret", "plain"),
        ("secret", "secret", "plain"),
    ] {
        for (a, b) in [(one, other), (other, one)] {
            assert_eq!(outcome(a, b).await.as_deref(), Ok(expected), "{a} and {b}");
        }
    }
    for (one, other) in [
        ("cert", "secret"),
        ("cert", "nothing"),
        ("cert+secret", "nothing"),
        ("secret", "nothing"),
        ("nothing", "nothing"),
    ] {
        for (a, b) in [(one, other), (other, one)] {
            assert!(outcome(a, b).await.is_err(), "{a} and {b}");
        }
    }
}

/// [TLS-10] [TLS-14]: the same in both roles, so that the one who dials hears of it as client and as server.
#[tokio::test]
async fn a_stranger_with_the_same_subject_is_refused_and_told_so() {
    for seeds in [[1, 2], [2, 1]] {
        let start = |id, cert, seed| builder(id).cert(cert).insecure_seed(seed).start();
        let a = start("a", STOCK, seeds[0]).await.expect("starts");
        let b = start("b", STOCK_OTHER, seeds[1]).await.expect("starts");
        let error = soon(a.dial(&b.addresses()[0])).await.expect_err("refused");
        assert!(error.is_permanent(), "{error}");
        assert!(
            matches!(error, DialError::Tls { error: TlsError::Untrusted | TlsError::Refused(_), .. }),
            "{error}"
        );
        assert!(a.nodes().is_empty() && b.nodes().is_empty());
    }
}

/// [TLS-14]: a server that trusts nobody refuses; the client, which trusts the server, hears why.
#[tokio::test]
async fn a_refused_client_hears_why() {
    let both = format!("{STOCK}{STOCK_OTHER}");
    for seeds in [[1, 2], [2, 1]] {
        let start = |id, cert, seed| builder(id).cert(cert).insecure_seed(seed).start();
        let lenient = start("a", both.as_str(), seeds[0]).await.expect("starts");
        let strict = start("b", STOCK_OTHER, seeds[1]).await.expect("starts");
        let error = soon(lenient.dial(&strict.addresses()[0])).await.expect_err("refused");
        assert!(matches!(error, DialError::Tls { error: TlsError::Refused("unknown CA"), .. }), "{error}");
    }
}

/// [TLS-10]
#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let (a, b) = (node("a", EXPIRED, false).await, node("b", EXPIRED, false).await);
    let error = soon(a.dial(&b.addresses()[0])).await.expect_err("refused").to_string();
    assert!(error.contains("expired"), "{error}");
}

/// [TLS-06]: a secret does not make up for a certificate that is not trusted: there is no second try without TLS.
#[tokio::test]
async fn a_stranger_does_not_fall_back_to_the_secret() {
    let (a, b) = (node("a", STOCK, true).await, node("b", STOCK_OTHER, true).await);
    let error = soon(a.dial(&b.addresses()[0])).await.expect_err("refused");
    assert!(matches!(error, DialError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn a_broken_certificate_is_told_at_the_start() {
    for (pem, part) in [("nonsense", "has no certificate"), (&STOCK[..STOCK.len() / 2], "has no end")] {
        let error = builder("a").cert(pem).start().await.expect_err("it cannot be used");
        assert!(matches!(error, StartError::Setting { what: "cert", .. }));
        let text = error.to_string();
        assert!(text.contains(part) && !text.contains("nonsense"), "{text}");
    }
}

/// [TLS-02] [TLS-03]: over sockets, in and outside of TLS: the two that have to be named are used where both sides name
/// them, and nowhere else, whoever dials.
#[tokio::test]
async fn weak_proofs_are_used_only_where_both_sides_name_them() {
    for (method, tls) in
        [(AuthMethod::TlsAnon, true), (AuthMethod::Cleartext, true), (AuthMethod::Cleartext, false)]
    {
        let start = |id: &str, named: bool| {
            let builder = builder(id).secret("s3kr1t");
            let builder = if tls { builder.cert(STOCK) } else { builder };
            let builder = if named { builder.auth_offer(&[method]).auth_accept(&[method]) } else { builder };
            builder.start()
        };
        for (one, other) in [(true, true), (true, false), (false, true)] {
            let (a, b) = (start("a", one).await.expect("starts"), start("b", other).await.expect("starts"));
            let relay = Relay::looking(&b).await;
            let met = soon(a.dial(&relay.at)).await;
            assert_eq!(met.is_ok(), one && other, "{method}: {met:?}");
            let shown = relay.seen().iter().any(|said| contains(said, "cleartext;73336b723174"));
            assert_eq!(shown, one && other && !tls && method == AuthMethod::Cleartext, "{method}");
            if one && other {
                talk(&a, &b).await;
            }
        }
    }
}

/// [HS-09] [TLS-04]: the deadline of the handshake holds for TLS: who greets, wants TLS and then says nothing, or a byte
/// now and then, is closed.
#[tokio::test]
async fn a_peer_that_never_starts_tls_is_given_up() {
    let mut limits = Limits::default();
    limits.handshake_time = Duration::from_millis(300);
    let a = builder("a").cert(STOCK).limits(limits).start().await.expect("starts");
    for nonce in ["!", "~"] {
        let mut peer = TcpStream::connect(a.addresses()[0].to_string()).await.expect("listens");
        let greeting = format!("aemp;1;mute;tls_sha3_512;json;tls=1.0\n{nonce}\n\x16");
        peer.write_all(greeting.as_bytes()).await.expect("written");
        let mut heard = Vec::new();
        // With a byte unread the end can be a reset.
        drop(soon(peer.read_to_end(&mut heard)).await);
        assert!(heard.starts_with(b"aemp;1;a;"), "{heard:?}");
        assert!(a.nodes().is_empty());
    }
}
