//! The `aemp` program.
fn main() {}
