//! What the network in memory does to pipes, under a paused clock.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod buffers;
mod death;
mod latency;
mod law;
mod partition;

use std::time::{Duration, Instant};

use mp_transport::{Addr, Listener, MemoryNet, Pipe, Transport, clock};
use tokio::io::AsyncReadExt;

/// Two hosts, `a` and `b`; `b` listens.
struct Pair {
    net: MemoryNet,
    listener: Box<dyn Listener>,
    start: Instant,
}

impl Pair {
    async fn new(seed: u64) -> Self {
        let net = MemoryNet::new(seed);
        let listener = net.host("b").listen(&addr("b:4040")).await.unwrap();
        drop(net.host("a"));
        Self { net, listener, start: clock::now() }
    }

    /// A pipe: the end at `a`, which dialled, and the end at `b`.
    async fn pipe(&mut self) -> (Pipe, Pipe) {
        let a = self.net.host("a");
        let at = addr("b:4040");
        let (dialled, accepted) = tokio::join!(a.dial(&at), self.listener.accept());
        (dialled.unwrap(), accepted.unwrap())
    }

    /// Milliseconds since the test began.
    fn now(&self) -> u128 {
        (clock::now() - self.start).as_millis()
    }
}

fn addr(text: &str) -> Addr {
    text.parse().unwrap()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn wait(millis: u64) {
    clock::sleep_until(clock::now() + ms(millis)).await;
}

/// Whether nothing can be read for an hour.
async fn is_silent(pipe: &mut Pipe) -> bool {
    tokio::time::timeout(ms(3_600_000), pipe.read_u8()).await.is_err()
}

/// The next `len` bytes as text.
async fn text(pipe: &mut Pipe, len: usize) -> String {
    let mut bytes = vec![0; len];
    pipe.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}
