//! What a node has counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a node, since its start.
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
    /// Ports that live.
    pub ports: usize,
    /// Peers that are connected.
    pub connected: usize,
    /// Bytes of messages that wait for that peer for which the most wait; see
    /// [`Limits::outbox_bytes`](mp_proto::Limits::outbox_bytes).
    pub largest_outbox: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    dead_letters: AtomicU64,
    no_such_port: AtomicU64,
    unknown_requests: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    pub(crate) fn dead_letter(&self) {
        self.dead_letters.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn no_such_port(&self) {
        self.no_such_port.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unknown_request(&self) {
        self.unknown_requests.fetch_add(1, Ordering::Relaxed);
    }

    /// So many messages came at once.
    pub(crate) fn received(&self, messages: u64) {
        self.received.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> NodeStats {
        NodeStats {
            dead_letters: self.dead_letters.load(Ordering::Relaxed),
            no_such_port: self.no_such_port.load(Ordering::Relaxed),
            unknown_requests: self.unknown_requests.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            ..NodeStats::default()
        }
    }
}
