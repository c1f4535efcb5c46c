//! Each step of the connections within TLS that were recorded, as they were decrypted. In them a program in Python dialled
//! a Perl node; one of them was the client of TLS, the other one its server.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use mp_proto::{
    AuthMethod, Connection, Frame, Framing, Handshake, HandshakeConfig, HandshakeEvent, InstanceId, Limits,
    NodeRequest, PortId, Protocol, Session, Side, Stage, TlsBinding, TlsRole, Value,
};

use crate::{Vector, vectors};

/// One connection, in which we are the listener in Perl's place, as far as it has come.
struct Step {
    vector: Vector,
    now: Instant,
    handshake: Handshake,
    input: BytesMut,
    sent: BytesMut,
}

impl Step {
    fn start(name: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
        let now = Instant::now();
        let vector = vectors().into_iter().find(|vector| vector.name == name).expect("it was recorded");
        let own = &vector.sides[1];
        let mut config =
            HandshakeConfig::new(own.greeting().node().clone(), InstanceId(1), None, &Limits::default());
        config.tls = true;
        let (nonce, greeting) = (own.nonce(), own.greeting());
        let handshake = Handshake::with_greeting(Arc::new(config), Side::Accepted, nonce, &greeting, now);
        let mut step = Self { vector, now, handshake, input: BytesMut::new(), sent: BytesMut::new() };
        step.handshake.poll_transmit(now, &mut step.sent);
        step
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.handshake.handle_bytes(self.now, &mut self.input).expect("Perl took it");
        self.handshake.poll_transmit(self.now, &mut self.sent);
    }

    /// The role that we are told to take, behind both greetings.
    fn greet(&mut self) -> TlsRole {
        let lines = self.vector.sides[0].signed();
        self.hear(&lines);
        let first = self.handshake.poll_event();
        assert!(matches!(first, Some(HandshakeEvent::PeerGreeted { ours: false, .. })), "{first:?}");
        match self.handshake.poll_event() {
            Some(HandshakeEvent::StartTls { role }) => role,
            other => unreachable!("{other:?}"),
        }
    }

    /// TLS has started, and the peer's proof and all that follows it come in at once.
    fn prove(&mut self) -> Session {
        assert!(self.handshake.tls_started(TlsBinding::new([1; TlsBinding::LEN])), "which Perl does not use");
        let peer = &self.vector.sides[0];
        let rest = [format!("{}\n", peer.lines[2]).as_bytes(), &peer.then].concat();
        self.hear(&rest);
        match std::iter::from_fn(|| self.handshake.poll_event()).last() {
            Some(HandshakeEvent::Established(session)) => session,
            other => unreachable!("{other:?}"),
        }
    }
}

fn framing_of(line: &str) -> Framing {
    line.rsplit(';').next().and_then(|name| name.parse().ok()).expect("a framing")
}

/// [TLS-01] [HS-02]: both lines go out unasked, and nothing else before TLS.
fn only_the_greeting_is_in_plain_text(name: &str) {
    let mut step = Step::start(name);
    let lines = step.vector.sides[1].signed();
    assert_eq!(step.sent, lines[..]);
    step.greet();
    assert_eq!(step.sent, lines[..], "no proof outside of TLS");
    assert_eq!(step.handshake.stage(), Some(Stage::Tls));
}

/// [TLS-04]
fn the_nonces_give_the_roles(name: &str) {
    let peer_is_client = name.contains("peer_is_client");
    let role = Step::start(name).greet();
    assert_eq!(role == TlsRole::Server, peer_is_client);
    let vector = Step::start(name).vector;
    let [peer, own] = [0, 1].map(|side: usize| vector.sides[side].lines[1].as_bytes());
    assert_eq!(peer < own, peer_is_client);
}

/// [TLS-05] [HS-11]: the peer's proof is taken, and ours is Perl's to the byte.
fn the_proofs_are_perls(name: &str) {
    let mut step = Step::start(name);
    step.greet();
    let session = step.prove();
    assert_eq!(step.handshake.proof(), Some(AuthMethod::TlsSha3_512));
    let [peer, own] = &step.vector.sides;
    assert_eq!(String::from_utf8_lossy(&step.sent), String::from_utf8_lossy(&own.all_lines()));
    assert_eq!((&session.peer, session.instance), (peer.greeting().node(), None));
    let [received, sent] = [peer, own].map(|side| framing_of(&side.lines[2]));
    assert_eq!((session.receive, session.send), (received, sent));
}

/// [HS-18] [FR-05]: the question behind the proof, and Perl's answer, are read.
fn the_messages_are_understood(name: &str) {
    let mut step = Step::start(name);
    step.greet();
    let session = step.prove();
    assert_eq!(step.input, step.vector.sides[0].then[..], "left to the connection");
    let mut connection = Connection::new(session.clone(), &Limits::default(), step.now).expect("compiled in");
    connection.handle_bytes(step.now, &mut step.input).expect("well-formed");
    let question = connection.poll_event().expect("a message");
    assert_eq!(question.port(), "");
    let message = question.frame.message().expect("decodes");
    let reply: PortId = "pytls#x".parse().expect("a port ID");
    assert!(
        matches!(NodeRequest::parse(message.clone()), Ok(NodeRequest::Time { reply: to, .. }) if to == reply),
        "{message:?}"
    );
    assert!(connection.poll_event().is_none() && step.input.is_empty());

    let answer = Frame::new(session.send, Bytes::from(step.vector.sides[1].then.clone()));
    assert_eq!(answer.check().expect("well-formed"), "x");
    let message = answer.message().expect("decodes");
    let time = matches!(message.values(), [Value::Float(seconds)] if (1.7e9..2e9).contains(seconds));
    assert!(time, "{message:?}");
}

macro_rules! recordings {
    ($($module:ident $name:literal,)*) => {
        $(
            mod $module {
                #[test]
                fn only_the_greeting_is_in_plain_text() {
                    super::only_the_greeting_is_in_plain_text($name);
                }

                #[test]
                fn the_nonces_give_the_roles() {
                    super::the_nonces_give_the_roles($name);
                }

                #[test]
                fn the_proofs_are_perls() {
                    super::the_proofs_are_perls($name);
                }

                #[test]
                fn the_messages_are_understood() {
                    super::the_messages_are_understood($name);
                }
            }
        )*
    };
}

recordings! {
    tls_peer_is_client_cbor "tls-peer_is_client-cbor",
    tls_peer_is_client_json "tls-peer_is_client-json",
    tls_peer_is_server_cbor "tls-peer_is_server-cbor",
    tls_peer_is_server_json "tls-peer_is_server-json",
}
