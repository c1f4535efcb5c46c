//! The workloads: one file for each, and the table of all.

mod blocking;
mod fan_out;
mod framings;
mod idle;
mod large;
pub mod local;
mod one_way;
pub mod ports;
pub(crate) mod registry;
pub(crate) mod relay;
mod requests;
mod round_trip;
mod tls;

use std::future::Future;
use std::pin::Pin;

use mp_node::Framing;

use crate::contest::Contest;
use crate::ours::Terms;
use crate::process::Process;
use crate::side::Side;

/// What the command line says of all workloads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// The one framing that nodes speak. Default: the nodes' own.
    pub framing: Option<Framing>,
}

impl Settings {
    fn terms(self) -> Terms {
        Terms::default().framing(self.framing)
    }
}

/// A job that can be measured.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// Its name, such as `W1`.
    pub name: &'static str,
    /// What is done, in a few words.
    pub about: &'static str,
    /// The payloads with which it is done if none is named: bytes, but for W10 (connections) and W11 (registrations).
    pub payloads: &'static [usize],
    /// Starts the other side and connects with it.
    pub open: fn(Settings, usize) -> Opening,
}

/// The beginning of a contest.
pub type Opening = Pin<Box<dyn Future<Output = anyhow::Result<Contest>> + Send>>;

/// All of them, in the order in which `all` takes them.
pub const ALL: &[Workload] = &[
    one_way::W1,
    round_trip::W2,
    requests::W3,
    local::W4,
    ports::W5,
    fan_out::W6,
    tls::W7,
    framings::W8,
    large::W9,
    idle::W10,
    registry::W11,
    relay::W12,
];

/// The workload of this name.
#[must_use]
pub fn named(name: &str) -> Option<Workload> {
    ALL.iter().find(|workload| workload.name.eq_ignore_ascii_case(name)).copied()
}

/// A process with raw sockets and a node.
async fn peer(terms: &Terms) -> anyhow::Result<Process> {
    Process::start(&Side::Peer(terms.clone())).await
}
