//! `mp-sim soak`.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use mp_sim::soak::{Options, Program, SoakError, run};
use mp_transport::clock;

use super::args::Soak;
use super::output::Output;

/// Runs a soak; the exit code is 2 if there is no result.
pub(super) fn soak(args: &Soak, output: &mut Output) -> io::Result<ExitCode> {
    match perform(args, output) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => {
            output.soak_failed(&error)?;
            Ok(ExitCode::from(2))
        }
    }
}

fn perform(args: &Soak, output: &mut Output) -> Result<bool, SoakError> {
    // Which faults happen when is of no importance, as long as it is known afterwards.
    let by_time = Duration::try_from_secs_f64(clock::wall()).unwrap_or_default().as_secs() % 1_000_000;
    let mut options =
        Options::new(Duration::from_secs(args.seconds), args.nodes, args.seed.unwrap_or(by_time));
    options.globals = args.globals.clamp(1, args.nodes);
    options.keep = args.keep;
    options.cert = args.tls.as_ref().map(std::fs::read_to_string).transpose()?;
    let program = Program::new(std::env::current_exe()?, &["soak-node"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let summary = runtime.block_on(run(options, program, |progress| output.soak_progress(progress)))?;
    output.soaked(&summary)?;
    Ok(summary.violations.is_empty())
}
