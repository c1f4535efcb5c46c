//! The checks that every transport passes `[TR-04]`.
//!
//! A transport of one's own runs them in a test, and is then known to carry a [`Driver`](crate::Driver):
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # fn main() {
//! use mp_transport::{MemoryNet, conformance::Suite};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # runtime.block_on(async {
//! let net = MemoryNet::new(1);
//! Suite { dialler: &net.host("a"), listener: &net.host("b"), host: "b" }.run().await;
//! # });
//! # }
//! # #[cfg(not(feature = "memory"))]
//! # fn main() {}
//! ```
//!
//! Each check is a method as well, and panics if the transport fails it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Addr, Listener, Pipe, Transport};

/// How long one check may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How much is sent each way where more than the buffers hold is wanted.
const FLOOD: usize = 8 * 1024 * 1024;

/// What is checked: a transport that dials and one that listens, which may be the same.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    /// Who dials.
    pub dialler: &'a dyn Transport,
    /// Who listens.
    pub listener: &'a dyn Transport,
    /// A host at which `listener` can listen on any free port, and which `dialler` reaches.
    pub host: &'a str,
}

/// Two ends of one pipe.
struct Joined {
    dialled: Pipe,
    accepted: Pipe,
}

impl Suite<'_> {
    /// Runs all checks, one after another.
    ///
    /// # Panics
    ///
    /// At the first check that fails or hangs; the message names it.
    pub async fn run(&self) {
        check("port 0 picks a port", self.port_0_picks_a_port()).await;
        check("addresses name both ends", self.addresses_name_both_ends()).await;
        check("bytes flow both ways at once", self.bytes_flow_both_ways_at_once()).await;
        check("each direction ends by itself", self.each_direction_ends_by_itself()).await;
        check("a dropped pipe is noticed", self.a_dropped_pipe_is_noticed()).await;
        check("nobody is refused", self.nobody_is_refused()).await;
        check("a used address is refused", self.a_used_address_is_refused()).await;
        check("many pipes live side by side", self.many_pipes_live_side_by_side()).await;
        check("accept can be cancelled", self.accept_can_be_cancelled()).await;
        check("pipes outlive their listener", self.pipes_outlive_their_listener()).await;
    }

    async fn listen(&self) -> Box<dyn Listener> {
        let any = Addr::new(self.host, 0).expect("the suite's host is a host");
        self.listener.listen(&any).await.expect("listening on a free port succeeds")
    }

    async fn joined(&self, listener: &mut dyn Listener) -> Joined {
        let at = listener.local_addr();
        let (dialled, accepted) = tokio::join!(self.dialler.dial(&at), listener.accept());
        let dialled = dialled.expect("dialling a listener succeeds");
        Joined { dialled, accepted: accepted.expect("a dialled pipe is accepted") }
    }

    /// Listening on port 0 picks a free port, another one each time, and tells which.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn port_0_picks_a_port(&self) {
        let (one, other) = (self.listen().await, self.listen().await);
        assert_ne!(one.local_addr().port(), 0, "the chosen port is told");
        assert_ne!(one.local_addr().port(), other.local_addr().port(), "a port is given once");
    }

    /// The ends of a pipe agree on their addresses: what is local to the one is the other's peer.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn addresses_name_both_ends(&self) {
        let mut listener = self.listen().await;
        let Joined { dialled, accepted } = self.joined(&mut *listener).await;
        assert_eq!(dialled.peer_addr().port(), listener.local_addr().port());
        assert_eq!(accepted.local_addr().port(), listener.local_addr().port());
        assert_eq!(accepted.peer_addr(), dialled.local_addr());
        assert_ne!(dialled.local_addr().port(), 0, "the dialling end has a port, too");
    }

    /// More bytes than any buffer holds go both ways at the same time, and arrive whole and in order.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn bytes_flow_both_ways_at_once(&self) {
        let Joined { mut dialled, mut accepted } = self.joined(&mut *self.listen().await).await;
        let (mut near_read, mut near_write) = tokio::io::split(&mut dialled);
        let (mut far_read, mut far_write) = tokio::io::split(&mut accepted);
        tokio::join!(
            send_pattern(&mut near_write, 1),
            send_pattern(&mut far_write, 2),
            expect_pattern(&mut near_read, 2),
            expect_pattern(&mut far_read, 1),
        );
    }

    /// After `shutdown` the peer reads what was sent, then the end; the other direction goes on.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn each_direction_ends_by_itself(&self) {
        let Joined { mut dialled, mut accepted } = self.joined(&mut *self.listen().await).await;
        dialled.write_all(b"question").await.expect("an open pipe takes bytes");
        dialled.shutdown().await.expect("an open pipe can be shut down");
        let mut text = String::new();
        accepted.read_to_string(&mut text).await.expect("the end is no error");
        assert_eq!(text, "question");
        let late = dialled.write_all(b"?").await;
        assert!(late.is_err(), "nothing can be written after shutdown");

        accepted.write_all(b"answer").await.expect("the other direction is open");
        accepted.shutdown().await.expect("the other direction can be shut down");
        let mut text = String::new();
        dialled.read_to_string(&mut text).await.expect("the end is no error");
        assert_eq!(text, "answer");
    }

    /// When one end is dropped, the other reads what was sent, then the end; and writing fails before long.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn a_dropped_pipe_is_noticed(&self) {
        let Joined { mut dialled, mut accepted } = self.joined(&mut *self.listen().await).await;
        dialled.write_all(b"farewell").await.expect("an open pipe takes bytes");
        drop(dialled);
        let mut text = String::new();
        accepted.read_to_string(&mut text).await.expect("the end is no error");
        assert_eq!(text, "farewell");
        // The first bytes may still find room on this side.
        let error = loop {
            if let Err(error) = accepted.write_all(&[0; 4096]).await {
                break error;
            }
        };
        let kinds =
            [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionAborted];
        assert!(kinds.contains(&error.kind()), "the pipe is broken: {error}");
    }

    /// Dialling where nobody listens, or nobody listens any more, is refused, with an error that names the address.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn nobody_is_refused(&self) {
        let listener = self.listen().await;
        let at = listener.local_addr();
        drop(listener);
        let error = self.dialler.dial(&at).await.expect_err("nobody listens there");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&at.to_string()), "the error names the address: {error}");
    }

    /// Two listeners cannot have one address; it is free again after the first.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn a_used_address_is_refused(&self) {
        let first = self.listen().await;
        let at = first.local_addr();
        let error = self.listener.listen(&at).await.expect_err("the address is used");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&at.to_string()), "the error names the address: {error}");
        drop(first);
        let again = self.listener.listen(&at).await.expect("the address is free again");
        assert_eq!(again.local_addr(), at);
    }

    /// Many pipes of one listener, each with its own bytes.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn many_pipes_live_side_by_side(&self) {
        let mut listener = self.listen().await;
        let mut pipes = Vec::new();
        for i in 0_u32..100 {
            let mut joined = self.joined(&mut *listener).await;
            joined.dialled.write_u32(i).await.expect("an open pipe takes bytes");
            pipes.push(joined);
        }
        for (i, joined) in (0_u32..).zip(&mut pipes) {
            assert_eq!(joined.accepted.read_u32().await.expect("what was sent arrives"), i);
            joined.accepted.write_u32(!i).await.expect("an open pipe takes bytes");
        }
        for (i, joined) in (0_u32..).zip(&mut pipes) {
            assert_eq!(joined.dialled.read_u32().await.expect("what was sent arrives"), !i);
        }
    }

    /// An `accept` that is dropped while it waits loses no pipe.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn accept_can_be_cancelled(&self) {
        let mut listener = self.listen().await;
        let waited = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
        assert!(waited.is_err(), "nobody has dialled yet");
        let Joined { mut dialled, mut accepted } = self.joined(&mut *listener).await;
        dialled.write_u8(7).await.expect("an open pipe takes bytes");
        assert_eq!(accepted.read_u8().await.expect("what was sent arrives"), 7);
    }

    /// Dropping a listener leaves its pipes alone.
    ///
    /// # Panics
    ///
    /// If the transport fails the check.
    pub async fn pipes_outlive_their_listener(&self) {
        let mut listener = self.listen().await;
        let Joined { mut dialled, mut accepted } = self.joined(&mut *listener).await;
        drop(listener);
        accepted.write_u8(7).await.expect("an open pipe takes bytes");
        assert_eq!(dialled.read_u8().await.expect("what was sent arrives"), 7);
    }
}

async fn check(name: &str, check: impl Future<Output = ()>) {
    let outcome = tokio::time::timeout(PATIENCE, Box::pin(check)).await;
    assert!(outcome.is_ok(), "{name}: nothing happens any more");
}

/// A sequence of bytes in which nothing can be lost, doubled or moved unnoticed.
fn pattern(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
}

async fn send_pattern(to: &mut (impl AsyncWriteExt + Unpin), seed: u64) {
    let mut bytes = pattern(seed);
    // Odd sizes, so that pieces and buffers never line up.
    for size in (1..).map(|i| i * 977 % 65_537).scan(FLOOD, take_from) {
        let piece: Vec<u8> = bytes.by_ref().take(size).collect();
        to.write_all(&piece).await.expect("an open pipe takes bytes");
    }
}

async fn expect_pattern(from: &mut (impl AsyncReadExt + Unpin), seed: u64) {
    let mut bytes = pattern(seed);
    let mut piece = Vec::new();
    for size in (1..).map(|i| i * 1_223 % 32_771).scan(FLOOD, take_from) {
        piece.resize(size, 0);
        from.read_exact(&mut piece).await.expect("what was sent arrives");
        assert!(bytes.by_ref().take(size).eq(piece.iter().copied()), "bytes arrive whole and in order");
    }
}

/// The next piece of what is left, until nothing is.
fn take_from(left: &mut usize, size: usize) -> Option<usize> {
    let size = size.min(*left);
    *left -= size;
    if size == 0 { None } else { Some(size) }
}
