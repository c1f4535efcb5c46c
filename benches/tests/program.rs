//! Each workload in its smallest form, by the program itself, with real processes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use mp_bench::ours::Terms;
use mp_bench::process::SIDE;
use mp_bench::side::Side;
use serde_json::Value;

fn bench(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mp-bench"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

/// The lines of a run of a hundredth of a second.
fn lines(words: &[&str]) -> Vec<Value> {
    let output = bench(&[words, &["--runs", "1", "--seconds", "0.01"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    assert_eq!(errors, "", "nothing goes wrong, and no progress is shown to who is no terminal");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Does a workload beside its baseline: each of these metrics is there for each of these peers, and is more than `least`.
#[track_caller]
fn check(words: &[&str], peers: &[&str], metrics: &[&str], least: f64) {
    let lines = lines(&[words, &["--vs", "--json"]].concat());
    for peer in peers {
        for metric in metrics {
            let line = lines.iter().find(|line| line["peer"] == *peer && line["metric"] == *metric);
            assert!(line.is_some(), "{words:?}: no {metric} of {peer} in {lines:?}");
            let line = line.expect("it is there");
            assert_eq!(line["workload"], words[0]);
            assert!(line["value"].as_f64() >= Some(least), "{line}");
            assert!(line["unit"].is_string() && line["payload"].is_u64(), "{line}");
            let ratio = line["ratio"].as_f64();
            assert!(ratio.is_none() == (line.get("of").is_none()), "{line}");
        }
    }
}

const SOME: f64 = f64::MIN_POSITIVE;

#[test]
fn one_way() {
    let (peers, metrics) = (["mp", "raw-tokio", "raw-blocking"], ["msgs_per_s", "mb_per_s"]);
    check(&["W1", "64"], &peers, &metrics, SOME);
    check(&["W1", "300000"], &peers, &metrics, SOME);
    check(&["W1", "1"], &peers, &["msgs_per_s"], SOME);
}

#[test]
fn round_trip() {
    let metrics = ["rtt_mean", "rtt_p50", "rtt_p99"];
    check(&["W2"], &["mp", "raw-tokio", "raw-blocking"], &metrics, SOME);
}

#[test]
fn requests() {
    check(&["W3"], &["mp", "raw-tokio", "raw-blocking"], &["reqs_per_s"], SOME);
    check(&["W3"], &["mp"], &["asks_per_s"], SOME);
}

#[test]
fn local() {
    let peers = ["mp", "mp-untyped", "tokio-channel"];
    check(&["W4"], &peers, &["local_oneway", "local_pingpong", "spawn_stop"], SOME);
    check(&["W4", "64"], &peers, &["local_oneway"], SOME);
}

#[test]
fn idle_ports() {
    let peers = ["mp-task", "mp-task-untyped", "mp-handler", "tokio-channel"];
    check(&["W5", "1000"], &peers, &["bytes_per_port"], 0.0);
}

#[test]
fn fan_out() {
    check(&["W6"], &["mp", "raw-fan1", "raw-fan16"], &["deliveries_per_s"], SOME);
}

#[test]
fn over_tls() {
    check(&["W7"], &["mp", "raw-tls"], &["msgs_per_s", "rtt_p50"], SOME);
}

#[test]
fn framings() {
    let peers = ["mp-json", "mp-json-dynamic", "mp-cbor-dynamic", "mp-postcard", "mp-storable", "raw-tokio"];
    check(&["W8"], &peers, &["msgs_per_s"], SOME);
    check(&["W8", "--framing", "cbor"], &["mp-cbor", "raw-tokio"], &["msgs_per_s"], SOME);
}

#[test]
fn large_beside_small() {
    let peers = ["mp", "raw-two-connections", "raw-one-connection"];
    check(&["W9", "1000000"], &peers, &["large_mb_per_s"], SOME);
    check(&["W9", "1000000"], &peers, &["ping_p99"], 0.0);
}

#[test]
fn idle_connections() {
    check(&["W10", "3"], &["mp", "raw-tokio"], &["bytes_per_connection", "cpu_per_connection"], 0.0);
}

#[test]
fn directory() {
    check(&["W11", "3"], &["mp", "raw-tokio"], &["registrations_per_s", "seen_by_50"], SOME);
}

#[test]
fn through_a_relay() {
    check(&["W12"], &["mp", "raw-tokio"], &["msgs_per_s", "rtt_p50"], SOME);
}

#[test]
fn alone_only_our_own_are_measured() {
    let lines = lines(&["W2"]);
    assert!(lines.iter().all(|line| line["peer"] == "mp" && line.get("ratio").is_none()), "{lines:?}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_comparison_says_which_goals_are_met() {
    let lines = lines(&["W2", "--vs", "--json"]);
    let goals: Vec<_> = lines.iter().filter(|line| line.get("goal").is_some()).collect();
    assert_eq!(goals.len(), 1, "{lines:?}");
    assert!(goals[0]["met"].is_boolean() && goals[0]["reached"].is_f64());
}

#[test]
fn a_table_in_markdown() {
    let output = bench(&["W2", "--vs", "--markdown", "--runs", "1", "--seconds", "0.01"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    assert!(rows.iter().all(|row| row.starts_with("| ") || row.starts_with("|---")), "{text}");
    assert!(text.contains("| W2 | 64 | `rtt_p50` | mp |"), "{text}");
}

#[test]
fn what_is_wrong_on_the_command_line_is_said() {
    for (words, said) in [
        (&["W77"][..], "there is no workload W77; there are W1, W2"),
        (&["W1", "--seconds", "1e9"], "seconds"),
        (&["W1", "--seconds", "0"], "more than 0"),
        (&["W1", "--runs", "0"], "--runs"),
        (&["W1", "--framing", "xml"], "no framing is called xml"),
        (&["W1", "0"], "one byte"),
        (&["W1", "--peers"], "--features peers"),
    ] {
        if cfg!(feature = "peers") && words.contains(&"--peers") {
            continue;
        }
        let output = bench(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(said), "{words:?}: {errors}");
    }
}

#[test]
fn a_workload_that_makes_no_sense_fails() {
    let output = bench(&["W9", "1", "--seconds", "0.01", "--runs", "1"]);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("larger than a ping"), "{errors}");
}

/// Nothing is left behind: a process that is the other side ends with its standard input.
#[test]
fn the_other_side_ends_with_its_standard_input() {
    let order = serde_json::to_string(&Side::Peer(Terms::default())).unwrap();
    let mut side = Command::new(env!("CARGO_BIN_EXE_mp-bench"))
        .arg(SIDE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = side.stdin.take().unwrap();
    writeln!(stdin, "{order}").unwrap();
    let mut ready = String::new();
    BufReader::new(side.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).expect("it says what it offers");
    assert!(ready["node"].is_string() && ready["tokio"].is_string());
    assert!(side.try_wait().unwrap().is_none(), "it goes on");
    drop(stdin);
    assert!(side.wait().unwrap().success());
}

#[test]
fn the_other_side_has_to_be_told_what_to_do() {
    let output = bench(&[SIDE]);
    assert!(!output.status.success());
    let help = bench(&["--help"]);
    assert!(!String::from_utf8_lossy(&help.stdout).contains(" side"), "it is hidden");
}
