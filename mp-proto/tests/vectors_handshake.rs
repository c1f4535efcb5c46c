//! Handshakes recorded from Perl nodes, replayed byte for byte.

#![cfg(feature = "json")]

mod vectors_handshake {
    #[cfg(feature = "cbor")]
    mod tls;
}

use std::sync::Arc;

use base64::Engine as _;
use bytes::BytesMut;
use mp_proto::auth::{Binding, Signed};
use mp_proto::{
    AuthMethod, Framing, Greeting, Handshake, HandshakeConfig, HandshakeError, HandshakeEvent, InstanceId,
    Limits, Nonce, Protocol, Secret, Session, Side,
};
use serde_json::Value;

/// One side of a recorded handshake.
struct Recorded {
    /// Greeting, nonce and proof.
    lines: [String; 3],
    /// The beginning of what followed.
    then: Vec<u8>,
}

struct Vector {
    name: String,
    secret: Secret,
    /// The side that dialled, and the side that listened.
    sides: [Recorded; 2],
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex");
    (0..text.len() / 2).map(byte).collect()
}

fn vectors() -> Vec<Vector> {
    let all: Vec<Value> = serde_json::from_str(include_str!("vectors/handshake.json")).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let side = |vector: &Value, name: &str| Recorded {
        lines: [0, 1, 2].map(|line| text(&vector[name][line])),
        then: unhex(&text(&vector[format!("{name}_then_hex")])),
    };
    let secret = |vector: &Value| match unhex(&text(&vector["secret_hex"])) {
        none if none.is_empty() => Secret::from_text("none"),
        some => Secret::from_bytes(some),
    };
    let vector = |vector: &Value| Vector {
        name: text(&vector["name"]),
        secret: secret(vector).expect("not empty"),
        sides: [side(vector, "c2s"), side(vector, "s2c")],
    };
    all.iter().map(vector).collect()
}

impl Recorded {
    fn greeting(&self) -> Greeting {
        Greeting::parse(self.lines[0].as_bytes()).expect("a greeting")
    }

    fn signed(&self) -> Vec<u8> {
        format!("{}\n{}\n", self.lines[0], self.lines[1]).into_bytes()
    }

    fn nonce(&self) -> Nonce {
        let bytes = base64::engine::general_purpose::STANDARD.decode(&self.lines[1]).expect("base64");
        Nonce::new(bytes.try_into().expect("66 bytes"))
    }

    fn all_lines(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
    }
}

/// Lets our own code play `us` against the recorded `peer`. Gives what we sent, and the outcome.
fn replay(
    vector: &Vector,
    us: usize,
    cut: usize,
) -> (Vec<u8>, BytesMut, Result<Option<Session>, HandshakeError>) {
    #[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
    let now = std::time::Instant::now();
    let (own, peer) = (&vector.sides[us], &vector.sides[1 - us]);
    let node = own.greeting().node().clone();
    let config = HandshakeConfig::new(node, InstanceId(1), Some(vector.secret.clone()), &Limits::default());
    let side = if us == 0 { Side::Dialled } else { Side::Accepted };
    let mut handshake = Handshake::with_greeting(Arc::new(config), side, own.nonce(), &own.greeting(), now);
    let (mut input, mut sent, mut result) = (BytesMut::new(), BytesMut::new(), Ok(()));
    for piece in [peer.all_lines(), peer.then.clone()].concat().chunks(cut) {
        input.extend_from_slice(piece);
        result = result.and(handshake.handle_bytes(now, &mut input));
        handshake.poll_transmit(now, &mut sent);
    }
    let established = std::iter::from_fn(|| handshake.poll_event()).find_map(|event| match event {
        HandshakeEvent::Established(session) => Some(session),
        _ => None,
    });
    (sent.to_vec(), input, result.map(|()| established))
}

/// [HS-11]: every recorded proof is the one that we compute.
#[test]
fn the_proofs_of_perl_are_ours() {
    let mut checked = 0;
    for vector in vectors() {
        for (own, other) in [(0, 1), (1, 0)] {
            let (own, other) = (&vector.sides[own], &vector.sides[other]);
            let mut fields = own.lines[2].split(';');
            let method: AuthMethod = fields.next().unwrap().parse().unwrap();
            if method == AuthMethod::Cleartext {
                continue;
            }
            let token = fields.next().unwrap();
            let (own, other) = (own.signed(), other.signed());
            let secret = Some(&vector.secret);
            let signed = Signed { secret, own: &own, other: &other, binding: Binding::None };
            assert_eq!(method.token(&signed).as_deref(), Some(token));
            assert!(method.verify(&signed, token.as_bytes()));
            assert!(!method.verify(&Signed { own: &other, other: &own, ..signed }, token.as_bytes()));
            checked += 1;
        }
    }
    assert_eq!(checked, 29, "16 recordings, 3 of them with one cleartext side");
}

/// [HS-02]: every recorded greeting is read and written back.
#[test]
fn the_greetings_of_perl_are_read() {
    for vector in vectors() {
        for side in &vector.sides {
            assert_eq!(side.greeting().to_line(), side.lines[0].as_bytes(), "{}", vector.name);
            assert_eq!(side.greeting().own_kind(), Ok(None));
            assert!(side.greeting().auth_methods().any(|method| method == AuthMethod::HmacSha3_512));
        }
    }
}

/// [HS-11] [HS-18]: against each side of each recording in a framing of ours, we send to the byte what the other one
/// sent, establish the connection, and leave the messages.
#[test]
fn recorded_handshakes_are_replayed_in_both_roles() {
    let mut replayed = 0;
    for vector in vectors() {
        let framing = vector.name.split('-').nth(1).unwrap().parse::<Framing>();
        let Some(framing) = framing.ok().filter(|framing| framing.is_available()) else { continue };
        if vector.name.starts_with("minimal") || vector.name.starts_with("tls") {
            continue;
        }
        for (us, cut) in [(0, usize::MAX), (1, usize::MAX), (0, 1), (1, 1)] {
            let (own, peer) = (&vector.sides[us], &vector.sides[1 - us]);
            let (sent, rest, result) = replay(&vector, us, cut);
            assert_eq!(String::from_utf8(sent).unwrap(), String::from_utf8(own.all_lines()).unwrap());
            let session = result.unwrap().expect("established");
            assert_eq!(session.peer, *peer.greeting().node());
            assert_eq!((session.send, session.receive), (framing, framing), "{}", vector.name);
            assert_eq!(session.instance, None);
            assert_eq!(rest, peer.then[..], "the messages are left");
            replayed += 1;
        }
    }
    let recorded = [Framing::Json, Framing::Cbor, Framing::Storable];
    let framings = recorded.into_iter().filter(|framing| framing.is_available()).count();
    assert_eq!(replayed, framings * 3 * 4);
}

/// [HS-06]
#[cfg(not(feature = "storable"))]
#[test]
fn a_storable_peer_is_told_apart() {
    let storable = vectors().into_iter().find(|vector| vector.name == "pair-storable-secret").unwrap();
    let (sent, _, result) = replay(&storable, 1, usize::MAX);
    let error = result.unwrap_err();
    assert!(matches!(&error, HandshakeError::NoCommonFraming { peer, .. } if peer == "storable"), "{error}");
    assert_eq!(sent, storable.sides[1].signed(), "and gets no proof");
}

/// [HS-13]: the smallest peer that Perl accepts shows its secret; we do not take that.
#[test]
fn a_cleartext_peer_is_refused() {
    let minimal = vectors().into_iter().find(|vector| vector.name == "minimal-json").unwrap();
    let (_, _, result) = replay(&minimal, 1, usize::MAX);
    assert_eq!(result, Err(HandshakeError::AuthNotOffered { method: "cleartext".into() }));
}

/// [HS-02]: our own greeting has all that Perl's has, in the same fields.
#[test]
fn our_greeting_has_the_form_of_perls() {
    let pair = vectors().into_iter().find(|vector| vector.name == "pair-json-secret").unwrap();
    let perl = pair.sides[1].greeting();
    let config =
        HandshakeConfig::new(perl.node().clone(), InstanceId(1), Some(pair.secret), &Limits::default());
    let ours = Greeting::own(&config, perl.key("peeraddr").unwrap());
    let fields = |greeting: &Greeting| String::from_utf8(greeting.to_line()).unwrap();
    let (ours_line, perl_line) = (fields(&ours), fields(&perl));
    assert_eq!(
        ours_line.split(';').take(3).collect::<Vec<_>>(),
        perl_line.split(';').take(3).collect::<Vec<_>>()
    );
    for key in ["peeraddr", "mproto", "gproto"] {
        assert_eq!(ours.key(key), perl.key(key));
    }
    assert!(ours.key("provider").unwrap().starts_with("mp-"));
    assert!(ours.framings().any(|framing| perl.framings().any(|theirs| theirs == framing)));
}
