//! How nodes behave at their bounds, under pressure, with odd peers, and when things end: on the network in memory,
//! under virtual time.

#![cfg(feature = "memory")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests hold locks that cannot be poisoned, and look at tokio's clock"
)]

mod answers;
mod foreign;
mod lanes;
mod limits;
mod lives;
#[path = "../common/log.rs"]
mod log;
mod logs;
mod many;
mod monitors;
mod net;
mod pressure;
mod puppet;
mod rivals;
mod shutdown;
mod stats;
mod strangers;
mod timers;
