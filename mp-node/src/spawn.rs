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
        let (owner, mut body) = ((Arc::clone(self), cell), Some(body));
        // The port itself wakes the task when it dies or the node stops, so that the task needs no token, no monitor and
        // no memory beside its own. What is held while the function waits is in every idle port: it is held once.
        self.spawn_unguarded(async move {
            poll_fn(|cx| {
                owner.1.set_runner(cx.waker());
                Poll::Ready(())
            })
            .await;
            let ended = {
                let (owner, body) = (&owner, &mut body);
                let work = pin!(async move {
                    let body = body.take().expect("a task begins once");
                    body(Arc::clone(&owner.0), Arc::clone(&owner.1)).await.into_reason()
                });
                Running { work, cell: &owner.1 }.await
            };
            if let Some(ended) = ended {
                let reason = ended.unwrap_or_else(|panic| Reason::die(panic_text(&*panic)));
                owner.0.kill_local(&owner.1, &reason);
            }
        });
    }
}

/// Why a function ended; an error is its panic.
type Ended = Result<Reason, Box<dyn Any + Send>>;

/// A port's function at work. Ready without an end if the port has been killed, or the node stopped, and the function
/// waits.
struct Running<'a, W> {
    work: Pin<&'a mut W>,
    cell: &'a PortCell,
}

impl<W: Future<Output = Reason>> Future for Running<'_, W> {
    type Output = Option<Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Ended>> {
        match catch_unwind(AssertUnwindSafe(|| self.work.as_mut().poll(cx))) {
            Ok(Poll::Ready(reason)) => Poll::Ready(Some(Ok(reason))),
            Ok(Poll::Pending) if self.cell.is_over() => Poll::Ready(None),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Some(Err(panic))),
        }
    }
}
