//! The program that has the peers, with the same command line: it stands by itself, as what it is made of is large.

use std::process::{Command, ExitCode};

use anyhow::Context;

/// Where it lies if it is not beside this one.
const BUILT: &str = "benches/peers/target/release/mp-bench-peers";

/// Runs it, and ends as it does.
pub(super) fn ask() -> anyhow::Result<ExitCode> {
    let words = std::env::args().skip(1).filter(|word| word != "--peers");
    let beside = std::env::current_exe()?.with_file_name("mp-bench-peers");
    let program = if beside.exists() { beside } else { BUILT.into() };
    let status = Command::new(&program)
        .args(words)
        .status()
        .with_context(|| format!("cannot run {}: build it as docs/speed.md says", program.display()))?;
    // What went wrong, it has said itself.
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
