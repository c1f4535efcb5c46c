//! What another process of this program is told to be.

use mp_bench::process::Ready;
use mp_bench::side::Side;
use serde::{Deserialize, Serialize};

/// The other side of a contest.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Order {
    /// That of our own, or of raw sockets.
    Ours(Side),
    /// That of a guest.
    Theirs(Theirs),
}

/// The other side of a guest: one that counts and echoes, or so many idle actors.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Theirs {
    #[cfg(feature = "actix")]
    Actix(usize),
    /// Of this name, in the swarm of the one with this address.
    #[cfg(feature = "kameo")]
    Kameo(String, String),
    #[cfg(feature = "kameo")]
    KameoIdle(usize),
    /// By the server with this address, so many who count.
    #[cfg(feature = "nats")]
    Nats(String, usize),
    /// In this group.
    #[cfg(feature = "ractor")]
    Ractor(String),
    #[cfg(feature = "ractor")]
    RactorIdle(usize),
    #[cfg(feature = "tonic")]
    Tonic,
    #[cfg(feature = "zenoh")]
    Zenoh(crate::zenoh::Terms),
    #[cfg(feature = "zeromq")]
    Zeromq,
    #[cfg(feature = "zeromq-rs")]
    ZeromqRs,
}

impl Order {
    /// Begins to be it.
    ///
    /// # Errors
    ///
    /// Something cannot be started.
    pub(crate) async fn start(self) -> anyhow::Result<Ready> {
        match self {
            Self::Ours(side) => side.start().await,
            Self::Theirs(theirs) => theirs.start().await,
        }
    }
}

impl Theirs {
    async fn start(self) -> anyhow::Result<Ready> {
        match self {
            #[cfg(feature = "actix")]
            Self::Actix(actors) => crate::actix::idle(actors).await,
            #[cfg(feature = "kameo")]
            Self::Kameo(name, address) => crate::kameo::side(&name, &address).await,
            #[cfg(feature = "kameo")]
            Self::KameoIdle(actors) => crate::kameo::local::idle(actors).await,
            #[cfg(feature = "nats")]
            Self::Nats(url, receivers) => crate::nats::side(&url, receivers).await,
            #[cfg(feature = "ractor")]
            Self::Ractor(group) => crate::ractor::side(group).await,
            #[cfg(feature = "ractor")]
            Self::RactorIdle(actors) => crate::ractor::local::idle(actors).await,
            #[cfg(feature = "tonic")]
            Self::Tonic => crate::tonic::side().await,
            #[cfg(feature = "zenoh")]
            Self::Zenoh(terms) => crate::zenoh::side(terms).await,
            #[cfg(feature = "zeromq")]
            Self::Zeromq => crate::zeromq::side(),
            #[cfg(feature = "zeromq-rs")]
            Self::ZeromqRs => crate::zeromq_rs::side().await,
        }
    }
}
