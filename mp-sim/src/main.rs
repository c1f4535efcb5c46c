//! The program `mp-sim`: runs networks through faults, seed by seed, and checks every guarantee.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
