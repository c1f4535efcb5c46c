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
