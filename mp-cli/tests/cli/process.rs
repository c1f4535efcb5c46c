//! Processes that run beside the test: what they say is waited for, and none outlives the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How long anything may take. Long, for slow machines: what goes well does not wait for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether a process has ended.
const LOOK: Duration = Duration::from_millis(10);

/// A process, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Said>,
}

/// The streams of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

#[derive(Debug, Default)]
struct Said {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<(Stream, String)>,
    ended: usize,
}

impl Lines {
    fn of(&self, stream: Stream) -> impl Iterator<Item = &str> {
        self.all.iter().filter(move |(from, _)| *from == stream).map(|(_, line)| line.as_str())
    }
}

impl Process {
    /// Starts it, with all its streams in our hands.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Said::default());
        listen(child.stdout.take().unwrap(), Stream::Out, &said);
        listen(child.stderr.take().unwrap(), Stream::Err, &said);
        Self { stdin: child.stdin.take(), child, said }
    }

    /// Waits for a line that has `part` in it; `None` if the process ends without one.
    #[track_caller]
    pub(crate) fn find(&self, stream: Stream, part: &str) -> Option<String> {
        self.nth(stream, part, 1)
    }

    /// Waits for the line on stdout that has `part` in it.
    #[track_caller]
    pub(crate) fn says(&self, part: &str) -> String {
        self.find(Stream::Out, part).unwrap_or_else(|| panic!("it ended without {part:?}: {}", self.all()))
    }

    /// Waits for the line on stderr that has `part` in it.
    #[track_caller]
    pub(crate) fn complains(&self, part: &str) -> String {
        self.find(Stream::Err, part).unwrap_or_else(|| panic!("it ended without {part:?}: {}", self.all()))
    }

    /// Waits for the `n`th line with `part` in it.
    #[track_caller]
    pub(crate) fn nth(&self, stream: Stream, part: &str, n: usize) -> Option<String> {
        let find =
            |lines: &Lines| lines.of(stream).filter(|line| line.contains(part)).nth(n - 1).map(str::to_owned);
        let lines = self.lines();
        let waiting = |lines: &mut Lines| lines.ended < 2 && find(lines).is_none();
        let (lines, timeout) = self.said.changed.wait_timeout_while(lines, PATIENCE, waiting).unwrap();
        let found = find(&lines);
        drop(lines);
        assert!(!timeout.timed_out(), "no {part:?} within {PATIENCE:?}: {}", self.all());
        found
    }

    /// Lets it run for a while; then, how many lines have `part` in them.
    pub(crate) fn count_after(&self, time: Duration, stream: Stream, part: &str) -> usize {
        let (lines, _) =
            self.said.changed.wait_timeout_while(self.lines(), time, |lines| lines.ended < 2).unwrap();
        lines.of(stream).filter(|line| line.contains(part)).count()
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Closes its stdin.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// All that it said on stdout and stderr. Waits until both are closed.
    #[track_caller]
    pub(crate) fn words(&self) -> (String, String) {
        let waiting = |lines: &mut Lines| lines.ended < 2;
        let (lines, timeout) = self.said.changed.wait_timeout_while(self.lines(), PATIENCE, waiting).unwrap();
        let text = |stream| lines.of(stream).map(|line| format!("{line}\n")).collect();
        let words = (text(Stream::Out), text(Stream::Err));
        drop(lines);
        assert!(!timeout.timed_out(), "its streams are still open: {}", self.all());
        words
    }

    /// Waits until it takes SIGINT itself; until then the signal ends it as it would end any program.
    #[track_caller]
    pub(crate) fn hears_ctrl_c(&self) {
        const SIGINT: u64 = 1 << (2 - 1);
        let status = format!("/proc/{}/status", self.id());
        let caught = || {
            let status = std::fs::read_to_string(&status).unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        };
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if caught().is_some_and(|mask| mask & SIGINT != 0) {
                return;
            }
            drop(self.said.changed.wait_timeout_while(self.lines(), LOOK, |_| true).unwrap());
        }
        panic!("it does not take SIGINT: {}", self.all());
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("/bin/sh").args(["-c", &script]).status().unwrap().success());
    }

    /// Waits for its end; the exit code, or `None` if a signal ended it.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> Option<i32> {
        let looks = PATIENCE.as_millis() / LOOK.as_millis();
        for _ in 0..looks {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            drop(self.said.changed.wait_timeout_while(self.lines(), LOOK, |_| true).unwrap());
        }
        panic!("it did not end within {PATIENCE:?}: {}", self.all());
    }

    /// Kills it by SIGKILL and waits for its end.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// All that it said so far.
    pub(crate) fn all(&self) -> String {
        format!("{:#?}", self.lines().all)
    }

    /// The number by which the system knows it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.said.lines.lock().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Collects the lines of a stream until it ends.
fn listen(pipe: impl Read + Send + 'static, stream: Stream, said: &Arc<Said>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            said.lines.lock().unwrap().all.push((stream, line));
            said.changed.notify_all();
        }
        said.lines.lock().unwrap().ended += 1;
        said.changed.notify_all();
    });
}

/// The signals that ask a program to stop. A process that was started to ignore SIGHUP, as this one may have been, goes
/// on ignoring it.
pub(crate) fn stopping_signals() -> Vec<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignores_hang_up = u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1;
    let all = ["INT", "TERM", "QUIT", "HUP"];
    all.into_iter().filter(|name| !(ignores_hang_up && *name == "HUP")).collect()
}

/// A port that nobody uses, at least a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
