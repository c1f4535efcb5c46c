//! The words of `aemp tikc`.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use mp_tikc::{Addr, DEFAULT_ADDRESS};
use serde_json::Value;

use super::{json_word, seconds};

/// What `aemp tikc` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Tikc {
    /// Listen for kernels, and print what is posted to the aliases
    Server {
        /// Where to listen
        #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_ADDRESS)]
        listen: Addr,
        #[command(flatten)]
        sessions: TikcSessions,
        /// Let kernels of Perl in from other machines: they cannot prove who they are
        #[arg(long)]
        plain: bool,
    },
    /// Keep a connection to a server, and print what is posted to the aliases
    Client {
        #[command(flatten)]
        link: TikcLink,
        #[command(flatten)]
        sessions: TikcSessions,
    },
    /// Post an event to an alias
    ///
    /// As in `aemp tikc post counter add 5`.
    Post {
        #[command(flatten)]
        link: TikcLink,
        /// Give up if nobody has announced the alias after so many seconds
        #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
        timeout: Duration,
        /// Whose session it is for
        alias: String,
        /// Which event it is
        event: String,
        /// What goes with it: each word is JSON if it parses as such, else a text; what begins with [, { or " has to be JSON
        #[arg(value_name = "JSON", value_parser = json_word, allow_negative_numbers = true)]
        args: Vec<Value>,
    },
    /// Print the aliases that a server knows
    Aliases {
        #[command(flatten)]
        link: TikcLink,
        /// Give up if the server has not answered after so many seconds
        #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
        timeout: Duration,
    },
    /// Print which aliases come and go, until it is stopped
    Watch {
        #[command(flatten)]
        link: TikcLink,
    },
}

/// The connection to a server.
#[derive(Debug, ClapArgs)]
pub(crate) struct TikcLink {
    /// The server
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_ADDRESS)]
    pub(crate) connect: Addr,
    /// Take a server of Perl on another machine: it cannot prove who it is
    #[arg(long)]
    pub(crate) plain: bool,
}

/// Aliases, and what is done with their events.
#[derive(Debug, ClapArgs)]
pub(crate) struct TikcSessions {
    /// The aliases to hold; can be given several times
    #[arg(long = "alias", value_name = "NAME", num_args = 1..)]
    pub(crate) aliases: Vec<String>,
    /// Answer the event echo(ALIAS, EVENT, ARGS…) by posting EVENT with ARGS to ALIAS
    #[arg(long)]
    pub(crate) echo: bool,
}

impl Tikc {
    /// Whether it does one thing and ends, so that what goes wrong is said by itself.
    pub(crate) fn is_brief(&self) -> bool {
        matches!(self, Self::Post { .. } | Self::Aliases { .. })
    }
}
