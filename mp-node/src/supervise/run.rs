//! The task of a supervisor: does what the plan says, and tells it what happens.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mp_proto::{PortId, Reason};
use mp_transport::clock;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::handle::{Place, Supervision};
use super::plan::{ChildPlan, Plan, Step};
use super::{Child, Slot, Slots, Start, Supervisor, SupervisorError};
use crate::mailbox::PortCell;
use crate::port::drain::panic_text;
use crate::spawn::Outcome;
use crate::watch::{Action, Fired};
use crate::{Node, Port};

/// A child that has been started.
pub(super) struct Started {
    pub(super) port: PortId,
    /// Closed when the child's future is gone, which may be after its port has died.
    pub(super) ended: Option<oneshot::Receiver<()>>,
}

/// Runs a child's function in a port of its own. Without room for the port, that is a start that failed.
pub(super) fn spawn<F, T>(node: &Node, function: &Arc<F>) -> Result<Started, Reason>
where
    F: Fn(Port) -> T + Send + Sync + 'static,
    T: Future<Output: Outcome> + Send + 'static,
{
    let cell = node.inner.add_port().map_err(|error| Reason::die(error.to_string()))?;
    let port = cell.id().clone();
    let (guard, ended) = oneshot::channel::<()>();
    let function = Arc::clone(function);
    node.inner.run_in(cell, move |port| async move {
        // It is dropped after what the function has made.
        let _guard = guard;
        Err::<(), _>(function(port).await.into_reason())
    });
    Ok(Started { port, ended: Some(ended) })
}

pub(super) fn start(
    supervisor: Supervisor,
    node: &Node,
    slots: Slots,
    nested: bool,
) -> Result<Supervision, SupervisorError> {
    let cell = node.inner.add_port()?;
    let stop = CancellationToken::new();
    let end = node.monitor(cell.id());
    let supervision = Supervision {
        port: cell.id().clone(),
        stop: Some(stop.clone()),
        slots: Arc::clone(&slots),
        end: Some(end),
    };
    let children = supervisor.children.iter().map(|child| ChildPlan {
        name: child.name.clone(),
        restart: child.restart,
        patience: child.patience_or_default(),
    });
    let plan = Plan::new(supervisor.strategy, supervisor.most, supervisor.period, children.collect());
    let (deaths, died) = mpsc::channel(1);
    let mut runner = Runner {
        up: supervisor.children.iter().map(|_| None).collect(),
        // It is the node's own task that holds this, so it keeps nothing alive.
        node: Node::from_inner(Arc::clone(&node.inner)),
        plan,
        children: supervisor.children,
        slots,
        nested,
        deaths,
    };
    runner.plan.start(clock::now());
    let ended = runner.work_off();
    node.inner.spawn_task(runner.run(cell, stop, died, ended));
    Ok(supervision)
}

/// A child of that number died in that life of it.
type Death = (usize, u64, Reason);

struct Runner {
    node: Node,
    plan: Plan,
    children: Vec<Child>,
    slots: Slots,
    /// It is another one's child, which may start it again; then its children's handles go on.
    nested: bool,
    up: Vec<Option<Up>>,
    deaths: mpsc::Sender<Death>,
}

/// A child that lives.
struct Up {
    port: PortId,
    /// Stops it, if it is a supervisor.
    stop: Option<CancellationToken>,
}

impl Runner {
    async fn run(
        mut self,
        cell: Arc<PortCell>,
        stop: CancellationToken,
        mut died: mpsc::Receiver<Death>,
        mut ended: Option<Reason>,
    ) {
        let killed = Arc::new(Fired::default());
        let watch = self.node.inner.watch(cell.id(), Action::Future(Arc::clone(&killed)));
        let (mut stopping, mut dead) = (false, false);
        let end = loop {
            if let Some(end) = ended.take().or_else(|| self.work_off()) {
                break end;
            }
            let timeout = self.plan.poll_timeout();
            tokio::select! {
                biased;
                reason = killed.wait(), if !dead => {
                    dead = true;
                    self.plan.shutdown(reason, clock::now());
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.plan.shutdown(Reason::normal(), clock::now());
                }
                Some((child, life, reason)) = died.recv() => self.on_death(child, life, &reason),
                () = clock::sleep_until(timeout.unwrap_or_else(clock::now)), if timeout.is_some() => {
                    self.plan.handle_timeout(clock::now());
                }
            }
        };
        if !self.nested {
            for slot in self.slots.values() {
                slot.is_over();
            }
        }
        if !end.is_normal() {
            tracing::warn!(supervisor = %cell.id(), reason = %end, "a supervisor ended");
        }
        drop(cell.unwatch(watch));
        self.node.inner.kill_local(&cell, &end);
    }

    /// Does what the plan says; gives the reason for its end when that has come.
    fn work_off(&mut self) -> Option<Reason> {
        while let Some(step) = self.plan.poll_step() {
            match step {
                Step::Start(child, life) => self.start(child, life),
                Step::Stop(child) => self.stop(child),
                Step::Abandon(child) => {
                    if let Some(up) = self.up[child].take() {
                        tracing::warn!(child = self.children[child].name, port = %up.port, "did not stop in time");
                        self.node.kill(&up.port, Reason::normal());
                    }
                }
                Step::End(reason) => return Some(reason),
            }
        }
        None
    }

    fn on_death(&mut self, child: usize, life: u64, reason: &Reason) {
        // An earlier life of it may have been given up and be over only now.
        if self.plan.is_up(child, life) {
            let name = &self.children[child].name;
            if reason.is_normal() {
                tracing::debug!(child = name, "a child ended");
            } else {
                tracing::warn!(child = name, %reason, "a child died");
            }
            self.up[child] = None;
        }
        self.plan.died(child, life, reason, clock::now());
        if self.plan.is_over(child)
            && let Some(slot) = self.slot(child)
        {
            slot.is_over();
        }
    }

    fn slot(&self, child: usize) -> Option<&Arc<Slot>> {
        self.slots.get(&self.children[child].name)
    }

    fn start(&mut self, child: usize, life: u64) {
        let what = &self.children[child];
        let started = catch_unwind(AssertUnwindSafe(|| self.make(what)));
        let deaths = self.deaths.clone();
        let (started, up) = match started {
            Ok(Ok(made)) => made,
            Ok(Err(reason)) => return self.failed(child, life, reason),
            Err(panic) => return self.failed(child, life, Reason::die(panic_text(&*panic))),
        };
        if let Some(name) = &what.registered
            && !self.node.register_name(name, &started.port)
        {
            tracing::warn!(child = what.name, name, "the name is taken");
        }
        if let Some(slot) = self.slot(child) {
            drop(slot.place.send_replace(Place::Here(up.port.clone())));
            self.node.inner.watch(&up.port, Action::Leave(Arc::clone(slot), up.port.clone()));
        }
        let monitor = self.node.monitor(&started.port);
        self.up[child] = Some(up);
        self.node.inner.spawn_task(async move {
            let reason = monitor.await;
            if let Some(ended) = started.ended {
                // It says nothing, it is only closed.
                drop(ended.await);
            }
            // The supervisor may have ended.
            drop(deaths.send((child, life, reason)).await);
        });
    }

    fn failed(&self, child: usize, life: u64, reason: Reason) {
        let deaths = self.deaths.clone();
        self.node.inner.spawn_task(async move { drop(deaths.send((child, life, reason)).await) });
    }

    fn make(&self, child: &Child) -> Result<(Started, Up), Reason> {
        match &child.start {
            Start::Function(function) => {
                let started = function(&self.node)?;
                let up = Up { port: started.port.clone(), stop: None };
                Ok((started, up))
            }
            Start::Supervisor(supervisor) => {
                let below =
                    self.slots.get(&child.name).map(|slot| Arc::clone(&slot.below)).unwrap_or_default();
                let mut supervision = start(supervisor.clone(), &self.node, below, true)
                    .map_err(|error| Reason::die(error.to_string()))?;
                let stop = supervision.stop.take();
                let port = supervision.port.clone();
                Ok((Started { port: port.clone(), ended: None }, Up { port, stop }))
            }
        }
    }

    fn stop(&mut self, child: usize) {
        let Some(up) = &self.up[child] else { return };
        match (&up.stop, &self.children[child].stop) {
            (Some(stop), _) => stop.cancel(),
            (None, Some(message)) => self.node.inner.send_control(&up.port, message),
            (None, None) => self.node.kill(&up.port, Reason::normal()),
        }
    }
}
