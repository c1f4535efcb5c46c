//! The program `mp-sim`, as a user sees it.

use std::process::{Command, Output};

use serde_json::Value;

fn mp_sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mp-sim")).args(args).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn a_run_without_violations_says_what_was_checked() {
    let output = mp_sim(&["run", "--seeds", "3", "--start", "7"]);
    assert!(output.status.success());
    let text = stdout(&output);
    assert!(text.starts_with("3 seeds, 0 failed"), "{text}");
    assert!(output.stderr.is_empty(), "progress is for terminals");
}

#[test]
fn programs_get_json() {
    for (args, event) in [
        (&["run", "--seeds", "2", "--nodes", "3", "--json"][..], "done"),
        (&["collide", "--seeds", "5", "--json"][..], "done"),
        (&["form", "--nodes", "10,20", "--json"][..], "formed"),
        (&["replay", "3", "--nodes", "3", "--json"][..], "done"),
    ] {
        let output = mp_sim(args);
        assert!(output.status.success(), "{args:?}");
        let text = stdout(&output);
        let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last["event"], event, "{args:?}: {text}");
    }
}

#[test]
fn a_replay_shows_faults_and_what_came_of_them() {
    let text = stdout(&mp_sim(&["replay", "1"]));
    for word in ["fault: ", "starts, life 0", "all is healed", "got 0 of", "no violation"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let log = stdout(&mp_sim(&["replay", "1", "--log", "info,mp_sim=debug"]));
    assert!(log.contains("connected peer=") && log.contains("starts, life 0"), "{log}");
}

/// A run of nothing has shown nothing.
#[test]
fn nothing_to_do_is_wrong_use() {
    for args in [&["run", "--seeds", "0"][..], &["collide", "--seeds", "0"], &["soak", "--seconds", "0"]] {
        let output = mp_sim(args);
        let error = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.code() == Some(2) && error.contains("invalid value '0'"), "{args:?}: {error}");
    }
    for args in [&["form", "--nodes", "0"][..], &["run", "--jobs", "0"]] {
        assert_eq!(mp_sim(args).status.code(), Some(2), "{args:?}");
    }
}

/// As `mp-sim replay 1 | head` does.
#[test]
fn who_stops_reading_a_replay_has_not_made_it_fail() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut replay = Command::new(env!("CARGO_BIN_EXE_mp-sim"));
    let status = replay.args(["replay", "3", "--nodes", "3"]).stdout(writer).status().expect("it runs");
    assert_eq!(status.code(), Some(0));
}
