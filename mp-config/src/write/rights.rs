//! Owner and mode of a file that takes another one's place.

use std::fs::{File, Metadata};
use std::io;

/// What a file could not keep when it was replaced `[CF-17]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replaced {
    /// The user and group that it belonged to, if the new one cannot be given to them.
    pub owner_before: Option<(u32, u32)>,
    /// The mode that it had, if the new one has another: with a secret in it, it is nobody else's affair.
    pub mode_before: Option<u32>,
    /// The mode that the new one has, where there are modes.
    pub mode: Option<u32>,
}

/// Gives `new` the owner and mode of `old`. With a secret in it, users that are neither its owner nor of its group get no
/// rights to it; if it cannot be given to whom it belonged, nobody but us does.
#[cfg(unix)]
pub(super) fn keep(old: &Metadata, new: &File, has_secret: bool) -> io::Result<Replaced> {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    const ALL: u32 = 0o777;
    const NOT_OTHERS: u32 = 0o770;
    const OWNER: u32 = 0o700;
    /// Who writes it must be able to do so again.
    const LEAST: u32 = 0o600;

    let owner = |found: &Metadata| (found.uid(), found.gid());
    let (before, ours) = (owner(old), owner(&new.metadata()?));
    let is_given = before == ours || fchown(new, Some(before.0), Some(before.1)).is_ok();
    let mode_before = old.mode() & ALL;
    let mut mode = mode_before;
    if has_secret {
        mode &= if is_given { NOT_OTHERS } else { OWNER };
    }
    mode |= LEAST;
    new.set_permissions(Permissions::from_mode(mode))?;
    Ok(Replaced {
        owner_before: (!is_given).then_some(before),
        mode_before: (mode != mode_before).then_some(mode_before),
        mode: Some(mode),
    })
}

/// Elsewhere there is neither.
#[cfg(not(unix))]
pub(super) fn keep(_old: &Metadata, _new: &File, _has_secret: bool) -> io::Result<Replaced> {
    Ok(Replaced::default())
}
