//! Lines of a stranger.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use mp_proto::greeting::MAX_LINE;
use mp_proto::{
    Greeting, Handshake, HandshakeConfig, HandshakeError, HandshakeEvent, InstanceId, Limits, NodeId, Nonce,
    Protocol, Secret, Side, Stage,
};

use super::start;

/// A peer's first two lines; the secret is not known to it.
const GREETING: &str = "aemp;1;stranger;hmac_sha3_512;json,cbor;mp=1;inst=000000000000000000000000000000ff\n\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

/// Whatever a stranger says, as his greeting or as his proof: no panic, no more than a line is kept, nothing is
/// believed, however the bytes are cut; and a greeting that is understood is written back as it was.
pub fn greeting(data: &[u8]) {
    line(data.split(|&byte| byte == b'\n').next().unwrap_or_default());
    let first = [1, data.len() % 19 + 2, data.len().max(1)].map(|piece| stranger(b"", data, piece));
    assert!(first[0] == first[1] && first[1] == first[2], "{first:?}");
    let third = [1, data.len().max(1)].map(|piece| stranger(GREETING.as_bytes(), data, piece));
    assert!(third[0] == third[1], "{third:?}");
}

fn line(line: &[u8]) {
    let greeting = match Greeting::parse(line) {
        Ok(greeting) => greeting,
        Err(error) => return harmless(&error.to_string()),
    };
    let written = greeting.to_line();
    assert_eq!(Greeting::parse(&written).as_ref(), Ok(&greeting));
    if line.iter().filter(|&&byte| byte == b';').count() >= 4 {
        assert_eq!(written, line, "all fields are there, so nothing had to be added");
    }
    if let Err(error) = greeting.own_kind() {
        harmless(&error.to_string());
    }
}

/// Texts of errors end in logs and on terminals: nothing in them may have to be escaped but quotes.
fn harmless(text: &str) {
    let plain = |c: char| matches!(c, '\'' | '"' | '\\') || c.escape_debug().len() == 1;
    assert!(text.chars().all(plain), "{text:?}");
}

/// What becomes of a handshake with one who says this: how far he comes, and what is wrong. (How the error quotes him
/// depends on how much of it was there.)
fn stranger(
    before: &[u8],
    data: &[u8],
    piece: usize,
) -> (Option<Stage>, Option<Discriminant<HandshakeError>>) {
    let now = start();
    let mut handshake = ours(now);
    let mut input = BytesMut::from(before);
    let mut error = handshake.handle_bytes(now, &mut input).err();
    for piece in data.chunks(piece) {
        if error.is_none() {
            input.extend_from_slice(piece);
            error = handshake.handle_bytes(now, &mut input).err();
            assert!(error.is_some() || input.len() < MAX_LINE, "{} bytes are kept", input.len());
        }
    }
    while let Some(event) = handshake.poll_event() {
        assert!(matches!(event, HandshakeEvent::PeerGreeted { .. }), "a stranger is believed: {event:?}");
    }
    let stage = handshake.stage();
    assert_eq!(stage.is_none(), error.is_some());
    if let Err(end) = handshake.handle_eof(now) {
        harmless(&end.to_string());
    }
    if let Some(error) = &error {
        harmless(&error.to_string());
    }
    (stage, error.as_ref().map(discriminant))
}

fn ours(now: Instant) -> Handshake {
    let node = NodeId::new("ours").expect("valid");
    let secret = Secret::from_text("not known to a stranger").ok();
    let config = HandshakeConfig::new(node, InstanceId(7), secret, &Limits::default());
    let mut handshake =
        Handshake::new(Arc::new(config), Side::Accepted, Nonce::new([7; Nonce::LEN]), "x", now);
    let mut out = BytesMut::new();
    assert!(handshake.poll_transmit(now, &mut out));
    handshake
}
