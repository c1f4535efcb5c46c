//! Who is where: seeds, global nodes, port groups and key/value families, on the distributed database protocol of
//! Perl's AnyEvent::MP.
//!
//! Three parts that do no I/O and read no clock:
//!
//! * [`wire`]: the requests that nodes send to one another for this, as a type ([`GlobalRequest`]);
//! * [`registry`]: the database as a state machine ([`Registry`]), for nodes of both roles;
//! * [`mesh`]: when to dial which seed and which global node ([`Mesh`]).
//!
//! Their owner moves messages and events between them and a node: what [`Registry::poll_output`] gives goes out, what
//! the node's own port receives comes in, and what [`Mesh::poll_output`] asks for is dialled.

pub mod data;
pub mod mesh;

pub mod registry;
pub mod wire;

pub use data::{Database, Entries, Key};
pub use mesh::{DialOutcome, DialTarget, Mesh, MeshConfig, MeshOutput};

pub use registry::{
    Answer, Change, Excess, MonitorId, Output, Query, QueryId, Registry, RegistryConfig, RegistryError,
    RegistryLimits,
};
pub use wire::GlobalRequest;
