//! Certificates in the configuration.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::common::Home;
use crate::process::Process;

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
        home.aemp("--json profile x gencert").replaced(),
        home.aemp("--json showconfig x").ok(),
    ];
    for text in texts {
        assert!(text.contains("cert") && !text.contains("BEGIN"), "{text}");
    }
    assert!(home.aemp("showconfig --show-secrets").ok().contains("BEGIN PRIVATE KEY"));
    assert_ne!(home.json()["profile"]["x"]["cert"], json!(pem));
    home.aemp("gencert").replaced();
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

/// [TLS-15] [TLS-04]: two nodes of `aemp` with one certificate and no secret; a third one with another certificate is refused,
/// and both it and the seed say why.
#[test]
fn nodes_with_one_certificate_meet_without_a_secret() {
    let (home, other) = (Home::new(), Home::new());
    home.aemp("gencert profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    let answer = home.aemp(&format!("cal {} time --seed {}", seed.id, seed.address)).ok();
    assert!(!answer.is_empty());
    other.aemp(&format!("gencert profile worker setbinds 127.0.0.1:0 setseeds {}", seed.address)).ok();
    let worker = other.run("worker");
    for node in [&worker, &seed] {
        let line = node.process.complains("give both nodes one PEM");
        assert!(line.contains("claims=") && !line.contains("BEGIN"), "{line}");
    }
}

/// [TLS-15]: a Perl node, whose TLS is OpenSSL's, and one of `aemp`, with what `gencert` made: in both roles, which its
/// nonce decides. Skipped, saying so, where Perl or its modules are missing.
#[test]
fn a_perl_node_meets_ours_with_what_gencert_makes() {
    const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mp-global/tests/perl/peer.pl");
    let checked = Command::new("perl").args(["-c", PEER]).output();
    if !checked.is_ok_and(|checked| checked.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "see .ci/packages");
        return println!("skipped: perl cannot run the program of these tests");
    }
    let home = Home::new();
    home.aemp("gencert profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    for (role, nonce) in [("connect", "fbefbe"), ("accept", "cf3cf3")] {
        let settings = json!({"node": format!("pearl-{role}"), "tls": cert(&home), "nonce": nonce, "seeds": [seed.address]});
        let perl = Process::start(Command::new("perl").args([PEER, &settings.to_string()]));
        let up = perl.says("\"ev\":\"up\"");
        assert!(up.contains(&format!("\"role\":\"{role}\"")) && up.contains(&seed.id), "{up}");
        perl.says("\"ev\":\"master\"");
    }
}
