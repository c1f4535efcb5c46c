//! `aemp top --once`.

use std::collections::BTreeSet;
use std::time::Duration;

use mp_global::status::{Connection, Summary};
use mp_transport::clock;
use serde::Serialize;
use tokio::time::sleep;

use super::gather::Gatherer;
use super::model::{Model, Rates, Row};
use super::number::{maybe, time, whole};
use crate::args::NodeArgs;
use crate::error::CliError;
use crate::output::{Paint, Report, plain};

/// Between the two looks that rates are made of, at the most.
const BETWEEN: Duration = Duration::from_secs(1);
/// Between two attempts to find anybody.
const PAUSE: Duration = Duration::from_millis(200);
/// How long nobody may be there, and nobody tell how he does who is.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));

/// Looks twice, when the network has let us in, in the time that `node` gives it; once, if nobody tells how it does.
pub(super) async fn gather(
    gatherer: &Gatherer,
    model: &mut Model,
    every: Duration,
    node: &NodeArgs,
) -> Result<(), CliError> {
    gatherer.joined(node.limit(), node.is_patient()).await?;
    let begun = clock::now();
    let first = loop {
        let sample = gatherer.gather(PATIENCE.0).await;
        let patience = if sample.untold.is_empty() { PATIENCE.0 } else { PATIENCE.1 };
        if !sample.nodes.is_empty() || clock::now() >= begun + patience {
            break sample;
        }
        // The directory may just be getting to know the network.
        sleep(PAUSE).await;
    };
    if let Some(error) = first.error {
        return Err(CliError::Remote(error));
    }
    let (next, is_told) = (first.at + every.min(BETWEEN), !first.nodes.is_empty());
    model.take(first);
    if !is_told {
        return Ok(());
    }
    clock::sleep_until(next).await;
    model.take(gatherer.gather(PATIENCE.0).await);
    match &model.error {
        Some(error) => Err(CliError::Remote(error.clone())),
        None => Ok(()),
    }
}

/// The network as it was looked at.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "top")]
pub(super) struct Once {
    nodes: Vec<Node>,
    /// Nodes that are there and do not tell: they have not answered, or not when they were asked.
    silent: Vec<String>,
    /// Which of them tell nobody.
    #[serde(skip)]
    untold: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct Node {
    #[serde(flatten)]
    summary: Summary,
    #[serde(flatten)]
    rates: PerSecond,
    /// The longest, in seconds.
    round_trip: Option<f64>,
    connections: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct Link {
    #[serde(flatten)]
    connection: Connection,
    #[serde(flatten)]
    rates: PerSecond,
}

/// Null where it is not known.
#[derive(Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names in the output")]
struct PerSecond {
    messages_in_per_second: Option<f64>,
    messages_out_per_second: Option<f64>,
    bytes_in_per_second: Option<f64>,
    bytes_out_per_second: Option<f64>,
}

impl From<Option<Rates>> for PerSecond {
    fn from(rates: Option<Rates>) -> Self {
        Self {
            messages_in_per_second: rates.map(|rates| rates.messages_in),
            messages_out_per_second: rates.map(|rates| rates.messages_out),
            bytes_in_per_second: rates.map(|rates| rates.bytes_in),
            bytes_out_per_second: rates.map(|rates| rates.bytes_out),
        }
    }
}

impl Once {
    pub(super) fn new(model: &Model) -> Self {
        let node = |row: &Row| {
            let links = row.links.iter();
            let links = links
                .map(|link| Link { connection: link.connection.clone(), rates: link.rates.into() })
                .collect();
            let summary = row.report.summary.clone();
            Node { summary, rates: row.rates.into(), round_trip: row.round_trip, connections: links }
        };
        let silent = model.rows.iter().filter(|row| row.silent).map(|row| row.report.summary.node.clone());
        Self {
            nodes: model.rows.iter().filter(|row| !row.silent).map(node).collect(),
            silent: silent.chain(model.untold.iter().cloned()).collect(),
            untold: model.untold.clone(),
        }
    }
}

impl Report for Once {
    fn text(&self, paint: Paint) -> String {
        let widest =
            self.nodes.iter().map(|node| node.summary.node.chars().count()).max().unwrap_or(0).max(4);
        let head = format!(
            "{:widest$}  {:>5} {:>6} {:>8} {:>8} {:>8} {:>7} {:>6} {:>6}",
            "NODE", "CONN", "QUEUE", "MSG IN/S", "OUT/S", "BYTES/S", "RTT", "PORTS", "MBOX"
        );
        let mut lines = vec![paint.bold(head)];
        for node in &self.nodes {
            let (summary, rates) = (&node.summary, &node.rates);
            let both = rates.bytes_in_per_second.zip(rates.bytes_out_per_second);
            lines.push(format!(
                "{:widest$}  {:>5} {:>6} {:>8} {:>8} {:>8} {:>7} {:>6} {:>6}",
                plain(&summary.node),
                whole(summary.connected),
                whole(summary.queued_messages),
                maybe(rates.messages_in_per_second),
                maybe(rates.messages_out_per_second),
                maybe(both.map(|(one, other)| one + other)),
                time(node.round_trip),
                whole(summary.ports),
                whole(summary.mailbox_messages),
            ));
        }
        let nobody = self.nodes.is_empty() && self.silent.len() == self.untold.len();
        lines.extend(self.silent.iter().map(|name| {
            if self.untold.contains(name) {
                format!("{}  does not tell how it does", paint.name(plain(name)))
            } else {
                format!("{}  does not answer", paint.bad(plain(name)))
            }
        }));
        if nobody {
            lines.push(
                "no node tells how it does: those of `aemp run` do, unless started with --no-status"
                    .to_owned(),
            );
        }
        lines.join("\n")
    }
}
