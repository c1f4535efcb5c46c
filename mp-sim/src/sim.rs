//! One run of a simulation, and many.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::World;

/// Virtual time that a run may take before it counts as hanging, unless [`Sim::time_limit`] says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// A simulation: what is to follow from one seed.
#[derive(Debug, Clone)]
#[must_use = "a simulation does nothing until `run`"]
pub struct Sim {
    seed: u64,
    time_limit: Duration,
    traced: bool,
}

/// A run that went as it should.
#[derive(Debug)]
pub struct Outcome<T> {
    /// What the scenario gave.
    pub value: T,
    /// What was noted, a line each; empty unless asked for by [`Sim::traced`].
    pub trace: String,
    /// The virtual time that it took.
    pub elapsed: Duration,
}

/// A run that broke a guarantee, panicked or hung.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed that repeats it.
    pub seed: u64,
    /// What was wrong.
    pub what: String,
    /// What was noted until then; empty unless asked for by [`Sim::traced`].
    pub trace: String,
}

impl Sim {
    /// The simulation that follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, time_limit: TIME_LIMIT, traced: false }
    }

    /// The virtual time after which a run has failed because it hangs. Default: a day.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Keeps what is noted ([`World::note`]). A trace takes time and memory, and changes nothing else.
    pub fn traced(mut self, traced: bool) -> Self {
        self.traced = traced;
        self
    }

    /// Runs a scenario to its end on a runtime of its own: one thread, whose clock stands still while anything can
    /// be done and then jumps to what comes next. So an hour of the network's takes as long as the work in it.
    ///
    /// The run follows from the seed if the scenario, and the programs on its hosts, take chance from
    /// [`World::dice`], time from [`World::now`] or tokio, do no I/O, iterate over no hash map, and use
    /// `tokio::select!` with `biased` only.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the scenario or a host's program has panicked, [`World::violation`] was called, or the time limit
    /// was reached.
    pub fn run<S, F, T>(&self, scenario: S) -> Result<Outcome<T>, Box<Failure>>
    where
        S: FnOnce(World) -> F,
        F: Future<Output = T>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| self.failure(error.to_string(), String::new()))?;
        let world = World::new(self.seed, self.traced, runtime.handle().clone());
        let ran = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let limit = self.time_limit;
                tokio::select! {
                    biased;
                    () = world.failed() => None,
                    value = scenario(world.clone()) => Some(value),
                    () = tokio::time::sleep(limit) => {
                        world.violation(format_args!("it is not over after {limit:?} of its time"));
                        None
                    }
                }
            })
        }));
        let ran = ran.unwrap_or_else(|panic| {
            world.violation(format_args!("{}", panic_text(&*panic)));
            None
        });
        let elapsed = runtime.block_on(async { world.now() });
        let (what, trace) = world.end();
        match (ran, what) {
            (Some(value), None) => Ok(Outcome { value, trace, elapsed }),
            (_, what) => Err(self.failure(what.unwrap_or_default(), trace)),
        }
    }

    fn failure(&self, what: String, trace: String) -> Box<Failure> {
        Box::new(Failure { seed: self.seed, what, trace })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

impl std::error::Error for Failure {}

/// Runs a scenario with each of these seeds: what an application's test calls. With `MP_SIM_SEED=17` in the environment,
/// only that seed is run.
///
/// # Panics
///
/// With the first seed that fails, what was wrong, and the run's trace.
#[expect(clippy::panic, reason = "it is called by tests")]
pub fn check<S, F>(seeds: Range<u64>, scenario: S)
where
    S: Fn(World) -> F,
    F: Future<Output = ()>,
{
    let one = std::env::var("MP_SIM_SEED").ok().and_then(|text| text.parse().ok());
    let seeds = one.map_or(seeds, |seed| seed..seed + 1);
    for seed in seeds {
        if Sim::new(seed).run(&scenario).is_ok() {
            continue;
        }
        // Once more, for the trace, which costs too much to be kept of each run.
        if let Err(failure) = Sim::new(seed).traced(true).run(&scenario) {
            panic!("{}{failure}; repeat it with MP_SIM_SEED={seed}", failure.trace);
        }
        panic!(
            "seed {seed} failed, but not when it was repeated: something in it does not follow from the seed"
        );
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}
