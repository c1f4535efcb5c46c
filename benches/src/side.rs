//! What the other side does.

use serde::{Deserialize, Serialize};

use crate::ours::{self, Terms};
use crate::process::Ready;
use crate::raw::service;

/// What a process that is the other side is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Side {
    /// Raw sockets and a node, each of which counts or echoes what comes.
    Peer(Terms),
}

impl Side {
    /// Begins to be it.
    ///
    /// # Errors
    ///
    /// Something cannot be started.
    ///
    /// # Cancellation
    ///
    /// Not safe: some of it may go on.
    pub async fn start(self) -> anyhow::Result<Ready> {
        match self {
            Self::Peer(terms) => {
                let ready = raw(&terms).await?;
                let node = terms.start("peer", true).await?;
                ours::serve(&node);
                Ok(ready.with("node", ours::keep(node)?))
            }
        }
    }
}

async fn raw(terms: &Terms) -> anyhow::Result<Ready> {
    let ready = Ready::default();
    let ready = ready.with("tokio", service::listen().await?).with("blocking", service::listen_blocking()?);
    Ok(match &terms.pem {
        Some(pem) => ready.with("tls", service::listen_tls(pem).await?),
        None => ready,
    })
}
