//! What a supervisor does next: a machine without a clock, a task or a port. It is told who died and what time it is, and
//! asked what is to be started and stopped.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mp_proto::Reason;

use super::{Restart, Strategy};

/// What the machine has to know of a child.
#[derive(Debug, Clone)]
pub(crate) struct ChildPlan {
    pub(crate) name: String,
    pub(crate) restart: Restart,
    /// How long it may take to stop.
    pub(crate) patience: Duration,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Start the child; this is life number so much of it. Whether that goes well, `died` tells.
    Start(usize, u64),
    /// Ask the child to stop.
    Stop(usize),
    /// The child has not stopped in time: nobody waits for it any more.
    Abandon(usize),
    /// All is done.
    End(Reason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// It has not been started, or has been stopped; it is to be started in its turn.
    Waiting,
    Up,
    /// It has been asked to stop, and is abandoned at this time.
    Stopping(Instant),
    /// It ended, and is not to be started again.
    Over,
}

#[derive(Debug)]
enum Phase {
    Running,
    /// All from the child `from` on that are in `set` are being stopped, the last one first, and then started.
    Restarting(Vec<bool>),
    /// All are being stopped, for this reason.
    Stopping(Reason),
    Ended,
}

/// A supervisor's children and what is becoming of them.
///
/// ```text
///            start ──► Running ◄───────── all that were stopped are started
///                        │   │ a child died that is to live on
///       shutdown, or more│   └──────────► Restarting: stop in reverse order, then start in order
///      deaths than       │                   │ more deaths than the intensity allows, or shutdown
///      allowed           ▼                   ▼
///                     Stopping: stop in reverse order ──► Ended
/// ```
#[derive(Debug)]
pub(crate) struct Plan {
    strategy: Strategy,
    /// So many restarts are allowed within the period.
    most: usize,
    period: Duration,
    children: Vec<ChildPlan>,
    lives: Vec<Life>,
    /// How often each child has been started.
    starts: Vec<u64>,
    restarts: VecDeque<Instant>,
    phase: Phase,
    steps: VecDeque<Step>,
}

impl Plan {
    pub(crate) fn new(strategy: Strategy, most: usize, period: Duration, children: Vec<ChildPlan>) -> Self {
        let count = children.len();
        Self {
            strategy,
            most,
            period,
            children,
            lives: vec![Life::Waiting; count],
            starts: vec![0; count],
            restarts: VecDeque::new(),
            phase: Phase::Restarting(vec![true; count]),
            steps: VecDeque::new(),
        }
    }

    /// Begins. (A new supervisor is one that has stopped all its children.)
    pub(crate) fn start(&mut self, now: Instant) {
        self.go_on(now);
    }

    /// Stops everything and ends for this reason. Once that has begun, the first reason counts.
    pub(crate) fn shutdown(&mut self, reason: Reason, now: Instant) {
        if !matches!(self.phase, Phase::Stopping(_) | Phase::Ended) {
            self.phase = Phase::Stopping(reason);
            self.go_on(now);
        }
    }

    /// The child, in that life of it, died, or could not be started.
    pub(crate) fn died(&mut self, child: usize, life: u64, reason: &Reason, now: Instant) {
        if self.starts.get(child) != Some(&life) {
            return;
        }
        match self.lives[child] {
            Life::Waiting | Life::Over => return,
            Life::Stopping(_) => self.lives[child] = self.after_stop(child),
            Life::Up if self.lives_on(child, reason) => {
                self.lives[child] = Life::Waiting;
                self.restart(child, reason, now);
            }
            Life::Up => self.lives[child] = Life::Over,
        }
        self.go_on(now);
    }

    /// It is the time that `poll_timeout` said, or later.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for child in (0..self.lives.len()).rev() {
            if let Life::Stopping(until) = self.lives[child]
                && until <= now
            {
                self.steps.push_back(Step::Abandon(child));
                self.lives[child] = self.after_stop(child);
            }
        }
        self.go_on(now);
    }

    pub(crate) fn poll_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let until = |life: &Life| match life {
            Life::Stopping(until) => Some(*until),
            _ => None,
        };
        self.lives.iter().filter_map(until).min()
    }

    /// Whether the child is in that life of it.
    pub(crate) fn is_up(&self, child: usize, life: u64) -> bool {
        matches!(self.lives[child], Life::Up | Life::Stopping(_)) && self.starts[child] == life
    }

    /// Whether the child ended, and is not to be started again.
    pub(crate) fn is_over(&self, child: usize) -> bool {
        self.lives[child] == Life::Over
    }

    fn lives_on(&self, child: usize, reason: &Reason) -> bool {
        match self.children[child].restart {
            Restart::Permanent => true,
            Restart::Transient => !reason.is_normal(),
            Restart::Temporary => false,
        }
    }

    /// What a child is that was stopped for another one's sake.
    fn after_stop(&self, child: usize) -> Life {
        match self.children[child].restart {
            Restart::Temporary => Life::Over,
            Restart::Permanent | Restart::Transient => Life::Waiting,
        }
    }

    /// A child is to be started again, and others with it; or it was once too often.
    fn restart(&mut self, child: usize, reason: &Reason, now: Instant) {
        if matches!(self.phase, Phase::Stopping(_) | Phase::Ended) {
            return;
        }
        while self.restarts.front().is_some_and(|&at| now.saturating_duration_since(at) >= self.period) {
            self.restarts.pop_front();
        }
        if self.restarts.len() >= self.most {
            self.phase = Phase::Stopping(self.too_many(child, reason));
            return;
        }
        self.restarts.push_back(now);
        let mut set = match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::Restarting(set) => set,
            _ => vec![false; self.children.len()],
        };
        for (index, also) in set.iter_mut().enumerate() {
            *also |= match self.strategy {
                Strategy::OneForOne => index == child,
                Strategy::OneForAll => true,
                Strategy::RestForOne => index >= child,
            };
        }
        self.phase = Phase::Restarting(set);
    }

    fn too_many(&self, child: usize, reason: &Reason) -> Reason {
        let (name, most, period) = (&self.children[child].name, self.most, self.period);
        let text = format!(
            "child {name} died ({reason}), and {most} restarts within {period:?} are all that is allowed"
        );
        Reason::new("too_many_restarts", text)
    }

    /// Does what can be done now.
    fn go_on(&mut self, now: Instant) {
        let (set, ending) = match &self.phase {
            Phase::Running | Phase::Ended => return,
            Phase::Restarting(set) => (set.clone(), None),
            Phase::Stopping(reason) => (vec![true; self.children.len()], Some(reason.clone())),
        };
        let concerned = (0..self.children.len()).filter(|&child| set[child]);
        // One after another, the last one first; who has been asked already is waited for.
        for child in concerned.clone().rev() {
            match self.lives[child] {
                Life::Waiting | Life::Over => {}
                Life::Stopping(_) => return,
                Life::Up => {
                    let until = crate::sync::after(now, self.children[child].patience);
                    self.lives[child] = Life::Stopping(until);
                    self.steps.push_back(Step::Stop(child));
                    return;
                }
            }
        }
        if let Some(reason) = ending {
            self.phase = Phase::Ended;
            self.steps.push_back(Step::End(reason));
            return;
        }
        self.phase = Phase::Running;
        for child in concerned {
            if self.lives[child] == Life::Waiting {
                self.lives[child] = Life::Up;
                self.starts[child] += 1;
                self.steps.push_back(Step::Start(child, self.starts[child]));
            }
        }
    }
}

#[cfg(test)]
mod tests;
