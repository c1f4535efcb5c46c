//! What a PEM has in it.

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _, SectionKind};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::cert::Cert;
use super::error::PemError;

/// The most certificates that one PEM may hold.
const MAX: usize = 64;

/// All that stands in a PEM.
#[derive(Debug)]
pub(super) struct Pem {
    /// Our own certificate, with those of the CAs above it that are not at the top, and its key.
    pub(super) own: CertifiedKey,
    /// All certificates.
    pub(super) certs: Vec<CertificateDer<'static>>,
}

impl Pem {
    /// Reads a text, in which certificates and key stand in any order, with anything in between `[TLS-09]`.
    pub(super) fn parse(text: &str, provider: &CryptoProvider) -> Result<Self, PemError> {
        if text.contains("ENCRYPTED") {
            return Err(PemError::Encrypted);
        }
        let (mut certs, mut key) = (Vec::new(), None);
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
            let (kind, der) = section.map_err(|error| broken(&error))?;
            match kind {
                SectionKind::Certificate if certs.len() == MAX => return Err(PemError::TooMany(MAX)),
                SectionKind::Certificate => certs.push(CertificateDer::from(der)),
                SectionKind::PrivateKey => key = key.or(Some(PrivateKeyDer::Pkcs8(der.into()))),
                SectionKind::RsaPrivateKey => key = key.or(Some(PrivateKeyDer::Pkcs1(der.into()))),
                SectionKind::EcPrivateKey => key = key.or(Some(PrivateKeyDer::Sec1(der.into()))),
                _ => {}
            }
        }
        let parsed = read(&certs)?;
        let key = key.ok_or(PemError::NoKey)?;
        let key = provider.key_provider.load_private_key(key).map_err(|_| PemError::BadKey)?;
        let public = key.public_key();
        let is_own = |cert: &Cert<'_>| public.as_ref().is_some_and(|public| **public == *cert.spki);
        let own = parsed.iter().position(is_own).ok_or(PemError::OtherKey)?;
        let chain = chain(&certs, &parsed, own);
        drop(public);
        Ok(Self { own: CertifiedKey::new(chain, key), certs })
    }
}

/// Without a word of what stands there: it may be a key.
fn broken(error: &pem::Error) -> PemError {
    PemError::Broken(match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "the first line of a section is no such line",
        _ => "a section has other characters than base64",
    })
}

fn read<'a>(certs: &'a [CertificateDer<'_>]) -> Result<Vec<Cert<'a>>, PemError> {
    if certs.is_empty() {
        return Err(PemError::NoCertificate);
    }
    let parse = |(index, der): (usize, &'a CertificateDer<'_>)| {
        let cert = Cert::parse(der).map_err(|_| PemError::BadCertificate(index + 1))?;
        if cert.extensions.critical { Err(PemError::Critical(index + 1)) } else { Ok(cert) }
    };
    certs.iter().enumerate().map(parse).collect()
}

/// Our own certificate and the CAs above it, but for the topmost, which a peer that trusts it has.
fn chain(certs: &[CertificateDer<'static>], parsed: &[Cert<'_>], own: usize) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![own];
    let mut last = own;
    while let Some(cert) = parsed.get(last).filter(|cert| !cert.is_self_issued()) {
        let issues =
            |above: &Cert<'_>| above.extensions.ca && above.subject == cert.issuer && !above.is_self_issued();
        match parsed.iter().position(issues).filter(|above| !chain.contains(above)) {
            Some(above) => chain.push(above),
            None => break,
        }
        last = chain.last().copied().unwrap_or(own);
    }
    chain.into_iter().filter_map(|index| certs.get(index).cloned()).collect()
}
