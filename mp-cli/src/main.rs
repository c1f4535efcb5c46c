//! The `aemp` program: sets up, runs and talks to the nodes of an AnyEvent::MP network.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod cmd;
mod error;
mod output;

use std::process::ExitCode;

fn main() -> ExitCode {
    cmd::main(std::env::args_os())
}
