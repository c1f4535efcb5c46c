//! How commands end: their exit codes, as `docs/operations.md` has them, Ctrl-C, and what a terminal is told meanwhile.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::Home;
use crate::inspect::network;
use crate::process::{Process, free_port};

/// The commands in the first column of the table of exit codes, and what stands beside them.
fn table() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let commands = |row: &str| {
        let cells = cells(row);
        let names: Vec<String> = cells[1].split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
        names.into_iter().map(move |name| (name, cells[3].clone())).collect::<Vec<_>>()
    };
    rows.flat_map(commands).collect()
}

/// Every command has its row, and no other; wrong words are 2 in each.
#[test]
fn every_command_has_documented_exit_codes() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let help = home.aemp("help").ok();
    let section = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut there: Vec<_> = section.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let table = table();
    let mut documented: Vec<_> = table.iter().map(|(name, _)| name.as_str()).collect();
    there.push("gensecret");
    there.sort_unstable();
    documented.sort_unstable();
    assert_eq!(there, documented, "docs/operations.md against `aemp help`");
    for command in documented {
        home.aemp(&format!("{command} --frobnicate")).refused();
    }
}

/// What cannot be reached is 1, what is not configured 2.
#[test]
fn nobody_there_is_1_and_nowhere_to_look_is_2() {
    let home = Home::new();
    home.aemp("gensecret").ok();
    let nowhere = format!("127.0.0.1:{}", free_port());
    let reached = ["top --once", "nodes", "groups", "groups g", "db families", "db get f", "log", "trace"];
    for line in reached.into_iter().chain(["db keys f", "db set f k 1", "db del f k", "db watch f"]) {
        let error = home.aemp(&format!("{line} --seed {nowhere} --timeout 0.3")).failed();
        assert!(error.contains(&nowhere), "{line}: {error}");
        let error = home.aemp(line).refused();
        assert!(error.contains("--seed HOST:PORT"), "{line}: {error}");
    }
    for line in
        ["snd {} x", "cal {} time", "mon {}", "ping {}", "ports {}", "trace {}", "restart {}", "bench {}"]
    {
        let line = line.replace("{}", &nowhere);
        let error = home.aemp(&format!("{line} --timeout 0.3")).failed();
        assert!(error.contains(&nowhere), "{line}: {error}");
    }
    home.aemp(&format!("eval --timeout 0.3 {nowhere} 1")).failed();
}

/// Ctrl-C ends what would go on, with 130 and without a complaint; what was printed until then is whole.
#[test]
fn ctrl_c_ends_each_long_command() {
    let (home, seed, _worker) = network();
    let address = &seed.address;
    let ends = |mut process: Process, what: &str| {
        process.signal("INT");
        assert_eq!(process.ends(), Some(130), "{what}: {}", process.all());
        let (_, complaints) = process.words();
        let known = |line: &str| line.is_empty() || line.contains("interrupted") || line.contains(" INFO ");
        assert!(complaints.lines().all(known), "{what}: {complaints}");
    };
    let begins = |line: &str, first: &str| {
        let process = home.start(&format!("{line} --timeout 60"));
        process.says(first);
        ends(process, line);
    };
    begins(&format!("ping {address} -c 0 -i 0.05"), ": 2  ");
    begins(&format!("ping {address} -c 0 -i 30 --json"), "pong");
    begins("db watch mp_echo", "this is all");
    begins("db watch mp_echo --json", "synced");
    begins("db set colours sky blue", "as long as this program runs");
    for line in [format!("mon {address} -v"), "log -v".to_owned()] {
        let process = home.start(&format!("{line} --timeout 60"));
        process.complains(if line.starts_with("mon") { "monitored" } else { "connected" });
        ends(process, &line);
    }
    // While they wait for somebody who does not come, too.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = deaf.local_addr().unwrap();
    for line in [
        format!("ping {deaf}"),
        format!("cal {deaf} time"),
        format!("mon {deaf}"),
        format!("log --seed {deaf}"),
        format!("nodes --seed {deaf}"),
        format!("trace --seed {deaf}"),
        format!("db watch f --seed {deaf}"),
        format!("top --once --seed {deaf}"),
        format!("bench {deaf}"),
    ] {
        let process = home.start(&format!("{line} --timeout 60 -v"));
        process.hears_ctrl_c();
        ends(process, &line);
    }
    // What runs until it is stopped has then done what it should.
    let mut tikc = home.start("tikc server --listen 127.0.0.1:0");
    tikc.says("listening");
    tikc.signal("INT");
    assert_eq!(tikc.ends(), Some(0));
}

/// What may be silent for long says so, to people and not to programs.
#[test]
fn a_terminal_is_told_what_is_waited_for() {
    let (home, seed, _worker) = network();
    let mon = format!("mon {}", seed.address);
    for (line, hint) in [
        (
            "log --level warn --node wor --text x",
            "listening: lines of level warn and graver of all nodes with \"wor\"",
        ),
        (mon.as_str(), "; Ctrl-C ends it"),
    ] {
        let mut command = Command::new("script");
        let typed = format!("exec {} {line} --timeout 60", env!("CARGO_BIN_EXE_aemp"));
        command.args(["-qefc", &typed, "/dev/null"]).env_clear().env("HOME", home.directory.path());
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("SHELL", "/bin/sh");
        let process = Process::start(&mut command);
        let said = process.says("Ctrl-C ends it");
        assert!(said.contains(hint), "{line}: {said}");
    }
}
