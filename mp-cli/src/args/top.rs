//! The options of `aemp top`.

use std::time::Duration;

use clap::Args as ClapArgs;

/// `top`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) node: super::NodeArgs,
    /// Print once what there is to see, and end: as text, or with --json for programs
    #[arg(long)]
    pub(crate) once: bool,
    /// Ask the nodes every so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = super::seconds)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) every: Duration,
    /// Sort by this [in the view: keys n c u m b r p x]
    #[arg(long, value_name = "COLUMN", default_value = "node")]
    pub(crate) sort: crate::cmd::top::Sort,
}
