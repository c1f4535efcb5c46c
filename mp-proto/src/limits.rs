//! Every bound of a node, in one place (law 3).

use std::time::Duration;

/// The bounds of a node. The defaults suit a server with some gigabytes of memory and peers that it trusts with the
/// shared secret; each is checked at the place where it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest message, as bytes of its frame: larger ones are refused by the sender's own node with an error, and
    /// end the connection when a peer sends them. Default 64 MiB.
    pub max_message: usize,
    /// Values of one message, however they nest: elements of lists, keys and values of maps, the port's name among them
    /// `[FR-19]`. Read as a [`Value`](crate::Value), each takes 40 bytes and, while lists grow, up to 150, where its frame
    /// may have but one or two; so this, and not `max_message`, bounds what a peer can make a program take that reads
    /// messages as values: 600 MiB. Refused like a message that is too large, on both sides. Many numbers or bytes go as one byte string.
    /// Default 4,194,304, one for each 16 bytes of the largest message.
    pub max_values: usize,
    /// Bytes that may wait for one peer, connected or not; then `send` waits and `try_send` says `Full`. A message
    /// larger than this goes when nothing else waits. Default 16 MiB.
    pub outbox_bytes: usize,
    /// Messages of more bytes go in pieces of half as many, between which others go, to peers that take pieces `[LN-06]`; they
    /// count against a bound of their own, `large_bytes`. Smaller ones wait for no more than such a piece and what the pipe
    /// holds. At least 1 KiB. Default 128 KiB, which take a millisecond in a local network.
    pub large_message: usize,
    /// Bytes of large messages, and of what goes behind them, that may wait for one peer, or `outbox_bytes` if that is less;
    /// as there, one that is larger goes when no other waits. More would keep no connection busier, and what waits in less
    /// memory is still in the processor's caches when it is written. Default 2 MiB.
    pub large_bytes: usize,
    /// Bytes of kills, monitors and replies of the node port that may wait for one peer beside the above. A peer that
    /// lets them grow past this loses its connection. Default 4 MiB.
    pub outbox_control_bytes: usize,
    /// Messages that a mailbox holds. Default 10,000.
    pub mailbox_messages: usize,
    /// Bytes of messages that a mailbox holds; one message always finds room. Default 64 MiB.
    pub mailbox_bytes: usize,
    /// How long messages may wait for a full mailbox: those of this node as long as its port takes something out now and
    /// then, those of a peer in all, as they hold up others. Then the port is killed with `mailbox_overflow`. Default
    /// 10 s.
    pub mailbox_patience: Duration,
    /// Bytes read from one connection that may wait for full mailboxes before it is no longer read. Default 1 MiB.
    pub read_ahead_bytes: usize,
    /// From the first byte to an authenticated connection. Default 10 s.
    pub handshake_time: Duration,
    /// Connections that are not authenticated yet, over all listeners; the oldest gives way. Default 256.
    pub handshakes: usize,
    /// How long a message waits for a connection to its node to be made. Default 2 s, as in Perl.
    pub connect_time: Duration,
    /// A peer of our own kind that is silent for this long is taken for lost. Keep-alives are sent four times as
    /// often. Perl peers send none. Default 10 s.
    pub monitor_timeout: Duration,
    /// How long a graceful shutdown waits for what is queued to be written. Default 5 s.
    pub drain_time: Duration,
    /// Monitors that one peer may hold on our ports. One more ends its connection. Default 1,000,000.
    pub monitors_per_peer: usize,
    /// Relayed connections that one peer may have through, or with, this node; further ones are refused, 0 refuses all.
    /// Each has at most 256 KiB under way in either direction, or `outbox_bytes` if that is less. Default 256.
    pub relayed_per_peer: usize,
    /// Ports of one node. Default 4,000,000.
    pub ports: usize,
    /// Nodes that are remembered at the same time, connected or being connected to. Default 10,000.
    pub peers: usize,
    /// Names that `register_name` holds. Default 10,000.
    pub names: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            max_message: 64 * MIB,
            max_values: 4 * MIB,
            outbox_bytes: 16 * MIB,
            large_message: 128 * 1024,
            large_bytes: 2 * MIB,
            outbox_control_bytes: 4 * MIB,
            mailbox_messages: 10_000,
            mailbox_bytes: 64 * MIB,
            mailbox_patience: Duration::from_secs(10),
            read_ahead_bytes: MIB,
            handshake_time: Duration::from_secs(10),
            handshakes: 256,
            connect_time: Duration::from_secs(2),
            monitor_timeout: Duration::from_secs(10),
            drain_time: Duration::from_secs(5),
            monitors_per_peer: 1_000_000,
            relayed_per_peer: 256,
            ports: 4_000_000,
            peers: 10_000,
            names: 10_000,
        }
    }
}
