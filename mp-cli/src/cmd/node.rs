//! The seam to the node library: every call into it that `run`, `snd`, `cal` and `mon` make goes through here.
//!
//! Nothing stands behind it yet. Each function takes all that its real form needs.

#![expect(clippy::unused_async, reason = "their real forms wait for the network")]

use std::time::Duration;

use mp_proto::PortId;
use serde_json::Value;

use crate::error::CliError;
use mp_config::NodeConfig;

/// Runs the node until it is told to stop.
pub(super) async fn run(config: &NodeConfig) -> Result<(), CliError> {
    let NodeConfig { profile, monitor_timeout, connect_interval, framing_format, .. } = config;
    let tuning = format!("{monitor_timeout:?}, {connect_interval:?}, {framing_format:?}");
    tracing::debug!(%profile, %tuning, secret = config.secret.as_ref().map(|secret| secret.expose().len()));
    Err(CliError::NotBuilt("`aemp run`".to_owned()))
}

/// Sends the message, and returns when the port's node has it.
pub(super) async fn snd(
    _config: &NodeConfig,
    port: &PortId,
    message: &[Value],
    timeout: Duration,
) -> Result<(), CliError> {
    Err(CliError::NotBuilt(format!("`aemp snd` of {message:?} to {port} within {timeout:?}")))
}

/// Sends the message with a reply port at its end, and returns the reply.
pub(super) async fn cal(
    _config: &NodeConfig,
    port: &PortId,
    message: &[Value],
    timeout: Duration,
) -> Result<Vec<Value>, CliError> {
    Err(CliError::NotBuilt(format!("`aemp cal` of {message:?} to {port} within {timeout:?}")))
}

/// Waits until the port is dead, and returns the reason; an empty one is a normal end.
pub(super) async fn mon(_config: &NodeConfig, port: &PortId) -> Result<Vec<Value>, CliError> {
    Err(CliError::NotBuilt(format!("`aemp mon` of {port}")))
}
