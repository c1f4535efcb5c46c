//! What the system tells of processes, without which some workloads make no sense.

use std::path::Path;

use anyhow::Context;

/// Bytes of a page of memory, as `/proc` counts.
const PAGE: u64 = 4_096;

/// Bytes of this process that are in memory.
///
/// # Errors
///
/// The system does not tell.
pub fn resident() -> anyhow::Result<u64> {
    resident_of("self")
}

/// The same of the process with this number.
///
/// # Errors
///
/// The system does not tell.
pub fn resident_of(process: &str) -> anyhow::Result<u64> {
    let path = Path::new("/proc").join(process).join("statm");
    let all = std::fs::read_to_string(path).context("this workload needs Linux")?;
    let pages: u64 = all.split_whitespace().nth(1).context("resident pages")?.parse()?;
    Ok(pages * PAGE)
}

/// How many nanoseconds its threads have run so far.
///
/// # Errors
///
/// The system does not tell.
pub fn run_time_of(process: &str) -> anyhow::Result<u64> {
    let mut sum = 0;
    for thread in std::fs::read_dir(Path::new("/proc").join(process).join("task"))? {
        let all = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        sum += all.split_whitespace().next().context("a time")?.parse::<u64>()?;
    }
    Ok(sum)
}
