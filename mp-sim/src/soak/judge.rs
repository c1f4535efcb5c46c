//! The checkers over what was recorded.
//!
//! All records are read in the order of their times, which are those of one machine's clock, and given to the checkers that
//! the simulator has, too. What is different from there:
//!
//! * **What a process did is known in full**, since it was recorded before: messages sent, ports killed, keys set. So order,
//!   duplicates and messages at wrong ports are judged without any doubt.
//! * **What befell it is known a little late** ([`LAG`], and the time for which it was stopped): a monitor that fires counts as
//!   fired that much earlier. So a hole must be told before a later message comes, or less than that after it.
//! * **The last of what befell a process that was killed is missing.** A message that it received and did not record
//!   counts as lost with it, which breaks no law: its ports are dead. A monitor that fired and was not recorded may be what
//!   told of a hole; so holes in what it had sent are not judged if they were seen later than [`LAG`] before it was killed
//!   (they are counted: [`Judged::unknown`]). That a port of it died may be missing; then the reason that others were told is
//!   true if somebody had recorded that he would kill the port for it, or if it is that of a full mailbox.
//! * **So it is with a process that is shut down**, which ends when the last message has been written.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use mp_node::{PortId, Reason};

use super::control::{LAG, detection_bound, limits};
use super::merge::{self, Merged};
use super::record::Event;
use crate::check::{Delivery, Stop, Told, Violation, WatchNumber, Watches};

/// Of more violations only the number is kept.
const KEPT: usize = 20;

/// What the checkers say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) violations: Vec<String>,
    pub(super) more_violations: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) holes: u64,
    /// Lost messages of which it cannot be known whether their loss was told in time.
    pub(super) unknown: u64,
    pub(super) monitors: u64,
    pub(super) fired: u64,
    pub(super) slowest: Duration,
    pub(super) errands: u64,
    pub(super) deaths: u64,
    pub(super) last_words: u64,
}

/// Judges the records in a directory.
///
/// # Errors
///
/// A record cannot be read.
pub(super) fn judge(dir: &Path) -> io::Result<Judged> {
    let mut judge = Judge::new();
    for entry in Merged::open(dir)? {
        judge.foresee(entry?);
    }
    for entry in Merged::open(dir)? {
        let merge::Entry { at, process, event } = entry?;
        if let Err(violation) = judge.take(at, process, event) {
            judge.broken(&violation.0);
        }
    }
    Ok(judge.end())
}

/// Who tells a sender of a port's death: a monitor, of which it is known when it told.
#[derive(Debug)]
struct Teller {
    told: Option<Duration>,
    /// What befell its process from then on is not known.
    unknown_from: Option<Duration>,
    now: Rc<Cell<Duration>>,
    unknown: Rc<Cell<u64>>,
}

impl Told for Teller {
    fn is_told(&self) -> bool {
        let now = self.now.get();
        let is_told = self.told.is_some_and(|told| told <= now);
        let is_unknown = !is_told && self.unknown_from.is_some_and(|from| from <= now);
        self.unknown.set(self.unknown.get() + u64::from(is_unknown));
        is_told || is_unknown
    }
}

struct Judge {
    delivery: Delivery<Teller>,
    watches: Watches,
    now: Rc<Cell<Duration>>,
    unknown: Rc<Cell<u64>>,
    /// When senders' monitors were recorded to have told.
    told: BTreeMap<u64, Duration>,
    /// When processes were killed, or began to shut down.
    gone: BTreeMap<u32, Duration>,
    numbers: BTreeMap<u64, WatchNumber>,
    /// What processes are waiting for.
    errands: BTreeMap<u64, (u32, String)>,
    /// The senders of each process, and its ports.
    senders: BTreeMap<u32, BTreeSet<u32>>,
    ports: BTreeMap<u32, Vec<(u32, PortId)>>,
    last_words: Vec<u32>,
    is_over: bool,
    judged: Judged,
}

impl Judge {
    fn new() -> Self {
        Self {
            delivery: Delivery::default(),
            watches: Watches::new(limits().connect_time).tolerating(LAG),
            now: Rc::default(),
            unknown: Rc::default(),
            told: BTreeMap::new(),
            gone: BTreeMap::new(),
            numbers: BTreeMap::new(),
            errands: BTreeMap::new(),
            senders: BTreeMap::new(),
            ports: BTreeMap::new(),
            last_words: Vec::new(),
            is_over: false,
            judged: Judged::default(),
        }
    }

    fn broken(&mut self, what: &str) {
        if self.judged.violations.len() < KEPT {
            self.judged.violations.push(what.to_owned());
        } else {
            self.judged.more_violations += 1;
        }
    }

    /// What must be known beforehand: when monitors told, and when processes were stopped and killed.
    fn foresee(&mut self, merge::Entry { at, process, event }: merge::Entry) {
        match event {
            Event::Told { monitor } => {
                self.told.insert(monitor, at);
            }
            Event::Kills { process } => {
                self.gone.entry(process).or_insert(at);
            }
            Event::Leaves => {
                self.gone.entry(process).or_insert(at);
            }
            Event::Stopped { process, perhaps, surely } => {
                let span = |[from, to]: [u64; 2]| -> Range<Duration> {
                    Duration::from_micros(from)..Duration::from_micros(to)
                };
                self.watches.stopped(process, Stop { perhaps: span(perhaps), surely: span(surely) });
            }
            _ => {}
        }
    }

    fn take(&mut self, at: Duration, process: u32, event: Event) -> Result<(), Violation> {
        self.now.set(at);
        match event {
            Event::Starts { process, host } => self.watches.process(process, host),
            Event::Kills { process } => {
                self.last_moments(process);
                self.watches.process_died(process, at);
            }
            Event::Ended { process } => {
                self.watches.process_died(process, at);
                self.errands.retain(|_, (of, _)| *of != process);
            }
            Event::Rests => self.check_calm(),
            Event::Broken { what } => return Err(Violation(format!("{process}: {what}"))),
            Event::Farewell { sender } => self.last_words.push(sender),
            Event::Asks { errand, what } => {
                self.judged.errands += 1;
                self.errands.insert(errand, (process, what));
            }
            Event::Answered { errand } => {
                self.errands.remove(&errand);
            }
            Event::Minds { .. } | Event::Sends { .. } | Event::Got { .. } => {
                return self.message(process, &event);
            }
            Event::Monitors { .. } | Event::Dropped { .. } | Event::Fired { .. } => {
                return self.watch(at, process, event);
            }
            Event::Port { .. } | Event::Died { .. } | Event::WillKill { .. } | Event::Leaves => {
                self.port(at, process, event);
            }
            // The rest is about the directory, which the coordinator has looked at, or was foreseen.
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, process: u32, event: &Event) -> Result<(), Violation> {
        match *event {
            Event::Minds { sender, port, monitor, replaces } => {
                self.senders.entry(process).or_default().insert(sender);
                let teller = Teller {
                    told: self.told.get(&monitor).map(|at| self.watches.earliest(process, *at)),
                    unknown_from: self.gone.get(&process).map(|at| self.watches.earliest(process, *at)),
                    now: Rc::clone(&self.now),
                    unknown: Rc::clone(&self.unknown),
                };
                self.delivery.watches(sender, port, replaces, teller);
            }
            Event::Sends { sender, port, number } => {
                let expected = self.delivery.sent(sender, port);
                if expected != number {
                    return Err(Violation(format!(
                        "the record of {process} is not whole: {sender} sends {number} to {port}, and {expected} was to come"
                    )));
                }
            }
            Event::Got { sender, port, number } => return self.delivery.arrived(sender, port, number),
            _ => {}
        }
        Ok(())
    }

    fn watch(&mut self, at: Duration, process: u32, event: Event) -> Result<(), Violation> {
        match event {
            Event::Monitors { watch, target } => {
                let number = self.watches.watch(process, target.into(), at);
                self.numbers.insert(watch, number);
            }
            Event::Dropped { watch } => {
                if let Some(number) = self.numbers.get(&watch) {
                    self.watches.dropped(*number, at);
                }
            }
            Event::Fired { watch, reason } => {
                let Some(number) = self.numbers.get(&watch) else {
                    return Err(Violation(format!(
                        "G-4: {process} is told by {watch}, which it has not made"
                    )));
                };
                return self.watches.fired(*number, at, reason);
            }
            _ => {}
        }
        Ok(())
    }

    fn port(&mut self, at: Duration, process: u32, event: Event) {
        match event {
            Event::Port { port, id } => {
                self.ports.entry(process).or_default().push((port, id));
                self.watches.port(port, process);
            }
            Event::Died { port, reason } => {
                self.judged.deaths += 1;
                self.watches.port_died(port, at, reason);
            }
            Event::WillKill { port, reason } => self.watches.port_may_die(port, reason),
            Event::Leaves => {
                self.last_moments(process);
                self.watches.leaves(process, at);
                for (port, _) in self.ports.get(&process).into_iter().flatten() {
                    self.watches.port_died(*port, at, Reason::normal());
                }
            }
            _ => {}
        }
    }

    /// A process is about to end: a port may have died of its full mailbox just now, which is recorded late or never.
    fn last_moments(&mut self, process: u32) {
        for (port, id) in self.ports.get(&process).into_iter().flatten() {
            self.watches.port_may_die(*port, Reason::mailbox_overflow(id));
        }
    }

    /// All is calm: whatever was to be told has been told.
    fn check_calm(&mut self) {
        self.is_over = true;
        [self.judged.sent, self.judged.received, self.judged.holes] = self.delivery.counts();
        self.judged.unknown = self.unknown.get();
        let now = self.now.get();
        for (process, _) in self.gone.iter().filter(|(_, gone)| **gone <= now) {
            for sender in self.senders.get(process).into_iter().flatten() {
                self.delivery.sender_died(*sender);
            }
        }
        let waiting = self.errands.values().next().map_or(Ok(()), |(process, what)| {
            Err(Violation(format!("G-4: {process} waits for ever for what it called or linked at {what}")))
        });
        let checks = [self.delivery.check_end(), self.watches.check_end(detection_bound()), waiting];
        for violation in checks.into_iter().filter_map(Result::err) {
            self.broken(&violation.0);
        }
    }

    fn end(mut self) -> Judged {
        if !self.is_over {
            self.broken("the run did not come to its end");
        }
        for sender in std::mem::take(&mut self.last_words) {
            self.judged.last_words += 1;
            if let Err(violation) = self.delivery.check_complete(sender) {
                self.broken(&violation.0);
            }
        }
        [self.judged.monitors, self.judged.fired] = self.watches.counts();
        self.judged.slowest = self.watches.slowest();
        self.judged
    }
}

#[cfg(test)]
mod tests;
