//! Ways to do the same job, measured in turn.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::figures::{Figure, Metric, Results};
use crate::process::Process;

/// Our own nodes, as they are by default.
pub const OURS: &str = "mp";
/// The baseline of most workloads: tokio's sockets, with length frames.
pub const RAW: &str = "raw-tokio";
/// Blocking sockets.
pub const RAW_BLOCKING: &str = "raw-blocking";
/// tokio-rustls over tokio's sockets.
pub const RAW_TLS: &str = "raw-tls";

/// One who does the job: our nodes, or raw sockets.
#[async_trait]
pub trait Contestant: Send {
    /// Does it for some time, and says how it went. Connections are made once, before.
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>>;
}

/// Those who do one job with one size of payload.
pub struct Contest {
    workload: &'static str,
    payload: usize,
    contestants: Vec<(String, Box<dyn Contestant>)>,
    baseline: &'static str,
    processes: Vec<Process>,
}

impl fmt::Debug for Contest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peers: Vec<&String> = self.contestants.iter().map(|(peer, _)| peer).collect();
        f.debug_struct("Contest")
            .field("workload", &self.workload)
            .field("peers", &peers)
            .finish_non_exhaustive()
    }
}

impl Contest {
    /// Nobody takes part yet; ratios are to `baseline`.
    #[must_use]
    pub fn new(workload: &'static str, payload: usize, baseline: &'static str) -> Self {
        Self { workload, payload, contestants: Vec::new(), baseline, processes: Vec::new() }
    }

    /// One more takes part.
    #[must_use]
    pub fn with(mut self, peer: impl Into<String>, contestant: impl Contestant + 'static) -> Self {
        self.contestants.push((peer.into(), Box::new(contestant)));
        self
    }

    /// The other side, which lives until the contest is over.
    #[must_use]
    pub fn at(mut self, process: Process) -> Self {
        self.processes.push(process);
        self
    }

    /// Those take no part whose name is refused.
    pub fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.contestants.retain(|(peer, _)| wanted(peer));
    }

    /// Lets all of them do the job `runs` times in turn, after a short time to warm up. `tell` hears who is next.
    ///
    /// # Errors
    ///
    /// One of them could not do it: a connection broke, or messages are missing.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the contest, and the other side's processes with it.
    pub async fn run(
        mut self,
        runs: usize,
        time: Duration,
        mut tell: impl FnMut(&str) + Send,
    ) -> anyhow::Result<Results> {
        let mut results = Results::new(self.workload, self.payload, self.baseline);
        for (peer, contestant) in &mut self.contestants {
            tell(&format!("{peer} warms up"));
            drop(contestant.measure(time / 10).await?);
        }
        for run in 1..=runs {
            for (peer, contestant) in &mut self.contestants {
                tell(&format!("{peer}, run {run} of {runs}"));
                for (metric, value) in contestant.measure(time).await? {
                    results.add(peer, metric, value);
                }
            }
        }
        drop(self.contestants);
        for process in self.processes {
            process.end().await?;
        }
        Ok(results)
    }
}

/// What came of a one-way job: messages, of so many bytes each, in so much time.
#[must_use]
pub fn throughput(count: u64, payload: usize, time: Duration) -> Vec<Figure> {
    let per_second = as_float(count) / time.as_secs_f64();
    let bytes = as_float(payload as u64) / 1e6;
    vec![(Metric::MsgsPerS, per_second), (Metric::MbPerS, per_second * bytes)]
}

/// The number as a float; above 2^53 it is rounded.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "no count of a benchmark comes near 2^53")]
pub fn as_float(count: u64) -> f64 {
    count as f64
}
