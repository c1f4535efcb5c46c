//! The options of `aemp run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};

/// `run`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// Log in this form [default: text, and json with --json]
    #[arg(long, value_name = "FORM")]
    pub(crate) log_format: Option<LogFormat>,
    /// Log what is at least as grave (error, warn, info, debug, trace), or what a filter such as
    /// `warn,mp_node=debug` lets through; goes before AEMP_LOG and -v
    #[arg(long, value_name = "LEVEL", conflicts_with = "log_level_file")]
    pub(crate) log_level: Option<String>,
    /// Read the level from this file, now and at each SIGHUP
    #[arg(long, value_name = "PATH")]
    pub(crate) log_level_file: Option<PathBuf>,
    /// Serve metrics for Prometheus at http://ADDR/metrics; a port alone is one of 127.0.0.1
    #[arg(long, value_name = "[HOST:]PORT")]
    pub(crate) metrics: Option<String>,
    /// When stopping, write what waits for other nodes for at most so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = super::seconds)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) drain: Duration,
    /// Do not tell other nodes how this one does: `aemp top` then does not show it
    #[arg(long)]
    pub(crate) no_status: bool,
    /// The profile, then settings and their values
    #[arg(value_name = "[PROFILE] [KEY VALUE]")]
    pub(crate) words: Vec<String>,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For programs: one object in each line
    Json,
}
