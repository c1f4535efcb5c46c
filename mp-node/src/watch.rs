//! Who is told when a port dies, and how.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mp_proto::{Message, PortId, Reason};

use crate::address::Address;
use crate::node::Inner;
use crate::supervise::Slot;
use crate::sync::Lock;

/// Names one monitor of this node.
pub(crate) type WatchId = u64;

/// What a monitor does when it fires: the four forms, and the supervisor's.
pub(crate) enum Action {
    /// Completes a [`Monitor`].
    Future(Arc<Fired>),
    /// Calls a function, in a task of its own.
    Call(Box<dyn FnOnce(Reason) + Send>),
    /// Kills another port for the same reason, unless that is a normal end.
    Kill(PortId),
    /// Sends a message with the reason's values behind it.
    Send(PortId, Message),
    /// Notes that a supervisor's child is gone.
    Leave(Arc<Slot>, PortId),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Future(_) => f.write_str("Future"),
            Self::Call(_) => f.write_str("Call"),
            Self::Kill(port) => write!(f, "Kill({port})"),
            Self::Send(port, message) => write!(f, "Send({port}, {message})"),
            Self::Leave(_, port) => write!(f, "Leave({port})"),
        }
    }
}

/// The meeting point of a monitor and its [`Monitor`].
#[derive(Debug, Default)]
pub(crate) struct Fired(Lock<(Option<Reason>, Option<Waker>)>);

impl Fired {
    pub(crate) fn fire(&self, reason: Reason) {
        let mut state = self.0.lock();
        state.0.get_or_insert(reason);
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn has_fired(&self) -> bool {
        self.0.lock().0.is_some()
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Reason> {
        let mut state = self.0.lock();
        if let Some(reason) = &state.0 {
            return Poll::Ready(reason.clone());
        }
        match &mut state.1 {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits until it has fired.
    pub(crate) fn wait(&self) -> impl Future<Output = Reason> {
        std::future::poll_fn(|cx| self.poll(cx))
    }
}

/// A monitor that is held: a future of the [`Reason`] for which the port died, and a guard that ends the monitor when
/// it is dropped.
///
/// A monitor fires once: when the port dies, when its node is lost or cannot be reached, or at once if the port does
/// not exist `[MON-06]`. A monitor that was made with a function, a victim or a message is never ready itself.
///
/// # Cancellation
///
/// Dropping it ends the monitor. One that has fired just before is not taken back: its function, which runs in a task
/// of its own, may then still be called.
#[must_use = "dropping a monitor ends it; use `detach` to keep it"]
pub struct Monitor {
    node: Option<Arc<Inner>>,
    port: Address,
    id: WatchId,
    fired: Option<Arc<Fired>>,
}

impl Monitor {
    pub(crate) fn new(node: Arc<Inner>, port: PortId, id: WatchId, fired: Option<Arc<Fired>>) -> Self {
        Self::at(node, Address::Named(port), id, fired)
    }

    pub(crate) fn at(node: Arc<Inner>, port: Address, id: WatchId, fired: Option<Arc<Fired>>) -> Self {
        Self { node: Some(node), port, id, fired }
    }

    /// The port that is monitored.
    #[must_use]
    pub fn port(&self) -> &PortId {
        self.port.id()
    }

    /// Why the port died, if this monitor has fired.
    #[must_use]
    pub fn fired(&self) -> Option<Reason> {
        self.fired.as_ref()?.0.lock().0.clone()
    }

    /// Lets the monitor live without this guard, until it fires.
    pub fn detach(mut self) {
        self.node = None;
    }
}

impl Future for Monitor {
    type Output = Reason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        self.fired.as_ref().map_or(Poll::Pending, |fired| fired.poll(cx))
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // One that has fired is gone already.
        if let Some(node) = self.node.take()
            && self.fired.as_ref().is_none_or(|fired| !fired.has_fired())
        {
            node.unwatch(&self.port, self.id);
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("port", self.port())
            .field("fired", &self.fired())
            .finish_non_exhaustive()
    }
}
