//! Certificates: what `gencert` makes and `setcert` takes. Without the feature `tls`, none of either.

use serde_json::Value;

/// A new certificate that signs itself, with its key, as one PEM `[TLS-15]`: EC P-256, a CA, as the one is that Perl's
/// program makes, and valid from 2000 to 2999. All nodes that have it trust one another.
///
/// # Errors
///
/// That of the system's source of randomness, in words.
pub(super) fn make() -> Result<String, String> {
    tls::make()
}

/// Whether a node can use the PEM that `value` is.
///
/// # Errors
///
/// Why not, in words.
pub(super) fn check(value: &Value) -> Result<(), String> {
    tls::check(value.as_str().unwrap_or_default())
}

#[cfg(feature = "tls")]
mod tls {
    use mp_node::tls::TlsConfig;
    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd,
    };

    /// The name in it, which says nothing about who has it: a network's nodes share one.
    const NAME: &str = "AEMP network";

    pub(super) fn make() -> Result<String, String> {
        let failed = |error: rcgen::Error| format!("{error}; make one by openssl, see `aemp setcert`");
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2999, 12, 31);
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(certificate.pem() + &key.serialize_pem())
    }

    pub(super) fn check(pem: &str) -> Result<(), String> {
        TlsConfig::from_pem(pem).map(drop).map_err(|error| error.to_string())
    }
}

#[cfg(not(feature = "tls"))]
mod tls {
    pub(super) fn make() -> Result<String, String> {
        Err("this aemp was built without the feature tls".to_owned())
    }

    pub(super) fn check(_: &str) -> Result<(), String> {
        make().map(drop)
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    /// [TLS-15]
    #[test]
    fn what_is_made_can_be_used_and_is_new_each_time() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_ne!(one, other);
        assert_eq!(check(&Value::from(one)), Ok(()));
        assert!(check(&Value::from("x")).unwrap_err().contains("no certificate"));
    }
}
