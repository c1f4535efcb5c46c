//! Checkers: what a run did, against what was promised. They know nothing of networks or time but what they are told.

mod delivery;
mod directory;
mod watches;

use std::fmt;

pub use delivery::{Delivery, Told};
pub use directory::Directory;
pub use watches::{Death, Stop, Target, WatchNumber, Watches};

/// A guarantee was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// `Err` with this text unless `holds`.
fn ensure(holds: bool, text: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(text())) }
}
