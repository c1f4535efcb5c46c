//! Erlang-style message passing between the ports of a network of nodes.
//!
//! A [`Node`] is a process's place in the network, a [`Port`] a mailbox in it that any port anywhere can send to.
//! Ports are monitored, linked, killed and spawned across the network. Nodes are written in Rust with this crate, or in
//! Perl with AnyEvent::MP, whose wire protocol this is.
//!
//! ```
//! use mp_node::{Node, PortId};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Request {
//!     Add(u32, u32, PortId), // ["add", 1, 2, port] on the wire, so any node can send it
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let node = Node::builder("calculator").without_file().start().await?;
//!
//!     let adder = node.spawn(|mut port| async move {
//!         while let Some(Request::Add(a, b, reply)) = port.recv_as().await {
//!             port.node().send(&reply, a + b).await.expect("the node runs");
//!         }
//!     });
//!
//!     let mut answers = node.port();
//!     node.send(&adder, Request::Add(1, 2, answers.id().clone())).await?;
//!     assert_eq!(answers.recv_as::<(u32,)>().await, Some((3,)));
//!
//!     node.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! # A tour
//!
//! **Send, receive.** A message is any type that serde can write; by custom it begins with a word, its *tag*, so that an
//! enum is a natural one ([`adaptor`] says which type is which message). [`Node::send`] waits for room, not for
//! delivery, and tells local facts only; [`Node::try_send`] gives the message back instead of waiting. [`Port::recv_as`]
//! reads messages as a type, [`Port::recv`] as they are, [`Port::on`] calls a function for a tag, [`Port::recv_tag`] and
//! [`Port::recv_where`] take one out of turn, and a port is a `Stream`, too. What a receiver does not understand is a
//! [dead letter](Node::dead_letters): it hurts nobody, and is counted.
//!
//! **One type.** A port that takes messages of one type alone is a [`TypedPort`], and its address a [`PortRef`]: the
//! compiler then says what cannot be sent there, and within a node messages are moved, not written. Elsewhere they travel
//! as any message does, and others may send the same without knowing of the type.
//!
//! **Monitor.** That a port is dead, or its node out of reach, is told by [monitors](Node::monitor) and by nothing else:
//! each is a future of the [`Reason`], and a guard. If a message from a sender to a port is lost, no later one arrives
//! before the monitors have fired. [`Node::monitor_send`], [`Node::monitor_kill`] and [`Node::link`] let a death become a
//! message, or another death.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let node = mp_node::Node::builder("doc").without_file().start().await?;
//! let worker = node.spawn(async |mut port| {
//!     if port.recv_tag("work").await.is_some() {
//!         panic!("too much");
//!     }
//! });
//! let end = node.monitor(&worker);
//! node.send(&worker, ("work", 40)).await?;
//! assert_eq!(end.await.to_string(), "die: too much");
//! # Ok(()) }
//! ```
//!
//! **Spawn.** [`Node::spawn`] runs a function in a port of its own: the port lives as long as the function, and dies for the
//! reason that it returns, or panics with. [`Node::spawn_on`] does so on another node, for functions that were registered
//! there. A function that is killed is dropped where it waits.
//!
//! **Call.** [`Node::call`] sends a question with a port for the answer behind it; it ends when the answer comes, the one
//! who was asked dies, or the time is over. [`Port::recv_request`] takes such questions apart. Between typed ports the
//! reply port is a part of the message, [`ReplyTo`], and [`Node::ask`] makes it.
//!
//! ```
//! # use std::time::Duration;
//! use mp_node::{Node, ReplyTo};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Stock {
//!     Put(String, u32),
//!     Count(String, ReplyTo<u32>), // ["count", "apples", port]
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let node = Node::builder("doc").without_file().start().await?;
//! let stock = node.spawn_typed(async |mut port| {
//!     let mut counts = std::collections::BTreeMap::<String, u32>::new();
//!     while let Some(message) = port.recv().await {
//!         match message {
//!             Stock::Put(what, count) => *counts.entry(what).or_default() += count,
//!             Stock::Count(what, reply) => {
//!                 let count = counts.get(&what).copied().unwrap_or_default();
//!                 port.node().send(reply, count).await.expect("the node runs");
//!             }
//!         }
//!     }
//! });
//! node.send(&stock, Stock::Put("apples".into(), 3)).await?;
//! let asked = node.ask(&stock, |reply| Stock::Count("apples".into(), reply));
//! assert_eq!(asked.timeout(Duration::from_secs(5)).await?, 3);
//! # Ok(()) }
//! ```
//!
//! **Timers.** [`Node::send_after`] and [`Node::send_every`] send messages later; whatever else is to wait uses tokio.
//!
//! **Supervise.** A [`Supervisor`] starts ports, and starts them again when they die: the one alone, all, or those that
//! depend on it, and not more often than makes sense. A [`ChildHandle`] leads to the child, whichever port it is now.
//!
//! **Test.** The module `testing` (feature of that name) has probes that expect messages, and networks of nodes in one
//! process that are cut and healed, in virtual time. What it takes to try a whole system under faults that follow from a
//! seed is in the crate mp-sim.
//!
//! **Find.** Other nodes are found by address, by [`Node::lookup`] at a node that is known, or by groups, in the crate
//! `mp-global`. [`Node::builder`] makes a node of a profile in the configuration file that `aemp` writes and
//! [`ConfigFile`] reads, or without a file ([`NodeBuilder::without_file`]).
//!
//! What is dropped ends: a [`Port`] dies, a [`Monitor`] is taken back, a [`Timer`] does not fire, a [`Supervision`] stops.
//! Each has a `detach` for those who want otherwise. All futures are `Send`; what becomes of one that is dropped stands
//! under *Cancellation*.
//!
//! # What a program needs
//!
//! * `tokio`, with the features `rt` or `rt-multi-thread`, and `macros` for the above. The node itself enables what it
//!   uses; the runtime must have its time and I/O drivers enabled, as that of `#[tokio::main]` has.
//! * `serde` with its feature `derive`, for messages that are enums or structures.
//! * A subscriber for [`tracing`](https://docs.rs/tracing), such as
//!   `tracing_subscriber::fmt().with_writer(std::io::stderr).init()`. What goes wrong
//!   in the background (a node that cannot be reached, a wrong secret, a misspelt profile) is told there and nowhere
//!   else: **without a subscriber nothing is seen**.
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
//! makes certificates usable; without it a node that has one configured does not start. `testing` is for tests,
//! `fuzzing` for this project's own.
//!
//! # Rules
//!
//! Ids such as `[ND-07]` name the rules of the protocol: `PROTOCOL.md`, [in the repository], states each of them in one
//! sentence, and a test shows it.
//!
//! [in the repository]: https://github.com/mp-rs/mp/blob/main/PROTOCOL.md
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
//! | `after`, `psub`, `peval` | [`Node::send_after`], or tokio's timers; not needed |
//! | `get`, `get_cond`, `port_async` (Coro::MP) | [`Port::recv_tag`], [`Port::recv_where`] and [`Selective::timeout`]; [`Node::spawn`] |

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod address;
mod ask;
mod call;
mod complaints;
mod dead_letter;
mod error;
mod events;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod kernel;
mod mailbox;
#[cfg(feature = "metrics")]
pub mod metrics;
mod node;
mod port;
mod runtime;
mod service;
mod spawn;
mod stats;
mod supervise;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod timer;
mod watch;
mod writing;

pub use address::{PortRef, Recipient, ReplyTo, Watched};
pub use ask::Ask;
pub use call::Call;
pub use dead_letter::{DeadLetter, DeadLetters};
pub use error::{CallError, DialError, SendError, StartError, TrySendError};
pub use events::{NodeEvent, NodeEvents};
pub use mp_config::{ConfigError, ConfigFile, NodeConfig};
pub use mp_proto::adaptor;
pub use mp_proto::{
    AuthMethod, DecodeError, EncodeError, Framing, IdError, Limits, Map, Message, NodeId, Payload, PortId,
    Reason, Text, Value,
};
pub use mp_transport::{Addr, Listener, Pipe, Transport};
pub use node::{Node, NodeBuilder, WeakNode};
pub use port::select::Selective;
pub use port::typed::TypedPort;
pub use port::{Flow, Port, Undecoded};
pub use service::{Down, Request, Resolver, Service, Up, Way};
pub use spawn::Outcome;
pub use stats::{
    ConnectionInfo, HandshakeFailure, HandshakeFailures, Mailboxes, NodeStats, PortCursor, PortInfo,
    PortsPage,
};
pub use supervise::{Child, ChildHandle, Restart, Strategy, Supervision, Supervisor, SupervisorError};
pub use timer::Timer;
pub use watch::Monitor;

#[cfg(feature = "memory")]
pub use mp_transport::memory;
#[cfg(feature = "tls")]
pub use mp_transport::tls;
