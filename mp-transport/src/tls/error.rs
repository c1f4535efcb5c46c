//! Why TLS cannot be, in words that a person understands.

use std::io;

use tokio_rustls::rustls;
use tokio_rustls::rustls::{AlertDescription, CertificateError};

use super::date::Date;
use crate::error::plain_text;

/// Why a PEM cannot be used for TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The text is broken.
    #[error("the PEM text is broken: {0}; copy the file anew")]
    Broken(&'static str),
    /// There is no certificate in it.
    #[error("the PEM has no certificate; `aemp gencert` makes one with its key")]
    NoCertificate,
    /// There is no private key in it.
    #[error("the PEM has no private key; put it into the same text, behind the certificate")]
    NoKey,
    /// The key has a passphrase.
    #[error("the PEM's private key has a passphrase; take it off by `openssl pkey -in FILE`")]
    Encrypted,
    /// The key is of another kind.
    #[error(
        "the PEM's private key cannot be used: RSA from 2048 bits on, EC P-256, EC P-384 and Ed25519 can"
    )]
    BadKey,
    /// No certificate belongs to the key.
    #[error("the PEM's private key belongs to none of its certificates")]
    OtherKey,
    /// A certificate is broken.
    #[error("certificate number {0} of the PEM cannot be read")]
    BadCertificate(usize),
    /// A certificate demands something of its reader.
    #[error("certificate number {0} of the PEM has a critical extension that is not known here")]
    Critical(usize),
    /// There are too many certificates.
    #[error("the PEM has more than {0} certificates")]
    TooMany(usize),
}

/// Why TLS did not come about, or broke. Errors of a pipe within TLS have it inside: [`io::Error::downcast`] gets it out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The peer's certificate is not trusted.
    #[error(
        "the peer's certificate is not in our PEM nor signed by one of its CAs; give both nodes one PEM, or add the peer's to ours"
    )]
    Untrusted,
    /// The peer's certificate is too old.
    #[error("the peer's certificate, or that of its CA, expired on {0}; make a new one, or set the clock")]
    Expired(Date),
    /// The peer's certificate is too new.
    #[error("the peer's certificate, or that of its CA, is not valid before {0}; set the clock")]
    NotYetValid(Date),
    /// The peer's certificate is broken, or is not understood.
    #[error("the peer's certificate cannot be read, or has a critical extension that is not known here")]
    Unreadable,
    /// The peer has no certificate.
    #[error("the peer sent no certificate; set `cert` there")]
    NoCertificate,
    /// The peer does not have the key of the certificate that it sent.
    #[error(
        "the peer's signature is wrong: it does not have the key of its certificate, or somebody is between us"
    )]
    BadSignature,
    /// The peer does not take our certificate.
    #[error(
        "the peer refuses our certificate ({0}): it is not in its PEM nor signed by one of its CAs, or out of date; give both nodes one PEM, or add ours to the peer's"
    )]
    Refused(&'static str),
    /// The peer speaks TLS in another way.
    #[error("the peer and we have no common way of TLS: {0}")]
    Incompatible(String),
    /// The peer does not speak TLS, or not as it should.
    #[error("what the peer sent is not TLS as it should be: {0}")]
    Misbehaved(String),
    /// The pipe ended before TLS stood.
    #[error(
        "the peer closed the connection while TLS was to start; most often it does not trust our certificate: look into its log"
    )]
    Closed,
    /// The pipe broke.
    #[error("{}", plain_text(.0))]
    Io(io::Error),
}

impl TlsError {
    /// Whether another try will fail as well, as long as nobody changes a certificate, a configuration or a clock.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Closed)
    }

    pub(super) fn of(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(inner) => Self::of_rustls(inner),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Io(error),
        }
    }

    fn of_rustls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(error),
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            rustls::Error::AlertReceived(alert) => Self::of_alert(*alert),
            rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol => {
                Self::Incompatible(error.to_string())
            }
            _ => Self::Misbehaved(error.to_string()),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        let date =
            |time: &rustls::pki_types::UnixTime| Date(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        match error {
            CertificateError::UnknownIssuer => Self::Untrusted,
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(date(not_after)),
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid(date(not_before)),
            CertificateError::BadEncoding | CertificateError::UnhandledCriticalExtension => Self::Unreadable,
            _ => Self::BadSignature,
        }
    }

    /// What other programs call it when they refuse a certificate differs.
    fn of_alert(alert: AlertDescription) -> Self {
        use AlertDescription as Alert;
        match alert {
            Alert::UnknownCA => Self::Refused("unknown CA"),
            Alert::CertificateExpired => Self::Refused("expired"),
            Alert::BadCertificate => Self::Refused("bad certificate"),
            Alert::UnsupportedCertificate => Self::Refused("unsupported certificate"),
            Alert::CertificateUnknown => Self::Refused("certificate unknown"),
            Alert::CertificateRevoked => Self::Refused("revoked"),
            Alert::AccessDenied => Self::Refused("access denied"),
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
                Self::Incompatible(format!("it says {alert:?}"))
            }
            other => Self::Misbehaved(format!("it ended TLS with {other:?}")),
        }
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
