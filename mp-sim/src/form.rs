//! How a large network forms: `mp-sim form`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mp_transport::clock;

use crate::{Failure, Process, Sim, World};

/// The group that all nodes join.
const GROUP: &str = "all";
/// How often it is looked whether all agree.
const LOOK: Duration = Duration::from_millis(50);

/// How a network formed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Formation {
    /// Nodes.
    pub nodes: usize,
    /// How many of them are global.
    pub globals: usize,
    /// Virtual time until each node knew a port of each node.
    pub agreed_after: Duration,
    /// The time that it took to compute that.
    pub real: Duration,
    /// Messages that nodes received from one another until then.
    pub messages: u64,
    /// Connections then.
    pub connections: u64,
    /// Memory of the process that came on top meanwhile, in bytes, if the system tells.
    pub memory: Option<u64>,
}

/// Starts `nodes` nodes at once, of which the first `globals` are global nodes and the others have two of these for
/// seeds. Each registers a port in a group and monitors the group; it is over when each sees all ports.
///
/// # Errors
///
/// They do not agree within an hour of their time.
pub fn run(seed: u64, nodes: usize, globals: usize) -> Result<Formation, Box<Failure>> {
    let sim = Sim::new(seed).time_limit(Duration::from_secs(3600));
    let (before, begun) = (resident(), wall());
    let outcome = sim.run(|world| async move {
        let counts = form(&world, nodes, globals.clamp(1, nodes)).await;
        (counts, resident())
    })?;
    let ((messages, connections), after) = outcome.value;
    Ok(Formation {
        nodes,
        globals,
        agreed_after: outcome.elapsed,
        real: wall().saturating_duration_since(begun),
        messages,
        connections,
        memory: after.zip(before).map(|(after, before)| after.saturating_sub(before)),
    })
}

async fn form(world: &World, nodes: usize, globals: usize) -> (u64, u64) {
    world.net().everywhere().delay(Duration::from_millis(1), Duration::from_millis(4));
    let full: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    for number in 0..nodes {
        let full = Arc::clone(&full);
        world.host(&format!("n{number}"), move |process| {
            let full = Arc::clone(&full);
            async move { join(process, number, nodes, globals, full).await }
        });
    }
    while full.lock().unwrap_or_else(PoisonError::into_inner).len() < nodes {
        world.sleep(LOOK).await;
    }
    let all: Vec<_> = world.hosts().iter().filter_map(|host| world.node(host)).collect();
    let messages = all.iter().map(|node| node.stats().received).sum();
    let ends: usize = all.iter().map(|node| node.nodes().len()).sum();
    (messages, u64::try_from(ends / 2).unwrap_or(u64::MAX))
}

async fn join(
    process: Process,
    number: usize,
    nodes: usize,
    globals: usize,
    full: Arc<Mutex<BTreeSet<String>>>,
) {
    let mut dice = process.dice();
    let seeds: Vec<String> = if number < globals {
        (0..globals).map(|seed| format!("n{seed}")).collect()
    } else {
        (0..2).map(|_| format!("n{}", dice.index(globals))).collect()
    };
    let (node, global) = process.join(&seeds.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let port = node.port();
    let group = global.group(GROUP);
    let _member = group.register(&port).expect("there is room in the directory");
    let mut monitor = group.monitor().expect("there is room for a monitor");
    while monitor.next().await.is_some() {
        if monitor.members().len() == nodes {
            full.lock().unwrap_or_else(PoisonError::into_inner).insert(process.host().to_owned());
        }
    }
}

/// The machine's time: outside of a simulation, the clock is not paused.
fn wall() -> Instant {
    clock::now()
}

/// Memory that is in use by this process, where Linux says so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
