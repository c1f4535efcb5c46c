//! What a node has counted, and how it stands now.
//!
//! Counting costs a few additions for each batch of messages, and no lock: see [`figures`]. What is only looked at now
//! and then (queues, mailboxes) is asked when somebody looks.

mod connection;
mod failure;
pub(crate) mod figures;
mod ports;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mp_transport::clock;

pub use self::connection::ConnectionInfo;
pub use self::failure::{HandshakeFailure, HandshakeFailures};
pub use self::ports::{Mailboxes, PortCursor, PortInfo, PortsPage};
use crate::Node;

/// Counters of a node since its start, and its state now `[SV-02]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// Messages that no receiver understood: without a handler, or not of the type that was asked for.
    pub dead_letters: u64,
    /// Messages from peers to ports that do not exist.
    pub no_such_port: u64,
    /// Requests to the node port that were unknown or forbidden.
    pub unknown_requests: u64,
    /// Messages and requests that came from peers.
    pub received: u64,
    /// Messages and requests that were given to connections to be written.
    pub sent: u64,
    /// Bytes of frames that came from peers, keep-alives among them; handshakes and what TLS adds do not count.
    pub bytes_received: u64,
    /// Bytes of frames that were given to connections to be written; the same does not count.
    pub bytes_sent: u64,
    /// Messages that waited for a peer when its connection, or the attempt to make one, ended.
    pub unsent: u64,
    /// Ports that were killed because their mailbox stayed full `[MON-09]`.
    pub overflows: u64,
    /// Connections that were made.
    pub connections_made: u64,
    /// Connections that have ended, in good order or not.
    pub connections_ended: u64,
    /// Attempts to come to terms with a peer that failed, by the reason.
    pub handshake_failures: HandshakeFailures,
    /// Ports that live.
    pub ports: usize,
    /// Names that ports of the node have.
    pub names: usize,
    /// Peers that are connected.
    pub connected: usize,
    /// Peers that are being connected to.
    pub connecting: usize,
    /// Messages that wait for peers, connected or not.
    pub queued_messages: usize,
    /// Bytes of these.
    pub queued_bytes: usize,
    /// Bytes of messages that wait for that peer for which the most wait; see
    /// [`Limits::outbox_bytes`](mp_proto::Limits::outbox_bytes).
    pub largest_outbox: usize,
    /// Since the node was started.
    pub uptime: Duration,
}

impl Node {
    /// What the node has counted, and how it stands. Looks at each peer's queue once.
    #[must_use]
    pub fn stats(&self) -> NodeStats {
        let mut stats = self.inner().stats.snapshot(clock::now());
        stats.ports = self.inner().ports.read().len();
        stats.names = self.inner().names.lock().len();
        for peer in self.inner().all_peers() {
            let state = peer.lock();
            let (messages, bytes) = state.route.queued();
            stats.connected += usize::from(state.route.is_up());
            stats.connecting += usize::from(state.route.is_connecting());
            stats.queued_messages += messages;
            stats.queued_bytes += bytes;
            stats.largest_outbox = stats.largest_outbox.max(state.route.waiting());
        }
        stats
    }
}

/// The counters behind [`NodeStats`].
#[derive(Debug)]
pub(crate) struct Counters {
    started: Instant,
    dead_letters: AtomicU64,
    no_such_port: AtomicU64,
    unknown_requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    bytes_received: AtomicU64,
    bytes_sent: AtomicU64,
    unsent: AtomicU64,
    overflows: AtomicU64,
    made: AtomicU64,
    ended: AtomicU64,
    failures: failure::Tally,
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// A count of things in memory, which fits.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

impl Counters {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            started: now,
            dead_letters: AtomicU64::new(0),
            no_such_port: AtomicU64::new(0),
            unknown_requests: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            overflows: AtomicU64::new(0),
            made: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failures: failure::Tally::default(),
        }
    }

    pub(crate) fn dead_letter(&self) {
        add(&self.dead_letters, 1);
    }

    pub(crate) fn no_such_port(&self) {
        add(&self.no_such_port, 1);
    }

    pub(crate) fn unknown_request(&self) {
        add(&self.unknown_requests, 1);
    }

    /// So many messages came at once.
    pub(crate) fn received(&self, messages: u64) {
        add(&self.received, messages);
    }

    /// So many bytes came at once.
    pub(crate) fn bytes_received(&self, bytes: u64) {
        add(&self.bytes_received, bytes);
    }

    /// So much goes out at once.
    pub(crate) fn sent(&self, messages: u64, bytes: u64) {
        add(&self.sent, messages);
        add(&self.bytes_sent, bytes);
    }

    pub(crate) fn unsent(&self, messages: u64) {
        add(&self.unsent, messages);
    }

    pub(crate) fn overflow(&self) {
        add(&self.overflows, 1);
    }

    pub(crate) fn connection_made(&self) {
        add(&self.made, 1);
    }

    pub(crate) fn connection_ended(&self) {
        add(&self.ended, 1);
    }

    pub(crate) fn handshake_failed(&self, why: HandshakeFailure) {
        self.failures.count(why);
    }

    pub(crate) fn snapshot(&self, now: Instant) -> NodeStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NodeStats {
            dead_letters: read(&self.dead_letters),
            no_such_port: read(&self.no_such_port),
            unknown_requests: read(&self.unknown_requests),
            received: read(&self.received),
            sent: read(&self.sent),
            bytes_received: read(&self.bytes_received),
            bytes_sent: read(&self.bytes_sent),
            unsent: read(&self.unsent),
            overflows: read(&self.overflows),
            connections_made: read(&self.made),
            connections_ended: read(&self.ended),
            handshake_failures: self.failures.read(),
            uptime: now.saturating_duration_since(self.started),
            ..NodeStats::default()
        }
    }
}
