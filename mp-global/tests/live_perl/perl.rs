//! A Perl node in a process of its own.

use std::collections::VecDeque;
use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use mp_node::{Framing, NodeId, PortId};
use serde_json::{Value as Json, json};

use super::nodes::SECRET;
use super::program::Program;

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/perl/peer.pl");

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

/// A Perl node, and what it has told. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Perl {
    program: Program,
    stdin: ChildStdin,
    /// Events that have been read and not asked for yet.
    kept: VecDeque<Json>,
    commands: u64,
    /// Where it listens.
    pub(crate) address: String,
}

impl Perl {
    /// Starts a node that listens on loopback.
    pub(crate) async fn start(name: &str, framing: Framing, seeds: &[&str]) -> Self {
        Self::start_with(name, framing, seeds, &json!({})).await
    }

    /// The same, with further settings.
    pub(crate) async fn start_with(name: &str, framing: Framing, seeds: &[&str], settings: &Json) -> Self {
        let mut config = json!({
            "node": name, "secret": SECRET, "framings": [framing.name()], "listen": ["127.0.0.1:0"], "seeds": seeds,
        });
        for (key, value) in settings.as_object().expect("an object") {
            config[key] = value.clone();
        }
        let mut command = Command::new("perl");
        let mut program = Program::start(command.arg(PROGRAM).arg(config.to_string()).stdin(Stdio::piped()));
        let stdin = program.process.stdin.take().expect("piped");
        let (kept, commands) = (VecDeque::new(), 0);
        let mut perl = Self { program, stdin, kept, commands, address: String::new() };
        let ready = perl.event("ready").await;
        perl.address = ready["addresses"][0].as_str().expect("it listens").to_owned();
        perl
    }

    /// Gives a command without waiting for the answer; its number.
    pub(crate) fn tell(&mut self, mut command: Json) -> u64 {
        self.commands += 1;
        command["id"] = self.commands.into();
        writeln!(self.stdin, "{command}").expect("perl reads");
        self.commands
    }

    /// Gives a command and waits for the answer.
    pub(crate) async fn ask(&mut self, command: Json) -> Json {
        let text = command.to_string();
        let number = self.tell(command);
        let answer = self.find(&format!("the answer to {text}"), |told| told["re"] == number).await;
        assert!(answer.get("error").is_none(), "{text}: {answer}");
        answer
    }

    /// The first event of that name that has not been taken yet.
    pub(crate) async fn event(&mut self, name: &str) -> Json {
        self.event_with(name, |_| true).await
    }

    /// The first event of that name that is as wanted.
    pub(crate) async fn event_with(&mut self, name: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        self.find(&format!("the event {name}"), |told| told["ev"] == name && wanted(told)).await
    }

    async fn find(&mut self, what: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        if let Some(index) = self.kept.iter().position(&wanted) {
            return self.kept.remove(index).expect("just found");
        }
        let look = async {
            while let Some(told) = self.program.printed.recv().await {
                if wanted(&told) {
                    return Some(told);
                }
                self.kept.push_back(told);
            }
            None
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(Some(told)) => told,
            Ok(None) => panic!("perl ended, {what} did not come; it told {:?}", self.kept),
            Err(_) => panic!("{what} did not come; perl told {:?}", self.kept),
        }
    }

    /// Makes sure that, as of the answer to one more command, no event of these names was told that has not been taken.
    pub(crate) async fn quiet(&mut self, names: &[&str]) {
        self.ask(json!({"cmd": "state"})).await;
        let unexpected = self.kept.iter().find(|told| names.iter().any(|name| told["ev"] == *name));
        assert!(unexpected.is_none(), "{unexpected:?} was told; all that was: {:?}", self.kept);
    }

    /// A new port that does with messages what the program has for that mode.
    pub(crate) async fn port(&mut self, mode: &str) -> PortId {
        port_of(&self.ask(json!({"cmd": "port", "mode": mode})).await)
    }

    /// Waits until it is connected to a node.
    pub(crate) async fn up(&mut self, node: &NodeId) {
        self.event_with("up", |told| told["node"] == node.as_str()).await;
    }

    /// The next message to one of its ports that reports them.
    pub(crate) async fn message(&mut self, port: &PortId) -> Json {
        self.event_with("message", |told| told["port"] == port.as_str()).await["msg"].take()
    }

    /// Monitors a port; the monitor's number.
    pub(crate) async fn monitor(&mut self, port: &PortId) -> Json {
        self.ask(json!({"cmd": "mon", "port": port.as_str()})).await["mon"].take()
    }

    /// Waits until a monitor fires; the reason.
    pub(crate) async fn killed(&mut self, monitor: &Json) -> Json {
        self.event_with("killed", |told| told["mon"] == *monitor).await["reason"].take()
    }

    /// Ends the process with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.program.process.kill().expect("it runs");
    }
}

pub(crate) fn port_of(answer: &Json) -> PortId {
    answer["port"].as_str().expect("a port").parse().expect("a port ID")
}
