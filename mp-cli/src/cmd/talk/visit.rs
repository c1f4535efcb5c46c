//! The node that `snd`, `cal` and `mon` become: it listens nowhere, has one errand, and goes.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mp_config::NodeConfig;
use mp_global::Global;
use mp_node::{CallError, DialError, Message, Node, NodeBuilder, NodeId, PortId, Reason};
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::cmd::json::to_json;
use crate::error::CliError;
use crate::output::plain;

/// Between two attempts to reach one address.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a node may take to say whether it knows a request that it did not answer.
const AFTERTHOUGHT: Duration = Duration::from_secs(2);

/// A node on an errand.
#[derive(Debug)]
pub(super) struct Visit {
    node: Node,
    seeds: Vec<String>,
    limit: Duration,
    waiting: Waiting,
}

impl Visit {
    /// Starts the node. All that it waits for must happen within `limit`.
    pub(super) async fn begin(mut config: NodeConfig, limit: Duration) -> Result<Self, CliError> {
        config.binds = Vec::new();
        let seeds = NodeConfig::expand(&config.seeds);
        let node = NodeBuilder::from_config(config).start().await?;
        Ok(Self { node, seeds, limit, waiting: Waiting::default() })
    }

    /// Sends the message, and returns when the port's node has it.
    pub(super) async fn snd(self, port: &PortId, message: &[Json]) -> Result<(), CliError> {
        self.in_time(async {
            let port = self.way_to(port).await?;
            self.node.send(&port, message).await?;
            // What the node answers later than this, it has seen later than this.
            self.ask_node(&port).await
        })
        .await?;
        self.node.shutdown().await;
        Ok(())
    }

    /// Sends the message with a reply port at its end, and returns the reply.
    pub(super) async fn cal(self, port: &PortId, message: &[Json]) -> Result<Vec<Json>, CliError> {
        let request = Message::new(message).map_err(mp_node::SendError::from)?;
        let mut asked = None;
        let answer = self.in_time(async {
            let port = self.way_to(port).await?;
            self.waiting.is_for(format!("{port} did not answer"), "give it more by --timeout");
            asked = Some(port.clone());
            self.node.call(&port, request).await.map_err(|error| unanswered(&port, &error))
        });
        match (answer.await, asked) {
            (Ok(answer), _) => {
                self.node.shutdown().await;
                Ok(answer.values().iter().map(to_json).collect())
            }
            (Err(CliError::Remote(text)), Some(port)) => {
                let unknown = self.is_unknown(&port, message.first()).await;
                Err(CliError::Remote(unknown.unwrap_or(text)))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Waits until the port is dead, however long that takes once its node is reached; returns the reason.
    pub(super) async fn mon(self, port: &PortId) -> Result<Reason, CliError> {
        let reached = self.in_time(async {
            let port = self.way_to(port).await?;
            self.ask_node(&port).await?;
            Ok(port)
        });
        let port = reached.await?;
        let monitor = self.node.monitor(&port);
        tracing::info!(%port, "monitored");
        let reason = monitor.await;
        self.node.shutdown().await;
        Ok(reason)
    }

    async fn in_time<T>(&self, errand: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        match timeout(self.limit, errand).await {
            Ok(result) => result,
            Err(_) => Err(CliError::Remote(self.waiting.text(self.limit))),
        }
    }

    /// Connects to the port's node or to a seed; returns the port by the name that its node gives itself.
    async fn way_to(&self, port: &PortId) -> Result<PortId, CliError> {
        let target = port.node();
        let addresses: Vec<_> =
            target.addresses().iter().map(|(host, port)| host_port(host, *port)).collect();
        if !addresses.is_empty() {
            let node = self.reach(addresses).await?;
            return PortId::new(&node, port.name()).map_err(|error| CliError::Remote(error.to_string()));
        }
        if self.seeds.is_empty() {
            return Err(CliError::NoSeed(target.to_string()));
        }
        let seed = self.reach(self.seeds.clone()).await?;
        if seed != target {
            // The seed knows the way; it is there already, so nothing else is dialled at the same time.
            self.waiting.is_for(format!("the seed {seed} did not let us in"), "look at what it logs");
            Global::builder(&self.node).global(false).start()?.joined().await?;
        }
        Ok(port.clone())
    }

    /// Connects to whoever answers first at one of these addresses; each is tried until it says no for good.
    async fn reach(&self, addresses: Vec<String>) -> Result<NodeId, CliError> {
        let what = format!("no node answered at {}", addresses.join(", "));
        self.waiting.is_for(what, "does one of this network run there?");
        let mut dials = JoinSet::new();
        for address in addresses {
            dials.spawn(dial(self.node.clone(), address, self.waiting.clone()));
        }
        let mut refusal = String::new();
        while let Some(dial) = dials.join_next().await {
            match dial {
                Ok(Ok(node)) => return Ok(node),
                Ok(Err(text)) => refusal = text,
                Err(error) => refusal = error.to_string(),
            }
        }
        Err(CliError::Remote(refusal))
    }

    /// Waits for the port's node to answer.
    async fn ask_node(&self, port: &PortId) -> Result<(), CliError> {
        self.waiting.is_for(format!("{} did not answer", port.node()), "give it more by --timeout");
        let answer = self.node.call(port.node(), "time").await;
        answer.map(drop).map_err(|error| unanswered(port, &error))
    }

    /// A node says nothing to a request that it does not know; asked about it, it says so.
    async fn is_unknown(&self, port: &PortId, tag: Option<&Json>) -> Option<String> {
        if !self.node.nodes().contains(&port.node()) {
            return None;
        }
        let tag = tag?.as_str().filter(|_| port.name().is_empty())?.to_owned();
        let question = self.node.call(port, ("can", tag.clone())).returning::<(String,)>();
        let (known,) = question.timeout(AFTERTHOUGHT).await.ok()?;
        known.is_empty().then(|| plain(&format!("{port} does not know the request {tag:?}")))
    }
}

/// Dials an address until somebody answers there; the error says why that is no use.
async fn dial(node: Node, address: String, waiting: Waiting) -> Result<NodeId, String> {
    let addr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    loop {
        match node.dial(&addr).await {
            Ok(peer) => return Ok(peer),
            Err(error) if error.is_permanent() => return Err(plain(&error.to_string())),
            Err(error) => waiting.because(&error),
        }
        sleep(PAUSE).await;
    }
}

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Why there is no answer, as far as `error` knows.
fn unanswered(port: &PortId, error: &CallError) -> CliError {
    CliError::Remote(plain(&match error {
        CallError::Died(reason) => died(port, reason),
        other => format!("{port}: {other}"),
    }))
}

fn died(port: &PortId, reason: &Reason) -> String {
    let text = |index: usize| reason.values().get(index).and_then(mp_node::Value::as_str).unwrap_or_default();
    match &*reason.word() {
        "" if reason.is_normal() => format!("{port} ended without an answer"),
        "transport_error" => format!("no connection to {}: {}", text(1), text(2)),
        "no_such_port" => format!("there is no port {port}"),
        _ => format!("{port} died: {reason}"),
    }
}

/// What is waited for, to be told if it does not happen. Cheap to clone.
#[derive(Debug, Clone, Default)]
struct Waiting(Arc<Mutex<Missing>>);

#[derive(Debug, Default)]
struct Missing {
    what: String,
    /// What stood in the way the last time.
    why: Option<String>,
    mend: &'static str,
}

impl Waiting {
    fn is_for(&self, what: String, mend: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Missing { what, why: None, mend };
    }

    fn because(&self, error: &DialError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).why = Some(error.to_string());
    }

    fn text(&self, limit: Duration) -> String {
        let missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let why = missing.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        plain(&format!("{} within {limit:?}{why}; {}", missing.what, missing.mend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_in_words() {
        let port: PortId = "n#p".parse().unwrap();
        let lost = Reason::transport_error(&port.node(), "no known address");
        assert_eq!(died(&port, &lost), "no connection to n: no known address");
        assert_eq!(died(&port, &Reason::no_such_port(&port)), "there is no port n#p");
        assert_eq!(died(&port, &Reason::normal()), "n#p ended without an answer");
        assert_eq!(died(&port, &Reason::die("oops\n")), "n#p died: die: oops\\n");
        assert_eq!(died(&port, &Reason::from_values(vec![])), "n#p ended without an answer");
    }

    #[test]
    fn what_did_not_happen_is_told_with_the_last_reason() {
        let waiting = Waiting::default();
        waiting.is_for("nobody came".to_owned(), "ask again");
        assert_eq!(waiting.text(Duration::from_secs(5)), "nobody came within 5s; ask again");
        waiting.because(&DialError::ShutDown);
        let text = "nobody came within 5s (the node has been shut down); ask again";
        assert_eq!(waiting.text(Duration::from_secs(5)), text);
    }
}
