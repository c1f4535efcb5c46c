//! Kernels over a network in memory, in virtual time: with one another, and with scripted peers.

#![expect(clippy::unwrap_used, reason = "what a test does that fails")]
#![expect(clippy::disallowed_methods, reason = "tasks of a test end with its runtime")]

mod alive;
mod hostile;
mod kernels;
mod net;
mod replay;
mod trust;
