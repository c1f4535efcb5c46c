//! The commands that talk to a network.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use mp_proto::PortId;
use serde_json::Value;

use super::{json_word, port, seconds};

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
        /// The port: NODE#NAME, or NODE for the node's own; an address as NODE needs no seed
        #[arg(value_parser = port)]
        port: PortId,
    },
}

impl Net {
    /// The node that is needed for it.
    pub(crate) fn node(&self) -> &NodeArgs {
        match self {
            Self::Snd(talk) | Self::Cal(talk) => &talk.node,
            Self::Mon { node, .. } => node,
        }
    }
}

/// `snd` and `cal`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Talk {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// The port: NODE#NAME, or NODE for the node's own; an address as NODE needs no seed
    #[arg(value_parser = port)]
    pub(crate) port: PortId,
    /// The message: each word is JSON if it parses as such, else a text
    #[arg(value_name = "JSON", value_parser = json_word, allow_negative_numbers = true)]
    pub(crate) message: Vec<Value>,
}

/// The node that this program becomes in order to talk.
#[derive(Debug, ClapArgs)]
pub(crate) struct NodeArgs {
    /// The profile to use [default: aemp, if there is one]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Where to find the network, instead of the profile's seeds; can be given several times
    #[arg(long = "seed", value_name = "HOST:PORT")]
    pub(crate) seeds: Vec<String>,
    /// Give up if the other node has not answered after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) timeout: Duration,
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
