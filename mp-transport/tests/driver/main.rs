//! The driver, with toy protocols over pipes in memory.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod cancel;
mod end;
mod flow;
mod sequence;
mod time;
mod toy;
mod turns;

use mp_transport::{Addr, DriveError, Driver, MemoryNet, Pipe, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use toy::{Heard, Lines, Nonsense};

/// A driver at host `a`, and the other end of its pipe, at host `b`.
struct Stage {
    net: MemoryNet,
    driver: Driver,
    peer: Pipe,
}

impl Stage {
    async fn new() -> Self {
        let net = MemoryNet::new(1);
        let (near, far) = pipe(&net).await;
        Self { net, driver: Driver::new(near), peer: far }
    }

    /// The peer says this.
    async fn says(&mut self, text: &str) {
        self.peer.write_all(text.as_bytes()).await.unwrap();
    }

    /// The peer hears this.
    async fn hears(&mut self, text: &str) {
        let mut bytes = vec![0; text.len()];
        self.peer.read_exact(&mut bytes).await.unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }

    async fn next(&mut self, lines: &mut Lines) -> Result<Heard, DriveError<Nonsense>> {
        self.driver.next(lines).await
    }

    /// Carries the conversation on for so long, in which nothing is told.
    async fn idle(&mut self, lines: &mut Lines, millis: u64) {
        let idle = std::time::Duration::from_millis(millis);
        let told = tokio::time::timeout(idle, self.driver.next(lines)).await;
        assert!(told.is_err(), "nothing should be told: {told:?}");
    }
}

async fn pipe(net: &MemoryNet) -> (Pipe, Pipe) {
    let (a, b) = (net.host("a"), net.host("b"));
    let mut listener = b.listen(&Addr::new("b", 0).unwrap()).await.unwrap();
    let at = listener.local_addr();
    let (near, far) = tokio::join!(a.dial(&at), listener.accept());
    (near.unwrap(), far.unwrap())
}

fn line(text: &str) -> Heard {
    Heard::Line(text.to_owned())
}
