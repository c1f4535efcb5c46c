//! The seam to the node library: what each process of the demonstration does.
//!
//! Nothing stands behind it yet. [`play`] takes all that its real form needs. The events that each part must tell, in
//! this order (see `script`):
//!
//! - seed: `Listening`, `Registered` (group `eg_chat_server`); for each client `Joined`; for each line said `Relayed`;
//!   when a client dies `MonitorFired`, `Dropped`; on [`Order::Stop`] `Stopped`.
//! - receiver: `Registered` (group `eg_receivers`), `Received`; on [`Order::Stop`] `Stopped`.
//! - sender: `Found`, `Sent`; on [`Order::Stop`] `Stopped`.
//! - chat client: `Found` (group `eg_chat_server`); on [`Order::Say`] `Said`; for each line relayed `Heard`; on
//!   [`Order::Stop`] `Stopped`.

use tokio::sync::mpsc;

use super::Role;
use super::event::{EventSink, Order};
use crate::error::CliError;
use mp_config::NodeConfig;

/// Plays `role` under the name `name` until ordered to stop.
#[expect(clippy::unused_async, reason = "its real form waits for the network")]
pub(super) async fn play(
    role: Role,
    name: &str,
    config: &NodeConfig,
    _events: EventSink,
    _orders: mpsc::Receiver<Order>,
) -> Result<(), CliError> {
    Err(CliError::NotBuilt(format!("the demo's {} {name} as node {}", role.word(), config.nodeid)))
}
