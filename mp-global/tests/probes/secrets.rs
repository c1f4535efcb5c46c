//! Group secrets: which bytes the secret of a text is, and what the proof does with many of them. The HMAC is put together
//! here from SHA3-512 alone, block by block as RFC 2104 has it.

use mp_proto::AuthMethod;
use mp_proto::auth::{Binding, Signed};

use super::raw::{Edge, NONCE, Raw, greeting};

/// SHA3-512, which is what a proof within TLS consists of.
fn sha3(one: &[u8], two: &[u8]) -> Vec<u8> {
    let signed = Signed { secret: None, own: one, other: two, binding: Binding::None };
    let hex = AuthMethod::TlsSha3_512.token(&signed).expect("a digest");
    let digit = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex");
    (0..64).map(digit).collect()
}

/// The proof with this key, for blocks of so many bytes.
fn hmac(block: usize, key: &[u8], own: &str, other: &str) -> String {
    let mut key = if key.len() > block { sha3(key, b"") } else { key.to_vec() };
    key.resize(block, 0);
    let pad = |byte: u8| -> Vec<u8> { key.iter().map(|one| one ^ byte).collect() };
    let inner = sha3(&pad(0x36), format!("{own}{other}").as_bytes());
    sha3(&pad(0x5c), &inner).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a node with the secret takes a proof with the key; if so, its own has to be right by the same.
async fn is_taken(secret: &str, block: usize, key: &[u8]) -> bool {
    let edge = Edge::start_with(false, |builder| builder.secret(secret)).await;
    let mut raw = Raw::connect(&edge).await;
    raw.name = "py".into();
    let own = format!("{}\n{NONCE}\n", greeting("py"));
    raw.say(&own).await;
    let other = raw.their_lines().await;
    raw.say(format!("hmac_sha3_512;{};json\n", hmac(block, key, &own, &other))).await;
    let Some(proof) = raw.line().await else { return false };
    assert!(proof.starts_with(&format!("hmac_sha3_512;{};", hmac(block, key, &other, &own))), "{proof}");
    raw.alive().await.is_some()
}

/// [HS-10], [HS-11]
#[tokio::test]
async fn secrets_of_any_length_and_kind() {
    for length in [1, 71, 72, 73, 200] {
        let secret = "x".repeat(length);
        assert!(is_taken(&secret, 72, secret.as_bytes()).await, "{length}");
    }
    assert!(is_taken("caf\u{e9}", 72, b"caf\xe9").await);
    assert!(!is_taken("caf\u{e9}", 72, "caf\u{e9}".as_bytes()).await);
    assert!(is_taken("a;b\nc", 72, b"a;b\nc").await);
    assert!(is_taken("42", 72, b"42").await);
}

/// [HS-11]: a HMAC with the block of another hash is none.
#[tokio::test]
async fn block_size_136() {
    assert!(is_taken("s3kr1t", 72, b"s3kr1t").await);
    assert!(!is_taken("s3kr1t", 136, b"s3kr1t").await);
}

/// [HS-05]: a node without a secret and a certificate has no proof to give, and takes none.
#[tokio::test]
async fn a_node_without_a_secret() {
    let edge = Edge::start_with(false, |builder| builder).await;
    let mut raw = Raw::connect(&edge).await;
    raw.say(format!("{}\n{NONCE}\n", greeting("py"))).await;
    raw.their_lines().await;
    assert_eq!(raw.line().await, None, "closed, without a proof");
    assert!(edge.node.nodes().is_empty());
}
