//! What makes programs short: typed ports, requests, selective receive, timers, supervisors, probes. In networks in
//! memory, on a paused clock.

#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests may; they look at tokio's clock")]

mod letters;
mod line;
mod probes;
mod select;
mod sends;
mod supervise;
mod timers;
mod typed;
mod writing;
