//! The log, on stderr.

use tracing_subscriber::EnvFilter;

/// Starts the log: warnings, more with each `-v`; `AEMP_LOG` (in the form of `tracing`'s filters) decides before both.
pub(crate) fn start_log(verbose: u8, json: bool) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("AEMP_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log that was started before stays; that can only be a test's.
    drop(if json { builder.json().try_init() } else { builder.with_ansi(false).try_init() });
}
