//! The simulated world: a network, hosts with programs on them, and what happens to both.

mod process;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mp_node::WeakNode;
use mp_node::memory::{Death, MemoryNet};
use mp_transport::clock;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use process::Process;

use crate::{Dice, Fault};

/// The port on which each host's node listens.
pub const PORT: u16 = 4040;

/// The secret of all nodes of a world.
pub(crate) const SECRET: &str = "simulated";

/// A simulated world. Cheap to clone; all clones are the same world.
///
/// It has *hosts*, each with a *program*; a running program is a [`Process`], which can be [killed](World::kill) and
/// [restarted](World::restart). Between hosts is a [network](World::net).
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

struct Shared {
    seed: u64,
    net: MemoryNet,
    begun: Instant,
    runtime: Handle,
    state: Mutex<State>,
    failed: watch::Sender<bool>,
}

struct State {
    trace: Option<String>,
    violation: Option<String>,
    hosts: BTreeMap<String, Host>,
    /// Faults that were applied, by kind.
    faults: BTreeMap<&'static str, u64>,
}

type Program = dyn Fn(Process) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

struct Host {
    program: Arc<Program>,
    /// Processes that have begun here.
    lives: u64,
    running: Option<Running>,
}

/// A process, as the world holds it.
struct Running {
    life: u64,
    killed: CancellationToken,
    node: Option<WeakNode>,
    at_death: Vec<Box<dyn FnOnce() + Send>>,
}

impl World {
    pub(crate) fn new(seed: u64, traced: bool, runtime: Handle) -> Self {
        let begun = {
            let _inside = runtime.enter();
            clock::now()
        };
        let state = State {
            trace: traced.then(String::new),
            violation: None,
            hosts: BTreeMap::new(),
            faults: BTreeMap::new(),
        };
        let net = MemoryNet::new(seed);
        let state = Mutex::new(state);
        let failed = watch::Sender::new(false);
        Self { shared: Arc::new(Shared { seed, net, begun, runtime, state, failed }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seed from which this world follows.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// A stream of chance for one purpose: the same for the same seed and purpose.
    #[must_use]
    pub fn dice(&self, purpose: &str) -> Dice {
        Dice::stream(self.shared.seed, purpose)
    }

    /// The network: its links can be delayed, throttled, cut and healed one by one. See also [`World::apply`].
    #[must_use]
    pub fn net(&self) -> &MemoryNet {
        &self.shared.net
    }

    /// The virtual time since the world began.
    #[must_use]
    pub fn now(&self) -> Duration {
        clock::now().saturating_duration_since(self.shared.begun)
    }

    /// Waits. `tokio::time::sleep` does the same.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the wait and does nothing else.
    pub async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    // ---- what is observed ----

    /// Adds a line to the trace, with the time before it: `world.note(format_args!("{name} is up"))`. Costs next to
    /// nothing if no trace is kept.
    pub fn note(&self, line: fmt::Arguments<'_>) {
        let now = self.now();
        tracing::debug!("{:.3} {line}", now.as_secs_f64());
        if let Some(trace) = &mut self.lock().trace {
            let written = writeln!(trace, "{:>8}.{:03} {line}", now.as_millis(), now.subsec_micros() % 1000);
            debug_assert!(written.is_ok(), "a string takes all");
        }
    }

    /// Something is as it must not be: the run ends, and has failed. The first word counts.
    pub fn violation(&self, what: fmt::Arguments<'_>) {
        self.note(format_args!("VIOLATION {what}"));
        self.lock().violation.get_or_insert_with(|| what.to_string());
        self.shared.failed.send_replace(true);
    }

    /// Waits until something is as it must not be.
    pub(crate) async fn failed(&self) {
        // The sender is ours, so it is there as long as we wait.
        drop(self.shared.failed.subscribe().wait_for(|failed| *failed).await);
    }

    /// The violation, if there was one, and the trace. The hosts' programs go: they hold what holds this world.
    pub(crate) fn end(&self) -> (Option<String>, String) {
        let mut state = self.lock();
        let (hosts, ended) = (std::mem::take(&mut state.hosts), (state.violation.take(), state.trace.take()));
        drop(state);
        drop(hosts);
        (ended.0, ended.1.unwrap_or_default())
    }

    /// How many faults of which kind were applied.
    #[must_use]
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.lock().faults.clone()
    }

    // ---- hosts ----

    /// Makes a host with a program and starts it. The program runs until it returns or the host is killed; it is
    /// called anew for each [restart](World::restart). A panic in it fails the run.
    ///
    /// ```
    /// # use mp_sim::{Sim, Process};
    /// let sim = Sim::new(1).run(|world| async move {
    ///     world.host("alice", |process: Process| async move {
    ///         let node = process.start().await;
    ///         process.world().note(format_args!("{} listens", node.id()));
    ///         std::future::pending::<()>().await;
    ///     });
    ///     world.sleep(std::time::Duration::from_secs(1)).await;
    ///     assert!(world.node("alice").is_some());
    /// });
    /// assert!(sim.is_ok());
    /// ```
    pub fn host<P, F>(&self, name: &str, program: P)
    where
        P: Fn(Process) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let program: Arc<Program> = Arc::new(move |process| Box::pin(program(process)));
        self.lock().hosts.insert(name.to_owned(), Host { program, lives: 0, running: None });
        self.restart(name);
    }

    /// The hosts, in order, up or down.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.lock().hosts.keys().cloned().collect()
    }

    /// Whether a host's program is running.
    #[must_use]
    pub fn is_up(&self, host: &str) -> bool {
        self.lock().hosts.get(host).is_some_and(|host| host.running.is_some())
    }

    /// The node of a host's process, if it has [started](Process::start) one and lives.
    #[must_use]
    pub fn node(&self, host: &str) -> Option<mp_node::Node> {
        self.lock().hosts.get(host)?.running.as_ref()?.node.as_ref()?.upgrade()
    }

    /// Starts a host's program again, with the same name and addresses. Does nothing if it is running.
    pub fn restart(&self, host: &str) {
        let mut state = self.lock();
        let Some(entry) = state.hosts.get_mut(host).filter(|entry| entry.running.is_none()) else { return };
        let (life, killed) = (entry.lives, CancellationToken::new());
        entry.lives += 1;
        entry.running = Some(Running { life, killed: killed.clone(), node: None, at_death: Vec::new() });
        let program = Arc::clone(&entry.program);
        drop(state);
        self.note(format_args!("{host} starts, life {life}"));
        let process = Process::new(self.clone(), host, life, killed);
        let running = process.clone();
        process.spawn(async move {
            program(running.clone()).await;
            running.exit();
        });
    }

    /// Kills a host's process at once: nothing of it runs any more, and its peers see what `death` says. Does nothing if
    /// it is not running.
    pub fn kill(&self, host: &str, death: Death) {
        let running = self.lock().hosts.get_mut(host).and_then(|entry| entry.running.take());
        if let Some(running) = running {
            self.note(format_args!("{host} dies: {death:?}"));
            self.bury(host, running, death);
        }
    }

    fn bury(&self, host: &str, running: Running, death: Death) {
        for hook in running.at_death {
            hook();
        }
        self.shared.net.kill_host(host, death);
        running.killed.cancel();
    }

    /// The process `life` of a host has come to its own end.
    fn ended(&self, host: &str, life: u64) {
        let of_that_life = |running: &mut Running| running.life == life;
        let running = self.lock().hosts.get_mut(host).and_then(|entry| entry.running.take_if(of_that_life));
        if let Some(running) = running {
            self.note(format_args!("{host} has ended"));
            self.bury(host, running, Death::Reset);
        }
    }

    /// Changes the record of the process `life`, if it is running.
    fn with_running(&self, host: &str, life: u64, change: impl FnOnce(&mut Running)) {
        let mut state = self.lock();
        let running = state.hosts.get_mut(host).and_then(|entry| entry.running.as_mut());
        if let Some(running) = running.filter(|running| running.life == life) {
            change(running);
        }
    }

    // ---- faults ----

    /// Makes a fault happen now. A [crash](Fault::Crash) ends by a restart after its time.
    ///
    /// # Cancellation
    ///
    /// Only [`Fault::ClockJump`] waits; the clock may then have moved by less.
    pub async fn apply(&self, fault: &Fault) {
        self.note(format_args!("fault: {fault}"));
        *self.lock().faults.entry(fault.kind()).or_default() += 1;
        fault.apply(self).await;
    }

    /// Ends all faults: links are as at the beginning of the world but for a delay of 1 ms, hosts that are down are
    /// restarted. Half-open connections stay what they are, until their nodes notice.
    pub fn heal(&self) {
        self.note(format_args!("all is healed"));
        let everywhere = self.shared.net.everywhere();
        everywhere.heal();
        everywhere.throttle(None);
        everywhere.delay(Duration::from_millis(1), Duration::ZERO);
        for host in self.hosts() {
            self.restart(&host);
        }
    }

    /// Runs a future beside the scenario; it ends with the run.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.shared.runtime.spawn(task));
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("seed", &self.shared.seed).finish_non_exhaustive()
    }
}
