//! What can go wrong at the edge of a node, and whose fault it is.

use mp_proto::{DecodeError, EncodeError, HandshakeError, NodeId, Reason};
use mp_transport::Addr;

/// A message was not taken. This is about this node only: whether a port that is somewhere else got it, monitors tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The message cannot be written.
    #[error("the message cannot be sent: {0}")]
    Encode(#[from] EncodeError),
    /// The node has been shut down.
    #[error("the node has been shut down")]
    ShutDown,
    /// The node remembers as many peers as [`Limits::peers`](mp_proto::Limits::peers) allows.
    #[error("the node remembers too many peers: Limits::peers is {0}")]
    TooManyPeers(usize),
    /// The node holds as many ports as [`Limits::ports`](mp_proto::Limits::ports) allows.
    #[error("the node holds too many ports: Limits::ports is {0}")]
    TooManyPorts(usize),
    /// It was sent by the `Serialize` of another message, while that was being written; see [`Node::send`](crate::Node::send).
    #[error(
        "the `Serialize` implementation of a message must not send to other nodes while the message is written"
    )]
    Nested,
}

/// A message was not taken at once; it is given back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError<M> {
    /// There is no room now: the peer's queue or the port's mailbox is full.
    #[error("the queue is full")]
    Full(M),
    /// It will not be taken later either.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// A call had no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The request was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The port that was asked died, or its node was lost, or could not be reached.
    #[error("no answer from the port that was asked: {0}")]
    Died(Reason),
    /// The port that waited for the answer was killed, for this reason: whoever was asked refused to answer, as
    /// [`ReplyTo::refuse`](crate::ReplyTo::refuse) does.
    #[error("the answer was refused: {0}")]
    Refused(Reason),
    /// The time is over.
    #[error("no answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// The answer is not of the type that was expected.
    #[error("the answer cannot be used: {0}")]
    Decode(#[from] DecodeError),
}

/// A node could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address to listen on cannot be used.
    #[error(
        "cannot listen on {error}; choose another address, in the program or by `aemp setbinds`, or stop what uses this one"
    )]
    Bind {
        /// The address.
        addr: Addr,
        /// What the system says, led by the address.
        error: std::io::Error,
    },
    /// The operating system gives no random bytes.
    #[error("no random bytes from the system: {0}")]
    Random(getrandom::Error),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] mp_config::ConfigError),
    /// A setting of the builder cannot be used.
    #[error("{what} {value:?}: {why}")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// The node was started outside of a tokio runtime.
    #[error("a node needs a tokio runtime with time and I/O enabled")]
    NoRuntime,
}

/// How [`DialError::Unreachable`] begins.
pub(crate) const UNREACHABLE: &str = "cannot connect to ";

/// A node at an address could not be connected to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// Nobody answers there.
    #[error("{UNREACHABLE}{error}")]
    Unreachable {
        /// The address.
        addr: Addr,
        /// What the system says, led by the address.
        error: std::io::Error,
    },
    /// The peer and we do not come to terms.
    #[error("{addr}: {error}")]
    Handshake {
        /// The address.
        addr: Addr,
        /// What was wrong.
        error: Box<HandshakeError>,
    },
    /// TLS with the peer did not come about.
    #[cfg(feature = "tls")]
    #[error("{addr}: {error}")]
    Tls {
        /// The address.
        addr: Addr,
        /// What was wrong.
        error: mp_transport::TlsError,
    },
    /// The peer there has a connection with us already, and keeps that.
    #[error("{node} at {addr} is connected already")]
    Duplicate {
        /// The address.
        addr: Addr,
        /// The peer.
        node: NodeId,
    },
    /// The connection broke.
    #[error("{addr}: {text}")]
    Lost {
        /// The address.
        addr: Addr,
        /// What happened.
        text: String,
    },
    /// It took too long.
    #[error("{addr}: connect timeout")]
    TimedOut {
        /// The address.
        addr: Addr,
    },
    /// The node has been shut down.
    #[error("the node has been shut down")]
    ShutDown,
}

impl DialError {
    /// Whether the address is one of our own.
    #[must_use]
    pub fn is_self(&self) -> bool {
        matches!(self, Self::Handshake { error, .. } if matches!(**error, HandshakeError::SelfConnection))
    }

    /// Whether the peer, once both had given their proofs, had no use for the connection: no fault of anybody's.
    #[must_use]
    pub fn has_left(&self) -> bool {
        use mp_proto::Stage;
        let Self::Handshake { error, .. } = self else { return false };
        matches!(**error, HandshakeError::Closed { stage: Stage::Proceed | Stage::Admit | Stage::Go })
    }

    /// Whether dialling again is useless until somebody changes a configuration.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Handshake { error, .. } => error.is_permanent(),
            #[cfg(feature = "tls")]
            Self::Tls { error, .. } => error.is_permanent(),
            _ => false,
        }
    }
}
