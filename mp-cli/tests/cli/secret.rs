//! A secret that differs or is missing: who, what, what to do, once, on both sides.

use std::time::Duration;

use crate::common::Home;
use crate::process::Stream;

/// Longer than the first waits between two dials of a seed would be if this were a common failure.
const WATCHED: Duration = Duration::from_secs(6);

#[test]
fn a_wrong_secret_is_told_once_on_both_sides() {
    let (home, other) = (Home::new(), Home::new());
    home.aemp("setsecret right profile seed setbinds 127.0.0.1:0").ok();
    let seed = home.run("seed");
    other
        .aemp(&format!("setsecret wrong profile worker setbinds 127.0.0.1:0 setseeds {}", seed.address))
        .ok();
    let worker = other.run("worker");

    let line = worker.process.complains("differs from ours");
    assert!(line.contains(&format!("the secret of node {} differs", seed.id)), "{line}");
    assert!(
        line.contains(&seed.address) && line.contains("compare them with `aemp showconfig --show-secrets`"),
        "{line}"
    );
    let line = seed.process.complains("differs from ours");
    assert!(line.contains(&format!("the secret of node {} differs", worker.id)), "{line}");
    assert!(line.contains("compare them with `aemp showconfig --show-secrets`"), "{line}");

    assert_eq!(worker.process.count_after(WATCHED, Stream::Err, ""), 1, "{}", worker.process.all());
    assert_eq!(seed.process.count_after(Duration::ZERO, Stream::Err, ""), 1, "{}", seed.process.all());

    // With so long a time to wait, one that waited for it would never come back.
    for line in
        ["snd x y --timeout 9999 --seed", "cal x y --timeout 9999 --seed", "mon x --timeout 9999 --seed"]
    {
        let error = other.aemp(&format!("{line} {}", seed.address)).failed();
        assert!(error.contains(&format!("the secret of node {} differs", seed.id)), "{error}");
    }
    let error = other.aemp(&format!("cal {} time --timeout 9999", seed.address)).failed();
    assert!(error.contains("compare them with `aemp showconfig --show-secrets`"), "{error}");
}

#[test]
fn a_missing_secret_is_told_before_anything_is_tried() {
    let home = Home::new();
    home.aemp("profile seed setbinds 127.0.0.1:0").ok();
    for line in ["run seed", "snd 127.0.0.1:1 y", "cal 127.0.0.1:1 y", "mon 127.0.0.1:1"] {
        let error = home.aemp(line).refused();
        assert!(error.contains("no secret") && error.contains("`aemp gensecret`"), "{line}: {error}");
    }
}

/// A secret that is replaced is gone here, and not elsewhere: that is said, and done all the same.
#[test]
fn a_secret_that_is_replaced_is_told_of() {
    let home = Home::new();
    let (first, file) = (home.aemp("gensecret").ok(), home.read());
    let ran = home.aemp("gensecret");
    assert_eq!((ran.code, &ran.out), (Some(0), &first), "{ran:?}");
    let said =
        "aemp: global: the secret that was here is replaced, and not kept: nodes with the new one and nodes";
    assert!(ran.err.starts_with(said) && ran.err.lines().count() == 1, "{ran:?}");
    assert_ne!(home.read(), file);
    let ran = home.aemp("--json setsecret marker-1");
    assert!(ran.code == Some(0) && ran.out.contains("\"was_set\":true"), "{ran:?}");
    assert!(ran.err.starts_with(r#"{"event":"note","text":"global: the secret"#), "{ran:?}");
    assert!(!format!("{ran:?}").contains("marker-1"), "{ran:?}");
    // Where nothing is lost, there is nothing to say: the same one, one of a profile that had none, one that is kept.
    home.aemp("setsecret marker-1").ok();
    home.aemp("profile p gensecret").ok();
    assert!(home.aemp("profile p setsecret x").err.contains("profile p: the secret that was here"));
    home.aemp("setsecret marker-2 setold_secret marker-1").ok();
    home.aemp("setold_secret marker-2 setsecret marker-3").ok();
}

#[cfg(feature = "tls")]
#[test]
fn a_certificate_that_is_replaced_is_told_of() {
    let home = Home::new();
    home.aemp("gencert").ok();
    let ran = home.aemp("gencert");
    assert!(
        ran.code == Some(0) && ran.err.contains("global: the certificate that was here is replaced"),
        "{ran:?}"
    );
}
