//! The line with the proof, edited.

use std::sync::Arc;
use std::time::Instant;

use arbitrary::{Result, Unstructured};
use bytes::BytesMut;
use mp_proto::{
    Framing, Handshake, HandshakeConfig, HandshakeEvent, InstanceId, Limits, NodeId, Nonce, Protocol, Secret,
    Side,
};

use super::start;

const EDITS: usize = 4;

/// Whatever is changed in the line by which a peer proves itself: it is believed if the method and the token are those that
/// were said, and the framing one that we read, and otherwise not. (The framing is the peer's choice for what it sends, and not
/// part of what it proves: who changes it on the wire makes the peer's first message unreadable.) What follows a further `;`,
/// and a CR at the end, do not count.
pub fn auth_line(data: &[u8]) {
    edit(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

fn end(name: &str, number: u8, now: Instant) -> Handshake {
    let node = NodeId::new(name).expect("valid");
    let secret = Secret::from_text("s3kr1t").ok();
    let config = HandshakeConfig::new(node, InstanceId(number.into()), secret, &Limits::default());
    Handshake::new(Arc::new(config), Side::Dialled, Nonce::new([number; Nonce::LEN]), "x", now)
}

fn said(handshake: &mut Handshake, now: Instant) -> BytesMut {
    let mut out = BytesMut::new();
    handshake.poll_transmit(now, &mut out);
    out
}

fn edit(u: &mut Unstructured<'_>) -> Result<()> {
    let now = start();
    let (mut prover, mut verifier) = (end("prover", 1, now), end("verifier", 2, now));
    let (mut of_prover, mut of_verifier) = (said(&mut prover, now), said(&mut verifier, now));
    prover.handle_bytes(now, &mut of_verifier).expect("a greeting");
    verifier.handle_bytes(now, &mut of_prover).expect("a greeting");
    let honest = said(&mut prover, now).to_vec();
    let mut line = honest.clone();
    for _ in 0..u.int_in_range(0..=EDITS)? {
        let at = u.int_in_range(0..=line.len())?;
        match u.int_in_range(0..=4)? {
            0 if at < line.len() => line[at] = u.arbitrary()?,
            1 => line.insert(at, u.arbitrary()?),
            2 if at < line.len() => drop(line.remove(at)),
            3 => line.truncate(at),
            4 => line
                .splice(at..at, u.choose(&[&b";"[..], b"\r", b"\n", b";json", b"cleartext"])?.iter().copied())
                .for_each(drop),
            _ => {}
        }
    }
    let piece = u.int_in_range(1..=200)?;
    let (mut input, mut failed) = (BytesMut::new(), false);
    for piece in line.chunks(piece) {
        input.extend_from_slice(piece);
        failed = failed || verifier.handle_bytes(now, &mut input).is_err();
    }
    let mut believed = false;
    while let Some(event) = verifier.poll_event() {
        believed |= matches!(event, HandshakeEvent::Authenticated { .. } | HandshakeEvent::Established(_));
    }
    let holds = match (fields(&line), fields(&honest)) {
        (Some([method, token, framing]), Some([said, shown, _])) => {
            let is_read = |known: &Framing| known.name().as_bytes() == framing;
            method == said && token == shown && Framing::available().iter().any(is_read)
        }
        _ => false,
    };
    assert_eq!(believed, holds, "{}", line.escape_ascii());
    Ok(())
}

/// Method, token and framing of the first line, if it has an end.
fn fields(bytes: &[u8]) -> Option<[&[u8]; 3]> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let line = bytes.get(..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut fields = line.split(|&byte| byte == b';');
    Some([fields.next()?, fields.next()?, fields.next()?])
}
