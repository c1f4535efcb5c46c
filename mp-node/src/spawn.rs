//! Ports that a function runs in.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use mp_proto::{Message, Reason};

use crate::mailbox::PortCell;
use crate::node::Inner;
use crate::port::Port;
use crate::port::drain::panic_text;
use crate::watch::{Action, Fired};

/// How a port's function ended: `()` and `Ok(())` are a normal end, an error is the port's [`Reason`].
pub trait Outcome: Send {
    /// The reason for which the port dies.
    fn into_reason(self) -> Reason;
}

impl Outcome for () {
    fn into_reason(self) -> Reason {
        Reason::normal()
    }
}

impl<E: Into<Reason> + Send> Outcome for Result<(), E> {
    fn into_reason(self) -> Reason {
        self.map_or_else(Into::into, |()| Reason::normal())
    }
}

/// A function that peers may spawn by its name.
pub(crate) type Function =
    dyn Fn(Port, Message) -> Pin<Box<dyn Future<Output = Reason> + Send>> + Send + Sync;

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
        let node = Arc::clone(self);
        // The reason of its end is the function's result, not that the handle was dropped on the way.
        let port = Port::borrowed(Arc::clone(self), Arc::clone(&cell));
        let killed = Arc::new(Fired::default());
        if cell.watch(self.next_id(), Action::Future(Arc::clone(&killed))).is_err() {
            return;
        }
        self.spawn_task(async move {
            let work = CatchPanic(Box::pin(async move { body(port).await }));
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
