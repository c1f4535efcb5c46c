//! What the program does.

mod args;
mod output;
mod pool;
#[cfg(unix)]
mod soak;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser as _;
use mp_sim::scenario::{self, Options, Report};
use mp_sim::{collide, form};

use self::args::{Args, Command, Seeds};
use self::output::Output;
use self::pool::{Run, each_seed};

pub(crate) fn main() -> ExitCode {
    let args = Args::parse();
    let mut output = Output::new(args.json);
    let performed = match &args.command {
        #[cfg(unix)]
        Command::Soak(args) => soak::soak(args, &mut output),
        #[cfg(unix)]
        Command::SoakNode { settings } => mp_sim::soak::node(settings),
        command => {
            let code = |all_well| if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            perform(command, &mut output).map(code)
        }
    };
    // If it fails, nobody reads any more.
    performed.unwrap_or(ExitCode::from(2))
}

/// Whether all went as it should.
fn perform(command: &Command, output: &mut Output) -> std::io::Result<bool> {
    match command {
        #[cfg(unix)]
        Command::Soak(_) | Command::SoakNode { .. } => Ok(false), // not simulated
        Command::Run { seeds, shape } => run(seeds, &shape.options(), output),
        Command::Replay { seed, shape, log } => {
            if let Some(filter) = log {
                output::start_log(filter);
            }
            let ran = scenario::run(*seed, &shape.options(), log.is_none());
            let told = match &ran {
                Ok(outcome) => output.trace(&outcome.trace, None),
                Err(failure) => output.trace(&failure.trace, Some(failure)),
            };
            match told {
                // Who has read enough, as `head` does, has not made the run fail.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
                _ => Ok(ran.is_ok()),
            }
        }
        Command::Collide { seeds } => {
            let (mut messages, mut collisions) = (0, 0);
            let all = each_seed(seeds, output, collide::run, |output, run| {
                match run.result {
                    Ok(count) => (messages, collisions) = (messages + count, collisions + 1),
                    Err(failure) => {
                        output.failure(&failure, &format!("mp-sim collide --start {} --seeds 1", run.seed))?
                    }
                }
                Ok(())
            })?;
            output.collisions(collisions, messages, &all)?;
            Ok(all.failed == 0)
        }
        Command::Form { nodes, globals, seed } => {
            let mut all_well = true;
            for nodes in nodes {
                match form::run(*seed, *nodes, *globals) {
                    Ok(formation) => output.formation(&formation)?,
                    Err(failure) => {
                        output.failure(&failure, &format!("mp-sim form --nodes {nodes} --seed {seed}"))?;
                        all_well = false;
                    }
                }
            }
            Ok(all_well)
        }
    }
}

fn run(seeds: &Seeds, options: &Options, output: &mut Output) -> std::io::Result<bool> {
    let mut sum = Report::default();
    let mut words = String::new();
    for (word, count) in [
        (" --nodes ", options.nodes),
        (" --up-to ", options.up_to),
        (" --globals ", options.globals),
        (" --perl ", options.perl),
        (" --faults ", options.faults),
    ] {
        words.extend(count.map(|count| format!("{word}{count}")));
    }
    let one = |seed| scenario::run(seed, options, false).map(|outcome| outcome.value);
    let all = each_seed(seeds, output, one, |output, run: Run<Report>| {
        match run.result {
            Ok(report) => sum.add(&report),
            Err(failure) => output.failure(&failure, &format!("mp-sim replay {}{words}", run.seed))?,
        }
        Ok(())
    })?;
    output.summary(&sum, &all)?;
    Ok(all.failed == 0)
}
