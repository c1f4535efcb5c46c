//! Monitors fire once, for a reason that is true, and in time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use mp_node::Reason;

use super::{Violation, ensure};

/// What is monitored. Ports and hosts are numbers that the user gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A port that lived at some time.
    Port(u32),
    /// A port that never was, or one of a node that never was.
    Nothing,
    /// A node, by its host.
    Node(u32),
}

/// How a port died.
#[derive(Debug, Clone)]
pub struct Death {
    /// When.
    pub at: Duration,
    /// Why; nothing if its process died.
    pub reason: Option<Reason>,
}

/// One monitor in [`Watches`].
pub type WatchNumber = usize;

/// Checks monitors (G-4, G-10): each fires at most once, not after it was dropped, for a reason that is true; and if its
/// port dies or never was, exactly once. Of a process's death, those are told within a bound that knew it before; and so
/// they are of a process that is [stopped](Watches::stopped) for longer than that.
///
/// All times are on one clock. Where that is a real one, what happened may have been noted a little later than it was:
/// see [`Watches::tolerating`].
#[derive(Debug, Default)]
pub struct Watches {
    connect_time: Duration,
    lag: Duration,
    watches: Vec<Watch>,
    /// Ports' processes, and their deaths.
    ports: BTreeMap<u32, (u32, Option<Death>)>,
    /// For which reasons somebody meant to kill a port.
    intents: BTreeMap<u32, Vec<Reason>>,
    stops: BTreeMap<u32, Vec<Stop>>,
    /// Processes' hosts, and when they died.
    processes: BTreeMap<u32, (u32, Option<Duration>)>,
    /// When processes began to shut down.
    leaving: BTreeMap<u32, Duration>,
}

/// A process that did nothing for a while.
#[derive(Debug, Clone)]
pub struct Stop {
    /// It may have been stopped within this time, and was not outside of it.
    pub perhaps: Range<Duration>,
    /// It was stopped all this time.
    pub surely: Range<Duration>,
}

#[derive(Debug)]
struct Watch {
    process: u32,
    target: Target,
    made: Duration,
    dropped: Option<Duration>,
    fired: Option<(Duration, Reason)>,
}

impl Watches {
    /// No monitors yet. An attempt to connect lasts `connect_time`: of a node that dies earlier than so long after a monitor
    /// of it was made, the monitor need not tell, for it may have been connected to its next life alone.
    #[must_use]
    pub fn new(connect_time: Duration) -> Self {
        Self { connect_time, ..Self::default() }
    }

    /// Things are noted up to so much later than they happen; a process that is [stopped](Watches::stopped) meanwhile notes
    /// them when it goes on. Default: at once.
    #[must_use]
    pub fn tolerating(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// A process was stopped for a while: what it notes is late, and others must find out if that took long. To be told
    /// before [`Watches::check_end`].
    pub fn stopped(&mut self, process: u32, stop: Stop) {
        self.stops.entry(process).or_default().push(stop);
    }

    /// Somebody is about to kill a port for this reason, or it may die for it by itself. That it does may never be noted if
    /// its process ends, too.
    pub fn port_may_die(&mut self, port: u32, reason: Reason) {
        self.intents.entry(port).or_default().push(reason);
    }

    /// The earliest time at which something can have happened that a process has noted at `at`.
    #[must_use]
    pub fn earliest(&self, process: u32, at: Duration) -> Duration {
        let noticed = at.saturating_sub(self.lag);
        let stops = self.stops.get(&process).into_iter().flatten();
        let late = stops.filter(|stop| stop.perhaps.start <= at && noticed <= stop.perhaps.end);
        let begun = late.map(|stop| stop.perhaps.start.saturating_sub(self.lag)).min();
        begun.map_or(noticed, |begun| begun.min(noticed))
    }

    /// How long a process may have been stopped within this time.
    fn idle(&self, process: u32, within: &Range<Duration>) -> Duration {
        let stops = self.stops.get(&process).into_iter().flatten();
        let overlaps = stops.map(|Stop { perhaps, .. }| {
            perhaps.end.min(within.end).saturating_sub(perhaps.start.max(within.start))
        });
        overlaps.sum()
    }

    /// A process has begun on a host.
    pub fn process(&mut self, process: u32, host: u32) {
        self.processes.insert(process, (host, None));
    }

    /// A port lives in a process.
    pub fn port(&mut self, port: u32, process: u32) {
        self.ports.insert(port, (process, None));
    }

    /// A port was killed, or ended. The first word counts.
    pub fn port_died(&mut self, port: u32, at: Duration, reason: Reason) {
        if let Some((_, death)) = self.ports.get_mut(&port) {
            death.get_or_insert(Death { at, reason: Some(reason) });
        }
    }

    /// A process begins to shut its node down: its own monitors need tell nothing more.
    pub fn leaves(&mut self, process: u32, at: Duration) {
        self.leaving.entry(process).or_insert(at);
    }

    /// A process died, and its ports with it.
    pub fn process_died(&mut self, process: u32, at: Duration) {
        if let Some((_, died)) = self.processes.get_mut(&process) {
            died.get_or_insert(at);
        }
        for (_, death) in self.ports.values_mut().filter(|(owner, _)| *owner == process) {
            death.get_or_insert(Death { at, reason: None });
        }
    }

    /// Whether a port lives.
    #[must_use]
    pub fn lives(&self, port: u32) -> bool {
        self.ports.get(&port).is_some_and(|(_, death)| death.is_none())
    }

    /// A process is about to monitor something.
    pub fn watch(&mut self, process: u32, target: Target, made: Duration) -> WatchNumber {
        self.watches.push(Watch { process, target, made, dropped: None, fired: None });
        self.watches.len() - 1
    }

    /// A monitor was dropped.
    pub fn dropped(&mut self, number: WatchNumber, at: Duration) {
        if let Some(watch) = self.watches.get_mut(number) {
            watch.dropped = Some(at);
        }
    }

    /// A monitor has fired.
    ///
    /// # Errors
    ///
    /// It had fired before, or had been dropped. (One that fires in the very moment in which it is dropped may.)
    pub fn fired(&mut self, number: WatchNumber, at: Duration, reason: Reason) -> Result<(), Violation> {
        let Some(watch) = self.watches.get_mut(number) else { return Ok(()) };
        if self.processes.get(&watch.process).is_none_or(|(_, died)| died.is_some()) {
            return Ok(());
        }
        ensure(watch.fired.is_none(), || format!("G-4: monitor {number} has fired twice"))?;
        let (process, dropped) = (watch.process, watch.dropped);
        watch.fired = Some((at, reason));
        ensure(dropped.is_none_or(|dropped| self.earliest(process, at) <= dropped), || {
            format!("G-4: monitor {number} has fired after it was dropped")
        })
    }

    /// All is calm: nothing is on its way any more. Processes' deaths are to have been told within `bound`.
    ///
    /// # Errors
    ///
    /// A monitor was forgotten, came too late, or told what is not true.
    pub fn check_end(&self, bound: Duration) -> Result<(), Violation> {
        for (number, watch) in self.watches.iter().enumerate() {
            self.check(watch, bound).map_err(|what| {
                Violation(format!(
                    "G-4: monitor {number} of {:?}, made at {:?}: {what}",
                    watch.target, watch.made
                ))
            })?;
        }
        self.check_stopped(bound)
    }

    /// A process that was stopped for longer than the bound is to have been found within it.
    fn check_stopped(&self, bound: Duration) -> Result<(), Violation> {
        for (process, stop) in
            self.stops.iter().flat_map(|(process, stops)| stops.iter().map(move |stop| (process, stop)))
        {
            let (since, deadline) = (stop.surely.start, stop.surely.start + bound);
            if deadline > stop.surely.end {
                continue;
            }
            for (number, watch) in self.watches.iter().enumerate() {
                let Target::Port(port) = watch.target else { continue };
                if self.ports.get(&port).is_none_or(|(owner, _)| owner != process)
                    || watch.process == *process
                    || watch.made + self.connect_time >= since
                    || watch.dropped.is_some_and(|dropped| dropped <= deadline)
                    || !self.was_up(watch.process, &(since..deadline))
                {
                    continue;
                }
                let told = watch.fired.as_ref().is_some_and(|(at, _)| *at <= deadline);
                ensure(told, || {
                    format!(
                        "G-10: monitor {number} of port {port}, whose process was stopped at {since:?}, has not fired in \
                         {bound:?}"
                    )
                })?;
            }
        }
        Ok(())
    }

    /// When a process died or began to shut down, if it has.
    fn end(&self, process: u32) -> Option<Duration> {
        let died = self.processes.get(&process).and_then(|(_, died)| *died);
        let left = self.leaving.get(&process).copied();
        died.into_iter().chain(left).min()
    }

    /// Whether a process did live, and was not stopped, all this time.
    fn was_up(&self, process: u32, within: &Range<Duration>) -> bool {
        let lived = self.end(process).is_none_or(|end| end > within.end);
        lived && self.idle(process, within).is_zero()
    }

    fn check(&self, watch: &Watch, bound: Duration) -> Result<(), String> {
        if let Some((at, reason)) = &watch.fired {
            self.check_reason(watch, *at, reason)?;
        }
        let Some((since, in_time)) = self.news(watch) else { return Ok(()) };
        let is_late = |at: Duration| in_time && at > self.due(watch, since, at, bound);
        let end = self.end(watch.process);
        match &watch.fired {
            None if watch.dropped.is_some() => Ok(()),
            None => match end {
                None => Err("it has not fired".into()),
                Some(end) if is_late(end) => {
                    Err(format!("G-10: it had not fired at {end:?}, more than {bound:?} after {since:?}"))
                }
                Some(_) => Ok(()),
            },
            Some((at, _)) if is_late(end.map_or(*at, |end| end.min(*at))) => {
                Err(format!("G-10: it fired at {at:?}, more than {bound:?} after {since:?}"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether what is said of a port is so.
    fn check_reason(&self, watch: &Watch, at: Duration, reason: &Reason) -> Result<(), String> {
        let word = reason.word();
        let is_true = match watch.target {
            Target::Nothing => word == "no_such_port" || word == "transport_error",
            Target::Node(_) => word == "transport_error",
            Target::Port(port) => match self.ports.get(&port) {
                Some((process, _)) if word == "transport_error" => *process != watch.process,
                Some((owner, Some(death))) if self.earliest(*owner, death.at) > at => false,
                Some((_, Some(_))) if word == "no_such_port" => true,
                Some((_, Some(Death { reason: Some(true_one), .. }))) if true_one == reason => true,
                Some((_, Some(_))) => self.may_have_died_for(port, reason),
                _ => false,
            },
        };
        if is_true {
            Ok(())
        } else {
            Err(format!("it fired at {at:?} with a reason that is not true: {reason}"))
        }
    }

    /// Whether a port may have died for this reason.
    fn may_have_died_for(&self, port: u32, reason: &Reason) -> bool {
        self.intents.get(&port).is_some_and(|intents| intents.contains(reason))
    }

    /// Until when a watch that fired at `at` had time to do so. A process that is stopped tells nothing.
    fn due(&self, watch: &Watch, since: Duration, at: Duration, bound: Duration) -> Duration {
        let begin = since.max(watch.made);
        begin + bound + self.idle(watch.process, &(begin..at))
    }

    /// Since when there is something to be told, if there is, and whether that is to be told within the bound.
    fn news(&self, watch: &Watch) -> Option<(Duration, bool)> {
        match watch.target {
            Target::Nothing => Some((watch.made, false)),
            Target::Port(port) => {
                let death = self.ports.get(&port)?.1.as_ref()?;
                // A monitor that was just made may be on its way to the next life, behind other messages.
                Some((death.at, death.reason.is_none() && death.at > watch.made + self.connect_time))
            }
            Target::Node(host) => {
                let of_host = self.processes.values().filter(|(of, _)| *of == host);
                let first = of_host
                    .filter_map(|(_, died)| *died)
                    .filter(|died| *died > watch.made + self.connect_time)
                    .min()?;
                Some((first, true))
            }
        }
    }

    /// Monitors made, and monitors that fired.
    #[must_use]
    pub fn counts(&self) -> [u64; 2] {
        let fired = self.watches.iter().filter(|watch| watch.fired.is_some()).count();
        [self.watches.len(), fired].map(|count| u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Monitors that fired because a connection was lost, not because none could be made.
    #[must_use]
    pub fn connections_lost(&self) -> u64 {
        let is_loss = |reason: &Reason| {
            let text = reason.values().get(2).and_then(|text| text.as_str());
            reason.word() == "transport_error"
                && text.is_none_or(|text| text != "no known address" && !text.ends_with("connect timeout"))
        };
        let lost = self.watches.iter().filter(|watch| {
            watch.target != Target::Nothing && watch.fired.as_ref().is_some_and(|(_, reason)| is_loss(reason))
        });
        u64::try_from(lost.count()).unwrap_or(u64::MAX)
    }

    /// The longest time from a process's death until a monitor told of it, without what the one who was told spent stopped.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        let times = self.watches.iter().filter_map(|watch| {
            let (at, _) = watch.fired.as_ref()?;
            let (since, in_time) = self.news(watch)?;
            let begin = since.max(watch.made);
            in_time.then(|| at.saturating_sub(begin).saturating_sub(self.idle(watch.process, &(begin..*at))))
        });
        times.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A monitor in process 1 of the port 7 in process 2.
    fn watched() -> (Watches, WatchNumber) {
        let mut watches = Watches::new(SECOND / 2);
        watches.process(1, 1);
        watches.process(2, 2);
        watches.port(7, 2);
        let number = watches.watch(1, Target::Port(7), SECOND);
        (watches, number)
    }

    #[test]
    fn a_monitor_that_is_forgotten_or_late_is_found() {
        let (mut watches, number) = watched();
        assert_eq!(watches.check_end(SECOND), Ok(()), "the port lives");
        watches.process_died(2, 2 * SECOND);
        assert!(watches.check_end(SECOND).is_err());
        let lost = Reason::new("transport_error", "x");
        assert_eq!(watches.fired(number, 4 * SECOND, lost), Ok(()));
        assert!(watches.check_end(SECOND).is_err());
        assert_eq!(watches.check_end(2 * SECOND), Ok(()));
        assert_eq!(watches.slowest(), 2 * SECOND);
    }

    #[test]
    fn a_monitor_that_fires_twice_or_lies_is_found() {
        let (mut watches, number) = watched();
        watches.port_died(7, 2 * SECOND, Reason::die("this"));
        assert_eq!(watches.fired(number, 2 * SECOND, Reason::die("that")), Ok(()));
        assert!(watches.check_end(SECOND).is_err());
        assert!(watches.fired(number, 3 * SECOND, Reason::die("this")).is_err());
    }

    #[test]
    fn a_process_that_is_stopped_for_long_is_to_be_found() {
        let (mut watches, number) = watched();
        let stop =
            |from, to| Stop { perhaps: from * SECOND..to * SECOND, surely: from * SECOND..to * SECOND };
        watches.stopped(2, stop(3, 5));
        assert_eq!(watches.check_end(3 * SECOND), Ok(()), "it was not for long");
        watches.stopped(2, stop(10, 14));
        assert!(watches.check_end(3 * SECOND).is_err());
        let lost = Reason::new("transport_error", "x");
        assert_eq!(watches.fired(number, 13 * SECOND, lost), Ok(()));
        assert_eq!(watches.check_end(3 * SECOND), Ok(()));
    }

    #[test]
    fn a_process_that_shuts_down_need_not_tell() {
        let (mut watches, _) = watched();
        watches.leaves(1, 4 * SECOND);
        let span = 3 * SECOND..9 * SECOND;
        watches.stopped(2, Stop { perhaps: span.clone(), surely: span });
        assert_eq!(watches.check_end(2 * SECOND), Ok(()), "it left before");
        assert!(watches.check_end(SECOND / 2).is_err(), "it was there");
        watches.process_died(2, 9 * SECOND);
        assert_eq!(watches.check_end(2 * SECOND), Ok(()));
    }

    #[test]
    fn what_a_stopped_process_notes_is_late() {
        let (watches, number) = watched();
        let mut watches = watches.tolerating(SECOND);
        assert_eq!(watches.earliest(1, 9 * SECOND), 8 * SECOND);
        let stop = Stop { perhaps: 5 * SECOND..9 * SECOND, surely: 6 * SECOND..8 * SECOND };
        watches.stopped(1, stop);
        assert_eq!(watches.earliest(1, 9 * SECOND), 4 * SECOND);
        assert_eq!(watches.earliest(1, 11 * SECOND), 10 * SECOND);
        // It was dropped just when it fired; and of a death at 4 s one who slept from 5 s to 9 s tells at 9 s.
        watches.dropped(number, 4 * SECOND);
        watches.process_died(2, 4 * SECOND);
        assert_eq!(watches.fired(number, 9 * SECOND, Reason::new("transport_error", "x")), Ok(()));
        assert_eq!(watches.check_end(SECOND), Ok(()));
        assert!(watches.check_end(SECOND / 2).is_err());
    }

    #[test]
    fn a_death_that_was_meant_and_not_noted_is_true() {
        let (mut watches, number) = watched();
        watches.port_may_die(7, Reason::die("meant"));
        watches.process_died(2, 2 * SECOND);
        assert_eq!(watches.fired(number, 2 * SECOND, Reason::die("meant")), Ok(()));
        assert_eq!(watches.check_end(SECOND), Ok(()));
    }

    #[test]
    fn a_monitor_that_was_dropped_owes_nothing_and_must_not_fire() {
        let (mut watches, number) = watched();
        watches.dropped(number, 2 * SECOND);
        watches.port_died(7, 3 * SECOND, Reason::normal());
        assert_eq!(watches.check_end(SECOND), Ok(()));
        assert!(watches.fired(number, 3 * SECOND, Reason::normal()).is_err());
    }
}
