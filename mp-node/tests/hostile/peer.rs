//! Peers that do what they are told: strangers with a socket, and members who know the secret.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use mp_node::{Addr, Framing, Limits, NodeId};
use mp_proto::{
    Frame, Greeting, Handshake, HandshakeConfig, HandshakeEvent, InstanceId, Nonce, Secret, Side,
};
use mp_transport::{Driver, Pipe, Tcp, Transport, clock};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::honest::soon;
use super::victim::SECRET;

/// A socket, connected.
pub(crate) async fn stranger(addr: &Addr) -> TcpStream {
    soon(TcpStream::connect((addr.host(), addr.port()))).await.expect("somebody listens")
}

/// Reads to the end; what came.
pub(crate) async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    drop(soon(stream.read_to_end(&mut all)).await);
    all
}

/// The two lines that a node greets with.
pub(crate) async fn lines(stream: &mut TcpStream) -> Vec<u8> {
    let mut lines = Vec::new();
    while lines.iter().filter(|&&byte| byte == b'\n').count() < 2 {
        assert!(soon(stream.read_buf(&mut lines)).await.expect("open") > 0, "closed in its greeting");
    }
    lines
}

/// A peer with the secret, of another kind than ours unless it says in which life it is.
pub(crate) struct Member {
    writer: WriteHalf<Pipe>,
    framing: Framing,
    out: BytesMut,
    heard: Arc<Heard>,
    reading: Option<JoinHandle<()>>,
    /// Who does not read holds this.
    _reader: Option<ReadHalf<Pipe>>,
}

/// What a member has read.
#[derive(Default)]
struct Heard {
    /// The last of it.
    tail: Mutex<Vec<u8>>,
    more: Notify,
}

/// How much is kept of what a member has read.
const TAIL: usize = 64 * 1024;

impl Member {
    /// One that writes and reads this framing.
    pub(crate) async fn join(addr: &Addr, name: &str, framing: Framing) -> Self {
        // One of the same name may just be on its way out.
        for _ in 0..100 {
            if let Ok(member) = Self::try_join(addr, name, framing, None, SECRET).await {
                return member;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} is not let in");
    }

    /// One that never reads.
    pub(crate) async fn join_deaf(addr: &Addr, name: &str, framing: Framing) -> Self {
        for _ in 0..100 {
            if let Ok((pipe, _)) = shake(addr, name, framing, None, SECRET).await {
                let (reader, writer) = tokio::io::split(pipe);
                let (out, heard) = (BytesMut::new(), Arc::default());
                return Self { writer, framing, out, heard, reading: None, _reader: Some(reader) };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} is not let in");
    }

    pub(crate) async fn try_join(
        addr: &Addr,
        name: &str,
        framing: Framing,
        life: Option<u128>,
        secret: &str,
    ) -> Result<Self, String> {
        let (pipe, input) = shake(addr, name, framing, life, secret).await?;
        let (mut reader, writer) = tokio::io::split(pipe);
        let heard = Arc::new(Heard { tail: Mutex::new(input.to_vec()), more: Notify::new() });
        let hears = Arc::clone(&heard);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; TAIL];
            while let Ok(len @ 1..) = reader.read(&mut buffer).await {
                let mut tail = hears.tail.lock().unwrap();
                tail.extend_from_slice(&buffer[..len]);
                let surplus = tail.len().saturating_sub(TAIL);
                tail.drain(..surplus);
                hears.more.notify_one();
            }
        });
        Ok(Self { writer, framing, out: BytesMut::new(), heard, reading: Some(reading), _reader: None })
    }

    /// Puts a message among what is written next.
    pub(crate) fn say<M: Serialize>(&mut self, port: &str, message: M) {
        Frame::write(self.framing, port, &message, None, usize::MAX, &mut self.out).expect("encodes");
    }

    /// How much is to be written next.
    pub(crate) fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Writes. An error says that the connection has ended.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let out = self.out.split();
        self.write(&out).await
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        soon(self.writer.write_all(bytes)).await
    }

    /// Waits until the connection has ended.
    pub(crate) async fn end(&mut self) {
        if let Some(reading) = self.reading.take() {
            soon(reading).await.expect("it reads");
        }
    }

    /// Whether the connection has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.reading.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until this text has come.
    pub(crate) async fn hears(&mut self, text: &str) {
        let has = |tail: &[u8]| tail.windows(text.len()).any(|window| window == text.as_bytes());
        while !has(&self.heard.tail.lock().unwrap()) {
            assert!(!self.has_ended(), "closed before {text:?} came");
            drop(tokio::time::timeout(Duration::from_millis(100), self.heard.more.notified()).await);
        }
    }
}

async fn shake(
    addr: &Addr,
    name: &str,
    framing: Framing,
    life: Option<u128>,
    secret: &str,
) -> Result<(Pipe, BytesMut), String> {
    static NONCES: AtomicU64 = AtomicU64::new(1);
    let node = NodeId::new(name).expect("valid");
    let secret = Some(Secret::from_text(secret).expect("valid"));
    let mut config =
        HandshakeConfig::new(node, InstanceId(life.unwrap_or_default()), secret, &Limits::default());
    config.framings = vec![framing];
    let greeting = match life {
        Some(_) => Greeting::own(&config, ""),
        None => Greeting::parse(format!("aemp;1;{name};hmac_sha3_512;{framing}").as_bytes()).expect("valid"),
    };
    let mut nonce = [0; Nonce::LEN];
    nonce[..8].copy_from_slice(&NONCES.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let mut handshake =
        Handshake::with_greeting(Arc::new(config), Side::Dialled, Nonce::new(nonce), &greeting, clock::now());
    let mut driver = Driver::new(soon(Tcp::default().dial(addr)).await.expect("somebody listens"));
    loop {
        handshake.admit();
        match soon(driver.next(&mut handshake)).await {
            Ok(HandshakeEvent::Established(_)) => break,
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    let late = clock::now() + Duration::from_secs(5);
    driver.flush(&mut handshake, late).await.map_err(|error| error.to_string())?;
    let parts = driver.into_parts();
    Ok((parts.pipe, parts.input))
}
