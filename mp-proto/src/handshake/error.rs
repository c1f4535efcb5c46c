//! Why a handshake fails.

use std::fmt;

use crate::text::latin1;
use crate::{IdError, NodeId};

/// Why a handshake failed. Each text is one line for a log: what happened, whose fault it probably is, and what to do.
/// What a peer sent is escaped in it, and cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The other end does not speak AEMP.
    #[error("this is no AEMP node{}: it began with \"{first}\"; check the address", speaks.map(|it| format!(", but {it}")).unwrap_or_default())]
    NotAemp {
        /// Its first bytes.
        first: String,
        /// What it seems to be.
        speaks: Option<&'static str>,
    },
    /// The peer wants a protocol extension; there are none.
    #[error("the peer asks for the protocol extension \"{name}\", which does not exist here")]
    Extension {
        /// The protocol's name.
        name: String,
    },
    /// The peer speaks another version.
    #[error("the peer speaks version \"{version}\" of AEMP and we speak 1: update one of them")]
    Version {
        /// What it said.
        version: String,
    },
    /// The peer's name is no node ID.
    #[error("the peer's node ID cannot be used: {0}; give it another one")]
    BadNodeId(IdError),
    /// The peer says that it is of our own kind, but not which instance.
    #[error("the peer's greeting has mp=1 without a valid inst: this is a fault of its program")]
    BadInstance,
    /// Both ends are the same instance of the same node.
    #[error("I am talking to myself: the address that was dialled is my own")]
    SelfConnection,
    /// Another node, or an earlier instance of ours, has our name.
    #[error("another node calls itself {node} as we do: give one of them another node ID")]
    SameName {
        /// The name.
        node: NodeId,
    },
    /// The peer sent our own nonce.
    #[error("the peer repeats our own nonce: it is an echo or an attack, and no node")]
    Echo,
    /// We have no secret to prove.
    #[error("we have no secret to prove to the peer: configure the network's secret, see `aemp setsecret`")]
    NoSecret,
    /// Our configuration names no proof that we could give, or none that we could take.
    #[error(
        "auth_offer or auth_accept name nothing that we could use: name a proof for which there is a secret or a certificate"
    )]
    NoUsableAuth,
    /// We have a certificate and the peer has none, and without TLS there is nothing to go by.
    #[error(
        "the peer offers no TLS, and without it we give or take no proof: set `cert` there, or the network's secret on \
         both sides, and look at auth_offer and auth_accept here"
    )]
    PeerWithoutTls,
    /// The peer wants TLS, for which we have no certificate, and takes no proof without it that we could give.
    #[error(
        "the peer takes only the proofs \"{peer}\", and we have no certificate for TLS: set `cert` here, or the network's \
         secret on both sides"
    )]
    NoCertificate {
        /// What it takes.
        peer: String,
    },
    /// The peer takes no proof that we can give.
    #[error(
        "the peer takes {} and we can give only \"{ours}\": change its auth_accept or our auth_offer, or set the secret or \
         a certificate on both sides", only_the_proofs(.peer)
    )]
    NoCommonAuth {
        /// What it takes.
        peer: String,
        /// What we can give.
        ours: String,
    },
    /// The peer takes no framing that we can write.
    #[error(
        "the peer takes only the framings \"{peer}\" and we can write \"{ours}\": change framing_format of one"
    )]
    NoCommonFraming {
        /// What it takes.
        peer: String,
        /// What we have.
        ours: String,
    },
    /// The peer proves itself in a way that we do not take.
    #[error(
        "the peer authenticates by \"{method}\", which we did not offer to take: change its auth_offer, or our \
         auth_accept"
    )]
    AuthNotOffered {
        /// Its method.
        method: String,
    },
    /// The peer's proof is wrong.
    #[error(
        "the secret of node {node} differs from ours: compare them with `aemp showconfig --show-secrets` on both sides"
    )]
    BadToken {
        /// Who it claims to be.
        node: NodeId,
    },
    /// The peer's proof, which a certificate and no secret stands for, is wrong `[TLS-07]`.
    #[error(
        "the proof of node {node} is not for this TLS connection or not about these greetings: somebody is between us, or \
         its program is at fault"
    )]
    BadTlsToken {
        /// Who it claims to be.
        node: NodeId,
    },
    /// The peer will write a framing that we do not take.
    #[error(
        "the peer writes the framing \"{framing}\", which we did not offer: this is a fault of its program"
    )]
    FramingNotOffered {
        /// Its framing.
        framing: String,
    },
    /// A line is too long.
    #[error("the peer sent more than {max} bytes without a line's end while we waited for {stage}", max = crate::greeting::MAX_LINE)]
    LineTooLong {
        /// What was waited for.
        stage: Stage,
    },
    /// A line is not what belongs there.
    #[error("the peer sent \"{line}\" while we waited for {stage}: this is a fault of its program")]
    BadLine {
        /// What was waited for.
        stage: Stage,
        /// What came.
        line: String,
    },
    /// It took too long.
    #[error("the handshake took too long: we still waited for {stage}")]
    Timeout {
        /// What was waited for.
        stage: Stage,
    },
    /// The peer closed the connection.
    #[error("the peer closed the connection while we waited for {stage}{}", stage.closed_hint())]
    Closed {
        /// What was waited for.
        stage: Stage,
    },
}

impl HandshakeError {
    /// Whether a retry will fail again as long as neither side's configuration changes.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::Timeout { .. } | Self::Closed { .. })
    }

    pub(crate) fn not_aemp(first: &[u8]) -> Self {
        Self::NotAemp { first: shown(first), speaks: recognise(first) }
    }
}

/// What a handshake waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The peer's greeting.
    Greeting,
    /// The peer's nonce.
    Nonce,
    /// Our owner's [`tls_started`](super::Handshake::tls_started).
    Tls,
    /// The peer's proof of the secret.
    Auth,
    /// Our owner's [`proceed`](super::Handshake::proceed).
    Proceed,
    /// Our owner's [`admit`](super::Handshake::admit).
    Admit,
    /// The peer's `go`.
    Go,
}

impl Stage {
    pub(super) fn reads_lines(self) -> bool {
        !matches!(self, Self::Tls | Self::Proceed | Self::Admit)
    }

    fn closed_hint(self) -> &'static str {
        match self {
            Self::Auth => {
                "; most often its secret differs from ours, or it does not trust our certificate, or it has a connection \
                 with a node of our ID already"
            }
            Self::Go => "; it prefers another connection with us, or refused our proof",
            _ => "",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "its greeting",
            Self::Nonce => "its nonce",
            Self::Tls => "its part in TLS",
            Self::Auth => "its proof of the secret",
            Self::Proceed => "our own decision to send our proof",
            Self::Admit => "our own decision to admit the connection",
            Self::Go => "its decision to admit the connection",
        })
    }
}

fn only_the_proofs(list: &str) -> String {
    if list.is_empty() {
        "no proof at all, having neither a secret nor a certificate,".to_owned()
    } else {
        format!("only the proofs \"{list}\"")
    }
}

/// Foreign protocols by their first bytes.
const FOREIGN: [(&[u8], &str); 15] = [
    (b"HTTP/", "an HTTP server"),
    (b"<!DOC", "an HTTP server"),
    (b"GET ", "an HTTP client"),
    (b"POST ", "an HTTP client"),
    (b"PUT ", "an HTTP client"),
    (b"HEAD ", "an HTTP client"),
    (b"OPTIONS ", "an HTTP client"),
    (b"CONNECT ", "an HTTP client"),
    (b"PRI * HTTP/2", "an HTTP/2 client"),
    (b"SSH-", "an SSH server or client"),
    (b"\x16\x03", "a TLS client"),
    (b"\x15\x03", "a TLS server or client"),
    (b"220 ", "a mail or FTP server"),
    (b"EHLO ", "a mail client"),
    (b"\0\0", "a sender of zero bytes"),
];

fn recognise(first: &[u8]) -> Option<&'static str> {
    // A frame's length in digits, NUL, and Perl's Storable image [TK-01].
    let digits = first.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 && first.get(digits..).is_some_and(|image| image.starts_with(b"\0pst0")) {
        return Some("a kernel of POE::TIKC");
    }
    FOREIGN.iter().find(|(beginning, _)| first.starts_with(beginning)).map(|(_, what)| *what)
}

/// Bytes of a peer, fit for a log: at most 100 characters, in printable ASCII.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MAX: usize = 100;
    let text = latin1(bytes);
    let mut shown: String = text.chars().take(MAX).flat_map(char::escape_default).collect();
    if text.chars().nth(MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [HS-19]
    #[test]
    fn what_a_peer_sent_is_shown_harmlessly() {
        assert_eq!(shown(b"a\x1b[31m\r\n\"\xff"), "a\\u{1b}[31m\\r\\n\\\"\\u{ff}");
        assert_eq!(shown(&[b'x'; 100]), "x".repeat(100));
        assert_eq!(shown(&[b'x'; 101]), "x".repeat(100) + "...");
    }

    #[test]
    fn foreign_protocols_are_recognised() {
        let text = |first: &[u8]| HandshakeError::not_aemp(first).to_string();
        assert_eq!(
            text(b"SSH-2.0-OpenSSH_9.9"),
            "this is no AEMP node, but an SSH server or client: it began with \"SSH-2.0-OpenSSH_9.9\"; check the address"
        );
        assert!(text(b"HTTP/1.1 400 Bad Request").contains("an HTTP server"));
        assert!(text(b"\x16\x03\x01\x02\x00\x01").contains("a TLS client"));
        assert_eq!(text(b"hello"), "this is no AEMP node: it began with \"hello\"; check the address");
    }
}
