//! What all that a process does shares.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use mp_global::Global;
use mp_node::{Node, NodeId, PortId, Reason};
use tokio::sync::watch;

use super::node_of;
use crate::Dice;
use crate::soak::control::{Phase, Settings};
use crate::soak::record::{Event, LARGE_SHARE, Recorder, SHARE};

/// Dead ports of others that are remembered.
const GRAVES: usize = 32;

/// A port, as its number and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) number: u32,
    pub(super) id: PortId,
}

/// This process.
#[derive(Debug)]
pub(super) struct Life {
    node: Node,
    global: Global,
    recorder: Recorder,
    host: u32,
    hosts: u32,
    numbers: Numbers,
    phase: watch::Sender<Phase>,
    ports: Mutex<Ports>,
}

/// The ports that it knows.
#[derive(Debug, Default)]
struct Ports {
    own: BTreeMap<u32, PortId>,
    alive: BTreeMap<u32, PortId>,
    dead: VecDeque<Address>,
}

/// Numbers that no other process has.
#[derive(Debug)]
pub(super) struct Numbers {
    process: u32,
    ports: AtomicU32,
    senders: AtomicU32,
    others: AtomicU64,
}

impl Numbers {
    /// For a port; none if it had all.
    pub(super) fn port(&self) -> Option<u32> {
        self.small(&self.ports)
    }

    /// For a sender.
    pub(super) fn sender(&self) -> u32 {
        self.small(&self.senders).expect("they are few")
    }

    /// For a monitor or an errand.
    pub(super) fn other(&self) -> u64 {
        u64::from(self.process) * LARGE_SHARE + self.others.fetch_add(1, Ordering::Relaxed)
    }

    fn small(&self, counter: &AtomicU32) -> Option<u32> {
        let next = counter.fetch_add(1, Ordering::Relaxed);
        (next < SHARE).then(|| self.process.saturating_mul(SHARE).saturating_add(next))
    }
}

impl Life {
    pub(super) fn new(node: Node, global: Global, recorder: Recorder, settings: &Settings) -> Self {
        let numbers = Numbers {
            process: settings.process,
            ports: AtomicU32::new(0),
            senders: AtomicU32::new(0),
            others: AtomicU64::new(0),
        };
        Self {
            node,
            global,
            recorder,
            host: settings.host,
            hosts: settings.hosts,
            numbers,
            phase: watch::Sender::new(Phase::Quiet),
            ports: Mutex::default(),
        }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    pub(super) fn global(&self) -> &Global {
        &self.global
    }

    pub(super) fn host(&self) -> u32 {
        self.host
    }

    pub(super) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(super) fn record(&self, event: &Event) {
        self.recorder.record(event);
    }

    /// Runs a task until it, or the node, ends.
    pub(super) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.node.spawn_task(task);
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Waits until this phase, or a later one.
    pub(super) async fn reaches(&self, wanted: Phase) {
        // It fails only when this process is no more.
        drop(self.phase.subscribe().wait_for(|phase| *phase >= wanted).await);
    }

    /// Any host.
    pub(super) fn any_host(&self, dice: &mut Dice) -> u32 {
        u32::try_from(dice.below(u64::from(self.hosts))).unwrap_or_default()
    }

    /// The other nodes.
    pub(super) fn others(&self) -> impl Iterator<Item = NodeId> + use<> {
        let own = self.host;
        (0..self.hosts).filter(move |host| *host != own).map(node_of)
    }

    /// A port of this process is there.
    pub(super) fn has(&self, port: u32, id: &PortId) {
        let mut ports = self.lock();
        ports.own.insert(port, id.clone());
        ports.alive.insert(port, id.clone());
    }

    /// It is dead.
    pub(super) fn has_lost(&self, port: u32, reason: Reason) {
        self.recorder.record_death(port, reason);
        self.lock().own.remove(&port);
        self.forgets(port);
    }

    /// Another process's port is there.
    pub(super) fn knows(&self, port: u32, id: PortId) {
        self.lock().alive.insert(port, id);
    }

    /// A port is dead.
    pub(super) fn forgets(&self, port: u32) {
        let mut ports = self.lock();
        let Some(id) = ports.alive.remove(&port) else { return };
        ports.dead.push_back(Address { number: port, id });
        if ports.dead.len() > GRAVES {
            ports.dead.pop_front();
        }
    }

    /// The ports of this process that live.
    pub(super) fn own(&self) -> BTreeMap<u32, PortId> {
        self.lock().own.clone()
    }

    pub(super) fn lives(&self, port: u32) -> bool {
        self.lock().alive.contains_key(&port)
    }

    /// A port that lives, as far as is known here, or one that is dead.
    pub(super) fn any_port(&self, dice: &mut Dice, alive: bool) -> Option<Address> {
        let ports = self.lock();
        if !alive && !ports.dead.is_empty() {
            return ports.dead.get(dice.index(ports.dead.len())).cloned();
        }
        let (number, id) = ports.alive.iter().nth(dice.index(ports.alive.len()))?;
        Some(Address { number: *number, id: id.clone() })
    }

    /// The address of a port that is known.
    pub(super) fn address(&self, port: u32) -> Option<Address> {
        let id = self.lock().alive.get(&port).cloned()?;
        Some(Address { number: port, id })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ports> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
