//! Who is where: seeds, global nodes, port groups and key/value families, on the distributed database protocol of
//! Perl's AnyEvent::MP.
//!
//! [`Global::start`] makes a node part of it: the node dials its seeds, and knows from then on, through them, which ports
//! of the network belong to which [`Group`], which keys a [`Family`] holds, and where a node listens that it is to send
//! something to.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mp_global::Global;
//! use mp_node::Node;
//!
//! let node = Node::builder("eg_chat_server").start().await?;
//! let global = Global::start(&node)?;
//! let port = node.port();
//! let group = global.group("eg_chat_server");
//! let _member = group.register(&port)?;
//! let mut others = group.monitor()?;
//! while let Some(change) = others.next().await {
//!     println!("came: {:?}, went: {:?}", change.added, change.deleted);
//! }
//! # Ok(()) }
//! ```
//!
//! # What is below
//!
//! Three parts do no I/O and read no clock, and can be used without the rest:
//!
//! * [`wire`]: the requests that nodes send to one another for this, as a type ([`GlobalRequest`]);
//! * [`registry`]: the database as a state machine ([`Registry`]), for nodes of both roles;
//! * [`mesh`]: when to dial which seed and which global node ([`Mesh`]).
//!
//! Their owner moves messages and events between them and a node: what [`Registry::poll_output`] gives goes out, what
//! the node's own port receives comes in, and what [`Mesh::poll_output`] asks for is dialled.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod data;
pub mod family;
pub mod global;
pub mod group;
pub mod log_catcher;
pub mod mesh;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod registry;
pub mod status;
pub mod sum;
pub mod wire;

pub use data::{Database, Entries, Key};
pub use family::{Family, FamilyChange, FamilyMonitor};
pub use global::{Global, GlobalBuilder, GlobalError, Standing};
pub use group::{Group, GroupChange, GroupMonitor, Membership};
pub use mesh::{DialOutcome, DialTarget, Mesh, MeshConfig, MeshOutput};
pub use registry::{
    Answer, COMPARE_EVERY, Change, Excess, MonitorId, Output, Query, QueryId, Registry, RegistryConfig,
    RegistryError, RegistryLimits, RegistrySize,
};
pub use sum::{Range, Sum};
pub use wire::GlobalRequest;
