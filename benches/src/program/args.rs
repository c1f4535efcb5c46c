//! What the command line can say.

use clap::Parser;
use mp_node::Framing;

use crate::workload;

/// How fast messages go between processes of this machine, over loopback: between our own nodes, and over raw sockets.
#[derive(Debug, Clone, Parser)]
#[command(name = "mp-bench", version, after_help = help())]
pub(super) struct Args {
    /// One of those below, or `all`
    pub(super) workload: String,
    /// Bytes of each message's payload; connections for W10, registrations for W11 [default: those below]
    pub(super) payload: Option<usize>,
    /// Does the same over raw sockets, run by run in turn, and shows the ratios and which goals are met
    #[arg(long)]
    pub(super) vs: bool,
    /// Has other messaging systems take part, too: needs the program mp-bench-peers, see docs/speed.md
    #[cfg(feature = "peers")]
    #[arg(long)]
    pub(super) peers: bool,
    /// How long each run lasts
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub(super) seconds: f64,
    /// How many runs a median is of
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) runs: usize,
    /// The one framing that nodes speak: json, cbor, postcard, storable [default: the nodes' own]
    #[arg(long, value_name = "F", value_parser = framing)]
    pub(super) framing: Option<Framing>,
    /// Each result as a line of JSON, as without --vs
    #[arg(long)]
    pub(super) json: bool,
    /// A table in Markdown
    #[arg(long, conflicts_with = "json")]
    pub(super) markdown: bool,
}

fn framing(name: &str) -> Result<Framing, String> {
    crate::ours::framing(name).map_err(|error| error.to_string())
}

fn help() -> String {
    let line = |workload: &workload::Workload| {
        let payloads: Vec<_> = workload.payloads.iter().map(ToString::to_string).collect();
        format!("\n  {:4} {} ({})", workload.name, workload.about, payloads.join(", "))
    };
    let all: String = workload::ALL.iter().map(line).collect();
    format!("Workloads:{all}\n\nEach result is the median of the runs. Build with --release.")
}
