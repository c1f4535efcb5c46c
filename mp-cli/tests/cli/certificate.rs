//! Certificates in the configuration.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::common::Home;

const STOCK: &str = include_str!("../../../mp-transport/tests/pem/stock.pem");

fn cert(home: &Home) -> String {
    home.json()["cert"].as_str().unwrap_or_default().to_owned()
}

/// [TLS-15] [TLS-16]
#[test]
fn a_certificate_is_made_and_never_shown() {
    let home = Home::new();
    let made = home.aemp("gencert").ok();
    let pem = cert(&home);
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && pem.contains("BEGIN PRIVATE KEY"), "{pem}");
    let texts = [
        made,
        home.aemp("showconfig").ok(),
        home.aemp("profile x gencert showprofile x").ok(),
        home.aemp("--json profile x gencert").ok(),
        home.aemp("--json showconfig x").ok(),
    ];
    for text in texts {
        assert!(text.contains("cert") && !text.contains("BEGIN"), "{text}");
    }
    assert!(home.aemp("showconfig --show-secrets").ok().contains("BEGIN PRIVATE KEY"));
    assert_ne!(home.json()["profile"]["x"]["cert"], json!(pem));
    home.aemp("gencert").ok();
    assert_ne!(cert(&home), pem);
}

/// [TLS-15]: OpenSSL takes it, in both roles. Skipped, saying so, where there is none.
#[test]
fn openssl_takes_what_gencert_makes() {
    let home = Home::new();
    home.aemp("gencert").ok();
    let file = home.directory.path().join("cert.pem").display().to_string();
    fs::write(&file, cert(&home)).unwrap();
    for purpose in ["sslserver", "sslclient"] {
        let mut verify = Command::new("openssl");
        let verified = verify.args(["verify", "-purpose", purpose, "-CAfile", &file, &file]).output();
        let Ok(verified) = verified else {
            println!("skipped: there is no openssl program here");
            return;
        };
        assert!(verified.status.success(), "{verified:?}");
    }
    let key = Command::new("openssl").args(["pkey", "-noout", "-check", "-in", &file]).output().unwrap();
    assert!(key.status.success(), "{key:?}");
}

/// [TLS-16]: the text of the file is kept as it is, as Perl's program keeps it.
#[test]
fn a_file_is_taken_over_and_given_up() {
    let home = Home::new();
    let file = home.directory.path().join("my.pem").display().to_string();
    fs::write(&file, STOCK).unwrap();
    for command in ["setcert", "cert"] {
        let out = home.words(&[command, &file]).ok();
        assert!(out.contains("global: cert = (not shown)"), "{out}");
        assert_eq!(cert(&home), STOCK);
        home.aemp("delcert").ok();
        assert_eq!(home.json().get("cert"), None);
    }
}

/// [TLS-16]
#[test]
fn what_is_no_certificate_is_refused() {
    let home = Home::new();
    let (certificate, key) = STOCK.split_at(STOCK.find("-----BEGIN PRIVATE").unwrap());
    for (text, part) in [
        ("", "make one by `aemp gencert`"),
        (key, "make one by `aemp gencert`"),
        (certificate, "make one by `aemp gencert`"),
        (&STOCK[..STOCK.len() - 10], "a section has no end"),
        (&STOCK.replacen("MI", "MJ", 1), "certificate number 1"),
    ] {
        let file = home.directory.path().join("my.pem").display().to_string();
        fs::write(&file, text).unwrap();
        let error = home.words(&["setcert", &file]).refused();
        assert!(error.contains("`setcert`") && error.contains(part), "{error}");
        assert!(!error.contains("BEGIN"), "{error}");
    }
    let error = home.aemp("setcert nowhere.pem").refused();
    assert!(error.contains("cannot read nowhere.pem"), "{error}");
    assert!(!home.rc().exists());
}

/// [TLS-03]
#[test]
fn the_proofs_are_settings() {
    let home = Home::new();
    home.aemp("setauth_accept tls_sha3_512,tls_anon profile x auth_offer cleartext").ok();
    assert_eq!(home.json()["auth_accept"], json!(["tls_sha3_512", "tls_anon"]));
    assert_eq!(home.json()["profile"]["x"]["auth_offer"], json!(["cleartext"]));
    assert!(
        home.aemp("showconfig").ok().contains("tls_sha3_512,hmac_sha3_512"),
        "the default of the other one"
    );
    let error = home.aemp("setauth_offer hmac_md6_64_256").refused();
    assert!(error.contains("there are tls_sha3_512"), "{error}");
}
