//! Erlang-style message passing between the ports of a network of nodes.
//!
//! A [`Node`] is a process's place in the network, a [`Port`] a mailbox in it that any port anywhere can send to.
//! Ports are monitored, linked, killed and spawned across the network. Nodes are written in Rust with this crate, or in
//! Perl with AnyEvent::MP, whose wire protocol this is.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod call;
mod complaints;
mod error;
mod events;
mod kernel;
mod mailbox;
mod node;
mod port;
mod runtime;
mod service;
mod spawn;
mod stats;
mod sync;
mod watch;

pub use call::Call;
pub use error::{CallError, DialError, SendError, StartError, TrySendError};
pub use events::{NodeEvent, NodeEvents};
pub use mp_config::{ConfigError, NodeConfig};
pub use mp_proto::{
    DecodeError, EncodeError, Framing, IdError, Limits, Map, Message, NodeId, PortId, Reason, Text, Value,
};
pub use mp_transport::{Addr, Transport};
pub use node::{Node, NodeBuilder, WeakNode};
pub use port::{Flow, Port, Undecoded};
pub use service::{Down, Request, Resolver, Service, Up, Way};
pub use spawn::Outcome;
pub use stats::NodeStats;
pub use watch::Monitor;

#[cfg(feature = "memory")]
pub use mp_transport::memory;
