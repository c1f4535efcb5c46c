//! The processes: starting them, hearing what they tell, telling them what to do, and ending them.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::event::{DemoEvent, Order};
use super::{DemoError, Role};
use crate::output::plain;
use mp_config::RC_VARIABLE;

/// Events of one process that may wait to be looked at; then it waits itself.
const EVENTS: usize = 64;
/// The lines of a process's stderr that are kept.
const LAST_WORDS: usize = 8;
/// The longest line that is read, in bytes.
const LINE: u64 = 64 << 10;
/// How long processes may take to end once they were told to.
const ENDING: Duration = Duration::from_secs(1);

/// All processes.
#[derive(Debug)]
pub(super) struct Cast {
    program: PathBuf,
    config: PathBuf,
    actors: BTreeMap<&'static str, Actor>,
    readers: JoinSet<()>,
    /// Which process is waited for, and to tell what.
    waiting: Option<(&'static str, String)>,
}

#[derive(Debug)]
struct Actor {
    process: Child,
    orders: Option<ChildStdin>,
    events: mpsc::Receiver<Result<DemoEvent, String>>,
    stderr: LastWords,
}

impl Cast {
    /// No process yet; each will be `program` with the configuration `config`.
    pub(super) fn new(program: PathBuf, config: PathBuf) -> Self {
        Self { program, config, actors: BTreeMap::new(), readers: JoinSet::new(), waiting: None }
    }

    /// Starts a process.
    pub(super) fn start(&mut self, name: &'static str, role: Role) -> Result<(), DemoError> {
        let mut process = Command::new(&self.program)
            .args(["demo-node", role.word(), "--name", name])
            .env(RC_VARIABLE, &self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C on a terminal is for the director alone, who ends the others.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| DemoError::Start {
                actor: name.to_owned(),
                program: self.program.clone(),
                source,
            })?;
        let (sender, events) = mpsc::channel(EVENTS);
        if let Some(stdout) = process.stdout.take() {
            self.readers.spawn(read_events(stdout, sender));
        }
        let stderr = LastWords::default();
        if let Some(pipe) = process.stderr.take() {
            self.readers.spawn(stderr.clone().read(pipe));
        }
        let orders = process.stdin.take();
        self.actors.insert(name, Actor { process, orders, events, stderr });
        Ok(())
    }

    /// The next event of the process, which must be one that `wanted` takes; `expected` says which, in words.
    pub(super) async fn expect<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        wanted: impl FnOnce(&DemoEvent) -> Option<T>,
    ) -> Result<(DemoEvent, T), DemoError> {
        self.waiting = Some((name, expected.to_owned()));
        let event = match self.actors.get_mut(name) {
            Some(actor) => actor.events.recv().await,
            None => None,
        };
        let why = match event {
            Some(Ok(event)) => match wanted(&event) {
                Some(value) => {
                    self.waiting = None;
                    return Ok((event, value));
                }
                None => format!("it told instead that it {}", event.words()),
            },
            Some(Err(line)) => format!("it said {:?}", plain(&line)),
            None => self.how_it_ended(name).await,
        };
        Err(self.unexpected(name, expected, why))
    }

    /// Tells a process what to do.
    pub(super) async fn order(&mut self, name: &'static str, order: &Order) -> Result<(), DemoError> {
        let mut line = serde_json::to_vec(order).unwrap_or_default();
        line.push(b'\n');
        let pipe = self.actors.get_mut(name).and_then(|actor| actor.orders.as_mut());
        let heard = match pipe {
            Some(pipe) => pipe.write_all(&line).await.is_ok() && pipe.flush().await.is_ok(),
            None => false,
        };
        if heard {
            Ok(())
        } else {
            Err(DemoError::Deaf { actor: name.to_owned(), stderr: self.last_words(name) })
        }
    }

    /// Ends a process by SIGKILL; it has no time to say anything. Returns its number.
    pub(super) async fn kill(&mut self, name: &'static str) -> Option<u32> {
        let mut actor = self.actors.remove(name)?;
        let number = actor.process.id();
        // It can only fail if the process has ended by itself, which the others will tell just the same.
        drop(actor.process.kill().await);
        number
    }

    /// That time is over, and what was waited for.
    pub(super) fn overdue(&self, deadline: Duration) -> DemoError {
        let (name, expected) = self.waiting.clone().unwrap_or(("the demo", "it is done".to_owned()));
        self.unexpected(name, &expected, format!("that did not happen within {deadline:?} from the start"))
    }

    /// Ends what is left, and waits for it: first by closing stdin, then by SIGKILL.
    pub(super) async fn clear(&mut self) {
        for actor in self.actors.values_mut() {
            actor.orders = None;
        }
        let all = async {
            for actor in self.actors.values_mut() {
                // No one reads its events any more, and it must not wait for that.
                actor.events.close();
                drop(actor.process.wait().await);
            }
        };
        if timeout(ENDING, all).await.is_err() {
            for actor in self.actors.values_mut() {
                drop(actor.process.kill().await);
            }
        }
        self.actors.clear();
        self.readers.shutdown().await;
    }

    fn unexpected(&self, name: &str, expected: &str, why: String) -> DemoError {
        let stderr = self.last_words(name);
        DemoError::Unexpected { actor: name.to_owned(), expected: expected.to_owned(), why, stderr }
    }

    fn last_words(&self, name: &str) -> Vec<String> {
        self.actors.get(name).map(|actor| actor.stderr.lines()).unwrap_or_default()
    }

    async fn how_it_ended(&mut self, name: &str) -> String {
        let Some(actor) = self.actors.get_mut(name) else { return "it was never started".to_owned() };
        match timeout(ENDING, actor.process.wait()).await {
            Ok(Ok(status)) => {
                actor.stderr.complete().await;
                format!("it ended ({status})")
            }
            _ => "it closed its stdout".to_owned(),
        }
    }
}

/// The last lines of a process's stderr. Cheap to clone.
#[derive(Debug, Clone, Default)]
struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
    ended: Arc<tokio::sync::Notify>,
}

impl LastWords {
    async fn read(self, pipe: impl AsyncRead + Unpin) {
        let mut pipe = lines(pipe);
        while let Some(line) = pipe.next().await {
            let mut kept = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == LAST_WORDS {
                kept.pop_front();
            }
            kept.push_back(plain(&line));
        }
        self.ended.notify_one();
    }

    /// Waits until all is read, but not if the pipe was left to someone else.
    async fn complete(&self) {
        timeout(ENDING, self.ended.notified()).await.ok();
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

async fn read_events(stdout: impl AsyncRead + Unpin, events: mpsc::Sender<Result<DemoEvent, String>>) {
    let mut stdout = lines(stdout);
    while let Some(line) = stdout.next().await {
        let event = serde_json::from_str(&line).map_err(|_| line);
        if events.send(event).await.is_err() {
            return;
        }
    }
}

/// The lines of `pipe`, each of which has at most [`LINE`] bytes; a longer one comes in parts.
pub(super) fn lines<R: AsyncRead + Unpin>(pipe: R) -> BoundedLines<R> {
    BoundedLines { pipe: BufReader::new(pipe), line: Vec::new() }
}

/// See [`lines`].
#[derive(Debug)]
pub(super) struct BoundedLines<R> {
    pipe: BufReader<R>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> BoundedLines<R> {
    /// The next line without its end; `None` when there is none, or reading fails.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost: what was read of the line stays here.
    pub(super) async fn next(&mut self) -> Option<String> {
        let already = u64::try_from(self.line.len()).unwrap_or(LINE);
        let mut rest = (&mut self.pipe).take(LINE.saturating_sub(already));
        rest.read_until(b'\n', &mut self.line).await.ok()?;
        if self.line.is_empty() {
            return None;
        }
        let line = std::mem::take(&mut self.line);
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned())
    }
}
