//! The log, on stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use super::wants_color;
use crate::args::{ArgsError, Globals};

/// What is logged without any `-v`, each of which adds one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    /// Nothing but errors, for commands that tell themselves what went wrong.
    Error = 0,
    /// What someone should look at.
    Warn = 1,
    /// What happens, for those who run a node.
    Info = 2,
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Starts the log. `AEMP_LOG` (in the form of `tracing`'s filters) decides before all else.
///
/// # Errors
///
/// [`ArgsError::LogFilter`] if `AEMP_LOG` is no filter.
pub(crate) fn start_log(base: Base, globals: &Globals) -> Result<(), ArgsError> {
    let index = usize::from(globals.verbose).saturating_add(base as usize).min(LEVELS.len() - 1);
    let filter = match std::env::var("AEMP_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(text).map_err(ArgsError::LogFilter)?,
        _ => EnvFilter::new(LEVELS[index]),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Which part of the program speaks matters only to those who look into it.
        .with_target(globals.verbose > 1)
        // There is nobody left to tell.
        .log_internal_errors(false);
    let color = wants_color(globals.color, io::stderr().is_terminal());
    // A log that was started before stays; that can only be a test's.
    drop(if globals.json { builder.json().try_init() } else { builder.with_ansi(color).try_init() });
    Ok(())
}
