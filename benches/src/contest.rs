//! Ways to do the same job, measured in turn.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use tokio::time::timeout;

use crate::figures::{Figure, Metric, Results};
use crate::process::Process;
use crate::task;

/// Our own nodes, as they are by default.
pub const OURS: &str = "mp";
/// The baseline of most workloads: tokio's sockets, with length frames.
pub const RAW: &str = "raw-tokio";
/// Blocking sockets.
pub const RAW_BLOCKING: &str = "raw-blocking";
/// tokio-rustls over tokio's sockets.
pub const RAW_TLS: &str = "raw-tls";

/// How long a contestant may take to get ready, and for a run in addition to its time: who takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// With whose they are.
    processes: Vec<(&'static str, Process)>,
    /// Who could not take part, and why.
    failed: Vec<(String, String)>,
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
        let (contestants, processes, failed) = (Vec::new(), Vec::new(), Vec::new());
        Self { workload, payload, contestants, baseline, processes, failed }
    }

    /// Lets those take part, too, whom `opening` gives, with their baseline. If it fails, or takes longer than a minute,
    /// nobody else does, and `peer` is said to have failed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was begun to itself.
    pub async fn open(
        mut self,
        peer: &'static str,
        opening: impl Future<Output = anyhow::Result<Self>> + Send + 'static,
    ) -> Self {
        match bounded(PATIENCE, opening).await {
            Ok(opened) => {
                self.baseline = opened.baseline;
                self.contestants.extend(opened.contestants);
                self.processes.extend(opened.processes.into_iter().map(|(_, process)| (peer, process)));
                self.failed.extend(opened.failed);
            }
            Err(why) => self.failed.push((peer.into(), format!("{why:#}"))),
        }
        self
    }

    /// The same workload, in which nobody takes part yet.
    #[must_use]
    pub fn empty(&self) -> Self {
        Self::new(self.workload, self.payload, self.baseline)
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
        self.processes.push((OURS, process));
        self
    }

    /// Those take no part whose name is refused.
    pub fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.contestants.retain(|(peer, _)| wanted(peer));
    }

    /// Lets all of them do the job `runs` times in turn, after a short time to warm up. `tell` hears who is next. Whoever
    /// fails, or takes a minute longer than it should, is out, and the others go on.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the contest, and the other side's processes with it.
    pub async fn run(mut self, runs: usize, time: Duration, mut tell: impl FnMut(&str) + Send) -> Results {
        let mut results = Results::new(self.workload, self.payload, self.baseline);
        for run in 0..=runs {
            let now = if run == 0 { "warms up".into() } else { format!("run {run} of {runs}") };
            let time = if run == 0 { time / 10 } else { time };
            for (peer, mut contestant) in std::mem::take(&mut self.contestants) {
                tell(&format!("{peer}, {now}"));
                let job = async move { Ok((contestant.measure(time).await?, contestant)) };
                match bounded(time + PATIENCE, job).await {
                    Ok((figures, contestant)) => {
                        if run > 0 {
                            figures.into_iter().for_each(|(metric, value)| results.add(&peer, metric, value));
                        }
                        self.contestants.push((peer, contestant));
                    }
                    Err(why) => self.failed.push((peer, format!("{now}: {why:#}"))),
                }
            }
        }
        drop(self.contestants);
        for (peer, process) in self.processes {
            if let Err(why) = process.end().await {
                self.failed.push((peer.into(), format!("at the end: {why:#}")));
            }
        }
        results.fail(self.failed, runs);
        results
    }
}

/// Does a job in a task of its own, so that neither a panic nor a thread that it blocks concerns who waits for it.
async fn bounded<T: Send + 'static>(
    time: Duration,
    job: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let mut job = task(job);
    match timeout(time, &mut job).await {
        Ok(done) => done.context("it panicked")?,
        Err(_) => {
            job.abort();
            anyhow::bail!("not done after {time:?}")
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Does it so often, and then fails.
    struct Tired(usize);

    #[async_trait]
    impl Contestant for Tired {
        async fn measure(&mut self, _: Duration) -> anyhow::Result<Vec<Figure>> {
            self.0 = self.0.checked_sub(1).context("too tired")?;
            Ok(vec![(Metric::ReqsPerS, 1.0)])
        }
    }

    #[test]
    fn who_fails_is_named_and_the_others_go_on() {
        let contest = async {
            let nobody = Contest::new("W3", 64, RAW);
            let (ours, theirs) = (nobody.empty(), nobody.empty());
            nobody
                .open(OURS, async move { Ok(ours.with(OURS, Tired(6)).with("third", Tired(3))) })
                .await
                .open("absent", async { anyhow::bail!("not installed") })
                .await
                .open("broken", async { unreachable!("it panics") })
                .await
                .open("guest", async move { Ok(theirs.with("guest", Tired(6))) })
                .await
                .run(5, Duration::ZERO, |_| ())
                .await
        };
        let results = crate::run(&crate::runtime(), contest);
        let failures: Vec<_> =
            results.failures.iter().map(|failure| (&failure.peer[..], &failure.failed[..])).collect();
        assert_eq!(failures[0], ("absent", "not installed"));
        assert_eq!(failures[2], ("third", "run 3 of 5: too tired"));
        assert!(failures[1].0 == "broken" && failures[1].1.contains("it panicked"), "{failures:?}");
        let lines = results.lines(true);
        let peers: Vec<_> = lines.iter().map(|line| &line.peer[..]).collect();
        assert_eq!(peers, [OURS, "guest"], "medians are of all runs");
    }
}
