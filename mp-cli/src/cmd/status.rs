//! What nodes of our own kind say of themselves, by `mp::status`.

use mp_global::status::{Connection, FamilySize, MOST, PortState, StatusClient, StatusError, Summary};
use mp_node::{NodeId, PortId};

use super::guest::{Guest, died};
use crate::error::CliError;
use crate::output::plain;

/// As many connections or ports are asked for of one node at the most.
const BOUND: usize = 100_000;

/// Asks one node.
#[derive(Debug)]
pub(super) struct Asker {
    client: StatusClient,
    port: PortId,
}

impl Asker {
    /// The node must be connected. `None` if it does not serve its status.
    pub(super) async fn find(node: &NodeId, guest: &Guest) -> Result<Option<Self>, CliError> {
        let client = StatusClient::new(guest.node()).timeout(guest.limit());
        let found = tokio::time::timeout(guest.limit(), client.port_of(node)).await;
        let Ok(port) = found else { return Ok(None) };
        let port = port.map_err(|error| CliError::Remote(plain(&format!("{node}: {error}"))))?;
        Ok(port.map(|port| Self { client, port }))
    }

    /// The same, where a node that does not is an error.
    pub(super) async fn of(node: &NodeId, guest: &Guest) -> Result<Self, CliError> {
        let found = if guest.node().is_own_kind(node) { Self::find(node, guest).await? } else { None };
        found.ok_or_else(|| {
            let why = if guest.node().is_own_kind(node) {
                "its program does not serve its status (mp::status), as `aemp run` does"
            } else {
                "it is a Perl node, and these have no word for it"
            };
            CliError::Remote(plain(&format!("{node} does not tell: {why}")))
        })
    }

    pub(super) async fn summary(&self) -> Result<Summary, CliError> {
        self.client.summary(&self.port).await.map_err(|error| self.failed(&error))
    }

    /// All connections of the node.
    pub(super) async fn connections(&self) -> Result<Vec<Connection>, CliError> {
        let (mut all, mut after) = (Vec::new(), None);
        while all.len() < BOUND {
            let part = self.client.connections(&self.port, MOST, after).await;
            let part = part.map_err(|error| self.failed(&error))?;
            let is_empty = part.connections.is_empty();
            all.extend(part.connections);
            after = part.next;
            if after.is_none() || is_empty {
                break;
            }
        }
        Ok(all)
    }

    /// All ports of the node.
    pub(super) async fn ports(&self) -> Result<Vec<PortState>, CliError> {
        let (mut all, mut from) = (Vec::new(), None);
        while all.len() < BOUND {
            let part =
                self.client.ports(&self.port, MOST, from).await.map_err(|error| self.failed(&error))?;
            all.extend(part.ports);
            if part.next.is_none() || part.next <= from {
                break;
            }
            from = part.next;
        }
        Ok(all)
    }

    /// All families that the node holds something of.
    pub(super) async fn families(&self) -> Result<Vec<FamilySize>, CliError> {
        let (mut all, mut after) = (Vec::new(), None);
        while all.len() < BOUND {
            let part = self.client.families(&self.port, MOST, after).await;
            let part = part.map_err(|error| self.failed(&error))?;
            let is_empty = part.families.is_empty();
            all.extend(part.families);
            after = part.next;
            if after.is_none() || is_empty {
                break;
            }
        }
        Ok(all)
    }

    fn failed(&self, error: &StatusError) -> CliError {
        CliError::Remote(plain(&match error {
            StatusError::Call(mp_node::CallError::Died(reason)) => died(&self.port, reason),
            other => format!("{}: {other}", self.port),
        }))
    }
}
