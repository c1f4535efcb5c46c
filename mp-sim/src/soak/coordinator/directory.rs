//! Where the files of a run lie.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A directory of one's own, which is removed when it is dropped.
#[derive(Debug)]
pub(super) struct RunDir {
    path: Option<PathBuf>,
    name: PathBuf,
}

impl RunDir {
    /// # Errors
    ///
    /// It cannot be made, or is there already.
    pub(super) fn create(seed: u64) -> io::Result<Self> {
        let name = std::env::temp_dir().join(format!("mp-soak-{}-{seed}", std::process::id()));
        // The secret is in it.
        std::fs::DirBuilder::new().mode(0o700).create(&name)?;
        Ok(Self { path: Some(name.clone()), name })
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
