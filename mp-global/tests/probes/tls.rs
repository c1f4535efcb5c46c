//! Group tls: what is no TLS that we speak. The peer chooses by its nonce who is the client `[TLS-04]`.

use super::raw::{Edge, Raw};

const STOCK: &str = include_str!("../../../mp-transport/tests/pem/stock.pem");
/// Before all nonces, and behind all.
const CLIENT: &str = "!";
const SERVER: &str = "~";

async fn greeted(nonce: &str) -> (Edge, Raw) {
    greeted_as("tls_sha3_512;json;tls=1.0", nonce).await
}

async fn greeted_as(offer: &str, nonce: &str) -> (Edge, Raw) {
    let edge = Edge::start_with(false, |builder| builder.cert(STOCK)).await;
    let mut raw = Raw::connect(&edge).await;
    raw.say(format!("aemp;1;py;{offer}\n{nonce}\n")).await;
    let lines = raw.their_lines().await;
    assert!(lines.contains(";tls=1.0"), "{lines}");
    (edge, raw)
}

/// What follows the random bytes in a client's hello: ECDHE with RSA and AES-128-GCM; RSA signatures with SHA-256, the extended
/// master secret, the group P-256.
const OFFER: [u8; 31] =
    [0, 0, 2, 0xc0, 0x2f, 1, 0, 0, 22, 0, 13, 0, 6, 0, 4, 4, 1, 8, 4, 0, 23, 0, 0, 0, 10, 0, 4, 0, 2, 0, 23];

/// A hello of that kind and of TLS 1.x.
fn hello(kind: u8, minor: u8, rest: &[u8]) -> Vec<u8> {
    let body = [&[3, minor][..], &[7; 32], rest].concat();
    let short = |length: usize| u8::try_from(length).expect("short");
    let message = [&[kind, 0, 0, short(body.len())], &body[..]].concat();
    [&[0x16, 3, 1, 0, short(message.len())], &message[..]].concat()
}

/// [TLS-11]: clients and servers of TLS 1.0 and 1.1.
#[tokio::test]
async fn old_versions_are_refused() {
    // The same of TLS 1.2 is answered: by a server's hello.
    let (_edge, mut raw) = greeted(CLIENT).await;
    raw.say(hello(1, 3, &OFFER)).await;
    let answer = raw.bytes(6).await;
    assert_eq!((answer[0], answer[5]), (0x16, 2), "{answer:x?}");
    for minor in [1, 2] {
        let (edge, mut raw) = greeted(CLIENT).await;
        raw.say(hello(1, minor, &OFFER)).await;
        let alert = raw.bytes(7).await;
        assert_eq!((alert[0], alert[5], alert[6]), (0x15, 2, 70), "fatal: protocol version: {alert:x?}");
        assert!(raw.bytes(1).await.is_empty(), "closed");
        assert!(edge.node.nodes().is_empty());

        let (edge, mut raw) = greeted(SERVER).await;
        let theirs = raw.bytes(5).await;
        assert_eq!(theirs[0], 0x16, "a client's hello: {theirs:x?}");
        let length = usize::from(theirs[3]) << 8 | usize::from(theirs[4]);
        assert_eq!(raw.bytes(length).await[0], 1);
        raw.say(hello(2, minor, &[0, 0xc0, 0x13, 0])).await;
        let alert = raw.bytes(7).await;
        assert_eq!((alert[0], alert[5]), (0x15, 2), "fatal: {alert:x?}");
        assert!(raw.bytes(1).await.is_empty(), "closed");
        assert!(edge.node.nodes().is_empty());
    }
}

/// [TLS-06]: `junk instead of ClientHello`: the end, and nothing of it is taken for a proof.
#[tokio::test]
async fn junk_instead_of_a_hello() {
    for nonce in [CLIENT, SERVER] {
        let (edge, mut raw) = greeted(nonce).await;
        raw.say("cleartext;;json\n[\"\",\"time\",\"py#x\"]".repeat(20)).await;
        raw.bytes(usize::MAX).await;
        assert!(edge.node.nodes().is_empty(), "{nonce}");
    }
}

/// [TLS-01], [TLS-02], [TLS-06]: without TLS in common, or a proof within it, there is nothing that a node without a secret can
/// do; any version from 1 up to 2 is ours.
#[tokio::test]
async fn tls_of_another_kind_is_not_begun() {
    for offer in [
        "tls_sha3_512;json;tls=2.0",
        "hmac_sha3_512;json;tls=1.0",
        "tls_anon;json;tls=1.0",
        "tls_sha3_512;json",
    ] {
        let (edge, mut raw) = greeted_as(offer, CLIENT).await;
        assert_eq!(raw.line().await, None, "{offer}");
        assert!(edge.node.nodes().is_empty());
    }
    let (_edge, mut raw) = greeted_as("tls_sha3_512;json;tls=1.7", CLIENT).await;
    raw.say(hello(1, 3, &OFFER)).await;
    assert_eq!(raw.bytes(1).await, [0x16], "TLS has begun");
}
