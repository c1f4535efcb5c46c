//! How bytes move: the only sockets, the only clock, and the one driver of protocol state machines.
//!
//! A [`Transport`] dials and listens at an [`Addr`], and gives a [`Pipe`], which is one raw byte stream. A [`Driver`]
//! carries a [`Protocol`](mp_proto::Protocol) over a pipe: it reads, writes and watches the clock, so that the protocol
//! itself stays free of all three. Two transports stand here: `Tcp`, and `MemoryNet`, a network in one process that
//! can be delayed, throttled, cut and healed under a paused clock.
//!
//! Time is read in [`clock`] and nowhere else.
//!
//! [`sync`] and [`complaints`] are what the crates above have in common: locks, and logs that cannot be flooded.
//!
//! # Features
//!
//! `tcp` (default) and `memory` make a transport available; `tls` what puts TLS over a pipe; `conformance` the suite of
//! checks that each transport passes, for those who write their own.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod addr;
pub mod clock;
pub mod complaints;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod driver;
pub mod error;
#[cfg(feature = "memory")]
pub mod memory;
pub mod sync;
#[cfg(feature = "tcp")]
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transport;

pub use addr::{Addr, AddrError};
pub use driver::{DriveError, Driver, Kick};
#[cfg(feature = "memory")]
pub use memory::{MemoryNet, MemoryTransport};
#[cfg(feature = "tcp")]
pub use tcp::Tcp;
#[cfg(feature = "tls")]
pub use tls::{TlsConfig, TlsError};
pub use transport::{Listener, Pipe, Transport};
