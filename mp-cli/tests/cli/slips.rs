//! What people get wrong, and are told at once: a name, a secret, a seed.

use std::time::Duration;

use crate::common::Home;
use crate::inspect::network;
use crate::process::{Stream, free_port};

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

    if cfg!(feature = "top") {
        // One mend, and not a second one behind it.
        let error = stranger.aemp(&format!("top --once --seed {address} --timeout 1")).failed();
        assert!(error.contains("secret") && !error.contains("look whether it runs"), "{error}");
        let error = stranger.aemp("top --once --seed 127.0.0.1:1 --timeout 0.3").failed();
        assert!(error.contains("; look whether it runs and has the same secret"), "{error}");
    }
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
        let line = peer.process.complains(&format!(
            "connection ended by the peer, which was shut down or has died peer={}",
            third.id
        ));
        assert!(!line.contains("unsent"), "{line}");
    }
}

/// Nobody can tell a process that was killed from one that has stopped, by the end of its connection alone: so the log says
/// no more than that. [CN-07]
#[test]
fn who_is_killed_is_not_said_to_have_gone_in_good_order() {
    let (_home, seed, mut worker) = network();
    worker.process.kill();
    let line = seed.process.nth(Stream::Err, &format!("peer={}", worker.id), 2).unwrap();
    // Where something was still on its way to it, its system says so by a reset.
    let known = ["connection ended by the peer, which was shut down or has died", "connection lost"];
    assert!(known.iter().any(|words| line.contains(words)), "{line}");
}

/// A short name of a host with a port is an address like others; what may be meant otherwise is told. [CF-22]
#[test]
fn a_host_and_a_port_are_an_address() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    for address in ["aemp-test-nobody:4040", "aemp_test:1,aemp-test-2:1"] {
        for command in ["ping", "snd", "cal", "mon", "ports", "trace"] {
            let error = home.aemp(&format!("{command} {address} --timeout 0.5")).failed();
            assert!(error.contains("no node answered at aemp"), "{command} {address}: {error}");
            assert!(error.contains("a node's name stands without a port"), "{command} {address}: {error}");
        }
    }
    // A name stays one.
    for name in ["worker", "worker/x:1", "worker:x"] {
        let error = home.aemp(&format!("ping {name} --timeout 0.5")).refused();
        assert!(error.contains("nothing leads to") && error.contains("as HOST:PORT"), "{name}: {error}");
    }
    let error = home.aemp("ping worker:99999").refused();
    assert!(error.contains("the port number 99999 is above 65535"), "{error}");
}

/// Where nobody listens, and there is nowhere else to look, nothing is waited for; where there is, or a time was given,
/// somebody may yet come.
#[test]
fn a_refusal_is_told_at_once() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let (nowhere, late) = (free_port(), free_port());
    for line in [
        format!("ping 127.0.0.1:{nowhere}"),
        format!("cal 127.0.0.1:{nowhere} time"),
        format!("mon 127.0.0.1:{nowhere}"),
        format!("nodes --seed 127.0.0.1:{nowhere}"),
        format!("log --seed 127.0.0.1:{nowhere}"),
        format!("top --once --seed 127.0.0.1:{nowhere}"),
    ] {
        if cfg!(not(feature = "top")) && line.starts_with("top") {
            continue;
        }
        let error = home.aemp(&line).failed();
        assert!(error.contains("Connection refused") && !error.contains("within"), "{line}: {error}");
    }
    let waited =
        home.aemp(&format!("nodes --seed 127.0.0.1:{nowhere} --seed 127.0.0.1:1 --timeout 0.5")).failed();
    assert!(waited.contains("within 500ms"), "{waited}");
    let mut patient = home.start(&format!("ping 127.0.0.1:{late} -c 1 --timeout 60"));
    patient.hears_ctrl_c();
    assert_eq!(patient.count_after(Duration::from_millis(500), Stream::Err, ""), 0, "{}", patient.all());
    let _seed = home.run(&format!("seed binds 127.0.0.1:{late}"));
    patient.says("1 sent, 1 answered");
    assert_eq!(patient.ends(), Some(0));
}
