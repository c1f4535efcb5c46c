//! Whole networks of nodes, simulated: real `mp-node` and `mp-global` code on a network in memory, in virtual time, on
//! one thread, with faults that follow from a seed. The same seed gives the same run, byte for byte.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod check;
pub mod collide;
mod dice;
mod fault;
pub mod form;
pub mod scenario;
mod sim;
mod world;

pub use dice::Dice;
pub use fault::{Fault, FaultPlan};
pub use mp_node::memory::{Death, MemoryNet};
pub use sim::{Failure, Outcome, Sim, check};
pub use world::{PORT, Process, World};
