//! The command line of `mp-bench`.

mod args;
mod output;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Parser;

use self::args::Args;
use self::output::Output;
use crate::contest::OURS;
use crate::process::{SIDE, be_the_side};
use crate::workload::{ALL, Settings, Workload, named};

/// The most runs, and seconds for each.
const MOST: f64 = 1_000.0;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let done = if std::env::args().nth(1).as_deref() == Some(SIDE) {
        be_the_side()
    } else {
        let args = Args::parse();
        let runtime = crate::runtime();
        crate::run(&runtime, run(args))
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::fail(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    if !(0.0..=MOST).contains(&args.seconds) {
        bail!("a run lasts 0 to {MOST} seconds");
    }
    let workloads: Vec<Workload> =
        if args.workload == "all" { ALL.to_vec() } else { named(&args.workload).into_iter().collect() };
    if workloads.is_empty() {
        bail!("there is no workload {}; see `mp-bench --help`", args.workload);
    }
    let time = Duration::from_secs_f64(args.seconds);
    let settings = Settings { framing: args.framing };
    let mut output = Output::new(&args);
    for workload in workloads {
        for payload in args.payload.map_or(workload.payloads.to_vec(), |payload| vec![payload]) {
            let what = format!("{} {payload} B", workload.name);
            output.progress(&format!("{what}: begins"));
            let mut contest = (workload.open)(settings, payload).await?;
            if !args.vs {
                contest.keep(|peer| peer.starts_with(OURS));
            }
            let tell = |now: &str| output.progress(&format!("{what}: {now}"));
            let results = contest.run(args.runs, time, tell).await?;
            output.results(&results)?;
        }
    }
    output.end()
}
