//! Asking all nodes how they do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_config::NodeConfig;
use mp_global::Global;
use mp_global::status::{Connection, NAME, StatusClient, Summary};
use mp_node::{Node, PortId};
use mp_transport::clock;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cmd::node;
use crate::error::CliError;

/// Nodes that are asked at the same time.
const AT_ONCE: usize = 32;
/// Nodes that are looked at; of larger networks, the first ones by name.
const NODES: usize = 1_000;
/// Connections of a node that are looked at.
const CONNECTIONS: usize = 200;

/// What one node has said.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    pub(super) summary: Summary,
    /// The first ones by the peers' names.
    pub(super) connections: Vec<Connection>,
}

/// What all nodes have said at about the same time.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// By the nodes' names; `None` for those that have not answered.
    pub(super) nodes: BTreeMap<String, Option<Report>>,
    /// What went wrong with asking who is there.
    pub(super) error: Option<String>,
}

/// A node that asks others.
#[derive(Debug)]
pub(super) struct Gatherer {
    node: Node,
    global: Global,
}

impl Gatherer {
    /// Starts the node and waits until it has a place in the network.
    pub(super) async fn begin(mut config: NodeConfig, limit: Duration) -> Result<Self, CliError> {
        config.binds = Vec::new();
        config.services = Vec::new();
        let seeds = NodeConfig::expand(&config.seeds);
        if seeds.is_empty() {
            return Err(CliError::NoSeed("the network".to_owned()));
        }
        let joined = node::start(&config).await?;
        match timeout(limit, joined.global.joined()).await {
            Ok(joined) => joined?,
            Err(_) => {
                let text = format!(
                    "no seed answers within {limit:?}: {}; look whether it runs and has the same secret (-v tells more)",
                    seeds.join(", ")
                );
                return Err(CliError::Remote(text));
            }
        }
        Ok(Self { node: joined.node, global: joined.global })
    }

    /// Asks all nodes that answer questions; each has `limit`, but 5 s at the most.
    pub(super) async fn gather(&self, limit: Duration) -> Sample {
        let limit = limit.min(Duration::from_secs(5)).max(Duration::from_millis(500));
        let mut sample = Sample { at: clock::now(), nodes: BTreeMap::new(), error: None };
        let mut ports = match timeout(limit, self.global.group(NAME).members()).await {
            Ok(Ok(ports)) => ports,
            Ok(Err(error)) => {
                sample.error = Some(error.to_string());
                return sample;
            }
            Err(_) => {
                sample.error = Some("no seed is connected".to_owned());
                return sample;
            }
        };
        ports.truncate(NODES);
        let (client, room) =
            (StatusClient::new(&self.node).timeout(limit), Arc::new(Semaphore::new(AT_ONCE)));
        let mut asking = JoinSet::new();
        for port in ports {
            let (client, room) = (client.clone(), Arc::clone(&room));
            asking.spawn(async move {
                let _place = room.acquire().await;
                (port.node_str().to_owned(), ask(&client, &port).await)
            });
        }
        while let Some(answer) = asking.join_next().await {
            if let Ok((node, report)) = answer {
                sample.nodes.insert(node, report);
            }
        }
        sample
    }

    /// Leaves the network.
    pub(super) async fn end(self) {
        self.node.shutdown().await;
    }
}

async fn ask(client: &StatusClient, port: &PortId) -> Option<Report> {
    let summary = client.summary(port).await.ok()?;
    let connections = client.connections(port, CONNECTIONS, None).await.ok()?.connections;
    Some(Report { summary, connections })
}
