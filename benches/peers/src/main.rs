//! `mp-bench` with other messaging systems as further contestants, each behind a feature of its name:
//!
//! ```sh
//! apt-get install g++
//! cargo build --release --manifest-path benches/peers/Cargo.toml --all-features
//! benches/peers/target/release/mp-bench-peers all --vs --markdown
//! ```
//!
//! They send payloads as they are, without a counter or a type, by the means that their documents recommend, with default
//! settings where nothing else is said. What they do not do is left out of a contest.

#[cfg(feature = "zeromq")]
mod zeromq;

use std::process::ExitCode;

use async_trait::async_trait;
use mp_bench::contest::Contest;
use mp_bench::process::{Ready, be_the_side};
use mp_bench::program::{Guests, end, is_side, with};
use mp_bench::side::Side;
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    if is_side() { end(be_the_side(Order::start)) } else { with(Peers) }
}

/// What another process is to be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Order {
    /// The other side of our own, or of raw sockets.
    Ours(Side),
    /// That of a guest.
    Theirs(Theirs),
}

#[derive(Debug, Serialize, Deserialize)]
enum Theirs {
    #[cfg(feature = "zeromq")]
    Zeromq,
}

impl Order {
    async fn start(self) -> anyhow::Result<Ready> {
        match self {
            Self::Ours(side) => side.start().await,
            #[cfg(feature = "zeromq")]
            Self::Theirs(Theirs::Zeromq) => zeromq::side(),
            #[cfg(not(feature = "zeromq"))]
            Self::Theirs(theirs) => match theirs {},
        }
    }
}

struct Peers;

#[async_trait]
impl Guests for Peers {
    async fn join(&self, contest: Contest, workload: &str, payload: usize) -> anyhow::Result<Contest> {
        #[cfg(feature = "zeromq")]
        let contest = zeromq::join(contest, workload, payload).await?;
        Ok(contest)
    }

    fn versions(&self) -> String {
        let mut versions = vec![format!("mp {}", env!("CARGO_PKG_VERSION"))];
        #[cfg(feature = "zeromq")]
        versions.push(zeromq::version());
        versions.join("\n")
    }
}
