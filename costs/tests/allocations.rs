//! Allocations of each job, held against `allocations.txt`. With `MP_COSTS_UPDATE=1`, what is counted is taken as the
//! baseline; `.ci/costs --update` does that, too.

use std::collections::BTreeMap;
use std::path::Path;

use allocation_counter::measure;
use mp_costs::{ALL, Baseline};

/// Figures are for so many times, as a growing buffer allocates now and then only.
const TIMES: u64 = 1_000;
/// The job is done so many times, and in a second run that many more.
const FACTOR: u64 = 3;
/// Ports whose memory is measured.
const PORTS: usize = 8_192;

#[test]
fn no_job_allocates_more_than_it_did() {
    let mut now = BTreeMap::new();
    for case in ALL {
        (case.run)(case.times);
        let few = measure(|| (case.run)(case.times));
        let many = measure(|| (case.run)(case.times * FACTOR));
        let times = case.times * (FACTOR - 1);
        let per_thousand = |few: u64, many: u64| many.saturating_sub(few) * TIMES / times;
        now.insert(format!("{}/allocations", case.name), per_thousand(few.count_total, many.count_total));
        now.insert(format!("{}/bytes", case.name), per_thousand(few.bytes_total, many.bytes_total) / TIMES);
    }
    for (name, add) in mp_costs::cases::IDLE {
        let mut bytes = 0;
        (add)(PORTS, &mut |make| bytes = measure(make).bytes_current);
        let each = u64::try_from(bytes).expect("ports take memory") / PORTS as u64;
        now.insert(format!("idle/{name}/bytes"), each);
    }
    check(&now);
}

fn check(now: &BTreeMap<String, u64>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("allocations.txt");
    let text = std::fs::read_to_string(&path).expect("the baseline is in the repository");
    let mut baseline = Baseline::parse(&text).expect("the baseline is well-formed");
    let comparison = baseline.compare(now);
    if std::env::var_os("MP_COSTS_UPDATE").is_some() {
        comparison.changes.iter().chain(&comparison.worse).for_each(|line| println!("changed: {line}"));
        baseline.figures = now.clone();
        std::fs::write(&path, baseline.to_text()).expect("it can be written");
        return;
    }
    comparison.better.iter().for_each(|line| println!("better, the baseline should be lowered: {line}"));
    let hint = "`.ci/costs --update` takes what is counted now as the baseline";
    assert!(comparison.worse.is_empty(), "\n{}\n{hint}\n", comparison.worse.join("\n"));
}
