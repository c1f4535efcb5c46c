//! `aemp shell`: with lines from a file, and on a terminal.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use crate::common::{Home, Ran};
use crate::inspect::network;
use crate::process::{PATIENCE, Process};

/// What the shell says to these lines.
fn shell(home: &Home, lines: &str) -> Ran {
    let mut process = Process::start(&mut home.command(&["shell", "--timeout", "60"]));
    for line in lines.lines() {
        process.type_line(line);
    }
    process.end_input();
    let code = process.ends();
    let (out, err) = process.words();
    Ran { code, out, err }
}

#[test]
fn lines_are_done_by_one_node() {
    let (home, seed, worker) = network();
    let script = format!(
        "# comments and empty lines are nothing\n\ncal {echo} 'two words' '{{\"a\": 1}}' | tail\nping {seed} -n 1\n\
         db set f k 1\ndb get f k\ndb set f l 2\ndb del f k\ndb keys f\nnodes --quick --json\nexit\nnonsense",
        echo = worker.echo(),
        seed = seed.id,
    );
    let out = shell(&home, &script).ok();
    let mut said = out.lines();
    assert_eq!(said.next(), Some("\"two words\",{\"a\":1},\"|\",\"tail\""));
    assert!(said.next().unwrap().starts_with(&format!("{}: 1  ", seed.id)), "{out}");
    let rest: Vec<_> = said.skip(2).collect();
    let set = "set, as long as this shell is open";
    assert_eq!(rest[..6], [set, "1", set, "deleted", "KEY", "l"], "{out}");
    assert!(rest[6..].iter().all(|line| line.starts_with("{\"event\":\"node\"")), "{out}");
}

/// As in a script with `set -e`.
#[test]
fn the_first_line_that_goes_wrong_is_the_last() {
    let (home, seed, _worker) = network();
    for (lines, code, part) in [
        (
            "help\nnods\nhelp",
            2,
            "line 2: there is no command \"nods\"; did you mean `nodes`? Try `help nodes`",
        ),
        ("gensecret", 2, "line 1: there is no command \"gensecret\"; the shell does not have it"),
        ("cal x 'y", 2, "the quote ' is not closed"),
        ("ping x --seed a:1", 2, "the shell is connected already"),
        (&format!("cal {}#no x", seed.id), 1, "line 1: there is no port seed/"),
    ] {
        let ran = shell(&home, lines);
        assert_eq!(ran.code, Some(code), "{lines}: {ran:?}");
        assert!(ran.err.starts_with("aemp: line ") && ran.err.contains(part), "{lines}: {ran:?}");
    }
    let out = shell(&home, "help\nhelp db set").ok();
    assert!(out.contains("  ping  ") && out.contains("Usage: db set"), "{out}");
}

/// The shell on a terminal, which the program `script` gives it.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    seen: Arc<(Mutex<String>, Condvar)>,
}

impl Terminal {
    fn new(home: &Home) -> Self {
        let mut command = Command::new("script");
        command.args(["-qec", &format!("exec {} shell", env!("CARGO_BIN_EXE_aemp")), "/dev/null"]);
        command
            .env_clear()
            .env("HOME", home.directory.path())
            .env("TERM", "xterm")
            .env("PATH", "/usr/bin:/bin");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let seen: Arc<(Mutex<String>, Condvar)> = Arc::default();
        let sees = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(len) = screen.read(&mut bytes)
                && len > 0
            {
                sees.0.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..len]));
                sees.1.notify_all();
            }
        });
        Self { child, keys, seen }
    }

    /// Waits until `part` stands on the screen for the `n`th time.
    #[track_caller]
    fn shows(&self, part: &str, n: usize) -> String {
        let missing = |text: &mut String| text.matches(part).count() < n;
        let (text, late) =
            self.seen.1.wait_timeout_while(self.seen.0.lock().unwrap(), PATIENCE, missing).unwrap();
        let text = text.clone();
        assert!(!late.timed_out(), "no {part:?}: {text}");
        text
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Skipped, saying so, where there is no program `script`.
#[test]
fn a_terminal_is_edited_and_remembered() {
    /// What the editor writes each time when it takes the terminal.
    const READY: &str = "\u{1b}[?2004h";
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: there is no program `script` here");
        return;
    }
    let (home, seed, _worker) = network();
    let mut terminal = Terminal::new(&home);
    terminal.shows("`help` says what there is", 1);
    terminal.shows(READY, 1);
    // A command that is completed; a word that is none; a line that is given up; a command that is broken off; the end.
    terminal.types("nod\t--quick\r");
    terminal.shows(&seed.address, 1);
    terminal.shows(READY, 2);
    terminal.types("nods\r");
    terminal.shows("there is no command \"nods\"", 1);
    terminal.shows(READY, 3);
    terminal.types("ping\u{3}");
    terminal.shows(READY, 4);
    terminal.types(&format!("ping {} -n 0\r", seed.id));
    terminal.shows(": 1  ", 1);
    terminal.types("\u{3}");
    terminal.shows("% lost", 1);
    terminal.shows(READY, 5);
    // What takes long is told of.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let long = format!("cal {} x --timeout 2.5", silent.local_addr().unwrap());
    terminal.types(&format!("{long}\r"));
    terminal.shows("so far, no node answered at 127.0.0.1:", 1);
    terminal.shows("within 2.5s", 1);
    terminal.shows(READY, 6);
    terminal.types("\u{4}");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    let history = home.directory.path().join(".aemp_history");
    let lines = format!("nodes --quick\nnods\nping {} -n 0\n{long}\n", seed.id);
    assert_eq!(std::fs::read_to_string(&history).unwrap(), lines);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(history).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}
