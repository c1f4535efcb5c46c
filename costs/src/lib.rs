//! What a message costs: the jobs whose instructions and allocations are held against committed baselines, so that a loss
//! of speed is seen without a clock.
//!
//! Instructions are counted by the program (`.ci/costs`, with valgrind), allocations by a test. Both do a job some times
//! and then more times, and divide the difference: what it takes to start, and to grow buffers once, is not in it.

pub mod baseline;
pub mod cases;

pub use baseline::Baseline;
pub use cases::{ALL, Case};
