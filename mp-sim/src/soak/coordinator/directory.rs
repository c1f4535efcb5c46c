//! Where the files of a run lie.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// So many names are tried: there may be others of this process, or of an earlier one that had its number.
const NAMES: u32 = 1000;

/// A directory of one's own, which is removed when it is dropped.
#[derive(Debug)]
pub(super) struct RunDir {
    path: Option<PathBuf>,
    name: PathBuf,
}

impl RunDir {
    /// # Errors
    ///
    /// It cannot be made.
    pub(super) fn create() -> io::Result<Self> {
        let mut number = 0_u32;
        loop {
            let name = std::env::temp_dir().join(format!("mp-soak-{}-{number}", std::process::id()));
            // The secret is in it.
            match std::fs::DirBuilder::new().mode(0o700).create(&name) {
                Ok(()) => return Ok(Self { path: Some(name.clone()), name }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.name
    }

    /// A file of a process.
    pub(super) fn file(&self, process: u32, kind: &str) -> PathBuf {
        self.name.join(format!("{process:06}.{kind}"))
    }

    /// Lets it stay.
    pub(super) fn keep(&mut self) -> Option<PathBuf> {
        self.path.take()
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Nothing more can be done about it.
            drop(std::fs::remove_dir_all(path));
        }
    }
}
