//! `aemp nodes`.

use mp_global::data::{GLOBALS, LISTENERS};
use mp_global::status::Summary;
use mp_node::{NodeId, Value};
use mp_transport::clock;
use serde::Serialize;
use tokio::task::JoinSet;

use super::guest::Guest;
use super::ping::seconds;
use super::status::Asker;
use crate::error::CliError;
use crate::output::{Output, Row};

/// So many nodes are asked at the same time.
const AT_ONCE: usize = 32;

/// Tells which nodes the network has, and how long each takes to answer.
pub(super) async fn nodes(quick: bool, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let mut rows = listed(guest).await?;
    if !quick {
        let what = || "asking the nodes".to_owned();
        rows = guest.progress().during(ask_all(rows, guest), what).await;
    }
    output.rows(&["NODE", "ROLE", "KIND", "ROUND TRIP", "UP", "PEERS", "PORTS", "LISTENS ON"], &rows)
}

/// The nodes as the directory has them, without ourselves.
async fn listed(guest: &Guest) -> Result<Vec<NodeRow>, CliError> {
    let global = guest.directory().await?;
    let listeners = guest.asked("which nodes there are", global.family(LISTENERS).entries()).await?;
    let globals = guest.asked("which nodes are global", global.family(GLOBALS).keys()).await?;
    let own = guest.node().id();
    let rows =
        listeners.iter().filter(|(name, _)| ***name != *own.as_str()).map(|(name, addresses)| NodeRow {
            node: name.to_string(),
            role: if globals.contains(name) { "global" } else { "slave" },
            addresses: texts(addresses),
            kind: None,
            round_trip: None,
            summary: None,
            error: None,
        });
    Ok(rows.collect())
}

fn texts(addresses: &Value) -> Vec<String> {
    let Value::List(list) = addresses else { return Vec::new() };
    list.iter().filter_map(|address| Some(address.as_str()?.to_string())).collect()
}

async fn ask_all(rows: Vec<NodeRow>, guest: &Guest) -> Vec<NodeRow> {
    let (mut asking, mut waiting) = (JoinSet::new(), rows.into_iter());
    let mut done = Vec::new();
    loop {
        while asking.len() < AT_ONCE
            && let Some(row) = waiting.next()
        {
            asking.spawn(ask(row, guest.clone()));
        }
        match asking.join_next().await {
            Some(Ok(row)) => done.push(row),
            Some(Err(_)) => {}
            None => break,
        }
    }
    done.sort_by(|one: &NodeRow, other| one.node.cmp(&other.node));
    done
}

async fn ask(mut row: NodeRow, guest: Guest) -> NodeRow {
    let Ok(id) = NodeId::new(&row.node) else { return row };
    // The first question makes the connection; the second one is measured.
    if let Err(error) = guest.within(guest.limit()).meet(&id.port()).await {
        row.error = Some(error.to_string());
        return row;
    }
    let begun = clock::now();
    match guest.node().call(id.port(), "time").timeout(guest.limit()).await {
        Ok(_) => row.round_trip = Some(seconds(clock::now().saturating_duration_since(begun))),
        Err(error) => row.error = Some(error.to_string()),
    }
    let is_ours = guest.node().is_own_kind(&id);
    row.kind = Some(if is_ours { "rust" } else { "perl" });
    if is_ours && let Ok(Some(asker)) = Asker::find(&id, &guest).await {
        row.summary = asker.summary().await.ok();
        if let Some(summary) = &mut row.summary {
            // That with us is there because we ask.
            summary.connected = summary.connected.saturating_sub(1);
        }
    }
    row
}

/// A node of the network.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "node")]
struct NodeRow {
    node: String,
    role: &'static str,
    addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip: Option<f64>,
    /// What the node says of itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A time in the largest unit of which there are two or more.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn rough(seconds: f64) -> String {
    let seconds = seconds as u64;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

impl Row for NodeRow {
    fn cells(&self) -> Vec<String> {
        let time = match (self.round_trip, &self.error) {
            (Some(time), _) => format!("{:.3} ms", time * 1e3),
            (None, Some(_)) => "no answer".to_owned(),
            (None, None) => "-".to_owned(),
        };
        let addresses = if self.addresses.is_empty() { "-".to_owned() } else { self.addresses.join(", ") };
        let told = |tell: fn(&Summary) -> String| self.summary.as_ref().map_or_else(|| "-".to_owned(), tell);
        let (up, peers) =
            (told(|summary| rough(summary.uptime)), told(|summary| summary.connected.to_string()));
        let ports = told(|summary| summary.ports.to_string());
        let kind = self.kind.unwrap_or("-").to_owned();
        vec![self.node.clone(), self.role.to_owned(), kind, time, up, peers, ports, addresses]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_roughly() {
        for (seconds, text) in
            [(0.0, "0 s"), (119.9, "119 s"), (120.0, "2 min"), (7_200.0, "2 h"), (172_800.0, "2 d")]
        {
            assert_eq!(rough(seconds), text);
        }
    }
}
