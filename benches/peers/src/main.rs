//! `mp-bench` with other messaging systems as further contestants, each behind a feature of its name:
//!
//! ```sh
//! apt-get install g++ nats-server
//! cargo build --release --manifest-path benches/peers/Cargo.toml --all-features
//! benches/peers/target/release/mp-bench-peers all --vs --markdown
//! ```
//!
//! They send payloads as they are, without a counter or a type, by the means that their documents recommend, with default
//! settings where nothing else is said: `docs/speed.md` has what each is set to. What they do not do is left out of a contest;
//! who needs a program that is missing takes no part, and is named with what to install.

#[cfg(feature = "actix")]
mod actix;
#[cfg_attr(
    not(any(
        feature = "kameo",
        feature = "nats",
        feature = "ractor",
        feature = "tonic",
        feature = "zenoh",
        feature = "zeromq-rs"
    )),
    expect(dead_code, reason = "nobody is there to do the jobs")
)]
mod jobs;
#[cfg(feature = "kameo")]
mod kameo;
#[cfg(any(feature = "actix", feature = "kameo", feature = "ractor"))]
mod local;
#[cfg(feature = "nats")]
mod nats;
mod order;
#[cfg(feature = "perl-aemp")]
mod perl;
#[cfg(feature = "ractor")]
mod ractor;
#[cfg(feature = "tonic")]
mod tonic;
#[cfg(feature = "zenoh")]
mod zenoh;
#[cfg(feature = "zeromq")]
mod zeromq;
#[cfg(feature = "zeromq-rs")]
mod zeromq_rs;

use std::process::ExitCode;

use async_trait::async_trait;
use mp_bench::contest::Contest;
use mp_bench::process::be_the_side;
use mp_bench::program::{Guests, end, is_side, with};

use order::{Order, Theirs};

/// W6: so many processes, with so many receivers each.
#[cfg(any(feature = "nats", feature = "zenoh"))]
const PROCESSES: usize = 4;
#[cfg(any(feature = "nats", feature = "zenoh"))]
const RECEIVERS: usize = 4;

fn main() -> ExitCode {
    if is_side() { end(be_the_side(Order::start)) } else { with(Peers) }
}

struct Peers;

#[async_trait]
impl Guests for Peers {
    async fn join(&self, contest: Contest, workload: &'static str, payload: usize) -> Contest {
        #[cfg(feature = "zeromq")]
        let contest = admit(contest, zeromq::PEER, |none| zeromq::join(none, workload, payload)).await;
        #[cfg(feature = "zeromq-rs")]
        let contest = admit(contest, zeromq_rs::PEER, |none| zeromq_rs::join(none, workload, payload)).await;
        #[cfg(feature = "zenoh")]
        let contest = admit(contest, zenoh::PEER, |none| zenoh::join(none, workload, payload)).await;
        #[cfg(feature = "tonic")]
        let contest = admit(contest, tonic::PEER, |none| tonic::join(none, workload, payload)).await;
        #[cfg(feature = "nats")]
        let contest = match nats::missing() {
            None => admit(contest, nats::PEER, |none| nats::join(none, workload, payload)).await,
            Some(_) => contest,
        };
        #[cfg(feature = "ractor")]
        let contest = admit(contest, ractor::PEER, |none| ractor::join(none, workload, payload)).await;
        #[cfg(feature = "kameo")]
        let contest = admit(contest, kameo::PEER, |none| kameo::join(none, workload, payload)).await;
        #[cfg(feature = "actix")]
        let contest = actix::join(contest, workload, payload);
        #[cfg(feature = "perl-aemp")]
        let contest = match perl::missing() {
            None => admit(contest, perl::PEER, |none| perl::join(none, workload, payload)).await,
            Some(_) => contest,
        };
        contest
    }

    fn versions(&self) -> String {
        let mut versions = vec![format!("mp {}", env!("CARGO_PKG_VERSION"))];
        #[cfg(feature = "zeromq")]
        versions.push(zeromq::version());
        #[cfg(feature = "zeromq-rs")]
        versions.push(zeromq_rs::version());
        #[cfg(feature = "zenoh")]
        versions.push(zenoh::version());
        #[cfg(feature = "tonic")]
        versions.push(tonic::version());
        #[cfg(feature = "nats")]
        versions.push(nats::missing().map_or_else(nats::version, no_part));
        #[cfg(feature = "ractor")]
        versions.push(ractor::version());
        #[cfg(feature = "kameo")]
        versions.push(kameo::version());
        #[cfg(feature = "actix")]
        versions.push(actix::version());
        #[cfg(feature = "perl-aemp")]
        versions.push(perl::missing().map_or_else(perl::version, no_part));
        versions.join("\n")
    }
}

/// Lets a system take part that can join a contest which nobody has joined.
async fn admit<F>(contest: Contest, peer: &'static str, join: impl FnOnce(Contest) -> F) -> Contest
where
    F: Future<Output = anyhow::Result<Contest>> + Send + 'static,
{
    let joining = join(contest.empty());
    contest.open(peer, joining).await
}

#[cfg(any(feature = "nats", feature = "perl-aemp"))]
fn no_part(why: &str) -> String {
    format!("takes no part: {why}")
}
