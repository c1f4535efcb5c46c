//! A node's figures for the [`metrics`](https://docs.rs/metrics) facade (feature `metrics`).
//!
//! Nothing is recorded by itself: [`record`] gives what a node has counted to the recorder that is current, whenever it is
//! called. A program with a recorder of its own calls it now and then:
//!
//! ```no_run
//! # async fn example(node: mp_node::Node) {
//! mp_node::metrics::describe();
//! node.spawn_task({
//!     let weak = node.downgrade();
//!     async move {
//!         while let Some(node) = weak.upgrade() {
//!             mp_node::metrics::record(&node);
//!             drop(node);
//!             tokio::time::sleep(std::time::Duration::from_secs(10)).await;
//!         }
//!     }
//! });
//! # }
//! ```
//!
//! An exporter that is asked (as Prometheus asks) can instead record into a recorder of its own for each answer, by
//! [`metrics::with_local_recorder`]: so does `aemp run --metrics`. Then nothing is left of connections that are over.

use crate::{ConnectionInfo, Node};

/// Of how many connections figures of their own are recorded; the node's figures have all.
pub const CONNECTIONS: usize = 1_000;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it counts: `messages`, `bytes`, `seconds` and so on.
    pub unit: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

impl Metric {
    /// A metric.
    #[must_use]
    pub const fn new(
        kind: Kind,
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind, unit, labels, help }
    }
}

const NODE: &[&str] = &["node"];
const REASON: &[&str] = &["node", "reason"];
const PEER: &[&str] = &["node", "peer"];

const fn counter(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric::new(Kind::Counter, name, unit, labels, help)
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric::new(Kind::Gauge, name, unit, labels, help)
}

/// All metrics of a node, as [`record`] records them.
pub const METRICS: &[Metric] = &[
    counter("mp_messages_received_total", "messages", NODE, "Messages and requests that came from peers."),
    counter("mp_messages_sent_total", "messages", NODE, "Messages and requests that went to peers."),
    counter("mp_bytes_received_total", "bytes", NODE, "Bytes of frames that came from peers."),
    counter("mp_bytes_sent_total", "bytes", NODE, "Bytes of frames that went to peers."),
    counter(
        "mp_messages_unsent_total",
        "messages",
        NODE,
        "Messages that were lost, unwritten, with a connection.",
    ),
    counter("mp_no_such_port_total", "messages", NODE, "Messages from peers to ports that do not exist."),
    counter("mp_dead_letters_total", "messages", NODE, "Messages that no receiver understood."),
    counter("mp_unknown_requests_total", "requests", NODE, "Requests that were unknown or forbidden."),
    counter("mp_mailbox_overflows_total", "ports", NODE, "Ports killed because their mailbox stayed full."),
    counter("mp_connections_made_total", "connections", NODE, "Connections that were made."),
    counter(
        "mp_connections_ended_total",
        "connections",
        NODE,
        "Connections that have ended, in good order or not.",
    ),
    counter(
        "mp_handshake_failures_total",
        "handshakes",
        REASON,
        "Attempts to connect that failed, by reason.",
    ),
    gauge("mp_uptime_seconds", "seconds", NODE, "Time since the node was started."),
    gauge("mp_connections", "connections", NODE, "Peers that are connected."),
    gauge("mp_connecting", "connections", NODE, "Peers that are being connected to."),
    gauge("mp_queued_messages", "messages", NODE, "Messages that wait for peers."),
    gauge("mp_queued_bytes", "bytes", NODE, "Bytes that wait for peers."),
    gauge("mp_ports", "ports", NODE, "Ports that live."),
    gauge("mp_names", "names", NODE, "Names that ports have at the node."),
    gauge("mp_mailbox_messages", "messages", NODE, "Messages that wait in mailboxes."),
    gauge("mp_mailbox_bytes", "bytes", NODE, "Bytes that wait in mailboxes."),
    gauge("mp_mailbox_deepest_messages", "messages", NODE, "Messages in the mailbox in which most wait."),
    counter(
        "mp_connection_messages_received_total",
        "messages",
        PEER,
        "Messages that came over the connection.",
    ),
    counter("mp_connection_messages_sent_total", "messages", PEER, "Messages that went over the connection."),
    counter("mp_connection_bytes_received_total", "bytes", PEER, "Bytes that came over the connection."),
    counter("mp_connection_bytes_sent_total", "bytes", PEER, "Bytes that went over the connection."),
    counter(
        "mp_connection_dropped_total",
        "messages",
        PEER,
        "Messages that came for ports that do not exist.",
    ),
    gauge("mp_connection_queued_messages", "messages", PEER, "Messages that wait to be written."),
    gauge("mp_connection_queued_bytes", "bytes", PEER, "Bytes that wait to be written."),
    gauge("mp_connection_parked_bytes", "bytes", PEER, "Bytes that came and wait for room in mailboxes."),
    gauge("mp_connection_age_seconds", "seconds", PEER, "Time since the connection was made."),
    gauge("mp_connection_round_trip_seconds", "seconds", PEER, "The last round trip, if one was measured."),
];

/// Tells the current recorder what each metric is.
pub fn describe() {
    describe_all(METRICS);
}

/// The same for any list: for crates on top.
pub fn describe_all(metrics: &[Metric]) {
    for metric in metrics {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
        }
    }
}

/// Gives the node's figures to the current recorder.
pub fn record(node: &Node) {
    let (name, stats, mailboxes) = (node.id().to_string(), node.stats(), node.mailboxes());
    let counters = [
        ("mp_messages_received_total", stats.received),
        ("mp_messages_sent_total", stats.sent),
        ("mp_bytes_received_total", stats.bytes_received),
        ("mp_bytes_sent_total", stats.bytes_sent),
        ("mp_messages_unsent_total", stats.unsent),
        ("mp_no_such_port_total", stats.no_such_port),
        ("mp_dead_letters_total", stats.dead_letters),
        ("mp_unknown_requests_total", stats.unknown_requests),
        ("mp_mailbox_overflows_total", stats.overflows),
        ("mp_connections_made_total", stats.connections_made),
        ("mp_connections_ended_total", stats.connections_ended),
    ];
    for (metric, value) in counters {
        metrics::counter!(metric, "node" => name.clone()).absolute(value);
    }
    for (why, times) in stats.handshake_failures.iter() {
        let labels = [("node", name.clone()), ("reason", why.as_str().to_owned())];
        metrics::counter!("mp_handshake_failures_total", &labels).absolute(times);
    }
    let gauges = [
        ("mp_uptime_seconds", stats.uptime.as_secs_f64()),
        ("mp_connections", float(stats.connected)),
        ("mp_connecting", float(stats.connecting)),
        ("mp_queued_messages", float(stats.queued_messages)),
        ("mp_queued_bytes", float(stats.queued_bytes)),
        ("mp_ports", float(stats.ports)),
        ("mp_names", float(stats.names)),
        ("mp_mailbox_messages", float(mailboxes.messages)),
        ("mp_mailbox_bytes", float(mailboxes.bytes)),
        ("mp_mailbox_deepest_messages", float(mailboxes.deepest.map_or(0, |(_, messages)| messages))),
    ];
    for (metric, value) in gauges {
        metrics::gauge!(metric, "node" => name.clone()).set(value);
    }
    for info in node.connections().iter().take(CONNECTIONS) {
        connection(&name, info);
    }
}

fn connection(node: &str, info: &ConnectionInfo) {
    let labels = [("node", node.to_owned()), ("peer", info.node.to_string())];
    let counters = [
        ("mp_connection_messages_received_total", info.messages_in),
        ("mp_connection_messages_sent_total", info.messages_out),
        ("mp_connection_bytes_received_total", info.bytes_in),
        ("mp_connection_bytes_sent_total", info.bytes_out),
        ("mp_connection_dropped_total", info.dropped),
    ];
    for (metric, value) in counters {
        metrics::counter!(metric, &labels).absolute(value);
    }
    let gauges = [
        ("mp_connection_queued_messages", float(info.queued_messages)),
        ("mp_connection_queued_bytes", float(info.queued_bytes)),
        ("mp_connection_parked_bytes", float(usize::try_from(info.parked_bytes).unwrap_or(usize::MAX))),
        ("mp_connection_age_seconds", info.age.as_secs_f64()),
    ];
    for (metric, value) in gauges {
        metrics::gauge!(metric, &labels).set(value);
    }
    if let Some(time) = info.round_trip {
        metrics::gauge!("mp_connection_round_trip_seconds", &labels).set(time.as_secs_f64());
    }
}

/// A count as the facade takes it.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, which no count of things in memory reaches"
)]
fn float(count: usize) -> f64 {
    count as f64
}
