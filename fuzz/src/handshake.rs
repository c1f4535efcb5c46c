//! Two handshakes, and somebody on the wire between them.

use std::sync::Arc;
use std::time::Instant;

use arbitrary::{Result, Unstructured};
use bytes::BytesMut;
use mp_proto::{
    Framing, Greeting, Handshake, HandshakeConfig, HandshakeEvent, InstanceId, Limits, NodeId, Nonce,
    Protocol, Secret, Session, Side,
};

use super::start;

const NAMES: [&str; 4] = ["alpha", "beta", "127.0.0.1:4040", "b"];
const FRAMINGS: [&[Framing]; 5] = [
    &[Framing::Postcard, Framing::Cbor, Framing::Json],
    &[Framing::Json, Framing::Cbor],
    &[Framing::Cbor],
    &[Framing::Json],
    &[Framing::Postcard],
];
const PERL_KEYS: &str = "hmac_sha3_512,cleartext;cbor,json,postcard;provider=AE-2.01;gproto=1;mproto=1";
const EDITS: usize = 6;
/// How much is said in a direction, more or less: edits beyond it change nothing.
const SPOKEN: usize = 600;
/// A proof of the secret begins so.
const PROOF: &[u8] = b"hmac_sha3_512;";

/// Two nodes with any settings, and edits of what passes between them: replaced, inserted, dropped and reflected bytes.
///
/// A side that takes the connection for established has heard the other's greeting as it was said, and was heard as it
/// spoke, and knows who the other is. Without an edit, two nodes that can agree do.
pub fn handshake_pair(data: &[u8]) {
    play(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

#[derive(Debug)]
struct End {
    name: &'static str,
    /// Whether it knows the one secret or another.
    secret: bool,
    /// What it takes, as its greeting says.
    framings: &'static [Framing],
    instance: InstanceId,
    perl: bool,
    handshake: Handshake,
    input: BytesMut,
    /// All that it has sent.
    sent: Vec<u8>,
    /// How much of it has passed the wire.
    passed: usize,
    edits: Vec<(usize, Edit)>,
    /// All that has come to it.
    heard: Vec<u8>,
    session: Option<Session>,
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Edit {
    Replace(u8),
    Insert(u8),
    Drop,
    /// Inserts what the receiver itself has said, from here on, so many bytes.
    Reflect(usize, usize),
}

fn play(u: &mut Unstructured<'_>) -> Result<()> {
    let now = start();
    let mut a = End::new(u, 1, now)?;
    let mut b = End::new(u, 2, now)?;
    a.poll(now);
    b.poll(now);
    loop {
        let (to_b, to_a) = (a.pass(u, &b)?, b.pass(u, &a)?);
        if to_a.is_empty() && to_b.is_empty() {
            break;
        }
        b.hear(now, &to_b);
        a.hear(now, &to_a);
    }
    for (one, other) in [(&a, &b), (&b, &a)] {
        if let Some(session) = &one.session {
            check(one, other, session);
        }
    }
    let common = a.framings.iter().any(|framing| b.framings.contains(framing));
    if a.edits.is_empty() && b.edits.is_empty() {
        let agree = common && a.name != b.name && a.secret == b.secret;
        assert_eq!([a.session.is_some(), b.session.is_some()], [agree; 2], "{a:?} {b:?}");
        if let (Some(a), Some(b)) = (&a.session, &b.session) {
            assert_eq!((a.send, a.receive), (b.receive, b.send));
        }
    }
    Ok(())
}

/// What must hold when `one` takes the connection with `other` for established.
fn check(one: &End, other: &End, session: &Session) {
    assert_eq!(one.secret, other.secret, "with different secrets");
    assert_eq!(greeted(&one.heard), greeted(&other.sent), "{one:?} {other:?}");
    assert_eq!(greeted(&other.heard), greeted(&one.sent), "{one:?} {other:?}");
    assert_eq!(session.peer.as_str(), other.name);
    let ours = !one.perl && !other.perl;
    assert_eq!(session.instance, ours.then_some(other.instance));
    assert!(other.framings.contains(&session.send) && one.framings.contains(&session.send));
    assert!(one.framings.contains(&session.receive));
    let proof = line(&one.heard, 2);
    assert!(
        proof.starts_with(PROOF)
            && proof.get(..PROOF.len() + 128) == line(&other.sent, 2).get(..PROOF.len() + 128)
    );
}

/// The first two lines, which the proofs cover.
fn greeted(bytes: &[u8]) -> [&[u8]; 2] {
    [line(bytes, 0), line(bytes, 1)]
}

fn line(bytes: &[u8], number: usize) -> &[u8] {
    let line = bytes.split(|&byte| byte == b'\n').nth(number).unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl End {
    fn new(u: &mut Unstructured<'_>, number: u8, now: Instant) -> Result<Self> {
        let name = match !u.ratio(7, 8)? {
            true => *u.choose(&NAMES)?,
            false => NAMES[usize::from(number) - 1],
        };
        let (perl, secret) = (!u.ratio(3, 4)?, u.ratio(15, 16)?);
        let framings = if perl { FRAMINGS[0] } else { *u.choose(&FRAMINGS)? };
        let instance = InstanceId(u128::from(number));
        let text = if secret { "s3kr1t" } else { "another" };
        let node = NodeId::new(name).expect("valid");
        let mut config =
            HandshakeConfig::new(node, instance, Secret::from_text(text).ok(), &Limits::default());
        config.framings = framings.to_vec();
        config.hold_auth = !perl && u.arbitrary()?;
        let nonce = Nonce::new([number; Nonce::LEN]);
        let side = if number == 1 { Side::Dialled } else { Side::Accepted };
        let handshake = if perl {
            let greeting = Greeting::parse(format!("aemp;1;{name};{PERL_KEYS}").as_bytes()).expect("valid");
            Handshake::with_greeting(Arc::new(config), side, nonce, &greeting, now)
        } else {
            Handshake::new(Arc::new(config), side, nonce, "127.0.0.1:1", now)
        };
        let mut edits = Vec::new();
        for _ in 0..u.int_in_range(0..=EDITS)? {
            edits.push((u.int_in_range(0..=SPOKEN)?, edit(u)?));
        }
        let (input, sent, heard) = (BytesMut::new(), Vec::new(), Vec::new());
        let (passed, session, failed) = (0, None, false);
        Ok(Self {
            name,
            secret,
            framings,
            instance,
            perl,
            handshake,
            input,
            sent,
            passed,
            edits,
            heard,
            session,
            failed,
        })
    }

    /// Takes what the handshake has to say, and does what a willing owner would.
    fn poll(&mut self, now: Instant) {
        while let Some(event) = self.handshake.poll_event() {
            match event {
                HandshakeEvent::PeerGreeted { .. } => {}
                HandshakeEvent::StartTls { .. } => unreachable!("no end has a certificate"),
                HandshakeEvent::Authenticated { decider, instance, .. } => {
                    assert_eq!(decider, decider && self.handshake.admit(), "a decider can admit");
                    let held = self.handshake.proceed();
                    assert!(!held || instance.is_none(), "nothing is held back from our own kind");
                }
                HandshakeEvent::Established(session) => {
                    assert_eq!(self.session.replace(session), None, "established twice");
                }
            }
        }
        let mut out = BytesMut::new();
        self.handshake.poll_transmit(now, &mut out);
        self.sent.extend_from_slice(&out);
    }

    /// The next bytes that this end has said, as they reach `other`.
    fn pass(&mut self, u: &mut Unstructured<'_>, other: &Self) -> Result<Vec<u8>> {
        // When the fuzzer's bytes are used up, all that is there passes at once.
        let piece = if u.is_empty() { usize::MAX } else { usize::from(u.arbitrary::<u8>()?) + 1 };
        let end = self.sent.len().min(self.passed.saturating_add(piece));
        let mut out = Vec::new();
        for at in self.passed..end {
            let mut byte = self.sent.get(at).copied();
            for (_, edit) in self.edits.iter().filter(|(place, _)| *place == at) {
                match *edit {
                    Edit::Replace(new) => byte = byte.map(|_| new),
                    Edit::Insert(new) => out.push(new),
                    Edit::Drop => byte = None,
                    Edit::Reflect(from, len) => out.extend(other.sent.iter().skip(from).take(len)),
                }
            }
            out.extend(byte);
        }
        let still = end == self.passed;
        self.passed = end;
        // Something must move, or the play is over: a dropped byte is not the end of it.
        if out.is_empty() && !still { self.pass(u, other) } else { Ok(out) }
    }

    fn hear(&mut self, now: Instant, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
        if !self.failed && self.session.is_none() {
            self.input.extend_from_slice(bytes);
            self.failed = self.handshake.handle_bytes(now, &mut self.input).is_err();
            self.poll(now);
            assert!(!self.failed || self.session.is_none(), "failed and established");
        }
    }
}

fn edit(u: &mut Unstructured<'_>) -> Result<Edit> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Edit::Replace(u.arbitrary()?),
        1 => Edit::Insert(u.arbitrary()?),
        2 => Edit::Drop,
        _ => Edit::Reflect(u.int_in_range(0..=SPOKEN)?, u.int_in_range(0..=SPOKEN)?),
    })
}
