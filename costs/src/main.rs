//! Counts what each job takes in instructions, and compares with the baseline; `.ci/costs` runs it.
//!
//! ```text
//! mp-costs BASELINE [--update]      counts, and compares; or takes what it counted as the baseline
//! mp-costs run JOB TIMES            does a job
//! ```

#![expect(clippy::print_stdout, reason = "this is a program for developers")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use mp_costs::{ALL, Baseline, Case};

/// The job is done so many times, and in a second run that many more.
const FACTOR: u64 = 3;
/// The C library has several forms of the same function, and chooses by the processor: here it takes those that each
/// has, so that baselines hold on other machines.
const PLAIN: &str = "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2,-MOVBE,-AVX_Fast_Unaligned_Load,-Prefer_No_VZEROUPPER";

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", name, times] => {
            let case = ALL.iter().find(|case| case.name == name).context("there is no such job")?;
            (case.run)(times.parse()?);
            Ok(ExitCode::SUCCESS)
        }
        [path] => compare(Path::new(path), false),
        [path, "--update"] => compare(Path::new(path), true),
        _ => bail!("usage: mp-costs BASELINE [--update]"),
    }
}

fn compare(path: &Path, update: bool) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut baseline = Baseline::parse(&text)?;
    let mut now = BTreeMap::new();
    for case in ALL {
        let figure = instructions(case).with_context(|| case.name.to_owned())?;
        println!("{:<28} {figure:>8}", case.name);
        now.insert(case.name.to_owned(), figure);
    }
    let comparison = baseline.compare(&now);
    if update {
        comparison.changes.iter().chain(&comparison.worse).for_each(|line| println!("changed: {line}"));
        baseline.figures = now;
        std::fs::write(path, baseline.to_text())?;
        return Ok(ExitCode::SUCCESS);
    }
    comparison.better.iter().for_each(|line| println!("better, the baseline should be lowered: {line}"));
    comparison.worse.iter().for_each(|line| println!("WORSE: {line}"));
    if !(comparison.worse.is_empty() && comparison.better.is_empty()) {
        println!("`.ci/costs --update` takes what was counted now as the baseline");
    }
    Ok(if comparison.worse.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Instructions of one time.
fn instructions(case: &Case) -> anyhow::Result<u64> {
    let few = count(case, case.times)?;
    let many = count(case, case.times * FACTOR)?;
    let times = case.times * (FACTOR - 1);
    Ok(many.checked_sub(few).context("more took less")?.div_ceil(times))
}

/// Instructions of a process that does the job so many times.
fn count(case: &Case, times: u64) -> anyhow::Result<u64> {
    let program = std::env::current_exe()?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    command.args(["run", case.name, &times.to_string()]).env("GLIBC_TUNABLES", PLAIN);
    let output = command.output().context("cannot run valgrind, which this needs")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "failed: {said}");
    let counted =
        said.lines().find_map(|line| line.split_once("Collected : ")).context("valgrind counted nothing")?;
    Ok(counted.1.trim().parse()?)
}
