//! The command line of `mp-bench`, and of `mp-bench-peers`, which is the same with further contestants.

mod args;
mod output;
#[cfg(feature = "peers")]
mod peers;

use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;

use self::args::Args;
use self::output::Output;
use crate::contest::{Contest, OURS, RAW};
use crate::process::{SIDE, be_the_side};
use crate::side::Side;
use crate::workload::{ALL, Settings, Workload, named};

/// Other messaging systems, which take part in the same contests.
#[async_trait]
pub trait Guests: Send + Sync + 'static {
    /// Lets those take part that can do the job, each by [`Contest::open`].
    async fn join(&self, contest: Contest, workload: &'static str, payload: usize) -> Contest;
    /// Their names and versions, one in each line.
    fn versions(&self) -> String;
}

/// Nobody else.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

#[async_trait]
impl Guests for Nobody {
    async fn join(&self, contest: Contest, _: &'static str, _: usize) -> Contest {
        contest
    }

    fn versions(&self) -> String {
        String::new()
    }
}

/// Does what the command line of `mp-bench` says.
#[must_use]
pub fn main() -> ExitCode {
    if is_side() { end(be_the_side(Side::start)) } else { with(Nobody) }
}

/// Whether this process is to be the other side of a contest.
#[must_use]
pub fn is_side() -> bool {
    std::env::args().nth(1).as_deref() == Some(SIDE)
}

/// Does what the command line says, with guests.
#[must_use]
pub fn with(guests: impl Guests) -> ExitCode {
    let args = Args::parse();
    #[cfg(feature = "peers")]
    if args.peers {
        return peers::ask().unwrap_or_else(|error| end(Err(error)));
    }
    #[cfg(not(feature = "peers"))]
    if args.peers {
        args::no_peers();
    }
    let runtime = crate::runtime();
    let done = crate::run(&runtime, run(args, guests));
    // A contestant that hangs may hold a thread.
    runtime.shutdown_background();
    end(done)
}

/// Tells what went wrong, if something did.
#[must_use]
pub fn end(done: anyhow::Result<()>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    output::fail(&error);
    ExitCode::FAILURE
}

async fn run(args: Args, guests: impl Guests) -> anyhow::Result<()> {
    let jobs = jobs(&args.workload, args.payload);
    let time = Duration::from_secs_f64(args.seconds);
    let settings = Settings { framing: args.framing };
    let mut output = Output::new(&args);
    output.versions(&guests.versions());
    for (number, (workload, payload)) in jobs.iter().enumerate() {
        let what = format!("{} {payload} B", workload.name);
        output.begins(&what, number + 1, jobs.len());
        let nobody = Contest::new(workload.name, *payload, RAW);
        let mut contest = nobody.open(OURS, (workload.open)(settings, *payload)).await;
        if args.vs {
            contest = guests.join(contest, workload.name, *payload).await;
        } else {
            contest.keep(|peer| peer.starts_with(OURS));
        }
        let tell = |now: &str| output.progress(&format!("{what}: {now}"));
        let results = contest.run(args.runs, time, tell).await;
        output.results(&results)?;
    }
    output.end()
}

/// What this name stands for, with which payloads.
fn jobs(name: &str, payload: Option<usize>) -> Vec<(Workload, usize)> {
    let wanted: Vec<Workload> = if name == "all" { ALL.to_vec() } else { named(name).into_iter().collect() };
    let mut jobs = Vec::new();
    for workload in wanted {
        let payloads = payload.as_ref().map_or(workload.payloads, std::slice::from_ref);
        jobs.extend(payloads.iter().map(|payload| (workload, *payload)));
    }
    jobs
}
