//! Certificates: what `gencert` makes and `setcert` takes.

use mp_node::tls::{PemError, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::Value;

/// The name in it, which says nothing about who has it: a network's nodes share one.
const NAME: &str = "AEMP network";

/// A new certificate that signs itself, with its key, as one PEM `[TLS-15]`: EC P-256, a CA, as the one is that Perl's program
/// makes, and valid from 2000 to 2999. All nodes that have it trust one another.
///
/// # Errors
///
/// That of the system's source of randomness.
pub(super) fn make() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2999, 12, 31);
    let certificate = params.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

/// Whether a node can use the PEM that `value` is.
///
/// # Errors
///
/// [`PemError`] says why not.
pub(super) fn check(value: &Value) -> Result<(), PemError> {
    TlsConfig::from_pem(value.as_str().unwrap_or_default()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [TLS-15]
    #[test]
    fn what_is_made_can_be_used_and_is_new_each_time() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_ne!(one, other);
        assert_eq!(check(&Value::from(one)), Ok(()));
        assert_eq!(check(&Value::from("x")), Err(PemError::NoCertificate));
    }
}
