//! Checks of the repository itself; they are tests, see `tests/repository`.

#![warn(clippy::print_stdout, clippy::print_stderr)]
