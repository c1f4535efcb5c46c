//! Replacing the file in one step.

mod rights;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ConfigError;
pub use rights::Replaced;

/// The file that is meant by `path`: what a symbolic link points at, even if that does not exist yet `[CF-09]`.
pub(crate) fn target(path: &Path) -> Result<PathBuf, ConfigError> {
    /// As many links as Linux follows.
    const LINKS: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&target) {
            Ok(link) => target = directory(&target).join(link),
            Err(_) => return Ok(target),
        }
    }
    let source = io::Error::other("too many symbolic links");
    Err(ConfigError::Write { path: path.to_owned(), source })
}

/// Whether others than the owner can read the file.
#[cfg(unix)]
pub(crate) fn is_open_to_others(found: &fs::Metadata) -> bool {
    const READ_BY_OTHERS: u32 = 0o044;
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & READ_BY_OTHERS != 0
}

/// Elsewhere modes do not say it.
#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_found: &fs::Metadata) -> bool {
    false
}

/// Keeps other processes of this program from changing the file until it is dropped. It is the directory that is
/// locked, as the file is replaced. Where locks are not to be had, there is none.
pub(crate) fn lock(target: &Path) -> Option<File> {
    let directory = File::open(directory(target)).ok()?;
    directory.lock().ok()?;
    Some(directory)
}

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    /// Nobody but those whom the file is for may read it.
    pub(crate) has_secret: bool,
    /// Keep the old file, with a `~` behind its name.
    pub(crate) keeps_old: bool,
}

/// Writes the text to a new file beside the one that `path` means, and renames it to that `[CF-09]`. It has the owner
/// and mode of the old one, or mode 0600 if there is none `[CF-17]`.
pub(crate) fn replace(path: &Path, text: Text<'_>) -> Result<Replaced, ConfigError> {
    let target = target(path)?;
    let old = fs::metadata(&target).ok();
    if old.as_ref().is_some_and(|found| !found.is_file()) {
        return Err(ConfigError::NotRegular { path: path.to_owned() });
    }
    write(&target, text, old.as_ref()).map_err(|source| ConfigError::Write { path: path.to_owned(), source })
}

fn write(target: &Path, text: Text<'_>, old: Option<&fs::Metadata>) -> io::Result<Replaced> {
    let directory = directory(target);
    // `tempfile` makes files of mode 0600.
    let mut file = tempfile::Builder::new().prefix(".perl-anyevent-mp.").tempfile_in(&directory)?;
    file.write_all(text.bytes)?;
    let replaced = match old {
        Some(old) => rights::keep(old, file.as_file(), text.has_secret)?,
        None => Replaced::default(),
    };
    file.as_file().sync_all()?;
    if text.keeps_old {
        let mut backup = target.as_os_str().to_owned();
        backup.push("~");
        // A hard link, so that there is no moment without the file itself.
        drop(fs::remove_file(&backup));
        fs::hard_link(target, &backup)?;
    }
    file.persist(target)?;
    // So that the new name survives a power failure; not every file system can do it.
    drop(File::open(&directory).and_then(|directory| directory.sync_all()));
    Ok(replaced)
}

fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
