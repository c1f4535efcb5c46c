//! What the command line can say.

use clap::Parser;
use mp_node::Framing;

use crate::workload;

/// The most seconds for each run.
const MOST: f64 = 1_000.0;

/// How fast messages go between processes of this machine, over loopback: between our own nodes, and over raw sockets.
#[derive(Debug, Clone, Parser)]
#[command(name = "mp-bench", version, after_help = help())]
pub(super) struct Args {
    /// One of those below, or `all`
    #[arg(value_parser = workload_name)]
    pub(super) workload: String,
    /// Bytes of each message's payload; connections for W10, registrations for W11 [default: those below]
    #[arg(value_parser = payload)]
    pub(super) payload: Option<usize>,
    /// Does the same over raw sockets, run by run in turn, and shows the ratios and which goals are met
    #[arg(long)]
    pub(super) vs: bool,
    /// Has other messaging systems take part, too: needs the program mp-bench-peers, see docs/speed.md
    #[arg(long, hide = !cfg!(feature = "peers"))]
    pub(super) peers: bool,
    /// How long each run lasts
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
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

fn workload_name(name: &str) -> Result<String, String> {
    if name == "all" || workload::named(name).is_some() {
        return Ok(name.to_owned());
    }
    let all: Vec<_> = workload::ALL.iter().map(|workload| workload.name).collect();
    Err(format!("there is no workload {name}; there are {}, and all", all.join(", ")))
}

fn payload(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "a payload has one byte at least".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| *number > 0.0 && *number <= MOST);
    number.ok_or_else(|| format!("a run lasts more than 0 and up to {MOST} seconds"))
}

fn framing(name: &str) -> Result<Framing, String> {
    crate::ours::framing(name).map_err(|error| error.to_string())
}

/// Ends the program: it cannot do what `--peers` says.
#[cfg(not(feature = "peers"))]
pub(super) fn no_peers() -> ! {
    use clap::CommandFactory;

    let what = "`--peers` needs a program that is built with `--features peers`, and mp-bench-peers beside it: docs/speed.md has \
                the commands";
    Args::command().error(clap::error::ErrorKind::UnknownArgument, what).exit()
}

fn help() -> String {
    let line = |workload: &workload::Workload| {
        let payloads: Vec<_> = workload.payloads.iter().map(ToString::to_string).collect();
        format!("\n  {:4} {} ({})", workload.name, workload.about, payloads.join(", "))
    };
    let all: String = workload::ALL.iter().map(line).collect();
    format!("Workloads:{all}\n\nEach result is the median of the runs. Build with --release.")
}
