//! One who stands between two nodes.

use std::io;
use std::sync::{Arc, Mutex};

use mp_node::{Addr, Node};
use mp_proto::TlsRole;
use mp_transport::tls::{TlsError, upgrade};
use mp_transport::{Pipe, Tcp, TlsConfig, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Listens, and carries what comes to a node and back.
pub(crate) struct Relay {
    /// Where to dial it.
    pub(crate) at: Addr,
    seen: Arc<Mutex<[Vec<u8>; 2]>>,
    ended: tokio::sync::oneshot::Receiver<Result<(), TlsError>>,
}

impl Relay {
    /// Looks at all that it carries.
    pub(crate) async fn looking(to: &Node) -> Self {
        Self::new(to, Manner::Look).await
    }

    /// Takes TLS out of both greetings, and carries the rest.
    pub(crate) async fn stripping(to: &Node) -> Self {
        Self::new(to, Manner::Strip).await
    }

    /// Carries the greetings as they are, and has TLS with either side, with this certificate of its own.
    pub(crate) async fn within(to: &Node, cert: &str) -> Self {
        Self::new(to, Manner::Within(TlsConfig::from_pem(cert).expect("a certificate"))).await
    }

    async fn new(to: &Node, manner: Manner) -> Self {
        let tcp = Tcp::default();
        let mut listener = tcp.listen(&"127.0.0.1:0".parse().expect("an address")).await.expect("listens");
        let (at, to) = (listener.local_addr(), to.addresses()[0].clone());
        let seen = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
        let log = Arc::clone(&seen);
        let (done, ended) = tokio::sync::oneshot::channel();
        let task = async move {
            let near = listener.accept().await.expect("accepts");
            let far = tcp.dial(&to).await.expect("dials");
            let outcome = match manner {
                Manner::Look => carry(near, far, &log).await.map_err(TlsError::Io),
                Manner::Strip => strip(near, far, &log).await.map_err(TlsError::Io),
                Manner::Within(cert) => stand_between(near, far, &cert, &log).await,
            };
            drop(done.send(outcome));
        };
        #[expect(clippy::disallowed_methods, reason = "it belongs to no node, and ends with the test")]
        tokio::spawn(task);
        Self { at, seen, ended }
    }

    /// What the dialling side has said, and the other one.
    pub(crate) fn seen(&self) -> [Vec<u8>; 2] {
        self.seen.lock().expect("no panic").clone()
    }

    /// How it ended, once both sides have.
    pub(crate) async fn ended(self) -> Result<(), TlsError> {
        self.ended.await.expect("it says so")
    }
}

/// What it does to a connection.
enum Manner {
    Look,
    Strip,
    Within(TlsConfig),
}

type Log = Arc<Mutex<[Vec<u8>; 2]>>;

async fn carry(near: Pipe, far: Pipe, log: &Log) -> io::Result<()> {
    let (mut from_near, mut to_near) = tokio::io::split(near);
    let (mut from_far, mut to_far) = tokio::io::split(far);
    let there = async {
        let mut buffer = [0; 4096];
        loop {
            let len = from_near.read(&mut buffer).await?;
            log.lock().expect("no panic")[0].extend_from_slice(&buffer[..len]);
            if len == 0 {
                return to_far.shutdown().await;
            }
            to_far.write_all(&buffer[..len]).await?;
            to_far.flush().await?;
        }
    };
    let back = async {
        let mut buffer = [0; 4096];
        loop {
            let len = from_far.read(&mut buffer).await?;
            log.lock().expect("no panic")[1].extend_from_slice(&buffer[..len]);
            if len == 0 {
                return to_near.shutdown().await;
            }
            to_near.write_all(&buffer[..len]).await?;
            to_near.flush().await?;
        }
    };
    tokio::try_join!(there, back).map(|_| ())
}

/// Both lines of a greeting.
async fn greeting(pipe: &mut Pipe) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    while lines.iter().filter(|byte| **byte == b'\n').count() < 2 {
        lines.push(pipe.read_u8().await?);
    }
    Ok(lines)
}

/// Neither side is told that the other one can have TLS.
async fn strip(mut near: Pipe, mut far: Pipe, log: &Log) -> io::Result<()> {
    let lines = [greeting(&mut near).await?, greeting(&mut far).await?];
    for (pipe, lines) in [(&mut far, &lines[0]), (&mut near, &lines[1])] {
        let lines = String::from_utf8(lines.clone()).expect("ASCII");
        assert!(lines.contains(";tls=1.0;bind="), "{lines}");
        let plain = lines.replace(";tls=1.0", "").replace(";bind=hmac", "").replace(";bind=hash", "");
        pipe.write_all(plain.as_bytes()).await?;
        pipe.flush().await?;
    }
    carry(near, far, log).await
}

async fn stand_between(mut near: Pipe, mut far: Pipe, cert: &TlsConfig, log: &Log) -> Result<(), TlsError> {
    let lines = [greeting(&mut near).await, greeting(&mut far).await].map(|lines| lines.expect("a greeting"));
    for (pipe, lines) in [(&mut far, &lines[0]), (&mut near, &lines[1])] {
        pipe.write_all(lines).await.map_err(TlsError::Io)?;
        pipe.flush().await.map_err(TlsError::Io)?;
    }
    let nonces = lines.each_ref().map(|lines| lines.split(|byte| *byte == b'\n').nth(1).expect("two lines"));
    let (to_near, to_far) = if nonces[0] < nonces[1] {
        (TlsRole::Server, TlsRole::Client)
    } else {
        (TlsRole::Client, TlsRole::Server)
    };
    let (near, far) = tokio::join!(upgrade(near, to_near, cert), upgrade(far, to_far, cert));
    carry(near?.pipe, far?.pipe, log).await.map_err(TlsError::Io)
}
