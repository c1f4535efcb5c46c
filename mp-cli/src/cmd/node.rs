//! A node that takes part in its network, as `aemp run` and the demonstration start it.

use mp_config::NodeConfig;
use mp_global::Global;
use mp_node::{Limits, Node, NodeBuilder};

use crate::error::CliError;

/// What makes a Perl node a global one from the beginning; so it does ours.
pub(super) const GLOBAL_SERVICES: [&str; 2] = ["AnyEvent::MP::Global::", "AnyEvent::MP::Global"];

/// A node, and its part in the directory.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) node: Node,
    pub(super) global: Global,
}

/// Starts a node, and its part in the directory.
pub(super) async fn start(config: &NodeConfig) -> Result<Joined, CliError> {
    start_with(config, Limits::default()).await
}

/// The same, with other bounds.
pub(super) async fn start_with(config: &NodeConfig, limits: Limits) -> Result<Joined, CliError> {
    let node = NodeBuilder::from_config(config.clone()).limits(limits).start().await?;
    let mut builder = Global::builder(&node);
    if config.services.iter().any(|service| GLOBAL_SERVICES.contains(&service.name.as_str())) {
        builder = builder.global(true);
    }
    let global = builder.start()?;
    Ok(Joined { node, global })
}
