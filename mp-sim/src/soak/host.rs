//! A host: one node's place, in which one process after another runs.

use std::io;
use std::time::Duration;

use super::child::{NodeProcess, Stopped};
use super::control::Order;
use super::figures::Figures;

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) number: u32,
    /// Where its node is to listen.
    pub(super) bind: String,
    /// The process that runs, or did.
    pub(super) process: u32,
    /// Before the process: one that is stopped goes on, and is killed then.
    pub(super) state: State,
    pub(super) child: Option<NodeProcess>,
    /// What its first process held before the load.
    pub(super) begin: Option<Figures>,
    /// What is to be said to the process when it goes on.
    waiting: Vec<Order>,
}

/// What its process is doing.
#[derive(Debug)]
pub(super) enum State {
    /// There is none until then; for good, if never.
    Down { until: Option<Duration> },
    /// It has begun, and is to be there soon.
    Starting { since: Duration },
    /// It runs.
    Up,
    /// It is stopped.
    Stopped(Pause),
    /// It is to end by itself, and is to come back after a while, or not.
    Leaving { deadline: Duration, absent: Option<Duration> },
}

/// Of a process that is stopped.
#[derive(Debug)]
pub(super) struct Pause {
    pub(super) stopped: Stopped,
    /// When it may have been stopped, and when it was, in microseconds.
    pub(super) since: [u64; 2],
    pub(super) until: Duration,
    /// It is to be killed then, and to come back after this.
    pub(super) killed: Option<Duration>,
}

impl Host {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            bind: "127.0.0.1:0".into(),
            process: 0,
            child: None,
            state: State::Down { until: None },
            begin: None,
            waiting: Vec::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    /// Whether it runs, and nothing is about to change that.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state, State::Down { until: None })
    }

    /// Tells its process what to do; one that is stopped, when it goes on, as else a full pipe would stop the coordinator.
    pub(super) fn tell(&mut self, order: &Order) {
        if matches!(self.state, State::Stopped(_)) {
            self.waiting.push(order.clone());
        } else if let Some(child) = &mut self.child {
            child.tell(order);
        }
    }

    /// A process begins.
    pub(super) fn begins(&mut self, process: u32, child: NodeProcess, now: Duration) {
        self.process = process;
        self.child = Some(child);
        self.state = State::Starting { since: now };
        self.waiting.clear();
    }

    /// Its process runs again.
    pub(super) fn goes_on(&mut self) {
        self.state = State::Up;
        for order in std::mem::take(&mut self.waiting) {
            self.tell(&order);
        }
    }

    /// The exit code of its process, if that has ended.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn ended(&mut self) -> io::Result<Option<i32>> {
        self.child.as_mut().map_or(Ok(None), NodeProcess::ended)
    }
}
