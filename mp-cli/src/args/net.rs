//! The commands that talk to a network.

use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};
use mp_global::log_catcher::LogLevel;
use mp_proto::PortId;
use serde_json::Value;

use super::{json_word, port, seconds};

/// How long another node has to answer, unless it is said.
const LIMIT: Duration = Duration::from_secs(5);

/// What a node does in a network, be it by a command of its own or in the shell.
#[derive(Debug, Subcommand)]
pub(crate) enum Net {
    /// Send a message to a port
    ///
    /// Exits when the port's node has it, as in `aemp snd 10.0.0.1:4040#PORT test 123`.
    Snd(Talk),
    /// Send a message with a reply port at its end, and print the reply
    ///
    /// As in `aemp cal 10.0.0.1:4040 time`, which asks the node itself, or with the port that `aemp run` prints for
    /// `mp::echo`, which sends back what it gets: `aemp cal 10.0.0.1:4040#PORT hello 42`.
    Cal(Talk),
    /// Wait until a port is dead, and print why
    ///
    /// The node's own port, as in `aemp mon 10.0.0.1:4040`, is dead when the connection to the node is lost.
    Mon {
        #[command(flatten)]
        node: NodeArgs,
        /// The port: NODE#NAME, or NODE for the node's own; as NODE an address, HOST:PORT, needs no seed
        #[arg(value_parser = port)]
        port: PortId,
    },
    /// Ask a node for its time, again and again, and print how long it takes to answer
    ///
    /// Perl nodes answer, too. With a port of the node instead, the node is asked, and that the port dies ends it. At the end
    /// it prints how many answers were lost, and the least, mean, 99th of a hundred, and longest time. Exits with 1 if
    /// nothing was answered.
    Ping(Ping),
    /// Print the nodes of the network: their part in it, the time they take to answer, and where they listen
    Nodes {
        #[command(flatten)]
        node: NodeArgs,
        /// Do not ask the nodes themselves, only the directory
        #[arg(long)]
        quick: bool,
    },
    /// Print the ports of a node: what waits in them, who monitors them, and their names
    ///
    /// A node of `aemp run` tells, as does any Rust program that serves `mp::status`; Perl nodes have no word for it.
    Ports {
        #[command(flatten)]
        node: NodeArgs,
        /// The node; an address, HOST:PORT, needs no seed
        #[arg(value_name = "NODE", value_parser = node_port)]
        target: PortId,
    },
    /// Print the groups of the network, or who is in one
    Groups {
        #[command(flatten)]
        node: NodeArgs,
        /// The group's name
        name: Option<String>,
    },
    /// Look at the keys and values that the network shares, or set some
    #[command(subcommand, disable_help_subcommand = true)]
    Db(Db),
    /// Print the log lines of all nodes of the network as they come
    ///
    /// As far as the nodes pass them on: those of `aemp run` do, and Perl nodes with AnyEvent::MP::LogCatcher. A node of
    /// `aemp run` passes on what it logs itself: for lines of debug or trace, it has to run with that level (--log-level,
    /// or what stands in its --log-level-file, which it reads again on SIGHUP).
    Log(Log),
    /// Follow the connections of the network from node to node, and print who is connected with whom
    ///
    /// It begins at the node, or without one at the global nodes. A Perl node tells if it evaluates what it is sent, a Rust
    /// node if it serves `mp::status`, as those of `aemp run` do.
    Trace {
        #[command(flatten)]
        node: NodeArgs,
        /// The node; an address, HOST:PORT, needs no seed
        #[arg(value_name = "NODE", value_parser = node_port)]
        target: Option<PortId>,
    },
    /// Have a Perl node evaluate an expression, and print the results
    ///
    /// As in `aemp eval 10.0.0.1:4040 '$AnyEvent::MP::Kernel::UNIQ'`. A Perl node that has `secure` set does nothing of the
    /// kind, and says nothing. A Rust node refuses: it never runs code that it is sent.
    Eval {
        #[command(flatten)]
        node: NodeArgs,
        /// The node; an address, HOST:PORT, needs no seed
        #[arg(value_name = "NODE", value_parser = node_port)]
        target: PortId,
        /// The expression; several words are put together with blanks
        #[arg(required = true, allow_hyphen_values = true, trailing_var_arg = true)]
        code: Vec<String>,
    },
    /// Have a Perl node restart itself
    ///
    /// It must run under AnyEvent::Watchdog, and not have `secure` set. A Rust node is restarted by what runs it.
    Restart {
        #[command(flatten)]
        node: NodeArgs,
        /// The node; an address, HOST:PORT, needs no seed
        #[arg(value_name = "NODE", value_parser = node_port)]
        target: PortId,
    },
}

impl Net {
    /// The node that is needed for it.
    pub(crate) fn node(&self) -> &NodeArgs {
        match self {
            Self::Snd(talk) | Self::Cal(talk) => &talk.node,
            Self::Ping(ping) => &ping.node,
            Self::Log(log) => &log.node,
            Self::Db(db) => db.node(),
            Self::Mon { node, .. }
            | Self::Nodes { node, .. }
            | Self::Groups { node, .. }
            | Self::Ports { node, .. }
            | Self::Trace { node, .. }
            | Self::Eval { node, .. }
            | Self::Restart { node, .. } => node,
        }
    }
}

/// `ping`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Ping {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// Ask so many times; 0 asks until it is stopped
    #[arg(long, short = 'c', visible_short_alias = 'n', value_name = "NUMBER", default_value = "5", value_parser = whole)]
    pub(crate) count: u64,
    /// The time between two questions, in seconds
    #[arg(long, short, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) interval: Duration,
    /// The node, or a port of it; as NODE an address, HOST:PORT, needs no seed
    #[arg(value_name = "NODE|PORT", value_parser = port)]
    pub(crate) port: PortId,
}

/// `db`.
#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Print what a family holds, or the value of one key
    Get {
        #[command(flatten)]
        node: NodeArgs,
        /// The family
        family: String,
        /// The key
        key: Option<String>,
    },
    /// Print the families that there are
    ///
    /// A global node that is a Rust node has to tell: Perl's have no word for it.
    Families {
        #[command(flatten)]
        node: NodeArgs,
    },
    /// Print the keys of a family
    Keys {
        #[command(flatten)]
        node: NodeArgs,
        /// The family
        family: String,
    },
    /// Set a key, for as long as this program runs: a key goes with the node that set it
    Set {
        #[command(flatten)]
        node: NodeArgs,
        /// The family
        family: String,
        /// The key
        key: String,
        /// The value: JSON if it parses as such, else a text; what begins with [, { or " has to be JSON
        #[arg(value_name = "JSON", value_parser = json_word, allow_negative_numbers = true)]
        value: Value,
    },
    /// Delete a key that was set before in the same shell
    ///
    /// Exits with 1 if another node has set it: only that one can delete it.
    Del {
        #[command(flatten)]
        node: NodeArgs,
        /// The family
        family: String,
        /// The key
        key: String,
    },
    /// Print what a family holds, then what changes, until it is stopped
    Watch {
        #[command(flatten)]
        node: NodeArgs,
        /// The family
        family: String,
    },
}

impl Db {
    fn node(&self) -> &NodeArgs {
        match self {
            Self::Get { node, .. }
            | Self::Families { node }
            | Self::Keys { node, .. }
            | Self::Set { node, .. }
            | Self::Del { node, .. }
            | Self::Watch { node, .. } => node,
        }
    }
}

/// `log`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// Lines that are at least as grave, of those that the nodes log: fatal, alert, critical, error, warn, note, info,
    /// debug, trace, or 1 to 9
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = level)]
    pub(crate) level: LogLevel,
    /// Only lines of nodes whose name has this in it
    #[arg(long = "node", value_name = "PART")]
    pub(crate) node_part: Option<String>,
    /// Only lines that have this in them
    #[arg(long, value_name = "PART")]
    pub(crate) text: Option<String>,
}

/// `bench`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// Measure for so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) time: Duration,
    /// Send so many bytes of text in each message, at most 1000000
    #[arg(long, value_name = "BYTES", default_value = "100", value_parser = size)]
    pub(crate) size: usize,
    /// A node that has mp::echo, such as one of `aemp run`; by default a process of its own on this machine
    #[arg(value_name = "NODE", value_parser = node_port)]
    pub(crate) peer: Option<PortId>,
}

/// A line of the shell.
#[derive(Debug, Parser)]
#[command(name = "", no_binary_name = true, disable_help_subcommand = true)]
pub(crate) struct ShellLine {
    /// Print lines of JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) net: Net,
}

fn level(text: &str) -> Result<LogLevel, String> {
    text.parse().map_err(|error: mp_global::log_catcher::UnknownLevel| error.to_string())
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number".to_owned())
}

fn size(text: &str) -> Result<usize, String> {
    const LARGEST: usize = 1_000_000;
    let number = text.parse().ok().filter(|number| *number <= LARGEST);
    number.ok_or_else(|| "write a number up to 1000000".to_owned())
}

fn node_port(text: &str) -> Result<PortId, String> {
    let port = port(text)?;
    if port.is_node_port() {
        Ok(port)
    } else {
        Err("write the node alone, without # and what is behind it".to_owned())
    }
}

/// `snd` and `cal`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Talk {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// The port: NODE#NAME, or NODE for the node's own; as NODE an address, HOST:PORT, needs no seed
    #[arg(value_parser = port)]
    pub(crate) port: PortId,
    /// The message: each word is JSON if it parses as such, else a text; what begins with [, { or " has to be JSON
    #[arg(value_name = "JSON", value_parser = json_word, allow_negative_numbers = true)]
    pub(crate) message: Vec<Value>,
}

/// The node that this program becomes in order to talk.
#[derive(Debug, ClapArgs)]
pub(crate) struct NodeArgs {
    /// The profile to take the keys and the seeds from, but not the name [default: aemp, if there is one]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Where to find the network, instead of the profile's seeds; can be given several times
    #[arg(long = "seed", value_name = "HOST:PORT")]
    pub(crate) seeds: Vec<String>,
    /// Give up if the other node has not answered after so many seconds; if this is given, a node that is not there yet is
    /// waited for as long, too [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,
}

impl NodeArgs {
    /// How long the other node has to answer.
    pub(crate) fn limit(&self) -> Duration {
        self.timeout.unwrap_or(LIMIT)
    }

    /// Whether a node that is not there yet is waited for.
    pub(crate) fn is_patient(&self) -> bool {
        self.timeout.is_some()
    }
}

/// `doctor`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    /// The profile of the node to look at [default: the host's name, as for `aemp run`]
    pub(crate) profile: Option<String>,
    /// Look at these seeds instead of the profile's; can be given several times
    #[arg(long = "seed", value_name = "HOST:PORT")]
    pub(crate) seeds: Vec<String>,
    /// Give each other node so many seconds to answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) timeout: Duration,
}
