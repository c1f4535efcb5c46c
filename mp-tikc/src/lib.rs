//! POE::TIKC kernels in Rust: aliases, proxies and Storable frames.
//!
//! This crate is reserved for the interoperability with Perl's POE::TIKC and holds no code yet. Nothing in the
//! workspace depends on it; what it will own stands in `ARCHITECTURE.md`.

#![warn(clippy::print_stdout, clippy::print_stderr)]
