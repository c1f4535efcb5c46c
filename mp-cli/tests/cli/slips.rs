//! What people get wrong, and are told at once: a name, a secret, a seed.

use std::time::Duration;

use crate::common::Home;
use crate::inspect::network;
use crate::process::Stream;

/// Who has another secret is told so, as soon as that is clear, and not after all its time. The seed is not dialled in a
/// storm meanwhile.
#[test]
fn another_secret_is_told_at_once() {
    let (home, stranger) = (Home::new(), Home::new());
    home.aemp("gensecret").ok();
    stranger.aemp("setsecret another profile fixed setnodeid fixed").ok();
    let seed = home.run("seed -v binds 127.0.0.1:0");
    let address = &seed.address;
    let lines = [
        format!("nodes --seed {address}"),
        format!("cal {address} time"),
        format!("db get f --seed {address} --profile fixed"),
        format!("log --seed {address}"),
        format!("trace --seed {address}"),
    ];
    for line in &lines {
        let error = stranger.aemp(&format!("{line} --timeout 600")).failed();
        assert!(error.contains(address.as_str()) && error.contains("secret"), "{line}: {error}");
    }
    let dials = seed.process.count_after(Duration::ZERO, Stream::Err, "connection refused");
    assert!(dials <= 3 * lines.len(), "{}", seed.process.all());

    // One mend, and not a second one behind it.
    let error = stranger.aemp(&format!("top --once --seed {address} --timeout 1")).failed();
    assert!(error.contains("secret") && !error.contains("look whether it runs"), "{error}");
    let error = stranger.aemp("top --once --seed 127.0.0.1:1 --timeout 0.3").failed();
    assert!(error.contains("; look whether it runs and has the same secret"), "{error}");
}

/// The name of a service is not that of its group; what there is, is told.
#[test]
fn a_group_is_found_by_its_service() {
    let (home, _seed, _worker) = network();
    for (line, near) in [
        (
            "groups mp::echo --timeout 60",
            "there is no group \"mp::echo\"; did you mean mp_echo? `aemp groups` shows",
        ),
        ("groups mp_ecoh --timeout 60", "did you mean mp_echo?"),
        ("db get mp_status --timeout 60", "there is no family \"mp_status\"; did you mean mp::status?"),
        ("db keys frobnicate --timeout 60", "there is no family \"frobnicate\"; `aemp db families` shows"),
    ] {
        let error = home.aemp(line).failed();
        assert!(error.contains(near), "{line}: {error}");
    }
}

/// An ordinary node that somebody has for a seed is a global one from then on; it says so.
#[test]
fn a_slave_that_is_taken_for_a_seed_says_so() {
    let (home, _seed, worker) = network();
    let third = home.run(&format!("third binds 127.0.0.1:0 seeds {}", worker.address));
    let line = worker.process.complains("directory: this node is global from now on");
    assert!(
        line.contains("as another one has it for a seed") && line.contains(&format!("by={}", third.id)),
        "{line}"
    );
}

/// [GL-40]: a node that was asked to stop goes calmly, whatever it was in the middle of; its peers, too.
#[test]
fn who_is_asked_to_stop_goes_in_calm_words() {
    let (home, seed, worker) = network();
    let both = format!("{},{}", seed.address, worker.address);
    let mut third = home.run(&format!("third binds 127.0.0.1:0 services mp::echo seeds {both}"));
    for peer in [&seed, &worker] {
        third.process.complains(&format!("connected peer={}", peer.id));
        peer.process.complains(&format!("connected peer={}", third.id));
    }
    third.process.signal("TERM");
    assert_eq!(third.process.ends(), Some(0));
    let (_, told) = third.process.words();
    let after = told.split("stopping").nth(1).unwrap();
    for words in ["lost", "unsent", "directory", "WARN"] {
        assert!(!after.contains(words), "{told}");
    }
    assert_eq!(after.matches("connection closed peer=").count(), 2, "{told}");
    for peer in [&seed, &worker] {
        let line = peer
            .process
            .complains(&format!("connection ended by the peer, which has stopped or died peer={}", third.id));
        assert!(!line.contains("unsent"), "{line}");
    }
}
