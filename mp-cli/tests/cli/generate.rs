//! `aemp completions`, `aemp man` and `aemp bench`.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::common::Home;
use crate::inspect::network;

/// Each shell takes its own, where it is here to be asked.
#[test]
fn completions_have_all_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = home.aemp(&format!("completions {shell}")).ok();
        for command in ["doctor", "gensecret", "setbinds", "showconfig", "tikc", "watch"] {
            assert!(text.contains(command), "{shell}: {command}");
        }
        assert!(!text.contains("demo-node"), "{shell}");
        let file = home.directory.path().join(shell);
        fs::write(&file, text).unwrap();
        if let Ok(checked) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(checked.status.success(), "{shell}: {checked:?}");
        }
    }
    assert!(home.aemp("completions csh").refused().contains("'csh'"));
}

#[test]
fn every_command_has_a_manual_page() {
    let home = Home::new();
    let page = home.aemp("man").ok();
    assert!(page.starts_with(".ie") || page.contains(".TH aemp 1"), "{page}");
    assert!(page.contains("Exit codes") && page.contains("doctor"), "{page}");
    let directory = home.directory.path().join("man/man1");
    let out = home.words(&["man", &directory.display().to_string()]).ok();
    assert!(out.contains("pages in "), "{out}");
    for name in ["aemp", "aemp-doctor", "aemp-db-set", "aemp-setbinds", "aemp-gensecret", "aemp-tikc-post"] {
        let page = fs::read_to_string(directory.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{name}: {page}");
    }
    assert!(!directory.join("aemp-demo-node.1").exists());
    let error = home.aemp("man /dev/null/x").refused();
    assert!(error.contains("cannot write /dev/null/x"), "{error}");
}

#[test]
fn a_network_is_measured() {
    let (home, _seed, worker) = network();
    let out = home.aemp("bench --time 0.2 --timeout 60").ok();
    assert!(out.starts_with("with bench/") && out.contains("µs mean") && out.contains("messages/s"), "{out}");
    let out = home.aemp(&format!("bench {} --time 0.2 --size 1000 --json --timeout 60", worker.id)).ok();
    let figures: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&figures["event"], &figures["node"], &figures["size"]),
        (&"bench".into(), &worker.id.clone().into(), &1000.into())
    );
    assert!(
        figures["messages_per_second"].as_f64().unwrap() > 0.0
            && figures["round_trips"].as_u64().unwrap() > 0,
        "{out}"
    );
    // One without an echo.
    home.aemp("profile bare setservices AnyEvent::MP::Global::").ok();
    let bare = home.run("bare binds 127.0.0.1:0");
    let error = home.aemp(&format!("bench {} --time 0.2 --timeout 60", bare.address)).failed();
    assert!(error.contains("has no mp::echo to measure against"), "{error}");
    assert!(home.aemp("bench --size 1000001").refused().contains("up to 1000000"));
}
