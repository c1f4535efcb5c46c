//! The secret and the certificate: whether there are any, by what they can be compared, and whether they hold today.

use mp_config::{ConfigFile, NodeConfig, SecretText};
use sha3::{Digest as _, Sha3_256};

use super::finding::Finding;

/// Rounds of hashing behind a fingerprint, and what stands before the secret in the first one: what it shows cannot be
/// looked up in a table.
const ROUNDS: usize = 4_096;
const SALT: &[u8] = b"aemp doctor 1\0";

/// A secret of fewer characters is taken for a word, which those who hear or provoke one handshake can guess at leisure.
const SHORT: usize = 16;

/// Six hexadecimal digits, by which two people can see that they have the same secret. They are too few to tell a guess
/// that is right from the many that are not.
fn fingerprint(secret: &SecretText) -> String {
    let mut hash = Sha3_256::new().chain_update(SALT).chain_update(secret.expose()).finalize();
    for _ in 0..ROUNDS {
        hash = Sha3_256::digest(hash);
    }
    hash.iter().take(3).map(|byte| format!("{byte:02x}")).collect()
}

fn is_short(secret: &SecretText) -> bool {
    secret.expose().chars().count() < SHORT
}

/// How the secret is to be spoken of.
pub(super) fn secret_name(config: &NodeConfig) -> String {
    config.secret.as_ref().map_or_else(|| "none".to_owned(), fingerprint)
}

pub(super) fn secret(config: &NodeConfig, file: &ConfigFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match &config.secret {
        Some(secret) if is_short(secret) => Finding::warn(
            "secret",
            format!("fingerprint {}: it is so short that it can be guessed from one handshake", fingerprint(secret)),
            "make one by `aemp gensecret`, and give it to all nodes; with the old one set by `aemp setold_secret` \
             meanwhile, no connection is lost",
        ),
        Some(secret) => Finding::ok(
            "secret",
            format!("fingerprint {}: all nodes must have the same", fingerprint(secret)),
        ),
        None if config.cert.is_some() => Finding::ok("secret", "none; the certificate stands for it"),
        None => Finding::fail(
            "secret",
            format!("neither a secret nor a certificate is configured in {}", file.path().display()),
            "make one by `aemp gensecret` and copy the file to the other machines",
        ),
    });
    if let (Some(_), Some(old)) = (&config.secret, &config.old_secret) {
        findings.push(Finding::warn(
            "secret",
            format!("an old one is taken, too: fingerprint {}", fingerprint(old)),
            "when all nodes have the new one, write `aemp delold_secret` everywhere",
        ));
    }
    findings
}

#[cfg(feature = "tls")]
pub(super) fn certificate(config: &NodeConfig, now: f64) -> Vec<Finding> {
    use mp_node::tls::about;

    /// A certificate that ends within this time should be replaced.
    const SOON: f64 = 30.0 * 24.0 * 3600.0;
    let Some(pem) = &config.cert else {
        return vec![Finding::ok("cert", "none: connections are authenticated, not encrypted")];
    };
    let certs = match about(pem.expose()) {
        Ok(certs) => certs,
        Err(error) => return vec![Finding::of_error("cert", "", &error)],
    };
    #[expect(clippy::cast_precision_loss, reason = "dates of this era are exact")]
    let finding = |number: usize, cert: &mp_node::tls::CertAbout| {
        let short: String = cert.fingerprint.chars().take(23).collect();
        let name = format!("certificate {} ({short}…)", number + 1);
        let (from, to) = (cert.not_before, cert.not_after);
        if now < from.0 as f64 {
            let text = format!("{name} is not valid before {from}");
            Finding::fail("cert", text, "set this machine's clock, or make another by `aemp gencert`")
        } else if now > to.0 as f64 {
            let text = format!("{name} expired on {to}");
            Finding::fail(
                "cert",
                text,
                "make another by `aemp gencert` for all nodes, or set this machine's clock",
            )
        } else if now + SOON > to.0 as f64 {
            Finding::warn(
                "cert",
                format!("{name} expires on {to}"),
                "make another by `aemp gencert` for all nodes",
            )
        } else {
            Finding::ok("cert", format!("{name} is valid from {from} to {to}"))
        }
    };
    certs.iter().enumerate().map(|(number, cert)| finding(number, cert)).collect()
}

#[cfg(not(feature = "tls"))]
pub(super) fn certificate(config: &NodeConfig, _now: f64) -> Vec<Finding> {
    match &config.cert {
        None => Vec::new(),
        Some(_) => vec![Finding::fail(
            "cert",
            "there is one, and this aemp was built without the feature tls",
            "build it with its default features",
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_short() {
        let short = |text: &str| is_short(&SecretText::new(text));
        assert!(short("s3cret") && short("fifteen letters"));
        assert!(!short("sixteen letters!"));
    }

    #[test]
    fn a_fingerprint_tells_secrets_apart() {
        let of = |text: &str| fingerprint(&SecretText::new(text));
        assert_eq!((of("a"), of("a").len()), (of("a"), 6));
        assert_ne!(of("a"), of("b"));
    }
}
