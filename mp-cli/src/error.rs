//! What can go wrong in the program, and the exit code that tells it.

use std::io;
use std::process::ExitCode;

use crate::args::ArgsError;
use crate::cmd::configure::ConfigureError;
use crate::cmd::demo::DemoError;
use crate::cmd::stop::Asked;
use mp_config::ConfigError;

/// Why the program did not do what it was asked. Each message names the thing and the mend, on one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The words on the command line.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// The configuration file or what stands in it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A command of the configuration family.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    /// The demonstration did not go as it should.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The node cannot be started.
    #[error(transparent)]
    Start(#[from] mp_node::StartError),
    /// The node's part in the directory.
    #[error(transparent)]
    Global(#[from] mp_global::GlobalError),
    /// A message cannot be sent.
    #[error(transparent)]
    Send(#[from] mp_node::SendError),
    /// Nothing leads to a node.
    #[error(
        "nothing leads to {0:?}: write the node's address instead, as HOST:PORT, or give that of a seed by --seed or `aemp setseeds`"
    )]
    NoSeed(String),
    /// Nothing leads to the network.
    #[error(
        "nothing leads to the network: give the address of one of its nodes by --seed HOST:PORT or `aemp setseeds`"
    )]
    NoNetwork,
    /// `top` needs a terminal on both sides.
    #[error(
        "`aemp top` needs a terminal to show the network on; `aemp top --once` prints it once, with --json for programs"
    )]
    #[cfg(feature = "top")]
    NoTerminal,
    /// `doctor` found something.
    #[error("{failed} of {checks} checks failed; what to do stands in their lines")]
    Unwell {
        /// Checks that failed.
        failed: usize,
        /// All of them.
        checks: usize,
        /// No node can run with this configuration.
        unusable: bool,
    },
    /// A line of a shell without a terminal.
    #[error("line {number}: {error}")]
    Line {
        /// Which one, from 1.
        number: u64,
        /// What was wrong with it.
        error: Box<CliError>,
    },
    /// A file that was asked for cannot be written.
    #[error("cannot write {}: {error}; look at the owner, mode and free space of its directory", path.display())]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A service that this program does not have.
    #[error(
        "there is no service {name:?} in this program: {mend}; correct it by `setservices`, see `aemp showconfig`"
    )]
    Service {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        mend: String,
    },
    /// The level given to `mp::log_catcher`.
    #[error("mp::log_catcher: {text:?}: {error}; correct it by `setservices`, see `aemp showconfig`")]
    LogLevel {
        /// What was given.
        text: String,
        /// What is wrong with it.
        error: mp_global::log_catcher::UnknownLevel,
    },
    /// A kernel of TIKC cannot be started, or not be connected.
    #[error(transparent)]
    Tikc(#[from] mp_tikc::StartError),
    /// A session of TIKC cannot have an alias.
    #[error(transparent)]
    Alias(#[from] mp_tikc::AliasError),
    /// The words of the service `mp::tikc`.
    #[error(
        "the service mp::tikc has the words {0:?}; write [\"mp::tikc\"], [\"mp::tikc\", \"listen\", \"HOST:PORT\"] or [\"mp::tikc\", \"connect\", \"HOST:PORT\"]"
    )]
    TikcService(String),
    /// The address of `--metrics`.
    #[error("--metrics {address}: {error}; {mend}")]
    Metrics {
        /// What was given.
        address: String,
        /// What the system says.
        error: String,
        /// What to do.
        mend: String,
    },
    /// Another node said no, or nothing.
    #[error("{0}")]
    Remote(String),
    /// Nobody reads the output any more: no fault, and nobody to tell.
    #[error("the output was closed")]
    OutputClosed,
    /// The output cannot be written for another reason.
    #[error("cannot write the output: {0}; look at what stdout leads to")]
    Output(io::Error),
    /// The tokio runtime cannot start, or not take signals.
    #[error("cannot start the runtime: {0}; look at the limits on threads and open files")]
    Runtime(io::Error),
    /// By a signal; everything is stopped.
    #[error("interrupted")]
    Interrupted(Asked),
}

impl CliError {
    /// 0 done, 1 the remote said no or time-out, 2 wrong use or configuration; interrupted, 128 and
    /// the number of the signal.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Line { error, .. } => error.code(),
            Self::OutputClosed => 0,
            Self::Unwell { unusable, .. } => 1 + u8::from(*unusable),
            Self::Demo(_) | Self::Remote(_) | Self::Send(_) | Self::Output(_) | Self::Runtime(_) => 1,
            Self::Args(_) | Self::Config(_) | Self::Configure(_) => 2,
            Self::Start(_) | Self::Global(_) | Self::NoSeed(_) | Self::NoNetwork | Self::Write { .. } => 2,
            #[cfg(feature = "top")]
            Self::NoTerminal => 2,
            Self::Service { .. } | Self::LogLevel { .. } => 2,
            Self::Tikc(_) | Self::Alias(_) | Self::TikcService(_) | Self::Metrics { .. } => 2,
            Self::Interrupted(asked) => asked.exit_code(),
        }
    }
}

impl From<io::Error> for CliError {
    /// For errors of the output, the only thing that is written without a context of its own.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::OutputClosed } else { Self::Output(error) }
    }
}
