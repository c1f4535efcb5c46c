//! The task that has what nodes know of one another compared, time and again.

use std::sync::Arc;
use std::time::Duration;

use mp_transport::clock;

use super::Shared;

/// The task. `chance` decides on the first time, so that not all nodes that were started together compare at once.
pub(super) async fn run(shared: Arc<Shared>, every: Duration, chance: u64) {
    let parts = u32::try_from(chance % 1_000).unwrap_or_default();
    let mut due = clock::now() + every * parts / 1_000;
    loop {
        clock::sleep_until(due).await;
        shared.with(|state| state.registry.compare());
        due = clock::now() + every;
    }
}
