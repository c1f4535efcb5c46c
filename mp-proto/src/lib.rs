//! The AEMP wire protocol without any I/O.
//!
//! This crate says what bytes mean: names ([`NodeId`], [`PortId`]), the data model ([`Value`], [`Message`],
//! [`Reason`]), the framings that carry it ([`Framing`], [`Frame`]), and the conversation of two nodes as state
//! machines ([`Handshake`], [`Connection`]) behind one trait, [`Protocol`]. It opens no socket, reads no clock, starts
//! no task and takes no lock: time is an argument, randomness comes with the configuration.
//!
//! Rules of the protocol carry ids such as `[HS-07]`; they stand in `PROTOCOL.md`.
//!
//! # Features
//!
//! `json` (default), `cbor`, `postcard` and `storable` each make a framing available. A feature never changes what
//! another one does, and never widens what a node accepts.

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(
    not(any(feature = "json", feature = "cbor", feature = "postcard", feature = "storable")),
    expect(unused, unreachable_code, reason = "without a framing, what serves them all is not used")
)]

mod text;

pub mod adaptor;
pub mod auth;
pub mod codec;
pub mod connection;
pub mod greeting;
pub mod handshake;
pub mod id;
pub mod limits;
pub mod message;
pub mod payload;
pub mod protocol;
pub mod reason;
pub mod request;
pub mod spares;
pub mod token;
pub mod value;

pub use auth::{AuthMethod, Nonce, Secret, SecretError, TlsBinding};
pub use codec::{Codec, DecodeError, EncodeError, Frame, FrameRef, Framing};
pub use connection::{Arrivals, Connection, ConnectionError, Frames, Incoming, Run};
pub use greeting::Greeting;
pub use handshake::{
    Handshake, HandshakeConfig, HandshakeError, HandshakeEvent, InstanceId, Session, Side, Stage, TlsRole,
};
pub use id::{IdError, NodeId, PortId};
pub use limits::Limits;
pub use message::Message;
pub use payload::Payload;
pub use protocol::{Place, Protocol};
pub use reason::Reason;
pub use request::{BadRequest, NodeRequest};
pub use spares::Spares;
pub use text::Text;
pub use value::{Map, Value};
