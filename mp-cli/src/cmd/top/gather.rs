//! Asking all nodes how they do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_config::NodeConfig;
use mp_global::Global;
use mp_global::data::LISTENERS;
use mp_global::status::{Connection, NAME, StatusClient, Summary};
use mp_node::{DialError, Node, NodeId, PortId, Value};
use mp_transport::clock;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cmd::guest::{is_passer_by, nobody_there, takes_no_place};
use crate::cmd::{loopback, node, secret};
use crate::error::CliError;
use crate::output::plain;

/// Nodes that are asked at the same time.
const AT_ONCE: usize = 32;
/// Nodes that are looked at; of larger networks, the first ones by name.
const NODES: usize = 1_000;
/// Connections of a node that are looked at.
const CONNECTIONS: usize = 200;
/// Seeds that are told of when none is connected.
const TRIED: usize = 3;
/// What to do, where nothing tells more.
const MEND: &str = "; look whether it runs and has the same secret";
/// How long a seed is waited for before it is told of.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Nodes that are there, and do not tell how they do.
    pub(super) untold: BTreeSet<String>,
    /// What went wrong with asking who is there.
    pub(super) error: Option<String>,
}

/// A node that asks others.
#[derive(Debug)]
pub(super) struct Gatherer {
    node: Node,
    global: Global,
    seeds: Vec<String>,
}

impl Gatherer {
    /// Starts the node, which looks for its place in the network from then on.
    pub(super) async fn begin(mut config: NodeConfig) -> Result<Self, CliError> {
        takes_no_place(&mut config);
        let seeds = NodeConfig::expand(&config.seeds);
        if seeds.is_empty() {
            return Err(CliError::NoNetwork);
        }
        let joined = node::start(&config).await?;
        Ok(Self { node: joined.node, global: joined.global, seeds })
    }

    /// Where the network is looked for.
    pub(super) fn seeds(&self) -> &[String] {
        &self.seeds
    }

    /// Waits until the node has a place in the network; not if there is one seed only, which will not let it in, or is not
    /// there and not to be waited for.
    pub(super) async fn joined(&self, limit: Duration, is_patient: bool) -> Result<(), CliError> {
        let begun = clock::now();
        if let [seed] = self.seeds.as_slice()
            && let Ok(addr) = seed.parse()
            && let Ok(Err(error)) = timeout(limit, self.node.dial(&addr)).await
            && (error.is_permanent() || !is_patient && nobody_there(&error))
        {
            let told = Trouble::of(&error);
            let mend = match loopback::elsewhere(seed).await.filter(|_| nobody_there(&error)) {
                Some(hint) => format!("; {hint}"),
                None if told.has_mend => String::new(),
                None => MEND.to_owned(),
            };
            return Err(CliError::Remote(plain(&format!("no seed has let us in: {}{mend}", told.text))));
        }
        let left = limit.saturating_sub(clock::now().saturating_duration_since(begun));
        match timeout(left, self.global.joined()).await {
            Ok(joined) => Ok(joined?),
            Err(_) => {
                let told = self.trouble().await;
                let mend = if told.iter().any(|one| one.has_mend) { "" } else { MEND };
                Err(CliError::Remote(plain(&format!(
                    "no seed has let us in within {limit:?}: {}{mend}",
                    joined(&told)
                ))))
            }
        }
    }

    /// What stands between us and the network.
    async fn trouble(&self) -> Vec<Trouble> {
        let mut dials = JoinSet::new();
        for (number, seed) in self.seeds.iter().enumerate() {
            let (node, seed) = (self.node.clone(), seed.clone());
            dials.spawn(async move { (number, attempt(&node, &seed).await) });
            if number + 1 == TRIED {
                break;
            }
        }
        let mut told: Vec<_> = dials.join_all().await;
        told.sort_by_key(|(number, _)| *number);
        told.into_iter().map(|(_, trouble)| trouble).collect()
    }

    /// Asks all nodes that answer questions; each has `limit`, but 5 s at the most.
    pub(super) async fn gather(&self, limit: Duration) -> Sample {
        let limit = limit.min(Duration::from_secs(5)).max(Duration::from_millis(500));
        let mut sample =
            Sample { at: clock::now(), nodes: BTreeMap::new(), untold: BTreeSet::new(), error: None };
        // Without a master there is nobody to ask; it may come at any moment.
        let patience = if self.is_in() { limit } else { limit.min(LOOK) };
        let mut ports = match timeout(patience, self.global.group(NAME).members()).await {
            Ok(Ok(ports)) => ports,
            Ok(Err(error)) => {
                sample.error = Some(error.to_string());
                return sample;
            }
            Err(_) => {
                sample.error = Some(joined(&self.trouble().await));
                return sample;
            }
        };
        ports.truncate(NODES);
        let (client, room) =
            (StatusClient::new(&self.node).timeout(limit), Arc::new(Semaphore::new(AT_ONCE)));
        let mut asking = JoinSet::new();
        for port in ports {
            let (client, room, own) = (client.clone(), Arc::clone(&room), self.node.id().clone());
            asking.spawn(async move {
                let _place = room.acquire().await;
                (port.node_str().to_owned(), ask(&client, &port, &own).await)
            });
        }
        sample.untold = self.listed(limit).await;
        while let Some(answer) = asking.join_next().await {
            if let Ok((node, report)) = answer {
                sample.untold.remove(&node);
                sample.nodes.insert(node, report);
            }
        }
        sample
    }

    /// The nodes of the directory, without ourselves and other passers-by.
    async fn listed(&self, limit: Duration) -> BTreeSet<String> {
        let Ok(Ok(entries)) = timeout(limit, self.global.family(LISTENERS).entries()).await else {
            return BTreeSet::new();
        };
        let own = self.node.id().as_str();
        let listens = |addresses: &Value| matches!(addresses, Value::List(list) if !list.is_empty());
        let stays = |name: &str, at: &Value| listens(at) || !is_passer_by(name);
        let names = entries.iter().filter(|(name, at)| ***name != *own && stays(name, at));
        names.map(|(name, _)| name.to_string()).take(NODES).collect()
    }

    fn is_in(&self) -> bool {
        let standing = self.global.standing();
        standing.is_global || standing.master.is_some()
    }

    /// Leaves the network.
    pub(super) async fn end(self) {
        self.node.shutdown().await;
    }
}

async fn ask(client: &StatusClient, port: &PortId, own: &NodeId) -> Option<Report> {
    let mut summary = client.summary(port).await.ok()?;
    let mut connections = client.connections(port, CONNECTIONS, None).await.ok()?.connections;
    // That with us, which is there because we look.
    summary.connected = summary.connected.saturating_sub(1);
    connections.retain(|connection| connection.node != own.as_str());
    Some(Report { summary, connections })
}

/// What came of dialling a seed.
#[derive(Debug)]
struct Trouble {
    text: String,
    /// The text says what to do, too.
    has_mend: bool,
}

impl Trouble {
    fn of(error: &DialError) -> Self {
        Self { text: secret::told(error), has_mend: matches!(error, DialError::Handshake { .. }) }
    }

    fn without_mend(text: String) -> Self {
        Self { text, has_mend: false }
    }
}

/// What came of several.
fn joined(told: &[Trouble]) -> String {
    told.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join("; ")
}

/// Dials a seed; gives what came of it, in words.
async fn attempt(node: &Node, seed: &str) -> Trouble {
    let addr = match seed.parse() {
        Ok(addr) => addr,
        Err(error) => return Trouble::without_mend(format!("{seed}: {error}")),
    };
    match timeout(LOOK, node.dial(&addr)).await {
        Ok(Ok(peer) | Err(DialError::Duplicate { node: peer, .. })) => {
            Trouble::without_mend(format!("the seed {peer} at {seed} is there, and has not let us in"))
        }
        Ok(Err(error)) => Trouble::of(&error),
        Err(_) => Trouble::without_mend(format!("nothing came from {seed}")),
    }
}
