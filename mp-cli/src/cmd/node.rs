//! The seam to the node library: what `run`, `snd`, `cal` and `mon` do with a node.

use std::time::Duration;

use mp_config::NodeConfig;
use mp_global::Global;
use mp_node::{CallError, Limits, Message, Node, NodeBuilder, PortId, Reason};
use serde_json::Value as Json;
use tokio::time::timeout;

use super::json::to_json;
use crate::error::CliError;

/// A node that takes part in its network.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) node: Node,
    pub(super) global: Global,
}

/// Starts a node, and its part in the directory.
pub(super) async fn start(config: &NodeConfig) -> Result<Joined, CliError> {
    let node = NodeBuilder::from_config(config.clone()).start().await?;
    let global = Global::start(&node)?;
    Ok(Joined { node, global })
}

/// A node that only talks: it listens nowhere, is no global node, and knows the way to `port` when this returns.
async fn passer_by(config: &NodeConfig, port: &PortId, limit: Duration) -> Result<Joined, CliError> {
    let mut config = config.clone();
    config.binds = Vec::new();
    let node = NodeBuilder::from_config(config).start().await?;
    let global = Global::builder(&node).global(false).start()?;
    let joined = Joined { node, global };
    if !port.node().addresses().is_empty() {
        return Ok(joined);
    }
    let seeds = NodeConfig::expand(&joined.node.config().seeds);
    if seeds.is_empty() {
        return Err(CliError::NoSeed(port.node().to_string()));
    }
    match timeout(limit, joined.reach(&seeds)).await {
        Ok(reached) => reached.map(|()| joined),
        Err(_) => Err(CliError::Remote(format!(
            "no seed answered within {limit:?} ({}); is a node of this network running there?",
            seeds.join(", ")
        ))),
    }
}

impl Joined {
    /// Waits until a seed is connected, or it is sure that none will be.
    async fn reach(&self, seeds: &[String]) -> Result<(), CliError> {
        tokio::select! {
            biased;
            joined = self.global.joined() => Ok(joined?),
            why = self.hopeless(seeds) => Err(CliError::Remote(why)),
        }
    }

    /// Why no seed will ever answer us, if all of them say no.
    async fn hopeless(&self, seeds: &[String]) -> String {
        let mut last = String::new();
        for seed in seeds {
            let Ok(addr) = seed.parse() else { continue };
            match self.node.dial(&addr).await {
                Err(error) if error.is_permanent() => last = error.to_string(),
                _ => return std::future::pending().await,
            }
        }
        last
    }
}

/// Sends the message, and returns when the port's node has it.
pub(super) async fn snd(
    config: &NodeConfig,
    port: &PortId,
    message: &[Json],
    limit: Duration,
) -> Result<(), CliError> {
    let joined = passer_by(config, port, limit).await?;
    joined.node.send(port, message).await?;
    // What the node answers later than this, it has seen later than this.
    let barrier = joined.node.call(port.node(), "time").timeout(limit).await;
    joined.node.shutdown().await;
    barrier.map(drop).map_err(|error| unanswered(port.node_str(), error))
}

/// Sends the message with a reply port at its end, and returns the reply.
pub(super) async fn cal(
    config: &NodeConfig,
    port: &PortId,
    message: &[Json],
    limit: Duration,
) -> Result<Vec<Json>, CliError> {
    let joined = passer_by(config, port, limit).await?;
    let request = Message::new(message).map_err(mp_node::SendError::from)?;
    let answer = joined.node.call(port, request).timeout(limit).await;
    joined.node.shutdown().await;
    let answer = answer.map_err(|error| unanswered(port.as_str(), error))?;
    Ok(answer.values().iter().map(to_json).collect())
}

/// Waits until the port is dead, and returns the reason; an empty one is a normal end.
pub(super) async fn mon(config: &NodeConfig, port: &PortId) -> Result<Vec<Json>, CliError> {
    let limit = Limits::default().handshake_time;
    let joined = passer_by(config, port, limit).await?;
    let reason = joined.node.monitor(port).await;
    joined.node.shutdown().await;
    Ok(reason_json(&reason))
}

/// The reason's values.
pub(super) fn reason_json(reason: &Reason) -> Vec<Json> {
    reason.values().iter().map(to_json).collect()
}

fn unanswered(whom: &str, error: CallError) -> CliError {
    match error {
        CallError::Died(reason) => CliError::Remote(format!("{whom}: {reason}")),
        CallError::TimedOut(limit) => {
            CliError::Remote(format!("{whom} did not answer within {limit:?}; give it more by --timeout"))
        }
        CallError::Send(error) => error.into(),
        other => CliError::Remote(format!("{whom}: {other}")),
    }
}
