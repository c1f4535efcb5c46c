//! What `--json` prints: one word for one thing in all commands, as the table in `docs/operations.md` has them.

#![cfg(feature = "top")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::Home;
use crate::inspect::network;
use crate::process::{Process, free_port};

/// What stands in these is somebody else's.
const FOREIGN: [&str; 6] = ["value", "reply", "message", "args", "reason", "handshake_failures"];
/// What only networks print that are not made here: such as have relays, losses, faults.
const RARE: [&str; 3] = ["advertised", "mend", "hidden"];

/// The names of the table.
fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split("## Output for programs").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split(", "));
    names.map(|name| name.trim().trim_matches('`').to_owned()).collect()
}

/// The names that were printed.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    #[track_caller]
    fn line(&mut self, line: &str) {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value["event"].is_string(), "a line says what it is: {line}");
        self.value(&value);
    }

    fn value(&mut self, value: &Value) {
        for item in value.as_array().into_iter().flatten() {
            self.value(item);
        }
        for (name, inside) in value.as_object().into_iter().flatten() {
            if !FOREIGN.contains(&name.as_str()) {
                self.value(inside);
            }
            self.0.insert(name.clone());
        }
    }

    /// Runs a command that may fail.
    #[track_caller]
    fn runs(&mut self, home: &Home, line: &str) {
        let ran = home.aemp(&format!("--json {line}"));
        for line in ran.out.lines().chain(ran.err.lines()) {
            self.line(line);
        }
    }
}

#[test]
fn one_thing_has_one_name_in_all_commands() {
    let (home, seed, worker) = network();
    let mut seen = Seen::default();
    let nobody = format!("{}#nobody", seed.address);
    let gone = format!("127.0.0.1:{}", free_port());
    let pages = home.directory.path().join("pages").display().to_string();
    for line in [
        format!("snd {} devnull", seed.address),
        format!("cal {} time", seed.address),
        format!("cal {gone} time --timeout 0.2"),
        format!("mon {nobody}"),
        format!("ping {} -c 2 -i 0.01", seed.address),
        format!("eval {} 1", seed.address),
        "nodes".to_owned(),
        format!("ports {}", worker.id),
        "groups".to_owned(),
        "groups mp_echo".to_owned(),
        "db families".to_owned(),
        "db get mp_echo".to_owned(),
        "trace".to_owned(),
        "top --once --every 0.3".to_owned(),
        "bench --time 0.1".to_owned(),
        "doctor seed".to_owned(),
        "demo".to_owned(),
        format!("man {pages}"),
    ] {
        seen.runs(&home, &line);
    }
    let other = Home::new();
    for line in [
        "gensecret profile p setseeds a:1 addseed b:2 delseed c:3 delseeds setparent p2 delparent",
        "gencert profile q setnodeid x showprofile q",
        "delprofile p showconfig q",
    ] {
        seen.runs(&other, line);
    }
    let script = "db set c k 1\ndb get c\ndb get c k\ndb keys c\ndb del c k\n";
    let mut shell = home.start("shell --json");
    script.lines().for_each(|line| shell.type_line(line));
    shell.end_input();
    shell.words().0.lines().for_each(|line| seen.line(line));
    let read = |process: Process, part: &str, seen: &mut Seen| {
        process.says(part);
        process.signal("INT");
        process.words().0.lines().for_each(|line| seen.line(line));
    };
    read(home.start("db watch mp_echo --json"), "synced", &mut seen);
    read(home.start("--json run third binds 127.0.0.1:0 services mp::echo"), "running", &mut seen);
    let log = home.start("log --json");
    (0..40).any(|_| {
        home.aemp(&format!("cal {} time --timeout 60", seed.address)).ok();
        log.count_after(std::time::Duration::from_millis(200), crate::process::Stream::Out, "line") > 0
    });
    read(log, "line", &mut seen);
    tikc(&home, &mut seen);

    let documented = documented();
    let unknown: Vec<_> = seen.0.difference(&documented).collect();
    assert!(unknown.is_empty(), "not in docs/operations.md: {unknown:?}");
    let unseen: Vec<_> =
        documented.difference(&seen.0).filter(|name| !RARE.contains(&name.as_str())).collect();
    assert!(unseen.is_empty(), "in docs/operations.md, and printed nowhere: {unseen:?}");
    let unit =
        |name: &&String| ["_ms", "_us", "_s", "_seconds", "_kb", "_mb"].iter().any(|end| name.ends_with(end));
    let units: Vec<_> = seen.0.iter().filter(unit).collect();
    assert!(units.is_empty(), "times are in seconds, sizes in bytes: {units:?}");
}

fn tikc(home: &Home, seen: &mut Seen) {
    let server = home.start("--json tikc server --listen 127.0.0.1:0 --alias one --echo");
    let line: Value = serde_json::from_str(&server.says("listening")).unwrap();
    let address = line["address"].as_str().unwrap();
    seen.runs(home, &format!("tikc aliases --connect {address}"));
    seen.runs(home, &format!("tikc post --connect {address} one e 5"));
    server.says("\"post\"");
    server.signal("INT");
    server.words().0.lines().for_each(|line| seen.line(line));
}
