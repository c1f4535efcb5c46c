//! `aemp trace`: who is connected with whom, from node to node.

use std::collections::{BTreeMap, BTreeSet};

use mp_global::data::GLOBALS;
use mp_global::status::Connection;
use mp_node::{NodeId, PortId};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use super::guest::{Guest, is_passer_by};
use super::remote;
use super::status::Asker;
use crate::error::CliError;
use crate::output::{Output, Row};

/// So many nodes are asked at the same time, and all in all.
const AT_ONCE: usize = 16;
const BOUND: usize = 1_000;
/// What makes a Perl node tell, if it evaluates what it is sent.
const UP_NODES: &str = "AnyEvent::MP::Kernel::up_nodes ()";

/// Asks a node whom it is connected with, then these, and so on, and tells what each of them said. Without a node, it
/// begins at the global ones.
pub(super) async fn trace(from: Option<&PortId>, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let begin: BTreeSet<NodeId> = match from {
        Some(port) => BTreeSet::from([guest.meet(port).await?.node()]),
        None => {
            let global = guest.directory().await?;
            let keys = guest.asked("which nodes are global", global.family(GLOBALS).keys()).await?;
            keys.iter().filter_map(|key| key.parse().ok()).collect()
        }
    };
    let what = || "asking the nodes whom they are connected with".to_owned();
    let rows = guest.progress().during(follow(&begin, guest), what).await;
    output.rows(&["NODE", "KIND", "CONNECTED WITH"], &rows)?;
    // Those that only look at others have nothing to tell, unless they were asked for.
    let asked = |row: &Traced| !is_passer_by(&row.node) || begin.iter().any(|node| node.as_str() == row.node);
    match rows.iter().filter(|row| row.connections.is_none() && asked(row)).count() {
        0 => Ok(()),
        silent => Err(CliError::Remote(format!(
            "{silent} of {} nodes did not tell whom they are connected with; why stands in their lines",
            rows.len()
        ))),
    }
}

async fn follow(begin: &BTreeSet<NodeId>, guest: &Guest) -> Vec<Traced> {
    let own = guest.node().id();
    let mut known = begin.clone();
    let (mut waiting, mut asking) = (begin.iter().cloned().collect::<Vec<_>>(), JoinSet::new());
    let mut told = BTreeMap::new();
    loop {
        while asking.len() < AT_ONCE
            && let Some(node) = waiting.pop()
        {
            asking.spawn(ask(node, guest.clone()));
        }
        let Some(asked) = asking.join_next().await else { break };
        let Ok(mut traced) = asked else { continue };
        traced.connections.iter_mut().for_each(|peers| peers.retain(|peer| peer.node() != own.as_str()));
        for peer in traced.connections.iter().flatten() {
            let Ok(node) = NodeId::new(peer.node()) else { continue };
            if known.len() < BOUND && known.insert(node.clone()) {
                waiting.push(node);
            }
        }
        told.insert(traced.node.clone(), traced);
    }
    told.into_values().collect()
}

async fn ask(node: NodeId, guest: Guest) -> Traced {
    let mut traced = Traced { node: node.to_string(), kind: None, connections: None, error: None };
    if let Err(error) = guest.meet(&node.port()).await {
        traced.error = Some(error.to_string());
        return traced;
    }
    let is_ours = guest.node().is_own_kind(&node);
    traced.kind = Some(if is_ours { "rust" } else { "perl" });
    let connections = if is_ours { ours(&node, &guest).await } else { perl(&node, &guest).await };
    match connections {
        Ok(connections) => traced.connections = Some(connections),
        Err(error) => traced.error = Some(error.to_string()),
    }
    traced
}

async fn ours(node: &NodeId, guest: &Guest) -> Result<Vec<Peer>, CliError> {
    let connections = Asker::of(node, guest).await?.connections().await?;
    Ok(connections.into_iter().map(|told| Peer::Told(Box::new(told))).collect())
}

async fn perl(node: &NodeId, guest: &Guest) -> Result<Vec<Peer>, CliError> {
    let nodes = remote::run(&node.port(), UP_NODES, guest).await?;
    let name = |value: &Value| Some(Peer::Named { node: value.as_str()?.to_string() });
    Ok(nodes.iter().filter_map(name).filter(|peer| peer.node() != node.as_str()).collect())
}

/// What a node said.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "node")]
struct Traced {
    node: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Missing if it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<Vec<Peer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// One connection of a node; of a Perl node's, only the peer is known.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Peer {
    Told(Box<Connection>),
    Named { node: String },
}

impl Peer {
    fn node(&self) -> &str {
        match self {
            Self::Told(connection) => &connection.node,
            Self::Named { node } => node,
        }
    }

    fn text(&self) -> String {
        let Self::Told(connection) = self else { return self.node().to_owned() };
        let time = connection.round_trip.map(|seconds| format!("{:.1} ms", seconds * 1e3));
        let relayed = connection.relayed.then(|| "relayed".to_owned());
        let notes: Vec<_> = time.into_iter().chain(relayed).collect();
        if notes.is_empty() {
            self.node().to_owned()
        } else {
            format!("{} ({})", self.node(), notes.join(", "))
        }
    }
}

impl Row for Traced {
    fn cells(&self) -> Vec<String> {
        let with = match (&self.connections, &self.error) {
            (Some(peers), _) if peers.is_empty() => "nobody".to_owned(),
            (Some(peers), _) => peers.iter().map(Peer::text).collect::<Vec<_>>().join(", "),
            (None, error) => format!("? {}", error.as_deref().unwrap_or_default()),
        };
        vec![self.node.clone(), self.kind.unwrap_or("-").to_owned(), with]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_with_whom() {
        let mut traced =
            Traced { node: "n".into(), kind: Some("perl"), connections: None, error: Some("no".into()) };
        assert_eq!(traced.cells(), ["n", "perl", "? no"]);
        traced.connections = Some(Vec::new());
        assert_eq!(traced.cells()[2], "nobody");
        let peer = Peer::Told(Box::default());
        traced.connections = Some(vec![Peer::Named { node: "a".into() }, peer]);
        assert_eq!(traced.cells()[2], "a, ");
    }
}
