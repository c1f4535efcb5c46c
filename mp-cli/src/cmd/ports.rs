//! `aemp ports`.

use mp_global::status::PortState;
use mp_node::PortId;
use serde::Serialize;

use super::guest::Guest;
use super::status::Asker;
use crate::error::CliError;
use crate::output::{Output, Row};

/// Tells the ports of a node.
pub(super) async fn ports(target: &PortId, guest: &Guest, output: &mut Output) -> Result<(), CliError> {
    let node = guest.meet(target).await?.node();
    let asker = Asker::of(&node, guest).await?;
    let ports = guest.progress().during(asker.ports(), || format!("asking {node}")).await?;
    let rows: Vec<_> = ports.into_iter().map(|port| Told { port }).collect();
    output.rows(&["PORT", "NAMES", "WAITING", "BYTES", "MONITORS", "TAKEN BY"], &rows)
}

/// A port of the node.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "port")]
struct Told {
    #[serde(flatten)]
    port: PortState,
}

impl Row for Told {
    fn cells(&self) -> Vec<String> {
        let port = &self.port;
        let names = if port.names.is_empty() { "-".to_owned() } else { port.names.join(", ") };
        let taken = if port.handlers { "handlers" } else { "recv" };
        let numbers = [port.messages, port.bytes, port.monitors].map(|number| number.to_string());
        [port.port.clone(), names].into_iter().chain(numbers).chain([taken.to_owned()]).collect()
    }
}
