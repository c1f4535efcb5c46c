//! The directory's figures for the `metrics` facade (feature `metrics`), beside [`mp_node::metrics`].

use mp_node::Node;
use mp_node::metrics::{Kind, Metric};

use crate::Global;

const NODE: &[&str] = &["node"];

/// All metrics of the directory, as [`record`] records them.
pub const METRICS: &[Metric] = &[
    Metric::new(Kind::Gauge, "mp_directory_own_keys", "keys", NODE, "Keys that the node owns."),
    Metric::new(
        Kind::Gauge,
        "mp_directory_keys",
        "keys",
        NODE,
        "Keys that the node holds; a global node, of all nodes.",
    ),
    Metric::new(Kind::Gauge, "mp_directory_bytes", "bytes", NODE, "Bytes of these keys and their values."),
    Metric::new(Kind::Gauge, "mp_directory_globals", "nodes", NODE, "Global nodes that the node knows."),
    Metric::new(
        Kind::Gauge,
        "mp_directory_is_global",
        "nodes",
        NODE,
        "1 if the node is a global one, else 0.",
    ),
    Metric::new(
        Kind::Gauge,
        "mp_directory_joined",
        "nodes",
        NODE,
        "1 if the node is global or has a master, else 0.",
    ),
];

/// Tells the current recorder what each metric is.
pub fn describe() {
    mp_node::metrics::describe_all(METRICS);
}

/// Gives the figures to the current recorder.
pub fn record(node: &Node, global: &Global) {
    let (name, size, standing) = (node.id().to_string(), global.size(), global.standing());
    let joined = standing.is_global || standing.master.is_some();
    let gauges = [
        ("mp_directory_own_keys", float(size.own_keys)),
        ("mp_directory_keys", float(size.keys)),
        ("mp_directory_bytes", float(size.bytes)),
        ("mp_directory_globals", float(global.globals().len())),
        ("mp_directory_is_global", float(usize::from(standing.is_global))),
        ("mp_directory_joined", float(usize::from(joined))),
    ];
    for (metric, value) in gauges {
        metrics::gauge!(metric, "node" => name.clone()).set(value);
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
