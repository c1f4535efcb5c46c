//! What stands in a PEM, for people: of the certificates, never of the key.

use std::fmt::Write as _;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{SupportedCipherSuite, crypto::hash};

use super::cert::Cert;
use super::date::Date;
use super::error::PemError;
use super::pem::Pem;

/// One certificate of a PEM, as far as people compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertAbout {
    /// Its SHA-256, in pairs of hexadecimal digits, as `openssl x509 -fingerprint -sha256` writes it.
    pub fingerprint: String,
    /// It is valid from then on.
    pub not_before: Date,
    /// And until then.
    pub not_after: Date,
    /// Whether it may sign others.
    pub is_ca: bool,
}

/// The certificates of a PEM, in its order, if a node could use it `[TLS-09]`.
///
/// # Errors
///
/// [`PemError`], as for [`TlsConfig::from_pem`](super::TlsConfig::from_pem).
pub fn about(pem: &str) -> Result<Vec<CertAbout>, PemError> {
    let pem = Pem::parse(pem, &ring::default_provider())?;
    let certs = pem.certs.iter().enumerate().map(|(index, der)| {
        let cert = Cert::parse(der).map_err(|_| PemError::BadCertificate(index + 1))?;
        Ok(CertAbout {
            fingerprint: fingerprint(der),
            not_before: cert.not_before,
            not_after: cert.not_after,
            is_ca: cert.extensions.ca,
        })
    });
    certs.collect()
}

fn fingerprint(der: &[u8]) -> String {
    let mut text = String::new();
    for byte in sha_256().hash(der).as_ref() {
        let colon = if text.is_empty() { "" } else { ":" };
        write!(text, "{colon}{byte:02X}").expect("a string takes everything");
    }
    text
}

/// That of the cipher suite which every TLS 1.3 has.
fn sha_256() -> &'static dyn hash::Hash {
    match ring::cipher_suite::TLS13_AES_128_GCM_SHA256 {
        SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
        SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [TLS-09]: as `openssl x509 -in stock.pem -noout -fingerprint -sha256 -dates` says it.
    #[test]
    fn it_is_what_openssl_says() {
        let all = about(include_str!("../../tests/pem/stock.pem")).unwrap();
        let [cert] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(
            cert.fingerprint,
            "6D:1B:42:F1:74:74:BF:59:A7:4E:6B:E2:2B:50:1D:32:B0:14:53:DB:18:3C:E8:2F:66:A2:67:8A:DA:6A:E9:3C"
        );
        assert!(cert.is_ca && cert.not_before < cert.not_after, "{cert:?}");
        assert_eq!(about("").unwrap_err(), PemError::NoCertificate);
    }
}
