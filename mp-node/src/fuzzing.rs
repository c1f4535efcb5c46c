//! What fuzzing checks of the pure parts that the interface does not show: operations on them beside models, as functions
//! of bytes, which panic if a law is broken. They are here so that the kernel can stay private; the feature `fuzzing`
//! makes them available and changes nothing else. `fuzz/README.md` says what each of them checks.

#![expect(clippy::panic, reason = "a broken law is to be seen as a panic")]

mod pipes;
mod ports;
mod relay;
mod route;

pub use pipes::relay_pipes;
pub use ports::kernel_ports;
pub use relay::kernel_relay;
pub use route::kernel_route;
