//! What goes wrong in a run is reported, with its seed.

use std::future::pending;
use std::time::Duration;

use mp_sim::{Death, Process, Sim, World, check};

fn what<F: Future<Output = ()>>(scenario: impl FnOnce(World) -> F) -> String {
    let failure = Sim::new(17).time_limit(Duration::from_secs(60)).run(scenario).expect_err("it fails");
    failure.to_string()
}

#[test]
fn a_run_fails_for_many_reasons() {
    let said = what(|world| async move { world.violation(format_args!("so it is")) });
    assert_eq!(said, "seed 17: so it is");
    assert_eq!(what(|_| pending()), "seed 17: it is not over after 60s of its time");
    let panicked = what(|_| async { panic!("oh") });
    assert_eq!(panicked, "seed 17: oh");
    let inside = what(|world| async move {
        world.host("a", |_: Process| async { panic!("ah") });
        pending::<()>().await;
    });
    assert_eq!(inside, "seed 17: a: ah");
}

#[test]
fn a_process_that_is_killed_does_nothing_more() {
    let run = Sim::new(1).traced(true).run(|world| async move {
        world.host("a", |process: Process| async move {
            let (world, life) = (process.world().clone(), process.life());
            let other = process.clone();
            process.spawn(async move {
                loop {
                    other.world().sleep(Duration::from_millis(400)).await;
                    other.world().note(format_args!("tick of {life}"));
                }
            });
            process.at_death(move || world.note(format_args!("the end of {life}")));
            pending::<()>().await;
        });
        world.sleep(Duration::from_secs(1)).await;
        world.kill("a", Death::Silent);
        assert!(!world.is_up("a"));
        world.sleep(Duration::from_secs(1)).await;
        world.restart("a");
        world.sleep(Duration::from_millis(500)).await;
    });
    let trace = run.expect("it goes well").trace;
    let lines: Vec<&str> = trace.lines().map(|line| line.trim_start()).collect();
    assert_eq!(
        lines,
        [
            "0.000 a starts, life 0",
            "400.000 tick of 0",
            "800.000 tick of 0",
            "1000.000 a dies: Silent",
            "1000.000 the end of 0",
            "2000.000 a starts, life 1",
            "2400.000 tick of 1",
        ]
    );
}

#[test]
#[should_panic(expected = "seed 3: three; repeat it with MP_SIM_SEED=3")]
fn the_first_seed_that_fails_is_named() {
    check(0..10, |world| async move {
        if world.seed() == 3 {
            world.violation(format_args!("three"));
        }
    });
}
