//! The log, on stderr.

use std::io::{self, IsTerminal};

use mp_global::log_catcher::{LogLevel, LogTap};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::wants_color;
use crate::args::{ArgsError, Globals};

/// What is logged without any `-v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Nothing but errors, for commands that tell themselves what went wrong.
    Error,
    /// What someone should look at.
    Warn,
    /// What happens, for those who run a node.
    Info,
}

impl Base {
    fn level(self, verbose: u8) -> &'static str {
        match (self, verbose) {
            (Self::Error, 0) => "error",
            (Self::Warn, 0) => "warn",
            (Self::Info, 0) | (Self::Error | Self::Warn, 1) => "info",
            (Self::Info, 1) | (Self::Error | Self::Warn, 2) => "debug",
            _ => "trace",
        }
    }
}

/// Starts the log; gives what passes it on to other nodes, as far as it is shown here. `AEMP_LOG` (in the form of `tracing`'s filters) decides before all else.
///
/// # Errors
///
/// [`ArgsError::LogFilter`] if `AEMP_LOG` is no filter.
pub(crate) fn start_log(base: Base, globals: &Globals) -> Result<LogTap, ArgsError> {
    let filter = match std::env::var("AEMP_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(text).map_err(ArgsError::LogFilter)?,
        _ => EnvFilter::new(base.level(globals.verbose)),
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
    let tap = LogTap::new(LogLevel::TRACE);
    drop(if globals.json {
        builder.json().finish().with(tap.clone()).try_init()
    } else {
        builder.with_ansi(color).finish().with(tap.clone()).try_init()
    });
    Ok(tap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v_says_more() {
        for (base, levels) in [
            (Base::Error, ["error", "info", "debug", "trace", "trace"]),
            (Base::Warn, ["warn", "info", "debug", "trace", "trace"]),
            (Base::Info, ["info", "debug", "trace", "trace", "trace"]),
        ] {
            assert_eq!([0, 1, 2, 3, u8::MAX].map(|verbose| base.level(verbose)), levels, "{base:?}");
        }
    }
}
