//! A home of its own for the program under test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::process::Process;

/// An option of `env`: hear SIGHUP even if the tests run under `nohup`. What a parent ignores its children ignore, too.
#[cfg(feature = "top")]
pub(crate) const HEARS_HUP: &str = "--default-signal=HUP";

/// A new home, and the program in it.
pub(crate) struct Home {
    pub(crate) directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// The configuration file.
    pub(crate) fn rc(&self) -> PathBuf {
        self.directory.path().join(".perl-anyevent-mp")
    }

    /// Writes the configuration file, as one that nobody else can read.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.rc(), text).unwrap();
        fs::set_permissions(self.rc(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self) -> String {
        fs::read_to_string(self.rc()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.read()).unwrap()
    }

    /// The program, to be started with these words.
    pub(crate) fn command<W: AsRef<str>>(&self, words: &[W]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aemp"));
        command.args(words.iter().map(AsRef::as_ref)).env_clear().env("HOME", self.directory.path());
        command.stdin(Stdio::null());
        command
    }

    /// The same; it hears SIGHUP in any case.
    #[cfg(feature = "top")]
    pub(crate) fn hearing_hup<W: AsRef<str>>(&self, words: &[W]) -> Command {
        let mut command = Command::new("/usr/bin/env");
        command.args([HEARS_HUP, env!("CARGO_BIN_EXE_aemp")]).args(words.iter().map(AsRef::as_ref));
        command.env_clear().env("HOME", self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Runs the program on a line whose words have no blanks.
    pub(crate) fn aemp(&self, line: &str) -> Ran {
        self.words(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn words(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(words))
    }

    /// Starts the program on a line whose words have no blanks.
    pub(crate) fn start(&self, line: &str) -> Process {
        Process::start(&mut self.command(&line.split_whitespace().collect::<Vec<_>>()))
    }

    /// Runs a node by `aemp run` with these words.
    pub(crate) fn run(&self, words: &str) -> Node {
        Node::new(self.start(&format!("run {words}")))
    }
}

/// A node that was started by `aemp run`.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) process: Process,
    /// Its ID.
    pub(crate) id: String,
    /// The address that it listens on.
    pub(crate) address: String,
}

impl Node {
    fn new(process: Process) -> Self {
        let word = |part: &str, n: usize| process.says(part).split_whitespace().nth(n).unwrap().to_owned();
        let (id, address) = (word("node ", 1), word("listens on", 2));
        Self { process, id, address }
    }

    /// The port of its `mp::echo`.
    pub(crate) fn echo(&self) -> String {
        self.process.says("  mp::echo").split_whitespace().nth(1).unwrap().to_owned()
    }
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs it to its end, with no input.
    #[track_caller]
    pub(crate) fn of(mut command: Command) -> Self {
        let mut process = Process::start(&mut command);
        process.end_input();
        let code = process.ends();
        let (out, err) = process.words();
        Self { code, out, err }
    }

    /// What it printed, if it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// What it said, if it went well and replaced a secret or certificate, of which there is a word on stderr.
    #[track_caller]
    pub(crate) fn replaced(self) -> String {
        assert!(self.code == Some(0) && self.err.contains("that was here is replaced"), "{self:?}");
        self.out + &self.err
    }

    /// What it complained about: exit code 2, one line on stderr, nothing on stdout.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(2), ""), "{}", self.err);
        self.one_line()
    }

    /// What it complained about, if another node was at fault: exit code 1, one line on stderr, nothing on stdout.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{}", self.err);
        self.one_line()
    }

    #[track_caller]
    fn one_line(self) -> String {
        let one =
            self.err.lines().count() == 1 && self.err.starts_with("aemp: ") && !self.err.contains("panic");
        assert!(one || self.err.starts_with('{'), "{}", self.err);
        self.err
    }
}
