//! `mp-sim soak`: real processes on real sockets, and none of them is left behind.
#![cfg(unix)]

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mp_transport::clock;
use serde_json::Value;

/// Where a run has its files; it goes when it is dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mp-sim-soak-{}-{name}", std::process::id()));
        fs::create_dir(&path).expect("it is new");
        Self(path)
    }

    fn soak(&self, args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mp-sim"));
        command.arg("soak").args(args).env("TMPDIR", &self.0);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs")
    }

    /// Processes that have to do with a run here: a node's command line names its file.
    fn processes(&self) -> usize {
        let wanted = self.0.as_os_str().as_encoded_bytes();
        let has = |text: &[u8]| text.windows(wanted.len()).any(|part| part == wanted);
        let entries = fs::read_dir("/proc").expect("this is Linux");
        let lines = entries.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
        lines.filter(|line| has(line)).count()
    }

    /// Waits for as many processes.
    fn wait_for(&self, processes: usize) {
        let begun = clock::now();
        while self.processes() != processes {
            assert!(clock::now() - begun < Duration::from_secs(60), "{} processes", self.processes());
            pause();
        }
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).expect("it is there").next().is_none()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no runtime here to be blocked")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

fn signal(name: &str, process: &Child) {
    let script = format!("kill -{name} {}", process.id());
    assert!(Command::new("sh").args(["-c", &script]).status().expect("there is a shell").success());
}

fn ended(mut soak: Child) -> (Option<i32>, String) {
    let mut text = String::new();
    soak.stdout.take().expect("piped").read_to_string(&mut text).expect("text");
    (soak.wait().expect("it is a child").code(), text)
}

#[test]
fn a_short_soak_breaks_nothing_and_leaves_nothing_behind() {
    let place = Place::new("short");
    let soak = place.soak(&["--seconds", "5", "--nodes", "4", "--seed", "3", "--json"]);
    let (code, text) = ended(soak);
    assert_eq!(code, Some(0), "{text}");
    let done: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&done["event"], &done["ok"], &done["violations"]), (&"done".into(), &true.into(), &0.into()));
    for what in ["received", "monitors", "errands", "registrations", "changes", "last_words"] {
        assert!(done[what].as_u64().is_some_and(|count| count > 0), "{what}: {text}");
    }
    assert_eq!(done["before"]["fds"], done["after"]["fds"], "{text}");
    assert!(place.is_empty() && place.processes() == 0);
}

#[test]
fn who_interrupts_it_finds_nothing_left() {
    let place = Place::new("interrupted");
    let soak = place.soak(&["--seconds", "600", "--nodes", "3"]);
    place.wait_for(3);
    signal("INT", &soak);
    let (code, text) = ended(soak);
    assert_eq!(code, Some(2));
    assert!(text.contains("no result: interrupted"), "{text}");
    assert!(place.is_empty() && place.processes() == 0);
}

/// Not even who kills it.
#[test]
fn no_node_outlives_its_coordinator() {
    let place = Place::new("killed");
    let mut soak = place.soak(&["--seconds", "600", "--nodes", "3"]);
    place.wait_for(3);
    soak.kill().expect("it runs");
    soak.wait().expect("it is a child");
    place.wait_for(0);
}
