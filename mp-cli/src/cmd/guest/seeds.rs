//! Whether a seed is connected.

use std::time::{Duration, Instant};

use mp_global::Global;
use mp_transport::clock;

use crate::output::plain;

/// Between two looks. One that is back sooner has not been missed.
const LOOK: Duration = Duration::from_millis(500);

/// Tells when the last seed goes away, and when one is there again.
#[derive(Debug)]
pub(in crate::cmd) struct SeedWatch<'a> {
    global: &'a Global,
    seeds: &'a [String],
    /// What was told last.
    is_in: bool,
    /// When it is looked at next.
    at: Instant,
}

impl<'a> SeedWatch<'a> {
    /// Begins with a seed that is connected.
    pub(super) fn new(global: &'a Global, seeds: &'a [String]) -> Self {
        Self { global, seeds, is_in: true, at: clock::now() + LOOK }
    }

    /// Waits for that; then, what has happened. No news is lost by dropping the future.
    pub(in crate::cmd) async fn next(&mut self) -> String {
        loop {
            clock::sleep_until(self.at).await;
            self.at = clock::now() + LOOK;
            let master = self.global.standing().master;
            if master.is_some() == self.is_in {
                continue;
            }
            self.is_in = master.is_some();
            return plain(&match master {
                Some(master) => format!("a seed is connected again: {master}"),
                None => format!(
                    "no seed is connected any more: connections with other nodes stay, new nodes are not noticed; trying {} \
                     again",
                    self.seeds.join(", ")
                ),
            });
        }
    }
}
