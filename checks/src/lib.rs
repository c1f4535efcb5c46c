//! Checks of the repository itself, see `tests/`; and the fuzz targets' library, for the test that replays their inputs.

// Tests of its own it has none; and the files that it takes from others have theirs there.
#[cfg(not(test))]
#[path = "../../fuzz/src/lib.rs"]
#[expect(clippy::panic, clippy::missing_panics_doc, reason = "a broken law is to be seen as a panic")]
pub mod fuzz;
