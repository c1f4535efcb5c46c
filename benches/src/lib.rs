//! The program `mp-bench`, and what the micro-benchmarks share: messages as a user would write them, two nodes on
//! loopback, and raw sockets to compare with.
//!
//! The program's [workloads](workload) are done by [contestants](contest) in turn, each between this process and
//! [others](process), and what came of it is [compared](figures) and held against the [goals].
//!
//! Everything goes through the public interfaces, with default limits. A benchmark and its baseline stand in the same
//! group and run one after the other, so that their ratio means something on a machine whose speed drifts.

pub mod contest;
pub mod figures;
pub mod goals;
pub mod memory;
pub mod messages;
pub mod nodes;
pub mod ours;
pub mod pace;
pub mod process;
pub mod program;
pub mod raw;
pub mod side;
pub mod tally;
pub mod workload;

use std::future::Future;
use std::time::Duration;

use criterion::Criterion;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Criterion with its usual command line, and times that fit the number of our benchmarks: `warm_up` and `measure`
/// for each of them.
#[must_use]
pub fn criterion(warm_up: Duration, measure: Duration) -> Criterion {
    let criterion = Criterion::default().sample_size(20).nresamples(10_000);
    criterion.warm_up_time(warm_up).measurement_time(measure).configure_from_args()
}

/// A runtime with two worker threads, as `SPEED.md`'s figures are for two cores.
///
/// # Panics
///
/// If the system gives no threads.
#[must_use]
pub fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("the system has threads")
}

/// Runs `task` in a worker thread, and waits for it: what runs in the caller's thread would be a third one.
///
/// # Panics
///
/// If the task does.
pub fn run<T: Send + 'static>(runtime: &Runtime, task: impl Future<Output = T> + Send + 'static) -> T {
    runtime.block_on(runtime.spawn(task)).expect("a benchmark's task ends well")
}

/// Runs a task that ends with its process.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark's process has no node that all its tasks belong to"
)]
pub fn task<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}

/// Counts what arrives, and tells when a batch is complete.
#[derive(Debug)]
pub struct Tally {
    batch: usize,
    count: usize,
    complete: mpsc::Sender<()>,
}

/// Waits for complete batches.
#[derive(Debug)]
pub struct Batches(mpsc::Receiver<()>);

impl Tally {
    /// Counts to `batch`, again and again.
    #[must_use]
    pub fn new(batch: usize) -> (Self, Batches) {
        let (complete, batches) = mpsc::channel(1);
        (Self { batch, count: 0, complete }, Batches(batches))
    }

    /// One more has arrived.
    ///
    /// # Panics
    ///
    /// If a second batch is complete and the first was not waited for: the benchmark is wrong.
    pub fn add(&mut self) {
        self.count += 1;
        if self.count == self.batch {
            self.count = 0;
            self.complete.try_send(()).expect("one batch at a time");
        }
    }
}

impl Batches {
    /// Waits until the batch is complete.
    ///
    /// # Cancellation
    ///
    /// Safe.
    ///
    /// # Panics
    ///
    /// If the receiver is gone.
    pub async fn complete(&mut self) {
        self.0.recv().await.expect("the receiver lives");
    }
}
