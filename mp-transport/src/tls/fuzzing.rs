//! What fuzzing checks of the private parts here. The feature `fuzzing` makes it available, and changes nothing else.

use std::sync::LazyLock;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::about::about;
use super::cert::Cert;
use super::date::Date;
use super::error::PemError;
use super::trust::Trust;

const NOW: Date = Date(1_800_000_000);
/// One certificate besides that of the CA, and the CA.
const OURS: &str = include_str!("../../tests/pem/leaf-two.pem");
/// What peers may send: one certificate that the CA has signed; one with CAs between; one of another CA.
const THEIRS: [&str; 3] = [
    include_str!("../../tests/pem/leaf-one.pem"),
    include_str!("../../tests/pem/leaf-deep.pem"),
    include_str!("../../tests/pem/leaf-other-ca.pem"),
];

struct Known {
    trust: Trust,
    sent: Vec<Vec<CertificateDer<'static>>>,
    /// All that are to be trusted.
    good: Vec<CertificateDer<'static>>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let trust = Trust { certs: certs(OURS), algorithms };
    let sent: Vec<_> = THEIRS.map(certs).into();
    let good = sent.iter().flatten().chain(&trust.certs);
    let good = good.filter(|der| sent.iter().any(|sent| trust.check(der, sent, NOW).is_ok())).cloned();
    let good = good.collect();
    Known { trust, sent, good }
});

fn certs(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("a PEM of the tests")
}

/// What a stranger shows: certificates that were changed, left out and put in another order, or bytes that are none. Who is
/// trusted showed a certificate that is trusted as it stands, to the last bit `[TLS-10]`. And the same bytes as a PEM of
/// our own are read, or an error says why not and shows nothing of them `[TLS-09]`.
pub fn tls_certificates(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    match kind % 4 {
        3 => {
            let _parsed = Cert::parse(rest);
            trusted(rest, &[CertificateDer::from(rest)]);
        }
        kind => edited(usize::from(kind), rest),
    }
    if let Ok(text) = std::str::from_utf8(data) {
        own(text);
    }
}

fn trusted(end: &[u8], sent: &[CertificateDer<'_>]) {
    if KNOWN.trust.check(end, sent, NOW).is_ok() {
        assert!(KNOWN.good.iter().any(|good| **good == *end), "a certificate that nobody signed is trusted");
    }
}

/// Four bytes are one edit of one certificate.
fn edited(chain: usize, edits: &[u8]) {
    let mut sent = KNOWN.sent[chain].clone();
    for edit in edits.chunks_exact(4) {
        let [what, at, low, byte] = [edit[0], edit[1], edit[2], edit[3]];
        let index = usize::from(what >> 4) % sent.len();
        let mut der = sent[index].to_vec();
        let at = usize::from(u16::from_be_bytes([at, low])) % der.len().max(1);
        match what & 7 {
            0 if !der.is_empty() => der[at] = byte,
            1 => der.insert(at, byte),
            2 if !der.is_empty() => drop(der.remove(at)),
            3 => der.truncate(at),
            4 if sent.len() < 16 => sent.push(sent[usize::from(byte) % sent.len()].clone()),
            5 if sent.len() > 1 => drop(sent.remove(index)),
            6 => sent.swap(0, index),
            _ => {}
        }
        if what & 7 < 4 {
            sent[index] = CertificateDer::from(der);
        }
    }
    let (end, others) = sent.split_first().expect("the last one is not removed");
    trusted(end, others);
}

fn own(text: &str) {
    match about(text) {
        Ok(certs) => assert!(!certs.is_empty()),
        Err(PemError::Broken(_)) => {}
        Err(error) => {
            let said = format!("{error} {error:?}");
            // What is worth hiding has no blanks; and the fuzzer finds out what errors say, and writes that into a PEM.
            let hidden = |line: &&str| line.len() > 24 && !line.contains(' ');
            let shown = text.lines().filter(hidden).find(|line| said.contains(line));
            assert_eq!(shown, None, "an error shows what stands in a PEM");
        }
    }
}
