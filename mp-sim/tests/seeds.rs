//! What CI runs of the simulations. More of them: `mp-sim run`, `mp-sim collide`, `mp-sim form`.

#![expect(clippy::panic, reason = "a seed that fails is a failed test")]

use mp_sim::scenario::{self, Options, Report};
use mp_sim::{collide, form};

/// Runs these seeds on two threads.
fn run(seeds: std::ops::Range<u64>, options: &Options) -> Report {
    let half = |parity: u64| {
        let mut sum = Report::default();
        for seed in seeds.clone().filter(|seed| seed % 2 == parity) {
            match scenario::run(seed, options, false) {
                Ok(outcome) => sum.add(&outcome.value),
                Err(failure) => {
                    panic!("{failure}; repeat it with: mp-sim replay {seed}, and the test's options")
                }
            }
        }
        sum
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut sum = half(0);
        sum.add(&other.join().expect("no seed failed"));
        sum
    })
}

/// [ND-01] [ND-02] [ND-09] [ND-12] [ND-17] [ND-18] [MON-05] [MON-06] [GL-16]
#[test]
fn no_guarantee_is_broken() {
    let sum = run(0..300, &Options::default());
    println!("{sum:?}");
    assert!(sum.gaps > 300, "the faults are too tame: {} holes", sum.gaps);
    assert!(sum.fired > 10_000 && sum.changes > 100_000, "too little is checked: {sum:?}");
}

/// Load alone, and be it that mailboxes are full and ports are killed for it, breaks no connection. [ND-09] [ND-11]
#[test]
fn without_faults_no_connection_is_lost() {
    let sum = run(10_000..10_100, &Options::new(None, None, Some(0)));
    assert!(sum.faults() == 0 && sum.monitors > 10_000, "{sum:?}");
}

/// [GL-08] [GL-24]
#[test]
fn a_large_network_agrees() {
    run(0..2, &Options::new(Some(100), Some(5), None));
}

/// What is promised among our nodes holds with Perl's in the network, as slaves and as global nodes. [HS-16] [GL-31]
#[test]
fn perl_nodes_are_no_harm() {
    let sum = run(20_000..20_100, &Options::default().perl(Some(2)));
    assert!(sum.perl > 50 && sum.received > 20_000, "{sum:?}");
}

/// [ND-04]
#[test]
fn of_two_connections_made_at_the_same_instant_one_is_left() {
    for seed in 0..4000 {
        if let Err(failure) = collide::run(seed) {
            panic!("{failure}; repeat it with: mp-sim collide --start {seed} --seeds 1");
        }
    }
}

#[test]
fn a_hundred_nodes_form_a_network() {
    let formation = form::run(0, 100, 5).expect("they agree");
    assert!(formation.agreed_after.as_secs() < 10, "{formation:?}");
    assert!(formation.connections < 250 && formation.messages < 20_000, "{formation:?}");
}
