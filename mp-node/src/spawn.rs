//! Ports that a function runs in.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use mp_proto::{Message, Reason};

use crate::address::PortRef;
use crate::mailbox::PortCell;
use crate::node::{Inner, Node};
use crate::port::Port;
use crate::port::drain::panic_text;
use crate::port::typed::TypedPort;

/// How a port's function ended: `()` and `Ok(())` are a normal end, an error is the port's [`Reason`].
#[diagnostic::on_unimplemented(
    message = "a port's function cannot end with `{Self}`",
    label = "this function ends with `{Self}`",
    note = "it may return `()`, or a `Result<(), E>` whose error becomes the port's `Reason`: `E: Into<Reason>`; for other errors use `.map_err(|error| Reason::die(error.to_string()))`"
)]
pub trait Outcome: Send {
    /// The reason for which the port dies.
    fn into_reason(self) -> Reason;
}

impl Outcome for () {
    fn into_reason(self) -> Reason {
        Reason::normal()
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<Reason> + Send> Outcome for Result<(), E> {
    fn into_reason(self) -> Reason {
        self.map_or_else(Into::into, |()| Reason::normal())
    }
}

/// A function that peers may spawn by its name.
pub(crate) type Function =
    dyn Fn(Port, Message) -> Pin<Box<dyn Future<Output = Reason> + Send>> + Send + Sync;

impl Node {
    /// A new port that takes `T`s.
    ///
    /// # Panics
    ///
    /// As [`Node::port`].
    #[doc(alias("port", "gen_server", "actor"))]
    pub fn typed_port<T: Send + 'static>(&self) -> TypedPort<T> {
        let cell = self.inner.add_typed_port::<T>().expect("the node has room for a port");
        TypedPort::new(Arc::clone(&self.inner), cell, true)
    }

    /// Runs a function in a [`TypedPort`] of its own, as [`Node::spawn`] does in a [`Port`].
    ///
    /// # Panics
    ///
    /// As [`Node::port`].
    #[doc(alias("gen_server", "actor", "spawn"))]
    pub fn spawn_typed<M, F, T>(&self, function: F) -> PortRef<M>
    where
        M: Send + 'static,
        F: FnOnce(TypedPort<M>) -> T + Send + 'static,
        T: Future<Output: Outcome> + Send + 'static,
    {
        let cell = self.inner.add_typed_port::<M>().expect("the node has room for a port");
        let address = PortRef::here(Arc::clone(&cell));
        self.inner.run_with(cell, move |node, cell| function(TypedPort::new(node, cell, false)));
        address
    }
}

impl Inner {
    /// Runs a registered function in a port of its own.
    pub(crate) fn run_function(
        self: &Arc<Self>,
        function: &Arc<Function>,
        cell: Arc<PortCell>,
        args: Message,
    ) {
        let function = Arc::clone(function);
        self.run_in(cell, move |port| async move { Err::<(), _>(function(port, args).await) });
    }

    /// Runs `body` with a port until it ends, is killed, or the node stops.
    pub(crate) fn run_in<F, T>(self: &Arc<Self>, cell: Arc<PortCell>, body: F)
    where
        F: FnOnce(Port) -> T + Send + 'static,
        T: Future<Output: Outcome> + Send + 'static,
    {
        // The reason of its end is the function's result, not that the handle was dropped on the way.
        self.run_with(cell, move |node, cell| body(Port::borrowed(node, cell)));
    }

    /// The same for a body that makes its own handle of the port.
    fn run_with<F, T>(self: &Arc<Self>, cell: Arc<PortCell>, body: F)
    where
        F: FnOnce(Arc<Self>, Arc<PortCell>) -> T + Send + 'static,
        T: Future<Output: Outcome> + Send + 'static,
    {
        let node = Arc::clone(self);
        // The port itself wakes the task when it dies or the node stops, so that the task needs no token, no monitor and
        // no memory beside its own. All of it is in one block, which keeps nothing twice.
        self.spawn_unguarded(async move {
            let work = catch_unwind(AssertUnwindSafe(|| body(Arc::clone(&node), Arc::clone(&cell))));
            let ended = match work {
                Ok(work) => {
                    let mut running = Running { work: pin!(work), cell: &cell, is_known: false };
                    poll_fn(move |cx| running.poll(cx)).await
                }
                Err(panic) => Some(Err(panic)),
            };
            if let Some(ended) = ended {
                let reason = ended.unwrap_or_else(|panic| Reason::die(panic_text(&*panic)));
                node.kill_local(&cell, &reason);
            }
        });
    }
}

/// Why a function ended; an error is its panic.
type Ended = Result<Reason, Box<dyn Any + Send>>;

/// A port's function at work.
struct Running<'a, T> {
    work: Pin<&'a mut T>,
    cell: &'a PortCell,
    /// The port knows whom to wake.
    is_known: bool,
}

impl<T: Future<Output: Outcome>> Running<'_, T> {
    /// `None` if the port has been killed, or the node stopped, and the function waits.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended>> {
        if !std::mem::replace(&mut self.is_known, true) {
            self.cell.set_runner(cx.waker());
        }
        match catch_unwind(AssertUnwindSafe(|| self.work.as_mut().poll(cx).map(Outcome::into_reason))) {
            Ok(Poll::Ready(reason)) => Poll::Ready(Some(Ok(reason))),
            Ok(Poll::Pending) if self.cell.is_over() => Poll::Ready(None),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Some(Err(panic))),
        }
    }
}
