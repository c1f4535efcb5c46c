//! The other side: this program once more, in a process of its own.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// The hidden command by which the program is the other side.
pub const SIDE: &str = "side";

/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the other side says once it can be used: addresses and the like, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready(BTreeMap<String, String>);

impl Ready {
    /// With one thing more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// What it said of this.
    ///
    /// # Errors
    ///
    /// Nothing.
    pub fn get(&self, name: &str) -> anyhow::Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("the other side has no {name}"))
    }
}

/// A process that is the other side. It ends when this is dropped, or this process dies.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: ChildStdin,
    ready: Ready,
}

impl Process {
    /// Starts it; returns when it can be used.
    ///
    /// # Errors
    ///
    /// It cannot be started, or has died of what it wrote to stderr.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the process.
    pub async fn start(side: &(impl Serialize + Sync)) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.arg(SIDE).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start a process")?;
        let mut stdin = child.stdin.take().context("its stdin is a pipe")?;
        let mut stdout = BufReader::new(child.stdout.take().context("its stdout is a pipe")?);
        let mut order = serde_json::to_vec(side)?;
        order.push(b'\n');
        stdin.write_all(&order).await.context("the other side died at once")?;
        let mut line = String::new();
        stdout.read_line(&mut line).await?;
        let Ok(ready) = serde_json::from_str(&line) else { bail!("the other side could not start") };
        Ok(Self { child, stdin, ready })
    }

    /// What it said when it could be used.
    ///
    /// # Errors
    ///
    /// It said nothing of this.
    pub fn get(&self, name: &str) -> anyhow::Result<&str> {
        self.ready.get(name)
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// It has died before, or does not end well, or not at all: then it is killed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future kills the process.
    pub async fn end(mut self) -> anyhow::Result<()> {
        drop(self.stdin);
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.context("the other side does not end")??;
        if !status.success() {
            bail!("the other side ended with {status}");
        }
        Ok(())
    }
}

/// The hidden command: has `be` do what stands in the first line of stdin, tells when it is ready, and ends with stdin.
///
/// # Errors
///
/// It cannot be done.
pub fn be_the_side<S: DeserializeOwned, F>(be: impl FnOnce(S) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Ready>> + Send + 'static,
{
    let side = serde_json::from_str(&first_line()?)?;
    let runtime = crate::runtime();
    let ready = crate::run(&runtime, be(side))?;
    let mut said = serde_json::to_vec(&ready)?;
    said.push(b'\n');
    let mut stdout = std::io::stdout();
    stdout.write_all(&said)?;
    stdout.flush()?;
    // The runtime works in its own threads. Nothing comes here but the end.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.shutdown_background();
    Ok(())
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line)
}
