//! The records of all processes as one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::{Event, Tail};

/// The coordinator's number.
pub(super) const COORDINATOR: u32 = 0;

/// Where a process's record lies.
pub(super) fn record_of(dir: &Path, process: u32) -> PathBuf {
    dir.join(format!("{process:06}.record"))
}

/// One line of one record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) at: Duration,
    pub(super) process: u32,
    pub(super) event: Event,
}

/// The lines of all records in a directory, in the order of their times.
///
/// Each record is read line by line, and opened when its process is started, so that neither memory nor open files grow with
/// the length of a run.
#[derive(Debug)]
pub(super) struct Merged {
    dir: PathBuf,
    /// The next line of each record that has one, by its time and process, and the rest of that record.
    next: BTreeMap<(Duration, u32), (Event, Tail)>,
}

impl Merged {
    /// # Errors
    ///
    /// The coordinator's record cannot be read.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let mut merged = Self { dir: dir.to_owned(), next: BTreeMap::new() };
        merged.advance(COORDINATOR, Tail::open(&record_of(dir, COORDINATOR))?)?;
        Ok(merged)
    }

    /// Reads a record's next line; a record without one is closed.
    fn advance(&mut self, process: u32, mut tail: Tail) -> io::Result<()> {
        let failed =
            |error: io::Error| io::Error::new(error.kind(), format!("the record of {process}: {error}"));
        if let Some((at, event)) = tail.next().map_err(failed)? {
            self.next.insert((at, process), (event, tail));
        }
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<Entry>> {
        let Some(((at, process), (event, tail))) = self.next.pop_first() else { return Ok(None) };
        self.advance(process, tail)?;
        if let Event::Starts { process, .. } = event {
            let path = record_of(&self.dir, process);
            // A process that died early may have none.
            if path.exists() {
                self.advance(process, Tail::open(&path)?)?;
            }
        }
        Ok(Some(Entry { at, process, event }))
    }
}

impl Iterator for Merged {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}
