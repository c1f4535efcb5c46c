//! What can go wrong, by whose fault it is.

use std::io;

use mp_proto::{DecodeError, EncodeError};
use mp_transport::Addr;

use crate::exchange::ExchangeError;
use crate::names::NameError;
use crate::packet::Failure;

/// Why a post was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The caller's fault: no such event can be posted.
    #[error("the event {event:?} cannot be posted: {error}")]
    Event {
        /// The event.
        event: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// The caller's fault: the arguments are no list of values.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// It cannot be delivered, as far as this kernel knows `[TK-42]`.
    #[error("the event for {alias:?} cannot be delivered: {failure}")]
    Undeliverable {
        /// The alias.
        alias: String,
        /// Why.
        failure: Failure,
    },
    /// Too many posts wait for kernels that are not connected yet `[TK-40]`.
    #[error("too many posts wait for connections to be made")]
    TooManyWaiting,
    /// The kernel has been shut down.
    #[error("the kernel has been shut down")]
    ShutDown,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It was not even posted.
    #[error(transparent)]
    Post(#[from] PostError),
    /// It was not delivered, or not answered `[TK-43]`.
    #[error("the call was not answered: {0}")]
    Failed(Failure),
    /// No answer came in time.
    #[error("no answer came in time")]
    TimedOut,
    /// Too many calls wait for an answer.
    #[error("too many calls wait for an answer")]
    TooMany,
    /// The answer is not of the type that was asked for.
    #[error("the answer is not what was expected: {0}")]
    Decode(#[from] DecodeError),
}

/// Why a server or client was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The system's word.
    #[error("cannot listen at {at}: {error}")]
    Listen {
        /// Where.
        at: Addr,
        /// What the system says.
        error: io::Error,
    },
    /// Others than this machine could come in, and nothing was said about them `[TK-51]`.
    #[error(
        "{0} is not on this machine: set the shared secret, or allow plain connections by name, which anybody can make who reaches that address"
    )]
    Untrusted(Addr),
    /// The certificate cannot be used.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Certificate(#[from] mp_transport::tls::PemError),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The kernel has been shut down.
    #[error("the kernel has been shut down")]
    ShutDown,
}

/// Why a connection ended, or was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// One side broke the rules, or closed it.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The pipe broke; the text is the system's.
    #[error("{0}")]
    Io(String),
    /// TLS did not come about: the peer's certificate is not trusted, ours is not by the peer, or it broke its rules
    /// `[TK-55]`.
    #[error("TLS: {0}")]
    Tls(String),
    /// Nobody was there in time.
    #[error("the connection was not made in time")]
    DialTime,
    /// There are as many connections as the limits allow.
    #[error("there are {0} connections, which is the bound")]
    TooMany(usize),
}
