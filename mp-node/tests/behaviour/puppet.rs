//! A peer that does what the test says, byte by byte if need be: of our own kind, or as Perl's are.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use mp_node::memory::MemoryNet;
use mp_node::{Framing, Limits, Message, NodeId};
use mp_proto::{
    Connection, ConnectionError, Frame, Greeting, Handshake, HandshakeConfig, HandshakeError, HandshakeEvent,
    Incoming, InstanceId, Nonce, Protocol, Secret, Session, Side,
};
use mp_transport::{DriveError, Driver, Transport, clock};
use serde::Serialize;

use crate::net::{SECRET, within};

/// What a puppet says that it is.
#[derive(Clone)]
pub(crate) enum Kind {
    /// A node of our own kind, in this life.
    Ours(u128),
    /// The same, one that takes no messages in pieces, and none for many ports.
    Whole(u128),
    /// Perl's kind.
    Perl,
}

/// A puppet in its handshake.
pub(crate) struct Shaking {
    pub(crate) driver: Driver,
    pub(crate) handshake: Handshake,
}

/// A puppet with a connection. It reads and writes only when told to.
pub(crate) struct Puppet {
    driver: Driver,
    wire: Wire,
}

struct Wire {
    connection: Connection,
    framing: Framing,
    out: BytesMut,
}

/// Begins to shake hands with the node on the host `to`.
pub(crate) async fn dial(net: &MemoryNet, name: &str, to: &str, kind: &Kind) -> Shaking {
    dial_with(net, name, to, kind, SECRET).await
}

pub(crate) async fn dial_with(net: &MemoryNet, name: &str, to: &str, kind: &Kind, secret: &str) -> Shaking {
    let pipe =
        net.host(name).dial(&format!("{to}:1").parse().expect("valid")).await.expect("somebody listens");
    shake(pipe, name, kind, secret, Side::Dialled)
}

/// Listens at `<name>:1` for one connection and begins to shake hands.
pub(crate) async fn accept(net: &MemoryNet, name: &str, kind: &Kind) -> Shaking {
    let mut listener =
        net.host(name).listen(&format!("{name}:1").parse().expect("valid")).await.expect("free");
    shake(listener.accept().await.expect("somebody dials"), name, kind, SECRET, Side::Accepted)
}

pub(crate) fn shake(pipe: mp_transport::Pipe, name: &str, kind: &Kind, secret: &str, side: Side) -> Shaking {
    let node = NodeId::new(name).expect("valid");
    let secret = Some(Secret::from_text(secret).expect("valid"));
    let life = if let Kind::Ours(life) | Kind::Whole(life) = kind { *life } else { 0 };
    let mut config = HandshakeConfig::new(node, InstanceId(life), secret, &Limits::default());
    let greeting = match kind {
        Kind::Ours(_) => Greeting::own(&config, ""),
        Kind::Whole(_) => {
            let line = String::from_utf8(Greeting::own(&config, "").to_line()).expect("ASCII");
            Greeting::parse(line.replace(";pieces=1;many=1", "").as_bytes()).expect("valid")
        }
        Kind::Perl => {
            config.framings = vec![Framing::Json];
            let line =
                format!("aemp;1;{name};tls_sha3_512,hmac_sha3_512;json;provider=AE-2.01;mproto=1;gproto=1");
            Greeting::parse(line.as_bytes()).expect("valid")
        }
    };
    let nonce = Nonce::new(std::array::from_fn(|index| {
        u8::try_from(index).unwrap().wrapping_mul(7).wrapping_add(clock_byte())
    }));
    let handshake = Handshake::with_greeting(Arc::new(config), side, nonce, &greeting, clock::now());
    Shaking { driver: Driver::new(pipe), handshake }
}

/// Something that differs from one handshake to the next.
fn clock_byte() -> u8 {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Shaking {
    pub(crate) async fn event(&mut self) -> Result<HandshakeEvent, DriveError<HandshakeError>> {
        within(self.driver.next(&mut self.handshake)).await
    }

    /// Goes on until both proofs are verified.
    pub(crate) async fn authenticated(mut self) -> Self {
        while !matches!(self.event().await.expect("goes well"), HandshakeEvent::Authenticated { .. }) {}
        self
    }

    /// Goes on to the end; decides for it, if that is for it to do.
    pub(crate) async fn established(mut self) -> Puppet {
        loop {
            self.handshake.admit();
            match self.event().await.expect("goes well") {
                HandshakeEvent::Established(session) => return self.connected(session).await,
                HandshakeEvent::PeerGreeted { .. } | HandshakeEvent::Authenticated { .. } => {}
                HandshakeEvent::StartTls { .. } => unreachable!("puppets have no certificates"),
            }
        }
    }

    async fn connected(mut self, session: Session) -> Puppet {
        self.driver
            .flush(&mut self.handshake, clock::now() + mp_transport::driver::LAST_WORDS)
            .await
            .expect("writes");
        let framing = session.send;
        let connection = Connection::new(session, &Limits::default(), clock::now()).expect("compiled in");
        Puppet { driver: self.driver, wire: Wire { connection, framing, out: BytesMut::new() } }
    }
}

impl Puppet {
    /// Puts a message among what is written next.
    pub(crate) fn say<M: Serialize>(&mut self, port: &str, message: M) {
        Frame::write(self.wire.framing, port, &message, None, usize::MAX, &mut self.wire.out)
            .expect("encodes");
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) {
        self.wire.out.extend_from_slice(bytes);
    }

    /// Writes, without reading.
    pub(crate) async fn flush(&mut self) {
        let late = clock::now() + std::time::Duration::from_secs(600);
        self.driver.flush(&mut self.wire, late).await.expect("writes");
    }

    /// Says something and writes it.
    pub(crate) async fn send<M: Serialize>(&mut self, port: &str, message: M) {
        self.say(port, message);
        self.flush().await;
    }

    /// The next message that is not just a sign of life.
    pub(crate) async fn recv(&mut self) -> Result<(String, Message), String> {
        match within(self.driver.next(&mut self.wire)).await {
            Ok(incoming) => Ok((incoming.port().to_owned(), incoming.frame.message().expect("readable"))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The next message, as JSON with the port's name first.
    pub(crate) async fn hears(&mut self) -> String {
        let (port, message) = self.recv().await.expect("connected");
        format!("{port:?} {message}")
    }

    /// Reads on until the connection ends; why.
    pub(crate) async fn end(&mut self) -> String {
        loop {
            if let Err(why) = self.recv().await {
                return why;
            }
        }
    }
}

impl Protocol for Wire {
    type Event = Incoming;
    type Error = ConnectionError;

    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), ConnectionError> {
        self.connection.handle_bytes(now, input)
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.connection.handle_eof(now)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.connection.handle_timeout(now)
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        let some = !self.out.is_empty();
        out.extend_from_slice(&self.out.split());
        self.connection.poll_transmit(now, out) || some
    }

    fn poll_event(&mut self) -> Option<Incoming> {
        self.connection.poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout()
    }
}
