//! Why a conversation ended.

use std::time::Duration;

use mp_proto::codec::storable::StorableError;

use crate::frame::FrameError;

/// Why a conversation of two kernels ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The peer sent what is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The peer sent a frame whose image no Perl writes.
    #[error(transparent)]
    Image(#[from] StorableError),
    /// The peer said nothing in time, or did not prove itself in time `[TK-53]`.
    #[error("the peer said nothing that counts within {} s", after.as_secs_f64())]
    Silent {
        /// The time that it had.
        after: Duration,
    },
    /// Nothing has been heard of the peer for so long that it, or what is between us, is gone `[TK-57]`.
    #[error("nothing was heard of the peer for {} s", after.as_secs_f64())]
    Vanished {
        /// The bound.
        after: Duration,
    },
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Ended,
    /// The peer gave no proof of a secret, and is neither on this machine nor let in by name `[TK-51]`.
    #[error(
        "the peer gives no proof of the secret, as a kernel of POE::TIKC cannot: {}plain connections from other machines must be allowed by name",
        if *.secret { "" } else { "this kernel has no secret either; " }
    )]
    Unproven {
        /// Whether we have a secret.
        secret: bool,
    },
    /// The peer has another secret `[TK-52]`.
    #[error("the peer has another secret")]
    WrongSecret,
    /// The peer said something of our own kind out of its order.
    #[error("the peer broke the order of the first messages")]
    OutOfOrder,
    /// A kernel met itself.
    #[error("this is a connection of the kernel with itself")]
    Itself,
    /// The peer announced more aliases than are allowed `[TK-33]`.
    #[error("the peer announces more than {max} aliases")]
    TooManyAliases {
        /// The bound.
        max: usize,
    },
    /// The peer does not read what it is told.
    #[error("the peer does not read what it is told")]
    NotReading,
    /// The same kernel has made another connection `[TK-36]`.
    #[error("the same kernel has made another connection")]
    Replaced,
    /// Too many peers that had said nothing were connected; the oldest goes `[TK-54]`.
    #[error("the peer had said nothing yet, and gave way to newer ones")]
    GaveWay,
    /// We closed the connection.
    #[error("this side closed the connection")]
    Closed,
}
