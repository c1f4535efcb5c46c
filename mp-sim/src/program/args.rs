//! The command line.

use clap::{Args as ClapArgs, Parser, Subcommand};
use mp_sim::scenario::Options;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "mp-sim",
    version,
    about = "Runs simulated networks through faults and checks what is guaranteed"
)]
pub(super) struct Args {
    /// Print lines of JSON, for programs
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run networks under load and faults, one for each seed; exit code 1 if a guarantee is broken
    Run {
        #[command(flatten)]
        seeds: Seeds,
        #[command(flatten)]
        shape: Shape,
    },
    /// Run one seed again and print what happened, a line for each event
    Replay {
        /// The seed
        seed: u64,
        #[command(flatten)]
        shape: Shape,
        /// Print the nodes' own log lines among the events, such as `debug` or `mp_node=trace,mp_sim=debug`
        #[arg(long, value_name = "FILTER")]
        log: Option<String>,
    },
    /// Let two nodes dial each other at the same instant, once for each seed
    Collide {
        #[command(flatten)]
        seeds: Seeds,
    },
    /// Form large networks, and print what that takes
    Form {
        /// How many nodes, one network for each number
        #[arg(long, value_delimiter = ',', default_value = "100,300,1000", value_parser = some)]
        nodes: Vec<usize>,
        /// How many of them are global nodes
        #[arg(long, default_value_t = 5)]
        globals: usize,
        /// The seed
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Run nodes in processes of their own, on TCP, under load; kill, stop and restart them; check what is guaranteed, and that
    /// nothing leaks. Exit code 1 if something is broken, 2 if there is no result
    #[cfg(unix)]
    Soak(Soak),
    /// One of these nodes
    #[cfg(unix)]
    #[command(hide = true)]
    SoakNode {
        /// What it is to be
        settings: std::path::PathBuf,
    },
}

/// At least one.
fn some(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "write a whole number above 0".to_owned())
}

/// A soak.
#[cfg(unix)]
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct Soak {
    /// How long the load and the faults last; start and end take some 20 s more
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seconds: u64,
    /// How many nodes
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=100))]
    pub(super) nodes: u32,
    /// How many of them are global nodes
    #[arg(long, default_value_t = 2)]
    pub(super) globals: u32,
    /// Decides which faults happen to whom and when [default: another one each time]
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Speak TLS, with this certificate and key as `aemp gencert` makes them (needs the feature `tls`)
    #[arg(long, value_name = "PEM")]
    pub(super) tls: Option<std::path::PathBuf>,
    /// Keep the records even if all is well
    #[arg(long)]
    pub(super) keep: bool,
}

/// What the networks are like; what is not given follows from the seed.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct Shape {
    /// Nodes of each network [default: 3 to 50]
    #[arg(long)]
    nodes: Option<usize>,
    /// Networks of 3 nodes to so many, every fifth of just so many
    #[arg(long, conflicts_with = "nodes")]
    up_to: Option<usize>,
    /// How many of them are global nodes [default: 1 to 5]
    #[arg(long)]
    globals: Option<usize>,
    /// How many of them are Perl nodes [default: some in every third network]
    #[arg(long)]
    perl: Option<usize>,
    /// How many faults happen [default: 8 to 16]
    #[arg(long)]
    faults: Option<usize>,
}

impl Shape {
    pub(super) fn options(&self) -> Options {
        Options::new(self.nodes, self.globals, self.faults).up_to(self.up_to).perl(self.perl)
    }
}

/// Which seeds, and how.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct Seeds {
    /// How many seeds
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seeds: u64,
    /// The first one
    #[arg(long, default_value_t = 0)]
    pub(super) start: u64,
    /// How many at the same time [default: as many as the machine has processors]
    #[arg(long, value_parser = some)]
    pub(super) jobs: Option<usize>,
    /// Stop at a seed that fails
    #[arg(long)]
    pub(super) first: bool,
}
