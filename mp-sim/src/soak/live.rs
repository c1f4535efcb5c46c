//! What the coordinator sees of a run while it goes on: it reads the records as they grow.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mp_global::FamilyChange;
use mp_node::{PortId, Value};

use super::figures::Figures;
use super::merge::record_of;
use super::record::{Event, Pair, Tail};
use crate::check::{Directory, Violation};

/// What others are to know.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    Up { process: u32, address: String },
    Port { process: u32, port: u32, id: PortId },
    Gone { port: u32 },
}

/// All records, as far as they have been read, and what follows from them.
#[derive(Debug)]
pub(super) struct Live {
    dir: PathBuf,
    tails: BTreeMap<u32, Tail>,
    /// The ports that live, by process.
    ports: BTreeMap<u32, BTreeMap<u32, PortId>>,
    figures: BTreeMap<u32, Figures>,
    directory: Directory,
    pub(super) violations: Vec<String>,
    pub(super) received: u64,
    pub(super) monitors_fired: u64,
    pub(super) registrations: u64,
    /// When a message was received last.
    pub(super) last_message: Duration,
}

impl Live {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            tails: BTreeMap::new(),
            ports: BTreeMap::new(),
            figures: BTreeMap::new(),
            directory: Directory::default(),
            violations: Vec::new(),
            received: 0,
            monitors_fired: 0,
            registrations: 0,
            last_message: Duration::ZERO,
        }
    }

    /// Reads what has been recorded since it was last asked.
    ///
    /// # Errors
    ///
    /// A record cannot be read.
    pub(super) fn poll(&mut self, processes: impl IntoIterator<Item = u32>) -> io::Result<Vec<News>> {
        let mut news = Vec::new();
        for process in processes {
            self.read(process, &mut news)?;
        }
        Ok(news)
    }

    /// A process is no more: reads what it has left.
    ///
    /// # Errors
    ///
    /// Its record cannot be read.
    pub(super) fn ended(&mut self, process: u32) -> io::Result<Vec<News>> {
        let mut news = Vec::new();
        self.read(process, &mut news)?;
        self.tails.remove(&process);
        self.figures.remove(&process);
        self.directory.process_died(process);
        let ports = self.ports.remove(&process).unwrap_or_default();
        news.extend(ports.into_keys().map(|port| News::Gone { port }));
        Ok(news)
    }

    /// The ports that live, without those of one process.
    pub(super) fn others(&self, process: u32) -> impl Iterator<Item = (u32, &PortId)> {
        let others = self.ports.iter().filter(move |(of, _)| **of != process);
        others.flat_map(|(_, ports)| ports.iter().map(|(port, id)| (*port, id)))
    }

    /// A process's ports.
    pub(super) fn ports_of(&self, process: u32) -> impl Iterator<Item = u32> {
        self.ports.get(&process).into_iter().flat_map(|ports| ports.keys().copied())
    }

    /// How a process stands, if it has said so since [`Live::forget_figures`].
    pub(super) fn figures(&self, process: u32) -> Option<&Figures> {
        self.figures.get(&process)
    }

    pub(super) fn forget_figures(&mut self) {
        self.figures.clear();
    }

    /// Whether all see the same in the directory.
    ///
    /// # Errors
    ///
    /// A difference.
    pub(super) fn check_agreement(&mut self) -> Result<(), Violation> {
        self.directory.check_agreement()
    }

    pub(super) fn changes(&self) -> u64 {
        self.directory.changes()
    }

    fn read(&mut self, process: u32, news: &mut Vec<News>) -> io::Result<()> {
        if !self.tails.contains_key(&process) {
            match Tail::open(&record_of(&self.dir, process)) {
                Ok(tail) => drop(self.tails.insert(process, tail)),
                // It has not begun yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        while let Some(tail) = self.tails.get_mut(&process) {
            let Some((at, event)) = tail.next()? else { break };
            self.see(at, process, event, news);
        }
        Ok(())
    }

    fn see(&mut self, at: Duration, process: u32, event: Event, news: &mut Vec<News>) {
        match event {
            Event::Up { address } => news.push(News::Up { process, address }),
            Event::Port { port, id } => {
                self.ports.entry(process).or_default().insert(port, id.clone());
                news.push(News::Port { process, port, id });
            }
            Event::Died { port, .. } => {
                if let Some(id) = self.ports.get_mut(&process).and_then(|ports| ports.remove(&port)) {
                    self.directory.delete_everywhere(id.as_str());
                    news.push(News::Gone { port });
                }
            }
            Event::Got { .. } => (self.received, self.last_message) = (self.received + 1, at),
            Event::Fired { .. } => self.monitors_fired += 1,
            Event::Figures(figures) => drop(self.figures.insert(process, figures)),
            Event::Looks { family } => self.directory.looks(process, &family),
            Event::Sets { family, key, value } => {
                self.registrations += 1;
                self.directory.set(process, &family, &key, worth(value));
            }
            Event::Deletes { family, key } => self.directory.delete(process, &family, &key),
            Event::Saw { family, added, changed, deleted, synced } => {
                let mut change = FamilyChange::default();
                let entries =
                    |pairs: Vec<Pair>| pairs.into_iter().map(|(key, value)| (key.into(), worth(value)));
                change.added = entries(added).collect();
                change.changed = entries(changed).collect();
                change.deleted = deleted.into_iter().map(Into::into).collect();
                change.synced = synced;
                if let Err(violation) = self.directory.changed(process, &family, &change) {
                    self.violations.push(violation.0);
                }
            }
            _ => {}
        }
    }
}

fn worth(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::super::record::Recorder;
    use super::super::record::tests::Dir;
    use super::super::time::RunClock;
    use super::*;

    #[test]
    fn a_zombie_in_the_directory_is_seen() {
        let dir = Dir::new("live");
        let recorder = |process| {
            Recorder::create(&record_of(&dir.0, process), RunClock::start()).expect("there is room")
        };
        let (one, other) = (recorder(1), recorder(2));
        let mut live = Live::new(&dir.0);
        let saw = |added: &[&str], deleted: &[&str]| Event::Saw {
            family: "f".into(),
            added: added.iter().map(|key| ((*key).to_owned(), Some(1))).collect(),
            changed: Vec::new(),
            deleted: deleted.iter().map(|key| (*key).to_owned()).collect(),
            synced: true,
        };
        one.record(&Event::Looks { family: "f".into() });
        one.record(&saw(&[], &[]));
        other.record(&Event::Sets { family: "f".into(), key: "k".into(), value: Some(1) });
        assert!(live.poll([1, 2]).expect("readable").is_empty());
        assert!(live.check_agreement().is_err(), "it is missing");
        one.record(&saw(&["k"], &[]));
        live.poll([1, 2]).expect("readable");
        assert_eq!(live.check_agreement(), Ok(()));
        live.ended(2).expect("readable");
        assert!(live.check_agreement().is_err(), "a zombie");
        one.record(&saw(&[], &["k"]));
        live.poll([1]).expect("readable");
        assert_eq!(live.check_agreement(), Ok(()));
        one.record(&saw(&[], &["k"]));
        live.poll([1]).expect("readable");
        assert_eq!(live.violations.len(), 1, "it was gone already");
    }
}
