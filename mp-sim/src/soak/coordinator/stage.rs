//! The course of a run: its beginning, and the time of load and faults.

use std::io;
use std::time::Duration;

use super::super::control::{Order, Phase, agreement_bound, detection_bound, name};
use super::super::fault::Fault;
use super::super::figures::Figures;
use super::super::judge::judge;
use super::super::record::Event;
use super::super::{Progress, SoakError, Summary};
use super::{Coordinator, PATIENCE};
use crate::check::Violation;

/// The clock of the machine was set if it is off by more than this.
const CLOCK_SET: Duration = Duration::from_micros(200);
/// Between two questions how processes stand.
const ASK: Duration = Duration::from_millis(300);

impl<T: FnMut(&Progress)> Coordinator<T> {
    /// From the beginning to the end.
    pub(super) async fn run(mut self) -> Result<Summary, SoakError> {
        let mut summary =
            Summary { seed: self.options.seed, nodes: self.options.nodes, ..Summary::default() };
        self.begin().await?;
        self.enter(Phase::Load);
        self.load().await?;
        self.heal().await?;
        let healed = self.clock.now();
        self.enter(Phase::Calm);
        self.agree().await?;
        summary.agreed_after = self.clock.now() - healed;
        self.calm(healed).await?;
        summary.figures = self.rest().await?;
        self.part().await?;
        summary.elapsed = self.clock.now();
        let set_by = self.clock.set_by();
        if set_by > CLOCK_SET {
            return Err(SoakError::ClockSet(set_by));
        }
        self.sum_up(&mut summary)?;
        Ok(summary)
    }

    /// Starts all nodes, the global ones one after another, and asks what they hold.
    async fn begin(&mut self) -> io::Result<()> {
        let globals = usize::try_from(self.options.globals).unwrap_or(usize::MAX).clamp(1, self.hosts.len());
        for index in 0..globals {
            self.start(index)?;
            self.all_up(index..index + 1).await?;
        }
        for index in globals..self.hosts.len() {
            self.start(index)?;
        }
        self.all_up(globals..self.hosts.len()).await?;
        self.agree().await?;
        let peers = u64::from(self.options.nodes - 1);
        let mut last = Vec::new();
        let is_steady = |now: &[Figures]| {
            let held = |all: &[Figures]| all.iter().map(|one| [one.fds, one.tasks]).collect::<Vec<_>>();
            let is_steady = held(now) == held(&last) && now.iter().all(|one| one.peers == peers);
            last = now.to_vec();
            is_steady
        };
        let (figures, settled) = self.settle(is_steady).await?;
        if !settled {
            self.violation("the nodes do not all connect with one another".to_owned());
        }
        for (host, figures) in self.hosts.iter_mut().zip(figures) {
            host.begin = Some(figures);
        }
        Ok(())
    }

    async fn all_up(&mut self, hosts: std::ops::Range<usize>) -> io::Result<()> {
        // One that never comes is a violation, and is started again.
        let up =
            |run: &mut Self| hosts.clone().all(|index| run.hosts.get(index).is_some_and(|host| host.is_up()));
        self.until(PATIENCE * 2, up).await.map(drop)
    }

    /// Load and faults, for as long as it is wanted.
    async fn load(&mut self) -> io::Result<()> {
        let end = self.clock.now() + self.options.time;
        loop {
            let pause = Fault::pause(&mut self.dice);
            let left = end.saturating_sub(self.clock.now());
            self.wait(pause.min(left)).await?;
            if self.clock.now() >= end {
                return Ok(());
            }
            let index = self.dice.index(self.hosts.len());
            let is_last = index + 1 == self.hosts.len();
            let fault = Fault::draw(&mut self.dice, is_last);
            let up = self.hosts.iter().filter(|host| host.is_up()).count();
            let is_free = self.hosts.get(index).is_some_and(|host| host.is_up());
            // So many are always there that something goes on.
            if is_free && up * 2 > self.hosts.len() {
                self.strike(index, fault)?;
            }
        }
    }

    /// Waits until all processes run: each fault has its end.
    async fn heal(&mut self) -> io::Result<()> {
        let all = |run: &mut Self| run.hosts.iter().all(|host| host.is_up());
        if !self.until(PATIENCE * 3, all).await? {
            self.violation("not all processes are there again".to_owned());
        }
        Ok(())
    }

    /// Waits until all see the same in the directory.
    pub(super) async fn agree(&mut self) -> io::Result<()> {
        let bound = agreement_bound();
        if !self.until(bound, |run| run.live.check_agreement().is_ok()).await?
            && let Err(Violation(what)) = self.live.check_agreement()
        {
            self.violation(format!("{what}; {bound:?} after the last fault"));
        }
        Ok(())
    }

    /// Waits until all that is on its way has arrived, and all that is to be told can have been told.
    async fn calm(&mut self, healed: Duration) -> io::Result<()> {
        let quiet = Duration::from_secs(2);
        let enough = move |run: &mut Self| {
            let now = run.clock.now();
            now > healed + detection_bound() + quiet && now > run.live.last_message + quiet
        };
        if !self.until(detection_bound() * 4, enough).await? {
            self.violation("messages still arrive long after the last one was sent".to_owned());
        }
        Ok(())
    }

    /// Gives up the load; then each process must hold what the first of its node did.
    async fn rest(&mut self) -> io::Result<Vec<(Figures, Figures)>> {
        self.recorder.record(&Event::Rests);
        self.enter(Phase::Rest);
        self.agree().await?;
        let begin: Vec<Figures> = self.hosts.iter().map(|host| host.begin.unwrap_or_default()).collect();
        let is_back = |now: &[Figures]| {
            now.iter()
                .zip(&begin)
                .all(|(now, begin)| now.excess(begin).is_empty() && now.peers == begin.peers)
        };
        let (figures, _) = self.settle(is_back).await?;
        let time = self.options.settle;
        for (index, (now, begin)) in figures.iter().zip(&begin).enumerate() {
            let node = name(u32::try_from(index).unwrap_or_default());
            for what in now.excess(begin) {
                self.violation(format!("a leak: {node} holds {what}, {time:?} after the load"));
            }
            if now.peers < begin.peers {
                self.violation(format!("{node} is connected with {} of {} others", now.peers, begin.peers));
            }
        }
        Ok(begin.into_iter().zip(figures).collect())
    }

    /// Asks all how they stand, again and again, until that is as wanted, or as long as there is time; and whether it is.
    async fn settle(
        &mut self,
        mut is_so: impl FnMut(&[Figures]) -> bool,
    ) -> io::Result<(Vec<Figures>, bool)> {
        let end = self.clock.now() + self.options.settle;
        loop {
            self.live.forget_figures();
            self.tell_all(&Order::Connect);
            self.wait(ASK).await?;
            self.tell_all(&Order::Figures);
            let said = |run: &mut Self| run.hosts.iter().all(|host| run.live.figures(host.process).is_some());
            let all = self.until(PATIENCE, said).await?;
            let figures =
                self.hosts.iter().map(|host| self.live.figures(host.process).copied().unwrap_or_default());
            let figures: Vec<Figures> = figures.collect();
            if all && is_so(&figures) {
                return Ok((figures, true));
            }
            if self.clock.now() > end {
                return Ok((figures, false));
            }
        }
    }

    /// Runs the checkers.
    fn sum_up(mut self, summary: &mut Summary) -> io::Result<()> {
        let judged = judge(self.dir.path())?;
        summary.processes = self.processes;
        summary.faults = std::mem::take(&mut self.faults);
        [summary.sent, summary.received, summary.holes] = [judged.sent, judged.received, judged.holes];
        summary.unknown = judged.unknown;
        [summary.monitors, summary.fired] = [judged.monitors, judged.fired];
        summary.slowest_notice = judged.slowest;
        [summary.errands, summary.deaths, summary.last_words] =
            [judged.errands, judged.deaths, judged.last_words];
        [summary.registrations, summary.changes] = [self.live.registrations, self.live.changes()];
        summary.violations = std::mem::take(&mut self.violations);
        summary.violations.append(&mut self.live.violations);
        summary.violations.extend(judged.violations);
        summary.more_violations = judged.more_violations;
        if self.options.keep || !summary.violations.is_empty() {
            summary.records = self.dir.keep();
        }
        Ok(())
    }
}
