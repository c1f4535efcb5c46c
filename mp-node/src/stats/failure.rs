//! Why nodes do not come to terms, in few words: what is counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use mp_proto::{HandshakeError, Side, Stage};

use crate::runtime::meet::MeetError;

/// Why a connection did not come about `[SV-03]`. The log has the particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HandshakeFailure {
    /// Nobody answered at an address that was dialled.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// The peer ended the pipe in the middle, where it may well have refused us.
    Closed,
    /// The peer went in good order: one that came to us before it said who it is or had heard us, or one that had proven
    /// itself and then had no use for the connection, be it that it was leaving. No fault.
    Left,
    /// The pipe broke, or this node could not go on.
    Broken,
    /// What is there does not speak the protocol, or not our version of it.
    NotAemp,
    /// It does, but broke its rules.
    Malformed,
    /// A name is no node ID, or in use by two nodes.
    Name,
    /// The node has dialled itself. This happens to nodes that are among their own seeds, and is no fault.
    Itself,
    /// The secrets differ, or there is none.
    Secret,
    /// TLS: a certificate was not trusted, or the channel is not what the peer proves.
    Certificate,
    /// There is no proof that both sides take.
    NoCommonAuth,
    /// There is no framing that both sides know.
    NoCommonFraming,
    /// It gave way to newer ones: too many that had not proven themselves were there
    /// ([`Limits::handshakes`](mp_proto::Limits::handshakes)).
    CrowdedOut,
    /// The node has no room for another peer, or what waited for the peer cannot be written to it.
    Refused,
}

impl HandshakeFailure {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Unreachable,
        Self::TimedOut,
        Self::Closed,
        Self::Left,
        Self::Broken,
        Self::NotAemp,
        Self::Malformed,
        Self::Name,
        Self::Itself,
        Self::Secret,
        Self::Certificate,
        Self::NoCommonAuth,
        Self::NoCommonFraming,
        Self::CrowdedOut,
        Self::Refused,
    ];

    /// Its name in metrics and in what [`mp::status`](https://docs.rs/mp-global) tells.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
            Self::Left => "left",
            Self::Broken => "broken",
            Self::NotAemp => "not_aemp",
            Self::Malformed => "malformed",
            Self::Name => "name",
            Self::Itself => "itself",
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::NoCommonAuth => "no_common_auth",
            Self::NoCommonFraming => "no_common_framing",
            Self::CrowdedOut => "crowded_out",
            Self::Refused => "refused",
        }
    }

    /// Whether nobody is at fault: it is counted, and nobody is warned of it.
    #[must_use]
    pub fn is_harmless(self) -> bool {
        matches!(self, Self::Left | Self::Itself)
    }

    /// What an error is counted as on our side; `None` for what is none: a second connection, the end of the node.
    pub(crate) fn of(error: &MeetError, side: Side) -> Option<Self> {
        Some(match error {
            MeetError::Handshake(error) => match **error {
                HandshakeError::Closed { stage } if has_left(stage, side) => Self::Left,
                ref error => Self::of_handshake(error),
            },
            MeetError::Io(_) => Self::Broken,
            MeetError::Unheard(_) => Self::Left,
            MeetError::Refused(_) => Self::Refused,
            #[cfg(feature = "tls")]
            MeetError::Tls(_) => Self::Certificate,
            MeetError::Duplicate(_) | MeetError::ShutDown => return None,
        })
    }

    fn of_handshake(error: &HandshakeError) -> Self {
        match error {
            HandshakeError::NotAemp { .. } | HandshakeError::Version { .. } | HandshakeError::Echo => {
                Self::NotAemp
            }
            HandshakeError::BadNodeId(_) | HandshakeError::SameName { .. } => Self::Name,
            HandshakeError::SelfConnection => Self::Itself,
            HandshakeError::NoSecret | HandshakeError::BadToken { .. } => Self::Secret,
            HandshakeError::BadTlsToken { .. } => Self::Certificate,
            HandshakeError::NoUsableAuth
            | HandshakeError::PeerWithoutTls
            | HandshakeError::NoCertificate { .. }
            | HandshakeError::NoCommonAuth { .. }
            | HandshakeError::AuthNotOffered { .. } => Self::NoCommonAuth,
            HandshakeError::NoCommonFraming { .. } | HandshakeError::FramingNotOffered { .. } => {
                Self::NoCommonFraming
            }
            HandshakeError::Timeout { .. } => Self::TimedOut,
            HandshakeError::Closed { .. } => Self::Closed,
            _ => Self::Malformed,
        }
    }

    fn index(self) -> usize {
        Self::ALL.iter().position(|&one| one == self).unwrap_or_default()
    }
}

/// Whether a peer that closes the pipe here has had no reason to refuse us. Before the proofs only who was dialled has
/// one: it has no use for anybody. At the proofs it may be that ours was wrong; behind them, the peer has given its own.
fn has_left(stage: Stage, side: Side) -> bool {
    match stage {
        Stage::Greeting | Stage::Nonce => side == Side::Accepted,
        Stage::Proceed | Stage::Admit | Stage::Go => true,
        _ => false,
    }
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often each has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HandshakeFailures([u64; HandshakeFailure::ALL.len()]);

impl HandshakeFailures {
    /// How often this one has.
    #[must_use]
    pub fn get(&self, why: HandshakeFailure) -> u64 {
        self.0.get(why.index()).copied().unwrap_or_default()
    }

    /// All, those that have never happened as well.
    pub fn iter(&self) -> impl Iterator<Item = (HandshakeFailure, u64)> + '_ {
        HandshakeFailure::ALL.into_iter().zip(self.0)
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// The counters behind [`HandshakeFailures`].
#[derive(Debug, Default)]
pub(super) struct Tally([AtomicU64; HandshakeFailure::ALL.len()]);

impl Tally {
    pub(super) fn count(&self, why: HandshakeFailure) {
        if let Some(counter) = self.0.get(why.index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self) -> HandshakeFailures {
        HandshakeFailures(std::array::from_fn(|index| self.0[index].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [SV-03]
    #[test]
    fn each_is_counted_by_itself_and_has_a_name_of_its_own() {
        let tally = Tally::default();
        for (times, why) in HandshakeFailure::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| tally.count(why));
        }
        let read = tally.read();
        for (times, why) in HandshakeFailure::ALL.into_iter().enumerate() {
            assert_eq!(read.get(why), u64::try_from(times).expect("small"), "{why}");
        }
        assert_eq!(read.total(), (0..15).sum::<u64>());
        let names: std::collections::BTreeSet<_> =
            HandshakeFailure::ALL.iter().map(|why| why.as_str()).collect();
        assert_eq!(names.len(), HandshakeFailure::ALL.len());
    }
}
