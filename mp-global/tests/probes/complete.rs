//! Nothing that was observed of Perl is left out: each probe has a line in `tests/vectors/probes.md`, which names tests
//! that are there, and each step of each recording has a test of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

const PROBES: &str = include_str!("../vectors/behaviour-observed.json");
const TABLE: &str = include_str!("../vectors/probes.md");
const STEPS: &str = include_str!("../vectors/steps.json");
const HANDSHAKES: &str = include_str!("../../../mp-proto/tests/vectors/handshake.json");

/// The groups in which a probe is a name alone, run in each framing and with each method.
const FEATURES: &str = "features";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// The probes of each group, in order.
fn probes() -> BTreeMap<String, Vec<String>> {
    let observed: Json = serde_json::from_str(PROBES).expect("JSON");
    let names = |group: &Json| match group {
        Json::Array(probes) => {
            let name = |probe: &Json| probe["test"].as_str().expect("a name").trim().to_owned();
            probes.iter().map(name).collect()
        }
        features => {
            let runs = features.as_object().expect("an object").values();
            let all = runs.flat_map(|run| run.as_object().expect("an object").keys().cloned());
            all.collect::<BTreeSet<String>>().into_iter().collect::<Vec<String>>()
        }
    };
    let groups = observed["groups"].as_object().expect("an object");
    groups.iter().map(|(name, group)| (name.clone(), names(group))).collect()
}

/// A line of the table.
struct Line {
    probe: String,
    /// Files and the names of tests in them.
    tests: Vec<(String, String)>,
}

fn table() -> BTreeMap<String, Vec<Line>> {
    let mut groups: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let mut group = String::new();
    for line in TABLE.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut group);
        }
        let Some(cells) = line.strip_prefix("| `") else { continue };
        let (probe, rest) = cells.split_once("` | ").expect("two cells");
        let (tests, _) = rest.split_once(" | ").expect("three cells");
        let tests = tests.split(", ").map(|test| {
            let (file, name) = test.trim_matches('`').split_once(' ').expect("a file and a test");
            (file.to_owned(), name.to_owned())
        });
        let line = Line { probe: probe.to_owned(), tests: tests.collect() };
        groups.entry(group.clone()).or_default().push(line);
    }
    groups
}

/// Whether the text has the test, as a function or as a line of a macro that makes one.
fn has_test(text: &str, name: &str) -> bool {
    let (function, row) = (format!("fn {name}("), format!("{name}:"));
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    lines.into_iter().any(|line| line.starts_with(&row) || line.contains(&function))
}

#[test]
fn each_probe_has_a_test() {
    let (probes, mut table) = (probes(), table());
    for (group, probes) in &probes {
        let lines = table.remove(group).unwrap_or_default();
        let mut named: Vec<&str> = lines.iter().map(|line| line.probe.as_str()).collect();
        if group == FEATURES {
            named.sort_unstable();
        }
        for probe in probes {
            assert!(named.contains(&probe.as_str()), "{group}: {probe:?} has no line in probes.md");
        }
        assert_eq!(named, *probes, "{group}: in order, and each as often as it was made");
    }
    assert!(table.is_empty(), "groups that nobody knows: {:?}", table.keys());
}

#[test]
fn each_test_of_the_table_is_there() {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (group, lines) in table() {
        for Line { probe, tests } in lines {
            assert!(!tests.is_empty(), "{group}: {probe} is shown by nothing");
            for (file, name) in tests {
                let text = texts.entry(file.clone()).or_insert_with(|| {
                    std::fs::read_to_string(repository().join(&file))
                        .unwrap_or_else(|error| panic!("{group}: {probe}: {file}: {error}"))
                });
                assert!(has_test(text, &name), "{group}: {probe}: {file} has no test {name}");
            }
        }
    }
}

/// The recordings by their names: those of two Perl nodes consist of steps, in each framing; the handshake of each is replayed
/// in mp-proto's tests, of `tls-*` by a module with its name.
#[test]
fn each_step_of_each_recording_has_a_test() {
    let steps: Json = serde_json::from_str(STEPS).expect("JSON");
    let tests = include_str!("steps.rs");
    for (recording, steps) in steps.as_object().expect("an object") {
        for step in steps.as_object().expect("an object").keys() {
            assert!(
                has_test(tests, &format!("{recording}_{step}")),
                "{recording}: the step {step} has no test"
            );
        }
    }
    let tls = std::fs::read_to_string(repository().join("mp-proto/tests/vectors_handshake/tls.rs"));
    let tls = tls.expect("it is there");
    let handshakes: Json = serde_json::from_str(HANDSHAKES).expect("JSON");
    for handshake in handshakes.as_array().expect("a list") {
        let name = handshake["name"].as_str().expect("a name");
        let (kind, framing) = name.trim_end_matches("-secret").rsplit_once('-').expect("two parts");
        match kind {
            "minimal" => {
                let arrays = tests.matches(&format!("\"{framing}\"")).count();
                assert!(has_test(tests, "minimal") && arrays > 0, "{name}");
            }
            kind if kind.starts_with("tls-") => assert!(tls.contains(&format!("\"{name}\"")), "{name}"),
            kind => {
                let steps = steps[kind].as_object().expect("recorded in steps");
                assert!(steps.values().all(|step| step[framing].is_array()), "{name}");
            }
        }
    }
}
