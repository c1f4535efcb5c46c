//! What is answered, as types; on the wire each is a map with these names.

use std::collections::BTreeMap;

use mp_node::{ConnectionInfo, Node, PortCursor, PortInfo};
use mp_transport::clock;
use serde::{Deserialize, Serialize};

use crate::data::Key;
use crate::global::Global;

/// How a node does `[SV-05]`. Counters begin with the node. What a node of another version does not say is 0 or empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Summary {
    /// The node.
    pub node: String,
    /// The version of the library that it runs with.
    pub version: String,
    /// Its clock: seconds since 1970.
    pub time: f64,
    /// Seconds since its start.
    pub uptime: f64,
    /// Where it tells others to connect to.
    pub addresses: Vec<String>,
    /// Peers that are connected.
    pub connected: u64,
    /// Peers that are being connected to.
    pub connecting: u64,
    /// Connections that were made.
    pub connections_made: u64,
    /// Connections that have ended, in good order or not.
    pub connections_ended: u64,
    /// Messages and requests that came from peers.
    pub messages_in: u64,
    /// Messages and requests that went to peers.
    pub messages_out: u64,
    /// Bytes that came from peers.
    pub bytes_in: u64,
    /// Bytes that went to peers.
    pub bytes_out: u64,
    /// Messages that wait for peers.
    pub queued_messages: u64,
    /// Bytes of these.
    pub queued_bytes: u64,
    /// Messages that were lost before they were written, with a connection.
    pub unsent: u64,
    /// Messages from peers to ports that do not exist.
    pub no_such_port: u64,
    /// Messages that no receiver understood.
    pub dead_letters: u64,
    /// Requests that were unknown or forbidden.
    pub unknown_requests: u64,
    /// Ports that were killed because their mailbox stayed full.
    pub overflows: u64,
    /// Failed handshakes by reason, see [`HandshakeFailure`](mp_node::HandshakeFailure); those that have happened.
    pub handshake_failures: BTreeMap<String, u64>,
    /// Ports that live.
    pub ports: u64,
    /// Names that ports have at the node.
    pub names: u64,
    /// Messages that wait in mailboxes.
    pub mailbox_messages: u64,
    /// Bytes of these.
    pub mailbox_bytes: u64,
    /// The port in whose mailbox most messages wait, if any do.
    pub deepest_port: Option<String>,
    /// How many wait there.
    pub deepest_messages: u64,
    /// Whether it is a global node.
    pub global: bool,
    /// The global node that it asks, if it is none.
    pub master: Option<String>,
    /// Global nodes that it knows.
    pub globals: u64,
    /// Keys that it owns in the directory.
    pub own_keys: u64,
    /// Keys that it holds: a global node, for all nodes.
    pub keys: u64,
    /// Bytes of these keys and their values.
    pub key_bytes: u64,
}

/// One connection of a node, as the node sees it `[SV-05]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Connection {
    /// The peer.
    pub node: String,
    /// The other end.
    pub address: String,
    /// Whether other nodes carry it.
    pub relayed: bool,
    /// Whether the node has dialled the peer, rather than the peer the node.
    pub dialled: bool,
    /// Whether the peer is a node of our own kind.
    pub own_kind: bool,
    /// The framing that the node writes.
    pub send: String,
    /// The framing that the peer writes.
    pub receive: String,
    /// How the peer has proven itself.
    pub auth: Option<String>,
    /// TLS's version, if it is protected.
    pub tls: Option<String>,
    /// Seconds that it stands.
    pub age: f64,
    /// Messages and requests that came.
    pub messages_in: u64,
    /// Those that went.
    pub messages_out: u64,
    /// Bytes that came.
    pub bytes_in: u64,
    /// Those that went.
    pub bytes_out: u64,
    /// Messages that wait to be written.
    pub queued_messages: u64,
    /// Bytes of these.
    pub queued_bytes: u64,
    /// Bytes that came and wait for room.
    pub parked_bytes: u64,
    /// Messages that were for no port.
    pub dropped: u64,
    /// The last round trip, in seconds.
    pub round_trip: Option<f64>,
}

/// Some of a node's connections, in the order of the peers' names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Connections {
    /// The connections.
    pub connections: Vec<Connection>,
    /// To ask for what follows.
    pub next: Option<String>,
}

/// One port of a node, as it stands `[SV-05]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PortState {
    /// The port's ID.
    pub port: String,
    /// Messages in its mailbox.
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Whether handlers take them.
    pub handlers: bool,
    /// Who monitors it.
    pub monitors: u64,
    /// Its names at the node.
    pub names: Vec<String>,
}

/// Some of a node's ports.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Ports {
    /// The ports.
    pub ports: Vec<PortState>,
    /// To ask for what follows.
    pub next: Option<u32>,
}

/// One family of the directory, as the node holds it `[SV-05]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FamilySize {
    /// Its name.
    pub family: String,
    /// How many keys it has.
    pub keys: u64,
}

/// Some of the families that a node holds something of: a global node, of all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Families {
    /// The families, in the order of their names.
    pub families: Vec<FamilySize>,
    /// To ask for what follows.
    pub next: Option<String>,
}

impl Summary {
    /// How this node does.
    #[must_use]
    pub fn of(node: &Node, global: &Global) -> Self {
        let (stats, mailboxes) = (node.stats(), node.mailboxes());
        let (standing, size) = (global.standing(), global.size());
        let failures = stats.handshake_failures.iter().filter(|(_, times)| *times > 0);
        let (deepest_port, deepest_messages) = mailboxes.deepest.unzip();
        Self {
            node: node.id().to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time: clock::wall(),
            uptime: stats.uptime.as_secs_f64(),
            addresses: node.advertised().iter().map(ToString::to_string).collect(),
            connected: count(stats.connected),
            connecting: count(stats.connecting),
            connections_made: stats.connections_made,
            connections_ended: stats.connections_ended,
            messages_in: stats.received,
            messages_out: stats.sent,
            bytes_in: stats.bytes_received,
            bytes_out: stats.bytes_sent,
            queued_messages: count(stats.queued_messages),
            queued_bytes: count(stats.queued_bytes),
            unsent: stats.unsent,
            no_such_port: stats.no_such_port,
            dead_letters: stats.dead_letters,
            unknown_requests: stats.unknown_requests,
            overflows: stats.overflows,
            handshake_failures: failures.map(|(why, times)| (why.to_string(), times)).collect(),
            ports: count(stats.ports),
            names: count(stats.names),
            mailbox_messages: count(mailboxes.messages),
            mailbox_bytes: count(mailboxes.bytes),
            deepest_port: deepest_port.map(|port| port.to_string()),
            deepest_messages: count(deepest_messages.unwrap_or_default()),
            global: standing.is_global,
            master: standing.master.map(|master| master.to_string()),
            globals: count(global.globals().len()),
            own_keys: count(size.own_keys),
            keys: count(size.keys),
            key_bytes: count(size.bytes),
        }
    }
}

impl Connections {
    pub(super) fn of(node: &Node, limit: usize, after: Option<&str>) -> Self {
        let all = node.connections();
        let rest = all.iter().filter(|info| after.is_none_or(|after| info.node.as_str() > after));
        let mut connections: Vec<_> = rest.take(limit.saturating_add(1)).map(Connection::of).collect();
        let more = connections.len() > limit;
        connections.truncate(limit);
        let next = connections.last().filter(|_| more).map(|last| last.node.clone());
        Self { connections, next }
    }
}

impl Connection {
    /// What the node knows of a connection of its own.
    #[must_use]
    pub fn of(info: &ConnectionInfo) -> Self {
        Self {
            node: info.node.to_string(),
            address: info.address.to_string(),
            relayed: info.relayed,
            dialled: info.dialled,
            own_kind: info.own_kind,
            send: info.send.to_string(),
            receive: info.receive.to_string(),
            auth: info.auth.map(|auth| auth.to_string()),
            tls: info.tls.map(str::to_owned),
            age: info.age.as_secs_f64(),
            messages_in: info.messages_in,
            messages_out: info.messages_out,
            bytes_in: info.bytes_in,
            bytes_out: info.bytes_out,
            queued_messages: count(info.queued_messages),
            queued_bytes: count(info.queued_bytes),
            parked_bytes: info.parked_bytes,
            dropped: info.dropped,
            round_trip: info.round_trip.map(|time| time.as_secs_f64()),
        }
    }
}

impl Ports {
    pub(super) fn of(node: &Node, limit: usize, from: u32) -> Self {
        let page = node.ports_info(PortCursor::new(from), limit);
        Self {
            ports: page.ports.into_iter().map(PortState::of).collect(),
            next: page.next.map(PortCursor::number),
        }
    }
}

impl PortState {
    fn of(info: PortInfo) -> Self {
        Self {
            port: info.id.to_string(),
            messages: count(info.messages),
            bytes: count(info.bytes),
            handlers: info.has_handlers,
            monitors: count(info.monitors),
            names: info.names,
        }
    }
}

impl Families {
    pub(super) fn of(global: &Global, limit: usize, after: Option<&str>) -> Self {
        let size =
            |(family, keys): (Key, usize)| FamilySize { family: family.to_string(), keys: count(keys) };
        let found = global.families(limit.saturating_add(1), after);
        let more = found.len() > limit;
        let families: Vec<_> = found.into_iter().take(limit).map(size).collect();
        let next = families.last().filter(|_| more).map(|last| last.family.clone());
        Self { families, next }
    }
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}
