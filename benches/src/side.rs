//! What the other side does.

use serde::{Deserialize, Serialize};

use anyhow::Context;

use crate::ours::{self, Terms};
use crate::process::Ready;
use crate::raw::service;
use crate::workload::{ports, registry, relay};

/// What a process that is the other side is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Side {
    /// Raw sockets and a node, each of which counts or echoes what comes.
    Peer(Terms),
    /// The same for a node that listens nowhere, but is connected with one that listens there.
    Behind(Terms, String),
    /// A node that carries connections for others, and copies raw ones.
    Relay(Terms),
    /// The directory: a global node, and its raw counterpart.
    Hub(Terms),
    /// So many idle ports.
    Ports(Terms, usize, ports::Kind),
    /// So many nodes that watch the directory, and as many raw connections to the hub that listens there.
    Watchers(Terms, usize, String),
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
                let node = terms.start("peer/", true).await?;
                ours::serve(&node);
                let ready = ready.with("node", ours::address(&node)?);
                ours::keep(node);
                Ok(ready)
            }
            Self::Behind(terms, relay) => {
                let ready = raw(&terms).await?;
                let node = terms.start("behind", false).await?;
                ours::serve(&node);
                node.dial(&relay.parse()?).await.context("the relay")?;
                let ready = ready.with("id", node.id().to_string());
                ours::keep(node);
                Ok(ready)
            }
            Self::Relay(terms) => {
                let node = terms.start("relay", true).await?;
                let ready = Ready::default().with("raw", relay::listen().await?);
                let ready = ready.with("node", ours::address(&node)?);
                ours::keep(node);
                Ok(ready)
            }
            Self::Hub(terms) => registry::hub(&terms).await,
            Self::Ports(terms, count, kind) => ports::make(&terms, count, kind).await,
            Self::Watchers(terms, nodes, hub) => registry::watchers(&terms, nodes, &hub).await,
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
