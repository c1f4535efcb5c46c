//! Processes: each is gone when its handle is dropped.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::control::Order;

/// How a node's process is started; the path of its settings comes behind.
#[derive(Debug, Clone)]
pub struct Program {
    program: PathBuf,
    args: Vec<String>,
    envs: Vec<(String, String)>,
    settings_in: Option<String>,
}

impl Program {
    /// A program that calls [`node`](super::node()) with its last argument.
    #[must_use]
    pub fn new(program: PathBuf, args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self { program, args, envs: Vec::new(), settings_in: None }
    }

    /// A program that takes the path of its settings from this variable of its environment.
    #[cfg(test)]
    pub(super) fn settings_in(mut self, variable: &str) -> Self {
        self.settings_in = Some(variable.to_owned());
        self
    }

    /// A further variable of its environment.
    #[cfg(test)]
    pub(super) fn env(mut self, variable: &str, value: &str) -> Self {
        self.envs.push((variable.to_owned(), value.to_owned()));
        self
    }
}

/// A node's process. Its standard input is the only thing that holds it: without its coordinator it ends.
#[derive(Debug)]
pub(super) struct NodeProcess {
    child: Child,
    orders: Option<ChildStdin>,
}

impl NodeProcess {
    /// Starts it; its standard error goes into a file.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn start(program: &Program, settings: &Path, log: &Path) -> io::Result<Self> {
        let mut command = Command::new(&program.program);
        command.args(&program.args).envs(program.envs.iter().map(|(name, value)| (name, value)));
        match &program.settings_in {
            Some(variable) => command.env(variable, settings),
            None => command.arg(settings),
        };
        let log = std::fs::File::create(log)?;
        // What a terminal's user interrupts is the coordinator alone, which then ends the others.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).process_group(0);
        let mut child = command.spawn()?;
        let orders = child.stdin.take();
        Ok(Self { child, orders })
    }

    /// Tells it what to do. If it is dead already, that is found out elsewhere.
    pub(super) fn tell(&mut self, order: &Order) {
        let Ok(mut line) = serde_json::to_vec(order) else { return };
        line.push(b'\n');
        if let Some(orders) = &mut self.orders {
            // Whether it still listens is seen when it is waited for.
            drop(orders.write_all(&line));
        }
    }

    /// Its exit code, if it has ended; of one that a signal has ended, -1.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn ended(&mut self) -> io::Result<Option<i32>> {
        Ok(self.child.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }

    /// SIGKILL, and waits for the end.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// SIGTERM.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn terminate(&self) -> io::Result<()> {
        let status = shell("kill -TERM \"$1\"", self.child.id()).stdin(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other("kill has failed")) }
    }

    /// SIGSTOP; it is stopped when this returns.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn stop(&self) -> io::Result<Stopped> {
        let script = "kill -STOP \"$1\" && echo stopped && { read -r _; kill -CONT \"$1\"; }";
        let mut helper =
            shell(script, self.child.id()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let hold = helper.stdin.take();
        let stdout = helper.stdout.take();
        let stopped = Stopped { helper, hold };
        let mut line = String::new();
        stdout.map_or(Ok(0), |stdout| BufReader::new(stdout).read_line(&mut line))?;
        if line == "stopped\n" {
            Ok(stopped)
        } else {
            Err(io::Error::other("a process could not be stopped"))
        }
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A command of the shell, of which each system has one that can send signals; `$1` is a process. A terminal's user does
/// not interrupt it.
fn shell(script: &str, process: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", &process.to_string()]).process_group(0);
    command
}

/// A process that is stopped. It goes on when this is dropped, or the coordinator dies: so it is never left behind.
#[derive(Debug)]
pub(super) struct Stopped {
    /// Waits until its input ends, and lets the process go on then.
    helper: Child,
    hold: Option<ChildStdin>,
}

impl Stopped {
    /// The process is to be killed as it is: nothing is sent to it any more, as its number may soon be another's.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn forget(mut self) -> io::Result<()> {
        self.helper.kill()?;
        self.helper.wait().map(drop)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(self.hold.take());
        // It has been waited for already, or ends at once.
        drop(self.helper.wait());
    }
}
