//! Laws of the plan, under any order of deaths, stops, time-outs and failures to start.

use std::collections::BTreeSet;

use proptest::prelude::{Just, any, prop_assert, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

use super::{ChildPlan, Duration, Instant, Phase, Plan, Reason, Restart, Step};
use crate::supervise::Strategy;

const PERIOD: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(2);
const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
const RESTARTS: [Restart; 3] = [Restart::Permanent, Restart::Transient, Restart::Temporary];

/// What happens next.
#[derive(Debug, Clone)]
enum Happens {
    /// One of those that live dies, normally or not.
    Dies(usize, bool),
    /// One that is to stop does so.
    Stops,
    /// So many milliseconds pass.
    Passes(u64),
    Shutdown,
}

fn happens() -> impl proptest::strategy::Strategy<Value = Happens> {
    prop_oneof![
        6 => (0..8_usize, any::<bool>()).prop_map(|(child, normal)| Happens::Dies(child, normal)),
        6 => Just(Happens::Stops),
        4 => (0..4000_u64).prop_map(Happens::Passes),
        1 => Just(Happens::Shutdown),
    ]
}

/// The children as they really are, and what the plan has said of them.
struct World {
    plan: Plan,
    now: Instant,
    up: Vec<Option<u64>>,
    stopping: Vec<bool>,
    restarts: Vec<Instant>,
    starts: Vec<u64>,
    end: Option<Reason>,
    shut: bool,
    strategy: Strategy,
    kinds: Vec<Restart>,
    /// Whose last end was one that is not mended.
    done: BTreeSet<usize>,
}

impl World {
    fn new(strategy: Strategy, kinds: &[Restart], most: usize) -> Self {
        let children = kinds.iter().enumerate().map(|(number, &restart)| ChildPlan {
            name: number.to_string(),
            restart,
            patience: PATIENCE,
        });
        let mut world = Self {
            plan: Plan::new(strategy, most, PERIOD, children.collect()),
            now: mp_transport::clock::now(),
            up: vec![None; kinds.len()],
            stopping: vec![false; kinds.len()],
            restarts: Vec::new(),
            starts: vec![0; kinds.len()],
            end: None,
            shut: false,
            strategy,
            kinds: kinds.to_vec(),
            done: BTreeSet::new(),
        };
        world.plan.start(world.now);
        world.follow();
        world
    }

    /// Does what the plan says, and checks that it may say so.
    fn follow(&mut self) {
        let mut last_start = None;
        while let Some(step) = self.plan.poll_step() {
            assert_eq!(self.end, None, "nothing comes after the end: {step:?}");
            match step {
                Step::Start(child, life) => {
                    assert_eq!(self.up[child], None, "child {child} is started twice");
                    assert!(!self.done.contains(&child), "child {child} was done");
                    assert!(self.stopping.iter().all(|stopping| !stopping), "all have stopped first");
                    assert!(last_start < Some(child), "children start in order");
                    assert_eq!(life, self.starts[child] + 1, "lives are counted");
                    if self.strategy != Strategy::OneForOne {
                        let behind = self.up[child + 1..].iter().all(Option::is_none);
                        assert!(behind, "who depends on child {child} is not up before it");
                    }
                    last_start = Some(child);
                    (self.up[child], self.starts[child]) = (Some(life), life);
                }
                Step::Stop(child) => {
                    assert!(self.up[child].is_some(), "only who is up is stopped");
                    assert!(self.stopping.iter().all(|stopping| !stopping), "one after another");
                    assert!(self.up[child + 1..].iter().all(Option::is_none), "the last one first");
                    assert!(!self.is_running() || self.strategy != Strategy::OneForOne);
                    self.stopping[child] = true;
                }
                Step::Abandon(child) => {
                    assert!(self.stopping[child], "only who was asked to stop is abandoned");
                    self.gone(child, None);
                }
                Step::End(reason) => {
                    assert!(self.up.iter().all(Option::is_none), "nobody is left");
                    assert_eq!(reason.word(), if self.shut { "" } else { "too_many_restarts" });
                    self.end = Some(reason);
                }
            }
        }
        self.at_rest();
    }

    /// Nothing is asked of the world any more: then all is as it should be.
    fn at_rest(&self) {
        if self.end.is_some() || self.stopping.contains(&true) {
            return;
        }
        assert!(!self.shut, "a shutdown goes on until the end");
        for (child, up) in self.up.iter().enumerate() {
            assert_eq!(up.is_none(), self.done.contains(&child), "child {child} is up, or done");
        }
        assert_eq!(self.plan.poll_timeout(), None);
    }

    fn is_running(&self) -> bool {
        matches!(self.plan.phase, Phase::Running | Phase::Restarting(_))
    }

    fn gone(&mut self, child: usize, normal: Option<bool>) {
        let asked = std::mem::take(&mut self.stopping[child]);
        self.up[child] = None;
        let mended = match self.kinds[child] {
            Restart::Permanent => true,
            Restart::Transient => asked || normal == Some(false),
            Restart::Temporary => false,
        };
        if !mended {
            self.done.insert(child);
        }
    }

    fn happen(&mut self, what: &Happens) {
        match what {
            Happens::Dies(child, normal) => {
                let child = child % self.up.len().max(1);
                let Some(life) = self.up.get(child).copied().flatten() else { return };
                let running = self.is_running();
                let asked = self.stopping[child];
                self.gone(child, Some(*normal));
                let reason = if *normal { Reason::normal() } else { Reason::die("test") };
                self.plan.died(child, life, &reason, self.now);
                let counts = running && !asked && !self.done.contains(&child);
                if counts && self.is_running() {
                    self.restarts.push(self.now);
                }
                // An old life's death says nothing.
                self.plan.died(child, life, &Reason::die("again"), self.now);
            }
            Happens::Stops => {
                if let Some(child) = self.stopping.iter().position(|stopping| *stopping) {
                    return self.happen(&Happens::Dies(child, true));
                }
            }
            Happens::Passes(millis) => {
                self.now += Duration::from_millis(*millis);
                if self.plan.poll_timeout().is_some_and(|at| at <= self.now) {
                    self.plan.handle_timeout(self.now);
                }
            }
            Happens::Shutdown => {
                self.shut |= self.is_running();
                self.plan.shutdown(Reason::normal(), self.now);
            }
        }
        self.follow();
    }
}

proptest! {
    /// Order, restarts by kind, one stop at a time, one end, and none of it twice: see `World::follow`.
    #[test]
    fn the_plan_keeps_its_laws(
        strategy in 0..3_usize,
        kinds in proptest::collection::vec(0..3_usize, 0..6),
        most in 0..6_usize,
        story in proptest::collection::vec(happens(), 0..60),
    ) {
        let kinds: Vec<_> = kinds.into_iter().map(|kind| RESTARTS[kind]).collect();
        let mut world = World::new(STRATEGIES[strategy], &kinds, most);
        for what in &story {
            world.happen(what);
            for from in 0..world.restarts.len() {
                let within = world.restarts[from..].iter().take_while(|&&at| at - world.restarts[from] < PERIOD);
                prop_assert!(within.count() <= most, "more restarts than are allowed");
            }
        }
        // However the story went, a shutdown ends it as soon as everybody's patience is over.
        world.happen(&Happens::Shutdown);
        for _ in 0..kinds.len() {
            world.happen(&Happens::Passes(2000));
        }
        prop_assert!(world.end.is_some());
    }
}

/// A plan of permanent children, started.
fn plan(strategy: Strategy, children: usize, most: usize) -> (Plan, Instant) {
    let child = |number: usize| ChildPlan {
        name: number.to_string(),
        restart: Restart::Permanent,
        patience: PATIENCE,
    };
    let mut plan = Plan::new(strategy, most, PERIOD, (0..children).map(child).collect());
    let now = mp_transport::clock::now();
    plan.start(now);
    assert_eq!(steps(&mut plan), (0..children).map(|number| Step::Start(number, 1)).collect::<Vec<_>>());
    (plan, now)
}

fn steps(plan: &mut Plan) -> Vec<Step> {
    std::iter::from_fn(|| plan.poll_step()).collect()
}

#[test]
fn one_for_one_starts_the_dead_one_alone() {
    let (mut plan, now) = plan(Strategy::OneForOne, 3, 5);
    plan.died(1, 1, &Reason::die("x"), now);
    assert_eq!(steps(&mut plan), [Step::Start(1, 2)]);
}

#[test]
fn rest_for_one_stops_and_starts_those_behind() {
    let (mut plan, now) = plan(Strategy::RestForOne, 4, 5);
    plan.died(1, 1, &Reason::die("x"), now);
    assert_eq!(steps(&mut plan), [Step::Stop(3)]);
    plan.died(3, 1, &Reason::normal(), now);
    assert_eq!(steps(&mut plan), [Step::Stop(2)]);
    plan.died(2, 1, &Reason::normal(), now);
    assert_eq!(steps(&mut plan), [Step::Start(1, 2), Step::Start(2, 2), Step::Start(3, 2)]);
}

#[test]
fn a_death_while_others_are_stopped_widens_the_restart() {
    let (mut plan, now) = plan(Strategy::RestForOne, 3, 5);
    plan.died(1, 1, &Reason::die("x"), now);
    assert_eq!(steps(&mut plan), [Step::Stop(2)]);
    plan.died(0, 1, &Reason::die("y"), now);
    assert_eq!(steps(&mut plan), []);
    plan.died(2, 1, &Reason::normal(), now);
    assert_eq!(steps(&mut plan), [Step::Start(0, 2), Step::Start(1, 2), Step::Start(2, 2)]);
}

#[test]
fn one_for_all_waits_no_longer_than_its_patience() {
    let (mut plan, now) = plan(Strategy::OneForAll, 2, 5);
    plan.died(0, 1, &Reason::die("x"), now);
    assert_eq!(steps(&mut plan), [Step::Stop(1)]);
    assert_eq!(plan.poll_timeout(), Some(now + PATIENCE));
    plan.handle_timeout(now + PATIENCE - Duration::from_millis(1));
    assert_eq!(steps(&mut plan), []);
    plan.handle_timeout(now + PATIENCE);
    assert_eq!(steps(&mut plan), [Step::Abandon(1), Step::Start(0, 2), Step::Start(1, 2)]);
    plan.died(1, 1, &Reason::die("at last"), now + PATIENCE);
    assert_eq!(steps(&mut plan), [], "that was its first life");
}

/// At the bound, and one past it.
#[test]
fn more_deaths_than_the_intensity_end_it() {
    let (mut plan, now) = plan(Strategy::OneForOne, 2, 2);
    for life in 1..=2 {
        plan.died(0, life, &Reason::die("x"), now);
        assert_eq!(steps(&mut plan), [Step::Start(0, life + 1)]);
    }
    plan.died(0, 3, &Reason::die("x"), now + PERIOD - Duration::from_millis(1));
    assert_eq!(steps(&mut plan), [Step::Stop(1)]);
    plan.died(1, 1, &Reason::normal(), now + PERIOD);
    let [Step::End(reason)] = &steps(&mut plan)[..] else { panic!("it should have ended") };
    assert_eq!(reason.word(), "too_many_restarts");
}

#[test]
fn deaths_that_are_long_past_do_not_count() {
    let (mut plan, now) = plan(Strategy::OneForOne, 1, 1);
    plan.died(0, 1, &Reason::die("x"), now);
    plan.died(0, 2, &Reason::die("x"), now + PERIOD);
    assert_eq!(steps(&mut plan), [Step::Start(0, 2), Step::Start(0, 3)]);
}
