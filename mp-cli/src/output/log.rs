//! The log, on stderr.

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use mp_global::log_catcher::{LogLevel, LogTap};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::wants_color;
use crate::args::{ArgsError, Globals, LogFormat, Run};

/// What logs.
const PARTS: [&str; 6] = ["aemp", "mp_config", "mp_global", "mp_node", "mp_tikc", "mp_transport"];

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

/// How `aemp run` is to log.
#[derive(Debug, Default)]
struct Options {
    format: Option<LogFormat>,
    level: Option<String>,
    file: Option<PathBuf>,
}

type SetFilter = dyn Fn(EnvFilter) -> bool + Send + Sync;

/// The log as it runs.
pub(crate) struct Log {
    /// Passes it on to other nodes, as far as it is shown here.
    pub(crate) tap: LogTap,
    set: Box<SetFilter>,
    file: Option<PathBuf>,
    base: EnvFilter,
}

/// Starts the log; gives what passes it on to other nodes, as far as it is shown here. `AEMP_LOG` (in the form of
/// `tracing`'s filters) decides before all else.
///
/// # Errors
///
/// [`ArgsError::LogFilter`] if `AEMP_LOG` is no filter.
pub(crate) fn start_log(base: Base, globals: &Globals) -> Result<LogTap, ArgsError> {
    Ok(start(base, globals, Options::default())?.tap)
}

/// The same for `aemp run`, whose options go before `AEMP_LOG`.
///
/// # Errors
///
/// [`ArgsError::LogFilter`] if a level is no filter; [`ArgsError::LogLevelFile`] if the file cannot be read.
pub(crate) fn start_run_log(args: &Run, globals: &Globals) -> Result<Log, ArgsError> {
    let options =
        Options { format: args.log_format, level: args.log_level.clone(), file: args.log_level_file.clone() };
    start(Base::Info, globals, options)
}

fn start(base: Base, globals: &Globals, options: Options) -> Result<Log, ArgsError> {
    let base = match (options.level, std::env::var("AEMP_LOG")) {
        (Some(level), _) => {
            filter(&level).map_err(|error| ArgsError::LogFilter { of: "--log-level", error })?
        }
        (None, Ok(text)) if !text.is_empty() => {
            filter(&text).map_err(|error| ArgsError::LogFilter { of: "AEMP_LOG", error })?
        }
        _ => EnvFilter::new(base.level(globals.verbose)),
    };
    let first = match &options.file {
        Some(path) => from_file(path, &base)?,
        None => base.clone(),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(first)
        .with_writer(io::stderr)
        // Which part of the program speaks matters only to those who look into it.
        .with_target(globals.verbose > 1)
        // There is nobody left to tell.
        .log_internal_errors(false);
    let color = wants_color(globals.color, io::stderr().is_terminal());
    // A log that was started before stays; that can only be a test's.
    let tap = LogTap::new(LogLevel::TRACE);
    let default = if globals.json { LogFormat::Json } else { LogFormat::Text };
    let set: Box<SetFilter> = match options.format.unwrap_or(default) {
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            drop(builder.finish().with(tap.clone()).try_init());
            Box::new(move |filter| handle.reload(filter).is_ok())
        }
        LogFormat::Text => {
            let builder = builder.with_ansi(color).with_filter_reloading();
            let handle = builder.reload_handle();
            drop(builder.finish().with(tap.clone()).try_init());
            Box::new(move |filter| handle.reload(filter).is_ok())
        }
    };
    Ok(Log { tap, set, file: options.file, base })
}

/// The level that stands in a file; without anything in it, `base`.
fn from_file(path: &Path, base: &EnvFilter) -> Result<EnvFilter, ArgsError> {
    let wrong = |error| ArgsError::LogLevelFile { path: path.to_owned(), error };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    match text.trim() {
        "" => Ok(base.clone()),
        text => filter(text).map_err(wrong),
    }
}

/// A filter, or what is wrong with it. A word alone that is no level names a part of the program, and so shuts up all
/// others: it must be one that there is, or a slip would make a node silent.
fn filter(text: &str) -> Result<EnvFilter, String> {
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let is_alone = !word.contains(['=', '[', ':']);
        if is_alone && word.parse::<LevelFilter>().is_err() && !PARTS.contains(&word) {
            return Err(format!("there is no level {word:?}"));
        }
    }
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

impl Log {
    /// Reads the level anew, if it stands in a file; gives the level that holds then.
    ///
    /// # Errors
    ///
    /// [`ArgsError::LogLevelFile`]; the level is as before.
    pub(crate) fn reload(&self) -> Result<Option<String>, ArgsError> {
        let Some(path) = &self.file else { return Ok(None) };
        let filter = from_file(path, &self.base)?;
        let text = filter.to_string();
        (self.set)(filter);
        Ok(Some(text))
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("file", &self.file).finish_non_exhaustive()
    }
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

    #[test]
    fn a_level_stands_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("level");
        let base = EnvFilter::new("info");
        assert!(from_file(&path, &base).unwrap_err().to_string().contains("level"));
        for (text, level) in [("", "info"), (" \n", "info"), ("debug\n", "debug")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(from_file(&path, &base).unwrap().to_string(), level);
        }
        std::fs::write(&path, "mp=loud=1").unwrap();
        assert!(from_file(&path, &base).is_err());
    }
}
