//! A Perl kernel in a process of its own.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Events that wait for a test to look at them; Perl waits behind that.
const EVENTS: usize = 100_000;
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/perl/kernel.pl");

/// What is missing to run the Perl program, if anything.
pub(crate) fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let look = || match Command::new("perl").args(["-c", PROGRAM]).output() {
        Err(error) => Some(format!("there is no perl: {error}")),
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            Some(errors.lines().next().unwrap_or("perl cannot run the program").to_owned())
        }
    };
    MISSING.get_or_init(look).as_deref()
}

/// A Perl kernel, and what it has told. Dropping it kills the process.
pub(crate) struct Perl {
    process: Child,
    stdin: ChildStdin,
    told: mpsc::Receiver<Json>,
    /// Events that have been read and not asked for yet.
    kept: VecDeque<Json>,
    /// Where it listens, if it is a server.
    pub(crate) port: u16,
}

impl Perl {
    pub(crate) async fn client(server: impl ToString, aliases: &[&str]) -> Self {
        Self::start("client", &server.to_string(), aliases).await
    }

    pub(crate) async fn server(port: u16, aliases: &[&str]) -> Self {
        Self::start("server", &port.to_string(), aliases).await
    }

    async fn start(role: &str, place: &str, aliases: &[&str]) -> Self {
        let mut command = Command::new("perl");
        command.arg(PROGRAM).arg(role).arg(place).args(aliases);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("perl starts");
        let stdin = process.stdin.take().expect("piped");
        let stdout = BufReader::new(process.stdout.take().expect("piped"));
        let (tell, told) = mpsc::channel(EVENTS);
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if tell.blocking_send(told).is_err() {
                    return;
                }
            }
        });
        let mut perl = Self { process, stdin, told, kept: VecDeque::new(), port: 0 };
        let ready = perl.event("ready").await;
        perl.port = ready["port"].as_u64().map_or(0, |port| u16::try_from(port).unwrap());
        perl
    }

    pub(crate) fn tell(&mut self, command: &Json) {
        writeln!(self.stdin, "{command}").expect("perl reads");
    }

    pub(crate) fn post(&mut self, alias: &str, event: &str, args: &Json) {
        self.tell(&json!({"cmd": "post", "alias": alias, "event": event, "args": args}));
    }

    /// The first event of that name that has not been taken yet.
    pub(crate) async fn event(&mut self, name: &str) -> Json {
        self.event_with(name, |_| true).await
    }

    /// The first event of that name that is as wanted; others of that name before it are dropped.
    pub(crate) async fn event_with(&mut self, name: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let wanted = |told: &Json| told["ev"] == name && wanted(told);
        if let Some(index) = self.kept.iter().position(wanted) {
            return self.kept.remove(index).expect("just found");
        }
        let look = async {
            while let Some(told) = self.told.recv().await {
                if wanted(&told) {
                    return Some(told);
                }
                self.kept.push_back(told);
            }
            None
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(Some(told)) => told,
            Ok(None) => panic!("perl ended, the event {name} did not come; it told {:?}", self.kept),
            Err(_) => panic!("the event {name} did not come; perl told {:?}", self.kept),
        }
    }

    /// Waits until it has been told of an alias.
    pub(crate) async fn knows(&mut self, alias: &str) {
        let names = |told: &Json| {
            told["aliases"].as_array().is_some_and(|list| list.iter().any(|name| name == alias))
        };
        self.event_with("setup", names).await;
    }

    /// The aliases that it can reach elsewhere.
    pub(crate) async fn reaches(&mut self) -> Vec<String> {
        self.tell(&json!({"cmd": "state"}));
        let state = self.event("state").await;
        serde_json::from_value(state["owner"].clone()).unwrap()
    }

    /// Ends the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        drop(self.process.wait());
    }
}

impl Drop for Perl {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
