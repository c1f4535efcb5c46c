//! Ports that a function runs in.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use mp_proto::{Message, Reason};

use crate::address::PortRef;
use crate::mailbox::PortCell;
use crate::node::{Inner, Node};
use crate::port::Port;
use crate::port::drain::panic_text;
use crate::port::typed::TypedPort;
use crate::watch::{Action, Fired};

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
        self.port().typed()
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
        let cell = self.inner.add_port().expect("the node has room for a port");
        let port = Port::borrowed(Arc::clone(&self.inner), Arc::clone(&cell)).typed();
        let address = port.to_ref();
        self.inner.run_with(cell, move || async move { function(port).await.into_reason() });
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
        self.run_in(cell, move |port| async move { function(port, args).await });
    }

    /// Runs `body` with a port until it ends, is killed, or the node stops.
    pub(crate) fn run_in<F, T>(self: &Arc<Self>, cell: Arc<PortCell>, body: F)
    where
        F: FnOnce(Port) -> T + Send + 'static,
        T: Future<Output = Reason> + Send + 'static,
    {
        // The reason of its end is the function's result, not that the handle was dropped on the way.
        let port = Port::borrowed(Arc::clone(self), Arc::clone(&cell));
        self.run_with(cell, move || body(port));
    }

    /// The same for a body that has its port.
    fn run_with<F, T>(self: &Arc<Self>, cell: Arc<PortCell>, body: F)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output = Reason> + Send + 'static,
    {
        let node = Arc::clone(self);
        let killed = Arc::new(Fired::default());
        if cell.watch(self.next_id(), Action::Future(Arc::clone(&killed))).is_err() {
            return;
        }
        self.spawn_task(async move {
            let work = CatchPanic(Box::pin(async move { body().await }));
            tokio::select! {
                biased;
                ended = work => {
                    let reason = ended.unwrap_or_else(|panic| Reason::die(panic_text(&*panic)));
                    node.kill_local(&cell, &reason);
                }
                _ = killed.wait() => {}
            }
        });
    }
}

/// A future whose panic is its result.
struct CatchPanic<F>(Pin<Box<F>>);

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Box<dyn std::any::Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    }
}
