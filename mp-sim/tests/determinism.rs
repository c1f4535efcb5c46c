//! The same seed gives the same run, byte for byte, in any process.

use std::process::Command;

use mp_sim::scenario::{self, Options};

/// What a fresh process prints of a seed.
fn replay(seed: u64) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_mp-sim")).arg("replay").arg(seed.to_string()).output();
    output.expect("the program runs").stdout
}

#[test]
fn a_seed_gives_the_same_trace_in_every_process() {
    for seed in 1000..1020 {
        let (one, other) = (replay(seed), replay(seed));
        assert!(one.len() > 10_000, "seed {seed}: little is noted");
        if one != other {
            let (one, other) = (String::from_utf8_lossy(&one), String::from_utf8_lossy(&other));
            let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
            panic!("seed {seed}: {differs:?}");
        }
    }
}

#[test]
fn whether_a_trace_is_kept_makes_no_difference() {
    for seed in 0..5 {
        let run = |traced| scenario::run(seed, &Options::default(), traced).expect("nothing is violated");
        let (with, without) = (run(true), run(false));
        assert_eq!(with.value, without.value);
        assert!(without.trace.is_empty() && !with.trace.is_empty());
    }
}

#[test]
fn seeds_differ() {
    assert_ne!(replay(1), replay(2));
}
