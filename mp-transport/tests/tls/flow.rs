//! A driver over a pipe with TLS.

use std::convert::Infallible;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use mp_proto::{Protocol, TlsRole};
use mp_transport::tls::upgrade;
use mp_transport::{Addr, Driver, MemoryNet, Pipe, Tcp, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::config;

/// Sends `left` bytes of a pattern and wants as many of it; an event when it has them.
struct Pour {
    seed: u64,
    left: u64,
    sent: u64,
    wanted: u64,
    heard: u64,
    told: bool,
}

fn pattern(seed: u64, at: u64) -> u8 {
    (seed.wrapping_add(at).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56).try_into().unwrap()
}

impl Pour {
    fn new(seed: u64, len: u64) -> Self {
        Self { seed, left: len, sent: 0, wanted: len, heard: 0, told: false }
    }
}

impl Protocol for Pour {
    type Event = ();
    type Error = Infallible;

    fn handle_bytes(&mut self, _: Instant, input: &mut BytesMut) -> Result<(), Infallible> {
        for byte in input.iter() {
            assert_eq!(*byte, pattern(1 - self.seed, self.heard), "byte {}", self.heard);
            self.heard += 1;
        }
        input.advance(input.len());
        Ok(())
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Infallible> {
        assert_eq!(self.heard, self.wanted, "the peer ended early");
        Ok(())
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Infallible> {
        Ok(())
    }

    fn poll_transmit(&mut self, _: Instant, out: &mut BytesMut) -> bool {
        let piece = self.left.min(50_000);
        for at in self.sent..self.sent + piece {
            out.extend_from_slice(&[pattern(self.seed, at)]);
        }
        self.sent += piece;
        self.left -= piece;
        piece > 0
    }

    fn poll_event(&mut self) -> Option<()> {
        let done = self.heard == self.wanted && self.left == 0 && !self.told;
        self.told |= done;
        done.then_some(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

async fn dialled(transport: &dyn Transport, listening: &dyn Transport, at: &str) -> (Pipe, Pipe) {
    let mut listener = listening.listen(&at.parse().unwrap()).await.unwrap();
    let at = listener.local_addr();
    let (near, far) = tokio::join!(transport.dial(&at), listener.accept());
    (near.unwrap(), far.unwrap())
}

/// Starts TLS where a driver has read a greeting and more, as a node does, and pours `len` bytes both ways at once.
async fn pour(near: Pipe, far: Pipe, len: u64) {
    let side = |mut pipe: Pipe, role: TlsRole, seed: u64| async move {
        pipe.write_all(b"greeting\n").await.unwrap();
        pipe.flush().await.unwrap();
        // What was read too far belongs to TLS.
        let mut read = BytesMut::new();
        while !read.contains(&b'\n') {
            pipe.read_buf(&mut read).await.unwrap();
        }
        read.advance(b"greeting\n".len());
        let secured = upgrade(pipe.with_unread(read.freeze()), role, &config("ec-p256")).await.unwrap();
        let mut driver = Driver::new(secured.pipe);
        let mut pour = Pour::new(seed, len);
        driver.next(&mut pour).await.unwrap();
        let late = mp_transport::clock::now() + std::time::Duration::from_secs(60);
        driver.finish(&mut pour, late).await.unwrap();
    };
    tokio::join!(side(near, TlsRole::Client, 0), side(far, TlsRole::Server, 1));
}

/// [TLS-12]: both send more than any buffer holds, at the same time.
#[tokio::test]
async fn full_duplex_over_tcp() {
    let tcp = Tcp::default();
    let (near, far) = dialled(&tcp, &tcp, "127.0.0.1:0").await;
    pour(near, far, 12_000_000).await;
}

/// [TLS-12]
#[tokio::test]
async fn full_duplex_in_memory() {
    let net = MemoryNet::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let mut listener = b.listen(&Addr::new("b", 0).unwrap()).await.unwrap();
    let at = listener.local_addr();
    let (near, far) = tokio::join!(a.dial(&at), listener.accept());
    pour(near.unwrap(), far.unwrap(), 3_000_000).await;
}

/// [TLS-12]: a single byte is not held back.
#[tokio::test]
async fn little_leaves_at_once() {
    let (near, far) = super::pipes();
    tokio::time::timeout(std::time::Duration::from_secs(60), pour(near, far, 1)).await.unwrap();
}

/// [TLS-13] [TLS-17]: what has come is read to its end before the stream's end is told, or before an error is, however much of
/// it is read at once.
#[tokio::test]
async fn what_has_come_is_read_before_the_end_or_an_error() {
    const LEN: usize = 100_000;
    // A record of TLS 1.3 as far as its head goes.
    let nonsense = [&[0x17, 3, 3, 0, 32][..], &[7; 32]].concat();
    for behind in [&[][..], &nonsense] {
        let here = Addr::new("here", 1).unwrap();
        let ((near, near_wire), (far, far_wire)) = (tokio::io::duplex(1 << 20), tokio::io::duplex(1 << 20));
        let pipe = |stream| Pipe::new(stream, here.clone(), here.clone());
        let middle = async {
            let ((mut from, mut back), (mut home, mut to)) =
                (tokio::io::split(near_wire), tokio::io::split(far_wire));
            let there = async {
                tokio::io::copy(&mut from, &mut to).await.unwrap();
                to.write_all(behind).await.unwrap();
                to.shutdown().await.unwrap();
            };
            // The way back ends with the client.
            tokio::select! {
                () = there => {}
                _ = tokio::io::copy(&mut home, &mut back) => unreachable!("the server waits"),
            }
        };
        let client = async {
            let mut secured = upgrade(pipe(near), TlsRole::Client, &config("ec-p256")).await.unwrap();
            secured.pipe.write_all(&[5; LEN]).await.unwrap();
            secured.pipe.flush().await.unwrap();
        };
        let config = config("ec-p256");
        let (secured, (), ()) = tokio::join!(upgrade(pipe(far), TlsRole::Server, &config), client, middle);
        let mut pipe = secured.unwrap().pipe;
        let (mut got, mut reads) = (BytesMut::with_capacity(2 * LEN), 0);
        let end = loop {
            match pipe.read_buf(&mut got).await {
                Ok(0) => break None,
                Ok(_) => reads += 1,
                Err(error) => break Some(error.kind()),
            }
        };
        assert!(got.len() == LEN && got.iter().all(|byte| *byte == 5), "{}", got.len());
        assert_eq!(end, (!behind.is_empty()).then_some(std::io::ErrorKind::InvalidData));
        assert!(reads <= 4, "several records at a time: {reads} reads");
    }
}
