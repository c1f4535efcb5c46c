//! What each process of a soak records of itself, for the checkers.
//!
//! Each process appends to a file of its own, a line for each event, each line by one `write`: what is written survives the
//! process, however it dies. **Intentions are recorded before the act** (a message is sent, a port is killed, a key is set),
//! **experience after it** (a message has come, a monitor has fired). So of what a process did nothing is missing from
//! its record, and what is in the record may not have been done; of what befell it the last may be missing, if it was killed
//! in that moment. What follows for each law stands in [`judge`](super::judge).

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mp_node::{PortId, Reason};
use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::time::RunClock;
use crate::check::Target;

/// Numbers of a process's ports and senders are this times its own, and more; so they are one's own in the whole run.
pub(super) const SHARE: u32 = 10_000;
/// The same for its monitors and errands.
pub(super) const LARGE_SHARE: u64 = 10_000_000;

/// An entry of a family: its key, and its value unless that is nothing.
pub(super) type Pair = (String, Option<i64>);

/// What has happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    // The coordinator records:
    /// A process is started on a host.
    Starts { process: u32, host: u32 },
    /// A process is about to be killed.
    Kills { process: u32 },
    /// A process has been stopped for a while: not outside of the one span, and all through the other, in microseconds.
    Stopped { process: u32, perhaps: [u64; 2], surely: [u64; 2] },
    /// A process is no more.
    Ended { process: u32 },
    /// All is calm, and the load is about to be given up.
    Rests,

    // Nodes record:
    /// It is there, and listens.
    Up { address: String },
    /// A port that receives begins to live.
    Port { port: u32, id: PortId },
    /// A port has died.
    Died { port: u32, reason: Reason },
    /// It is about to kill a port.
    WillKill { port: u32, reason: Reason },
    /// A sender has made a monitor, under which it sends from now on.
    Minds { sender: u32, port: u32, monitor: u64, replaces: bool },
    /// That monitor has fired.
    Told { monitor: u64 },
    /// A sender is about to send a message.
    Sends { sender: u32, port: u32, number: u32 },
    /// A port has received it.
    Got { sender: u32, port: u32, number: u32 },
    /// It is about to monitor something.
    Monitors { watch: u64, target: Aim },
    /// It has dropped that monitor.
    Dropped { watch: u64 },
    /// That monitor has fired.
    Fired { watch: u64, reason: Reason },
    /// It is about to look at a family.
    Looks { family: String },
    /// It is about to set a key.
    Sets { family: String, key: String, value: Option<i64> },
    /// It is about to delete a key.
    Deletes { family: String, key: String },
    /// A family was seen to change.
    Saw { family: String, added: Vec<Pair>, changed: Vec<Pair>, deleted: Vec<String>, synced: bool },
    /// It is about to spawn a port elsewhere, and to ask or link it.
    Asks { errand: u64, what: String },
    /// That came to an end.
    Answered { errand: u64 },
    /// It has noticed itself that a guarantee is broken.
    Broken { what: String },
    /// How it stands.
    Figures(Figures),
    /// What this sender sends must arrive.
    Farewell { sender: u32 },
    /// It is about to shut down.
    Leaves,
}

/// [`Target`], to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aim {
    Port(u32),
    Nothing,
    Node(u32),
}

impl From<Aim> for Target {
    fn from(aim: Aim) -> Self {
        match aim {
            Aim::Port(port) => Self::Port(port),
            Aim::Nothing => Self::Nothing,
            Aim::Node(host) => Self::Node(host),
        }
    }
}

/// A process's record, to be written.
#[derive(Debug)]
pub(super) struct Recorder {
    clock: RunClock,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    dead: BTreeSet<u32>,
}

impl Recorder {
    /// Begins a record.
    ///
    /// # Errors
    ///
    /// The file cannot be made, or is there already.
    pub(super) fn create(path: &Path, clock: RunClock) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        Ok(Self { clock, inner: Mutex::new(Inner { file, dead: BTreeSet::new() }) })
    }

    /// Records an event; when this returns, it is recorded for good. Events of one process have the order, and the times,
    /// in which they are recorded.
    pub(super) fn record(&self, event: &Event) {
        self.write(&mut self.lock(), event);
    }

    /// The same for what a port is to do or have; nothing, and `false`, if its death has been recorded.
    pub(super) fn record_alive(&self, port: u32, event: &Event) -> bool {
        let mut inner = self.lock();
        let lives = !inner.dead.contains(&port);
        if lives {
            self.write(&mut inner, event);
        }
        lives
    }

    /// Records that a port of this process has died.
    pub(super) fn record_death(&self, port: u32, reason: Reason) {
        let mut inner = self.lock();
        inner.dead.insert(port);
        self.write(&mut inner, &Event::Died { port, reason });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, inner: &mut Inner, event: &Event) {
        let now = u64::try_from(self.clock.now().as_micros()).unwrap_or(u64::MAX);
        let written = serde_json::to_vec(&(now, event)).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            inner.file.write_all(&line)
        });
        if let Err(error) = written {
            // What goes on unrecorded is worth nothing.
            tracing::error!("the record cannot be written: {error}");
            std::process::exit(3);
        }
    }
}

/// A record as it is read, by those who wait for more as well as by those who come later.
#[derive(Debug)]
pub(super) struct Tail {
    lines: BufReader<File>,
    /// A line whose end is not there yet; if the process has died, it never comes.
    begun: Vec<u8>,
}

impl Tail {
    /// # Errors
    ///
    /// The file cannot be opened.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { lines: BufReader::with_capacity(1 << 16, File::open(path)?), begun: Vec::new() })
    }

    /// The next event that is there whole, with its time.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds what is no event.
    pub(super) fn next(&mut self) -> io::Result<Option<(Duration, Event)>> {
        self.lines.read_until(b'\n', &mut self.begun)?;
        if self.begun.last() != Some(&b'\n') {
            return Ok(None);
        }
        let (micros, event) = serde_json::from_slice(&self.begun)?;
        self.begun.clear();
        Ok(Some((Duration::from_micros(micros), event)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A directory that goes when it is dropped.
    #[derive(Debug)]
    pub(in crate::soak) struct Dir(pub(in crate::soak) std::path::PathBuf);

    impl Dir {
        pub(in crate::soak) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("mp-sim-test-{}-{name}", std::process::id()));
            std::fs::create_dir(&path).expect("it is new");
            Self(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_record_is_read_while_it_is_written_and_a_torn_line_is_none() {
        let dir = Dir::new("record");
        let path = dir.0.join("r");
        let recorder = Recorder::create(&path, RunClock::start()).expect("there is room");
        let mut tail = Tail::open(&path).expect("it is there");
        assert_eq!(tail.next().expect("readable"), None);
        let died = Event::Died { port: 7, reason: Reason::new("why", "so \"it\" is\n") };
        assert!(recorder.record_alive(7, &Event::Leaves));
        recorder.record_death(7, Reason::new("why", "so \"it\" is\n"));
        assert!(!recorder.record_alive(7, &Event::Leaves), "it is dead");
        let (first, event) = tail.next().expect("readable").expect("one");
        assert_eq!(event, Event::Leaves);
        let (second, event) = tail.next().expect("readable").expect("another");
        assert_eq!(event, died);
        assert!(first <= second);
        let mut file = OpenOptions::new().append(true).open(&path).expect("it is there");
        file.write_all(b"[17,{\"told\":").expect("there is room");
        assert_eq!(tail.next().expect("readable"), None);
        file.write_all(b"{\"monitor\":3}}]\n").expect("there is room");
        let told = (Duration::from_micros(17), Event::Told { monitor: 3 });
        assert_eq!(tail.next().expect("readable"), Some(told));
        file.write_all(b"nonsense\n").expect("there is room");
        assert!(tail.next().is_err());
    }
}
