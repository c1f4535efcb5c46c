//! POE::TIKC kernels in Rust: aliases, proxies and Storable frames.
//!
//! POE::TIKC joins the kernels of several Perl processes: each session that has an alias in one can be posted to from all
//! others. This crate is such a kernel. Real ones connect to it, and it to them, in both roles.
//!
//! * [`Kernel`]: sessions, posts, calls; [`Session`] with [`Event`]s; [`Server`] and [`Client`] join kernels.
//! * Without I/O, and of use by themselves: [`frame`], what is on the wire; [`packet`], what it says; [`exchange`], the
//!   conversation of two kernels; [`router`], the table of aliases, from which follows what each peer is told.
//!
//! Rules carry ids such as `[TK-30]`; they stand in `PROTOCOL.md`. How a Perl shop comes by it stands in `docs/tikc.md`.
//!
//! # Features
//!
//! `tcp` (default) makes TCP the transport of a kernel that is given none; `memory` is the transport of simulations;
//! `tls` lets kernels
//! of our own kind protect their connections by certificates; `bridge` joins a kernel with a node of AEMP.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod call;
mod client;
mod error;
mod kernel;
mod server;
mod session;
mod sync;
mod tls;

#[cfg(feature = "bridge")]
pub mod bridge;
pub mod exchange;
pub mod frame;
pub mod identity;
pub mod limits;
pub mod names;
pub mod packet;
pub mod router;

pub use args::Args;
#[cfg(feature = "bridge")]
pub use bridge::{Bridge, BridgeBuilder};
pub use call::Call;
pub use client::{Client, ClientBuilder};
pub use error::{CallError, LinkError, PostError, StartError};
pub use exchange::Peer;
pub use identity::{KernelId, Role};
pub use kernel::{Kernel, KernelBuilder, KernelEvent, KernelEvents};
pub use limits::TikcLimits;
pub use mp_proto::{Map, Message, Secret, Value};
pub use mp_transport::Addr;
pub use packet::Failure;
pub use router::AliasError;
pub use server::{DEFAULT_ADDRESS, Server, ServerBuilder};
pub use session::{Event, Handlers, Reply, Session};
