//! Settings about how a node meets others.

use serde_json::json;

use crate::common::Home;
use crate::process::Stream;

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

/// [TLS-03]: what is dangerous is said when a node starts that has it configured.
#[test]
fn a_dangerous_proof_is_warned_of() {
    let home = Home::new();
    home.aemp("gensecret setauth_accept hmac_sha3_512,cleartext profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    let line = seed.process.complains("auth_accept names cleartext");
    assert!(line.contains("can read the secret"), "{line}");
}

/// [HS-20]: the operator's part of a change of secrets. The old one is hidden like any other, and no word is an option.
#[test]
fn a_secret_is_changed_by_way_of_an_old_one() {
    let (late, changing, early) = (Home::new(), Home::new(), Home::new());
    late.aemp("setsecret 0ld").ok();
    let said = changing.aemp("setsecret n3w setold_secret 0ld profile seed setbinds 127.0.0.1:0").ok();
    assert!(!said.contains("0ld") && said.contains("old_secret = (not shown)"), "{said}");
    let shown = changing.aemp("showconfig").ok();
    assert!(shown.contains("old_secret") && !shown.contains("0ld"), "{shown}");
    assert!(changing.aemp("showconfig --show-secrets").ok().contains("0ld"));
    early.aemp("setsecret n3w").ok();
    let seed = changing.run("seed");
    for home in [&late, &early, &changing] {
        home.aemp(&format!("cal {} time --seed {}", seed.id, seed.address)).ok();
    }
    assert!(seed.process.complains("still has the old secret").contains("peer=anon/"));
    assert_eq!(seed.process.count_after(std::time::Duration::ZERO, Stream::Err, "old secret"), 1);

    let other = Home::new();
    other.aemp("setold_secret --x").ok();
    assert_eq!(other.json()["old_secret"], json!("--x"));
    let error = other.aemp("setold_secret x setsecret").refused();
    assert!(error.contains("setsecret SECRET"), "{error}");
}

/// [CF-16]
#[test]
fn what_a_node_advertises_is_a_setting() {
    let home = Home::new();
    home.aemp("gensecret profile seed setbinds 127.0.0.1:0 setadvertise one.example:4040,two.example:1").ok();
    assert_eq!(home.json()["profile"]["seed"]["advertise"], json!(["one.example:4040", "two.example:1"]));
    let seed = home.run("seed");
    let line = seed.process.says("is reached at");
    assert!(line.contains("one.example:4040, two.example:1"), "{line}");
    assert!(seed.address.starts_with("127.0.0.1:"), "{}", seed.address);
    for nobody in ["*:4040", "one.example", "0.0.0.0:1"] {
        let error = home.aemp(&format!("setadvertise {nobody}")).refused();
        assert!(error.contains("others need a host and a port"), "{error}");
    }
}
