//! Hostile peers on real sockets. The node that they meet runs in a process of its own, so that its memory can be read;
//! an honest node is connected with it all the time, and is to notice nothing.
//!
//! What is timed stands elsewhere: `cargo run --release -p mp-bench --bin hostile` prints for each case how fast
//! honest messages went meanwhile.

#![cfg(all(feature = "tcp", feature = "json", feature = "cbor", target_os = "linux"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests, with tasks of their own"
)]

#[expect(dead_code, reason = "the benchmark goes through all of it, and prints it")]
mod attacks;
mod claims;
mod frozen;
mod handshakes;
mod honest;
mod hushed;
mod memory;
mod peer;
mod secrets;
#[expect(dead_code, reason = "the benchmark has more use for it")]
mod victim;
