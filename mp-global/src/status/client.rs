//! Asking.

use std::time::Duration;

use mp_node::{CallError, Node};
use mp_proto::{NodeId, PortId};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Connections, Families, MOST, NAME, Ports, Summary};

/// Asks nodes how they do, see [`status`](crate::status).
#[derive(Debug, Clone)]
pub struct StatusClient {
    node: Node,
    timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The question or the answer was lost, or the answer is not what it should be.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The node does not know the question.
    #[error("the node says: {0}")]
    Refused(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    Ok(T),
    Error(String),
}

impl StatusClient {
    /// Asks from this node, and waits 5 s for an answer.
    #[must_use]
    pub fn new(node: &Node) -> Self {
        Self { node: node.clone(), timeout: Duration::from_secs(5) }
    }

    /// How long to wait for an answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The port to ask at a node; `None` if it does not serve its status. The group [`NAME`] has those of all nodes.
    ///
    /// # Errors
    ///
    /// The node cannot be reached.
    ///
    /// # Cancellation
    ///
    /// As for all functions here: dropping the future gives up the answer.
    pub async fn port_of(&self, node: &NodeId) -> Result<Option<PortId>, CallError> {
        self.node.lookup(node, NAME).await
    }

    /// How the node does.
    ///
    /// # Errors
    ///
    /// [`StatusError`].
    pub async fn summary(&self, port: &PortId) -> Result<Summary, StatusError> {
        self.ask(port, ("summary",)).await
    }

    /// Up to `limit` of the node's connections, at most [`MOST`], behind that with the node `after`.
    ///
    /// # Errors
    ///
    /// [`StatusError`].
    pub async fn connections(
        &self,
        port: &PortId,
        limit: usize,
        after: Option<String>,
    ) -> Result<Connections, StatusError> {
        self.ask(port, ("connections", limit.min(MOST), after)).await
    }

    /// Up to `limit` of the node's ports, at most [`MOST`], from the place `from`.
    ///
    /// # Errors
    ///
    /// [`StatusError`].
    pub async fn ports(&self, port: &PortId, limit: usize, from: Option<u32>) -> Result<Ports, StatusError> {
        self.ask(port, ("ports", limit.min(MOST), from)).await
    }

    /// Up to `limit` of the families that the node holds something of, at most [`MOST`], behind the family `after`.
    ///
    /// # Errors
    ///
    /// [`StatusError`].
    pub async fn families(
        &self,
        port: &PortId,
        limit: usize,
        after: Option<String>,
    ) -> Result<Families, StatusError> {
        self.ask(port, ("families", limit.min(MOST), after)).await
    }

    async fn ask<Q, T>(&self, port: &PortId, question: Q) -> Result<T, StatusError>
    where
        Q: serde::Serialize + Send + 'static,
        T: DeserializeOwned + Send + 'static,
    {
        match self.node.call(port, question).timeout(self.timeout).returning::<Answer<T>>().await? {
            Answer::Ok(answer) => Ok(answer),
            Answer::Error(text) => Err(StatusError::Refused(text)),
        }
    }
}
