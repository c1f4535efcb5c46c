//! Erlang-style message passing between the ports of a network of nodes.
//!
//! A [`Node`] is a process's place in the network, a [`Port`] a mailbox in it that any port anywhere can send to.
//! Ports are monitored, linked, killed and spawned across the network. Nodes are written in Rust with this crate, or in
//! Perl with AnyEvent::MP, whose wire protocol this is.
//!
//! # Who may connect
//!
//! Nodes of one network share a [secret](NodeBuilder::secret), or trust one another's [certificates](NodeBuilder::cert), or
//! both; a node with neither makes no connection. The secret proves, but hides nothing: only TLS does, for which both sides
//! need a certificate. A network's secret is changed without an interruption by way of an
//! [old secret](NodeBuilder::old_secret). What else proves something, and is dangerous, has to be named in
//! [`auth_offer`](NodeBuilder::auth_offer) and [`auth_accept`](NodeBuilder::auth_accept).
//!
//! # Features
//!
//! `json`, `cbor`, `postcard` (default) and `storable` are framings, `tcp` (default) and `memory` ways to move bytes. `tls`
//! makes certificates usable; without it a node that has one configured does not start.
//!
//! # Older names
//!
//! Whoever knows AnyEvent::MP, of 1.x or 2.x, finds its functions here:
//!
//! | Perl | Rust |
//! |---|---|
//! | `configure`, `initialise_node`; `become_public` (1.x) | [`Node::builder`], [`NodeBuilder::start`]; [`NodeBuilder::become_public`] |
//! | `$NODE`, `$SELF`, `node_of $port` | [`Node::id`], [`Port::id`], [`PortId::node`] |
//! | `port { … }`, `rcv $port, tag => …` | [`Node::port`]; [`Port::recv`], [`Port::recv_as`], or [`Port::on`] |
//! | `snd $port, …` | [`Node::send`], [`Node::try_send`] |
//! | `mon $port, $cb` | [`Node::monitor`], [`Node::monitor_with`] |
//! | `mon $port, $other`; `mon $port, $other, @msg` | [`Node::monitor_kill`]; [`Node::monitor_send`] |
//! | `mon_guard` | a guard is what [`Node::monitor`] gives: [`Monitor`] |
//! | `kil $port, @reason` | [`Node::kill`], [`Port::kill`] |
//! | `spawn $node, $function, @args` | [`Node::spawn_on`] and [`Node::register_function`]; here, [`Node::spawn`] |
//! | `cal $port, @msg, $cb` | [`Node::call`] |
//! | `reg $port, $name`; `lookup $node, $name` (1.x) | [`Node::register_name`]; [`Node::lookup`] |
//! | `up_nodes`, `mon_nodes $cb` | [`Node::nodes`], [`Node::events`] |
//! | `grp_…`, `db_…` | the crate mp-global |
//! | `after`, `psub`, `peval` | tokio's timers; not needed |

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
    AuthMethod, DecodeError, EncodeError, Framing, IdError, Limits, Map, Message, NodeId, PortId, Reason,
    Text, Value,
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
#[cfg(feature = "tls")]
pub use mp_transport::tls;
