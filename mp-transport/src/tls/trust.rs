//! Whose certificates are taken.

use tokio_rustls::rustls::crypto::WebPkiSupportedAlgorithms;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::cert::Cert;
use super::date::Date;

/// The most certificates that a peer may send beside its own.
const MAX_SENT: usize = 8;
/// The most CAs between a peer's certificate and one of ours.
const MAX_BETWEEN: u8 = 4;

/// The certificates of our PEM, one of which the peer must have, or lead to `[TLS-10]`.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) certs: Vec<CertificateDer<'static>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// What is wrong with a peer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Unreadable,
    Critical,
    Untrusted,
    Expired(Date),
    NotYet(Date),
}

impl Trust {
    /// Whether a peer may have the certificate `end`, with what it sent beside it: it is identical to one of ours, or it
    /// was signed by a CA of ours, or by one that was. All must be valid at `now`.
    pub(super) fn check(&self, end: &[u8], sent: &[CertificateDer<'_>], now: Date) -> Result<(), Fault> {
        let mut cert = Cert::parse(end).map_err(|_| Fault::Unreadable)?;
        if cert.extensions.critical {
            return Err(Fault::Critical);
        }
        in_time(&cert, now)?;
        if self.certs.iter().any(|ours| **ours == *end) {
            return Ok(());
        }
        if sent.len() > MAX_SENT {
            return Err(Fault::Untrusted);
        }
        for between in 0..=MAX_BETWEEN {
            if self.issuer_of(&cert, &self.certs, between, now)?.is_some() {
                return Ok(());
            }
            let Some(issuer) = self.issuer_of(&cert, sent, between, now)? else { break };
            cert = issuer;
        }
        Err(Fault::Untrusted)
    }

    /// The CA among `candidates` that signed `cert`, with `between` CAs below it.
    fn issuer_of<'a>(
        &self,
        cert: &Cert<'_>,
        candidates: &'a [CertificateDer<'_>],
        between: u8,
        now: Date,
    ) -> Result<Option<Cert<'a>>, Fault> {
        let may = |issuer: &Cert<'_>| {
            let extensions = issuer.extensions;
            extensions.ca
                && !extensions.critical
                && extensions.path_len.is_none_or(|most| most >= between)
                && issuer.subject == cert.issuer
        };
        // A CA may be there twice, with its old certificate and the new one.
        let mut fault = None;
        for issuer in candidates.iter().filter_map(|der| Cert::parse(der).ok()).filter(may) {
            if self.has_signed(&issuer, cert) {
                match in_time(&issuer, now) {
                    Ok(()) => return Ok(Some(issuer)),
                    Err(found) => fault = Some(found),
                }
            }
        }
        fault.map_or(Ok(None), Err)
    }

    fn has_signed(&self, issuer: &Cert<'_>, cert: &Cert<'_>) -> bool {
        self.algorithms.all.iter().any(|algorithm| {
            *algorithm.signature_alg_id() == *cert.algorithm
                && *algorithm.public_key_alg_id() == *issuer.key_algorithm
                && algorithm.verify_signature(issuer.key, cert.signed, cert.signature).is_ok()
        })
    }
}

fn in_time(cert: &Cert<'_>, now: Date) -> Result<(), Fault> {
    if now < cert.not_before {
        Err(Fault::NotYet(cert.not_before))
    } else if now > cert.not_after {
        Err(Fault::Expired(cert.not_after))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;

    const NOW: Date = Date(1_800_000_000);

    fn certs(pem: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap()
    }

    fn trust(pem: &str) -> Trust {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        Trust { certs: certs(pem), algorithms }
    }

    fn leaf_one() -> Vec<CertificateDer<'static>> {
        certs(include_str!("../../tests/pem/leaf-one.pem"))
    }

    fn of_ca() -> Trust {
        trust(include_str!("../../tests/pem/leaf-two.pem"))
    }

    /// [TLS-10]: the moments at which a certificate begins and ends to be valid are part of its time.
    #[test]
    fn validity_is_checked_on_both_sides() {
        let (leaf, trust) = (leaf_one(), of_ca());
        let (from, until) = (Date(1_577_836_800), Date(4_733_510_400));
        let check = |now| trust.check(&leaf[0], &[], now);
        assert_eq!(check(Date(from.0 - 1)), Err(Fault::NotYet(from)));
        assert_eq!(check(from), Ok(()));
        assert_eq!(check(until), Ok(()));
        assert_eq!(check(Date(until.0 + 1)), Err(Fault::Expired(until)));
        assert_eq!((from.to_string(), until.to_string()), ("2020-01-01".into(), "2120-01-01".into()));
    }

    #[test]
    fn too_many_certificates_are_not_looked_at() {
        let deep = certs(include_str!("../../tests/pem/leaf-deep.pem"));
        let sent = |count| vec![deep[1].clone(); count];
        let check = |count| of_ca().check(&deep[0], &sent(count), NOW);
        assert_eq!(check(0), Err(Fault::Untrusted));
        assert_eq!(check(MAX_SENT), Ok(()));
        assert_eq!(check(MAX_SENT + 1), Err(Fault::Untrusted));
    }

    /// A CA that was made to sign itself in a circle with another one of the same name leads nowhere, in bounded time.
    #[test]
    fn circles_end() {
        let own = certs(include_str!("../../tests/pem/stock.pem"));
        assert_eq!(of_ca().check(&own[0], &own, NOW), Err(Fault::Untrusted));
    }

    proptest! {
        /// [TLS-10]: whatever is changed in a certificate that a CA signed, it is no longer trusted.
        #[test]
        fn a_changed_certificate_is_refused(at in any::<proptest::sample::Index>(), bit in 0..8_u8) {
            let mut leaf = leaf_one()[0].to_vec();
            let trust = of_ca();
            prop_assert_eq!(trust.check(&leaf, &[], NOW), Ok(()));
            let at = at.index(leaf.len());
            leaf[at] ^= 1 << bit;
            prop_assert!(trust.check(&leaf, &[], NOW).is_err(), "byte {at}, bit {bit}");
        }

        /// Nothing that a stranger sends makes the reader panic.
        #[test]
        fn certificates_may_be_cut_and_spliced(
            cuts in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
        ) {
            let mut der = certs(include_str!("../../tests/pem/leaf-two.pem"))[1].to_vec();
            for (at, byte, insert) in cuts {
                let at = at.index(der.len());
                if insert {
                    der.insert(at, byte);
                } else {
                    der[at] = byte;
                }
            }
            let _parsed = Cert::parse(&der);
            let _checked = of_ca().check(&der, &[CertificateDer::from(der.clone())], NOW);
        }

        #[test]
        fn garbage_is_no_certificate(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Cert::parse(&bytes).is_err());
        }
    }
}
