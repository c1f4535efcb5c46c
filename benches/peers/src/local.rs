//! Actors of one process: what W4 and W5 need of each kind.

use std::time::Duration;

use async_trait::async_trait;
use mp_bench::contest::{Contest, Contestant};
use mp_bench::figures::Figure;
use mp_bench::memory::resident;
use mp_bench::messages::Traffic;
use mp_bench::process::{Process, Ready};
use mp_bench::workload::local::{Local, Way};
use mp_bench::workload::ports;

use crate::Theirs;

/// How many messages one way may wait, where an actor's mailbox has no bound: as many as one of our ports holds.
pub(crate) const ROOM: u64 = 1_024;

/// Takes part in W4 in this way, and in W5 by a process of this kind.
pub(crate) fn join(
    contest: Contest,
    (peer, workload): (&str, &str),
    way: impl Way + 'static,
    (idle, size): (fn(usize) -> Theirs, usize),
) -> Contest {
    match workload {
        "W4" => contest.with(peer, Local(way, Traffic::payload(size))),
        "W5" => contest.with(peer, Idle(idle(size), size)),
        _ => contest,
    }
}

/// So many actors in a process of their own.
struct Idle(Theirs, usize);

#[async_trait]
impl Contestant for Idle {
    async fn measure(&mut self, _time: Duration) -> anyhow::Result<Vec<Figure>> {
        ports::measured(Process::start(&self.0).await?, self.1).await
    }
}

/// Makes so many of them, waits until all have begun, and tells what they take. What was made is to be kept.
pub(crate) async fn make<T>(
    actors: usize,
    mut one: impl AsyncFnMut() -> anyhow::Result<T>,
    begun: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<(Ready, Vec<Option<T>>)> {
    // Those who hold addresses have memory of their own for that.
    let mut kept: Vec<Option<T>> = (0..actors).map(|_| None).collect();
    let before = resident()?;
    for place in &mut kept {
        *place = Some(one().await?);
    }
    begun().await?;
    let bytes = resident()?.saturating_sub(before);
    Ok((Ready::default().with("bytes", bytes.to_string()), kept))
}
