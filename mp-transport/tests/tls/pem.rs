//! What a PEM must have in it.

use mp_transport::TlsConfig;
use mp_transport::tls::PemError;

use super::{config, text};

fn error(pem: &str) -> PemError {
    TlsConfig::from_pem(pem).unwrap_err()
}

/// [TLS-09]
#[test]
fn every_form_of_key_is_read() {
    for name in [
        "stock",
        "rsa-pkcs1",
        "ec-p256",
        "ec-p384",
        "ec-sec1",
        "ed25519",
        "leaf-one",
        "leaf-two",
        "leaf-deep",
    ] {
        config(name);
    }
}

/// [TLS-09]: line ends of Windows, text before and behind, as configuration files collect them.
#[test]
fn what_stands_around_does_not_matter() {
    let pem = text("stock");
    TlsConfig::from_pem(&pem.replace('\n', "\r\n")).unwrap();
    TlsConfig::from_pem(&format!("Bag Attributes\n\n{pem}\nsubject=CN = x\n")).unwrap();
}

/// [TLS-09]
#[test]
fn what_is_missing_is_named() {
    let (stock, other) = (text("stock"), text("stock-other"));
    let (cert, key) = stock.split_at(stock.find("-----BEGIN PRIVATE").unwrap());
    let (_, other_key) = other.split_at(other.find("-----BEGIN PRIVATE").unwrap());
    assert_eq!(error(""), PemError::NoCertificate);
    assert_eq!(error("/etc/ssl/cert.pem"), PemError::NoCertificate);
    assert_eq!(error(key), PemError::NoCertificate);
    assert_eq!(error(cert), PemError::NoKey);
    assert_eq!(error(&format!("{cert}{other_key}")), PemError::OtherKey);
    assert_eq!(error(&text("encrypted")), PemError::Encrypted);
    assert_eq!(error(&text("rsa-1024")), PemError::BadKey);
    assert_eq!(error(&text("leaf-critical")), PemError::Critical(1));
    let broken = |what| PemError::Broken(what);
    assert_eq!(error(&stock[..stock.len() - 10]), broken("a section has no end"));
    let scrap = format!("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n{stock}");
    assert_eq!(error(&scrap), broken("a section has other characters than base64"));
    let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_eq!(error(&format!("{stock}{empty}")), PemError::BadCertificate(2));
    assert_eq!(error(&format!("{}{key}", cert.repeat(65))), PemError::TooMany(64));
    TlsConfig::from_pem(&format!("{}{key}", cert.repeat(64))).unwrap();
}

#[test]
fn the_key_is_not_shown() {
    assert_eq!(format!("{:?}", config("leaf-one")), "TlsConfig { certificates: 2, .. }");
}
