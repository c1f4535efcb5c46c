//! Two handshakes and the wires between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mp_proto::{
    Greeting, Handshake, HandshakeConfig, HandshakeError, HandshakeEvent, InstanceId, Limits, NodeId, Nonce,
    Protocol, Secret, Session, Side, TlsBinding, TlsRole,
};

/// What all tests' clocks begin with.
#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("a valid name")
}

pub(crate) fn secret() -> Option<Secret> {
    Secret::from_text("s3kr1t").ok()
}

/// The configuration of a node whose instance is made from its name.
pub(crate) fn config(name: &str) -> HandshakeConfig {
    let instance = name.bytes().fold(1, |sum, byte| sum * 256 + u128::from(byte));
    HandshakeConfig::new(node(name), InstanceId(instance), secret(), &Limits::default())
}

pub(crate) fn nonce(number: u8) -> Nonce {
    Nonce::new([number; Nonce::LEN])
}

pub(crate) const PERL: &str = "aemp;1;perl;tls_sha3_512,hmac_sha3_512,tls_anon,cleartext;cbor,json,storable\
    ;provider=AE-2.01;gproto=1;peeraddr=127.0.0.1:4040;mproto=1";

/// A handshake that plays a Perl node called `perl`.
pub(crate) fn perl() -> Handshake {
    let greeting = Greeting::parse(PERL.as_bytes()).expect("a recorded greeting");
    Handshake::with_greeting(Arc::new(config("perl")), Side::Dialled, nonce(99), &greeting, start())
}

/// One side, with all that it sent, heard and was told.
pub(crate) struct End {
    pub(crate) handshake: Handshake,
    pub(crate) input: BytesMut,
    /// All bytes that it has sent.
    pub(crate) sent: Vec<u8>,
    delivered: usize,
    pub(crate) events: Vec<HandshakeEvent>,
    pub(crate) error: Option<HandshakeError>,
    /// Whether `admit` is called when the time has come.
    pub(crate) admits: bool,
    /// What TLS exports when it is started; `None` leaves it to the test to start it.
    pub(crate) exports: Option<[u8; TlsBinding::LEN]>,
}

impl End {
    pub(crate) fn new(handshake: Handshake) -> Self {
        let input = BytesMut::new();
        let mut end = Self {
            handshake,
            input,
            sent: vec![],
            delivered: 0,
            events: vec![],
            error: None,
            admits: true,
            exports: Some([7; TlsBinding::LEN]),
        };
        end.poll(start());
        end
    }

    /// Drains what the handshake has to say.
    pub(crate) fn poll(&mut self, now: Instant) {
        while let Some(event) = self.handshake.poll_event() {
            let asked = matches!(event, HandshakeEvent::Authenticated { decider: true, .. });
            let tls = matches!(event, HandshakeEvent::StartTls { .. });
            self.events.push(event);
            if let Some(exported) = self.exports.filter(|_| tls) {
                assert!(self.handshake.tls_started(TlsBinding::new(exported)), "after StartTls");
                // What follows the greeting was left by the handshake, as it might have been TLS.
                self.error = self.handshake.handle_bytes(now, &mut self.input).err();
            }
            if asked && self.admits {
                assert!(self.handshake.admit(), "admit after Authenticated with decider");
            }
        }
        let mut out = BytesMut::new();
        if self.handshake.poll_transmit(now, &mut out) {
            self.sent.extend_from_slice(&out);
        }
    }

    pub(crate) fn hear(&mut self, now: Instant, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        self.input.extend_from_slice(bytes);
        self.error = self.handshake.handle_bytes(now, &mut self.input).err();
        self.poll(now);
    }

    pub(crate) fn hear_eof(&mut self) {
        self.error = self.error.take().or(self.handshake.handle_eof(start()).err());
    }

    /// The next bytes, at most `max`, that it has sent and the other side has not got.
    pub(crate) fn unsent(&mut self, max: usize) -> Vec<u8> {
        let bytes: Vec<u8> = self.sent.iter().skip(self.delivered).take(max).copied().collect();
        self.delivered += bytes.len();
        bytes
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        std::str::from_utf8(&self.sent).expect("greetings are ASCII").lines().collect()
    }

    /// Which part TLS gave it.
    pub(crate) fn role(&self) -> Option<TlsRole> {
        self.events.iter().find_map(|event| match event {
            HandshakeEvent::StartTls { role } => Some(*role),
            _ => None,
        })
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.events.iter().find_map(|event| match event {
            HandshakeEvent::Established(session) => Some(session),
            _ => None,
        })
    }
}

/// Two sides.
pub(crate) struct Pair {
    pub(crate) a: End,
    pub(crate) b: End,
    pub(crate) now: Instant,
}

impl Pair {
    pub(crate) fn new(a: Handshake, b: Handshake) -> Self {
        Self { a: End::new(a), b: End::new(b), now: start() }
    }

    /// `a` dials `b`.
    pub(crate) fn of(a: HandshakeConfig, b: HandshakeConfig) -> Self {
        let begin = |config, side, number| {
            Handshake::new(Arc::new(config), side, nonce(number), "127.0.0.1:4040", start())
        };
        Self::new(begin(a, Side::Dialled, 1), begin(b, Side::Accepted, 2))
    }

    /// Carries bytes in pieces of at most `max` until both sides are still. If one fails, the other hears the end.
    pub(crate) fn run(&mut self, max: usize) -> &mut Self {
        loop {
            let (to_b, to_a) = (self.a.unsent(max), self.b.unsent(max));
            if to_a.is_empty() && to_b.is_empty() {
                break;
            }
            if !to_b.is_empty() {
                self.b.hear(self.now, &to_b);
            }
            if !to_a.is_empty() {
                self.a.hear(self.now, &to_a);
            }
        }
        if self.a.error.is_some() && self.b.session().is_none() {
            self.b.hear_eof();
        }
        if self.b.error.is_some() && self.a.session().is_none() {
            self.a.hear_eof();
        }
        self
    }

    pub(crate) fn both_established(&self) -> bool {
        self.a.session().is_some() && self.b.session().is_some()
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
    }
}
