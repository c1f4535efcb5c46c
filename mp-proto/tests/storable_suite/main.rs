//! Storable: what Perl wrote is read, what we write Perl reads, and nothing else does harm.
#![cfg(feature = "storable")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail the test")]

mod bounds;
mod copies;
mod frames;
mod hostile;
mod laws;
mod memory;
mod perl;
mod recorded;
#[path = "../codec_conformance/strategy.rs"]
mod strategy;
mod support;
#[path = "../codec_conformance/tokens.rs"]
mod tokens;
mod vectors;
mod writer;
