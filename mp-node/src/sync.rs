//! Locks that a panic cannot spoil, and times that cannot overflow.

pub(crate) use mp_transport::clock::after;
pub(crate) use mp_transport::sync::{Lock, Shared};
