//! What a run knows of itself: the checkers, and who is who.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mp_node::{Monitor, PortId, Reason};
use tokio_util::sync::CancellationToken;

use super::{Report, Setup};
use crate::World;
use crate::check::{Delivery, Directory, Told, Violation, Watches};

/// A port, as its number and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) number: u32,
    pub(super) id: PortId,
}

/// Who tells a sender of a port's death.
#[derive(Debug)]
pub(super) enum Teller {
    Monitor(Monitor),
    /// Nobody whom one could rely on: the sender is a Perl program, to which nothing is promised.
    Nobody,
}

impl Told for Teller {
    fn is_told(&self) -> bool {
        match self {
            Self::Monitor(monitor) => monitor.is_told(),
            Self::Nobody => true,
        }
    }
}

/// The book of a run, shared by all that happens in it.
#[derive(Clone)]
pub(super) struct Book {
    world: World,
    page: Arc<Mutex<Page>>,
    /// Cancelled when the last round begins. It wakes those who wait in the order in which they came, whereas tokio's `watch`
    /// throws dice of its own.
    last_round: CancellationToken,
}

#[derive(Default)]
pub(super) struct Page {
    pub(super) delivery: Delivery<Teller>,
    pub(super) watches: Watches,
    pub(super) directory: Directory,
    /// All ports that ever were.
    ports: Vec<Address>,
    /// Ports by host: what lives there, and what receives at once whatever comes.
    hosts: BTreeMap<String, Resident>,
    processes: u32,
    senders: u32,
    calm: bool,
    /// What each process is waiting for, which spawns, calls and links.
    pub(super) errands: BTreeMap<u32, String>,
    /// The most that one port held, and that waited for one peer.
    longest_queue: usize,
    largest_outbox: usize,
    registrations: u64,
}

/// The process that runs on a host.
struct Resident {
    process: u32,
    ports: Vec<u32>,
    senders: Vec<u32>,
    sink: Option<Address>,
}

impl Book {
    pub(super) fn new(world: &World, setup: &Setup) -> Self {
        let mut page = Page { watches: Watches::new(setup.limits.connect_time), ..Page::default() };
        page.directory.values_differ(setup.perl_globals() > 0);
        Self { world: world.clone(), page: Arc::new(Mutex::new(page)), last_round: CancellationToken::new() }
    }

    pub(super) fn with<R>(&self, action: impl FnOnce(&mut Page) -> R) -> R {
        action(&mut self.page.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// The same, for what may find a guarantee broken.
    pub(super) fn check(&self, action: impl FnOnce(&mut Page) -> Result<(), Violation>) {
        if let Err(violation) = self.with(action) {
            self.world.violation(format_args!("{violation}"));
        }
    }

    /// A process begins on a host.
    pub(super) fn process(&self, host: &str) -> u32 {
        self.with(|page| {
            page.processes += 1;
            let process = page.processes;
            let number = host.trim_start_matches('n').parse().unwrap_or(u32::MAX);
            page.watches.process(process, number);
            let resident = Resident { process, ports: Vec::new(), senders: Vec::new(), sink: None };
            page.hosts.insert(host.to_owned(), resident);
            process
        })
    }

    pub(super) fn process_died(&self, host: &str, at: Duration) {
        self.with(|page| {
            let Some(resident) = page.hosts.remove(host) else { return };
            page.watches.process_died(resident.process, at);
            page.directory.process_died(resident.process);
            page.errands.remove(&resident.process);
            for sender in resident.senders {
                page.delivery.sender_died(sender);
            }
        });
    }

    /// A port begins to live on a host.
    pub(super) fn port(&self, host: &str, id: &PortId, is_sink: bool) -> Address {
        self.with(|page| {
            let number = u32::try_from(page.ports.len()).unwrap_or(u32::MAX);
            let address = Address { number, id: id.clone() };
            page.ports.push(address.clone());
            if let Some(resident) = page.hosts.get_mut(host) {
                resident.ports.push(number);
                page.watches.port(number, resident.process);
                if is_sink {
                    resident.sink = Some(address.clone());
                }
            }
            address
        })
    }

    pub(super) fn port_died(&self, number: u32, reason: Reason) {
        let now = self.world.now();
        self.with(|page| {
            page.watches.port_died(number, now, reason);
            let port = usize::try_from(number).ok().and_then(|number| page.ports.get(number));
            if let Some(port) = port {
                page.directory.delete_everywhere(port.id.as_str());
            }
        });
    }

    /// A new sender, which belongs to no host.
    pub(super) fn sender(&self) -> u32 {
        self.with(|page| {
            page.senders += 1;
            page.senders
        })
    }

    /// A new sender on a host.
    pub(super) fn sender_at(&self, host: &str) -> u32 {
        let sender = self.sender();
        self.with(|page| {
            if let Some(resident) = page.hosts.get_mut(host) {
                resident.senders.push(sender);
            }
        });
        sender
    }

    /// The port at a host that receives at once whatever comes, if it lives and can be found.
    pub(super) fn sink(&self, host: &str) -> Option<Address> {
        self.with(|page| {
            let resident = page.hosts.get(host)?;
            let sink = resident.sink.clone().filter(|_| page.directory.has_joined(resident.process));
            sink.filter(|sink| page.watches.lives(sink.number))
        })
    }

    /// Some port, alive or dead; a living one, if there is one, as `alive` wants it.
    pub(super) fn any_port(&self, dice: &mut crate::Dice, alive: bool) -> Option<Address> {
        self.with(|page| {
            for _ in 0..20 {
                let port = dice.pick(&page.ports)?;
                if !alive || page.watches.lives(port.number) {
                    return Some(port.clone());
                }
            }
            dice.pick(&page.ports).cloned()
        })
    }

    /// No new load from now on.
    pub(super) fn calm_down(&self) {
        self.with(|page| page.calm = true);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.with(|page| page.calm)
    }

    /// Once more there is some load, while nothing fails.
    pub(super) fn begin_last_round(&self) {
        self.last_round.cancel();
    }

    /// Waits for the last round.
    pub(super) async fn last_round(&self) {
        self.last_round.cancelled().await;
    }

    /// So much was held by one port.
    pub(super) fn queued(&self, messages: usize, bound: usize) {
        self.check(|page| {
            page.longest_queue = page.longest_queue.max(messages);
            let broken = || {
                Violation(format!("G-7: a port holds {messages} messages, and {bound} at the most may be"))
            };
            if messages <= bound { Ok(()) } else { Err(broken()) }
        });
    }

    /// So much waited for one peer.
    pub(super) fn waiting(&self, bytes: usize, bound: usize) {
        self.check(|page| {
            page.largest_outbox = page.largest_outbox.max(bytes);
            let broken =
                || Violation(format!("G-7: {bytes} B wait for one peer, and {bound} at the most may"));
            if bytes <= bound { Ok(()) } else { Err(broken()) }
        });
    }

    pub(super) fn registered(&self) {
        self.with(|page| page.registrations += 1);
    }

    /// Drops all that is in the book: monitors hold nodes, whose ports hold functions that hold this book.
    pub(super) fn close(&self) {
        drop(self.with(std::mem::take));
    }

    pub(super) fn report(&self, world: &World, setup: &Setup, agreed: Duration) -> Report {
        self.with(|page| {
            let [sent, received, gaps] = page.delivery.counts();
            let [monitors, fired] = page.watches.counts();
            Report {
                nodes: setup.nodes,
                perl: setup.perl.len(),
                faults: world.faults(),
                sent,
                received,
                gaps,
                monitors,
                fired,
                connections_lost: page.watches.connections_lost(),
                slowest_notice: page.watches.slowest(),
                registrations: page.registrations,
                changes: page.directory.changes(),
                agreed_after: setup.directory.then_some(agreed),
                longest_queue: page.longest_queue,
                largest_outbox: page.largest_outbox,
                elapsed: world.now(),
            }
        })
    }
}

impl Page {
    /// All is calm: who has asked has an answer, or was told that there is none.
    pub(super) fn check_errands(&self) -> Result<(), Violation> {
        match self.errands.first_key_value() {
            Some((process, what)) => {
                Err(Violation(format!("G-4: {process} waits for ever for what it called or linked {what}")))
            }
            None => Ok(()),
        }
    }

    /// All ports of a host die for this reason.
    pub(super) fn ports_died(&mut self, host: &str, at: Duration, reason: &Reason) {
        for port in self.hosts.get(host).map(|resident| resident.ports.clone()).unwrap_or_default() {
            self.watches.port_died(port, at, reason.clone());
        }
    }
}
