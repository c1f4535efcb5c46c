//! Programs in other languages, which print lines of JSON.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value as Json;
use tokio::sync::mpsc;

/// Lines that wait for a test to look at them; the program waits behind that.
const ROOM: usize = 100_000;

/// A program that runs, and what it prints. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) process: Child,
    pub(crate) printed: mpsc::Receiver<Json>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = BufReader::new(process.stdout.take().expect("piped"));
        let (print, printed) = mpsc::channel(ROOM);
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if print.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, printed }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Whether a test has to be skipped for what is missing, which it says; in CI nothing may be (`CI=true`).
pub(crate) fn is_skipped(missing: Option<&str>) -> bool {
    let Some(missing) = missing else { return false };
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{missing}; see .ci/packages");
    println!("skipped: {missing}");
    true
}
