//! Many seeds on several threads. Each run has a thread to itself, so what it does does not depend on the others.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mp_sim::Failure;
use mp_transport::clock;

use super::args::Seeds;
use super::output::Output;

/// What came of one seed.
pub(super) struct Run<T> {
    pub(super) seed: u64,
    pub(super) result: Result<T, Box<Failure>>,
}

/// How it went as a whole.
pub(super) struct All {
    pub(super) seeds: u64,
    pub(super) failed: u64,
    pub(super) real: Duration,
}

/// Runs `one` for each seed, and tells what came of it, in the order in which runs end.
pub(super) fn each_seed<T: Send>(
    seeds: &Seeds,
    output: &mut Output,
    one: impl Fn(u64) -> Result<T, Box<Failure>> + Sync,
    mut tell: impl FnMut(&mut Output, Run<T>) -> io::Result<()>,
) -> io::Result<All> {
    let begun = clock::now();
    let jobs = seeds.jobs.or_else(|| thread::available_parallelism().ok().map(Into::into)).unwrap_or(1);
    let (next, end) = (AtomicU64::new(seeds.start), seeds.start.saturating_add(seeds.seeds));
    let mut all = All { seeds: 0, failed: 0, real: Duration::ZERO };
    thread::scope(|scope| {
        let (sender, results) = mpsc::sync_channel(jobs);
        for _ in 0..jobs.max(1) {
            let (sender, next, one) = (sender.clone(), &next, &one);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || sender.send(Run { seed, result: one(seed) }).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for run in results {
            all.seeds += 1;
            all.failed += u64::from(run.result.is_err());
            tell(output, run)?;
            if seeds.first && all.failed > 0 {
                next.store(end, Ordering::Relaxed);
            }
            output.progress(all.seeds, seeds.seeds, all.failed);
        }
        io::Result::Ok(())
    })?;
    output.progress_ends();
    all.real = clock::now().saturating_duration_since(begun);
    Ok(all)
}
