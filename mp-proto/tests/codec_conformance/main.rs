//! What every codec must do, and what each does in particular.
#![cfg(all(feature = "json", feature = "cbor", feature = "postcard"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail the test")]

mod cbor;
mod differential;
mod hostile;
mod json;
mod postcard;
mod recorded;
mod round_trip;
mod strategy;
mod streams;
mod thresholds;
mod tokens;
