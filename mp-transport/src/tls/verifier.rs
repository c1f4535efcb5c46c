//! What rustls asks of us: the peer's certificate, our own, and the time.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::verify_tls13_signature_with_raw_key;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};

use super::cert::Cert;
use super::date::Date;
use super::trust::{Fault, Trust};
use crate::clock;

/// Checks peers, in either role alike `[TLS-10]`. Names do not count.
#[derive(Debug)]
pub(super) struct Verifier(pub(super) Trust);

impl Verifier {
    fn check(&self, end: &[u8], sent: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let moment = |date: Date| {
            UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(date.0).unwrap_or_default()))
        };
        self.0.check(end, sent, Date(seconds)).map_err(|fault| {
            // In rustls's terms, each of which becomes an alert that tells the peer.
            Error::InvalidCertificate(match fault {
                Fault::Unreadable => CertificateError::BadEncoding,
                Fault::Critical => CertificateError::UnhandledCriticalExtension,
                Fault::Untrusted => CertificateError::UnknownIssuer,
                Fault::Expired(date) => {
                    CertificateError::ExpiredContext { time: now, not_after: moment(date) }
                }
                Fault::NotYet(date) => {
                    CertificateError::NotValidYetContext { time: now, not_before: moment(date) }
                }
            })
        })
    }

    /// In TLS 1.2 a scheme names the hash and not the curve, so there may be several algorithms of a scheme.
    fn check_tls12(
        &self,
        message: &[u8],
        cert: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let cert = Cert::parse(cert).map_err(|_| CertificateError::BadEncoding)?;
        let mut schemes = self.0.algorithms.mapping.iter();
        let algorithms = schemes.find(|(scheme, _)| *scheme == signed.scheme).map(|(_, all)| *all);
        let valid = algorithms.unwrap_or_default().iter().any(|algorithm| {
            *algorithm.public_key_alg_id() == *cert.key_algorithm
                && algorithm.verify_signature(cert.key, message, signed.signature()).is_ok()
        });
        if valid {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn check_tls13(
        &self,
        message: &[u8],
        cert: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let cert = Cert::parse(cert).map_err(|_| CertificateError::BadEncoding)?;
        let key = SubjectPublicKeyInfoDer::from(cert.spki);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.0.algorithms)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_tls12(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_tls13(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    /// None: a peer has one certificate, and sends that.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_tls12(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_tls13(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}

/// Our one certificate, whatever the peer says that it would like.
#[derive(Debug)]
pub(super) struct Own(pub(super) Arc<CertifiedKey>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// The one clock.
#[derive(Debug)]
pub(super) struct Wall;

impl TimeProvider for Wall {
    fn current_time(&self) -> Option<UnixTime> {
        Duration::try_from_secs_f64(clock::wall()).ok().map(UnixTime::since_unix_epoch)
    }
}
