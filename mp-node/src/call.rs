//! Asking a port for an answer.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mp_proto::{Message, PortId, Reason};
use mp_transport::clock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CallError, SendError};
use crate::node::Inner;
use crate::port::Port;
use crate::sync::after;
use crate::watch::{Action, Fired, Monitor};

/// A question that is asked when this is awaited, from [`Node::call`](crate::Node::call).
///
/// The port that is asked gets the message with the ID of a temporary port behind it; the first message to that port is
/// the answer `[ND-14]`. The target is monitored from before the question goes out until the answer is there, so its
/// death, or that of its node, ends the call.
///
/// # Cancellation
///
/// Dropping the future gives up the answer; the question may have been sent.
#[must_use = "a call does nothing unless awaited"]
pub struct Call<M, R = Message> {
    node: Arc<Inner>,
    to: PortId,
    message: M,
    timeout: Option<Duration>,
    answer: PhantomData<fn() -> R>,
}

impl<M, R> Call<M, R> {
    pub(crate) fn new(node: Arc<Inner>, to: PortId, message: M) -> Self {
        Self { node, to, message, timeout: None, answer: PhantomData }
    }

    /// Gives up with [`CallError::TimedOut`] after this time. Without it, the call waits as long as the target lives.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Reads the answer as a `T`, by the rules of [`mp_proto::adaptor`].
    pub fn returning<T: DeserializeOwned>(self) -> Call<M, T> {
        Call {
            node: self.node,
            to: self.to,
            message: self.message,
            timeout: self.timeout,
            answer: PhantomData,
        }
    }
}

impl<M, R> IntoFuture for Call<M, R>
where
    M: Serialize + Send + 'static,
    R: DeserializeOwned + Send + 'static,
{
    type Output = Result<R, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let timeout = self.timeout;
        let asking = ask(self.node, self.to, self.message);
        Box::pin(async move {
            let Some(limit) = timeout else {
                return asking.await;
            };
            let late = clock::sleep_until(after(clock::now(), limit));
            tokio::select! {
                biased;
                answer = asking => answer,
                () = late => Err(CallError::TimedOut(limit)),
            }
        })
    }
}

async fn ask<M: Serialize + Send, R: DeserializeOwned>(
    node: Arc<Inner>,
    to: PortId,
    message: M,
) -> Result<R, CallError> {
    let mut reply = Port::new(Arc::clone(&node), node.add_port().map_err(CallError::Send)?);
    let fired = Arc::new(Fired::default());
    let watch = node.watch(&to, Action::Future(Arc::clone(&fired)));
    let monitor = Monitor::new(Arc::clone(&node), to.clone(), watch, Some(fired));
    let id = reply.id().clone();
    // While the question waits for room, its target may die.
    tokio::pin!(monitor);
    tokio::select! {
        biased;
        sent = node.send(&to, message, Some(&id)) => sent?,
        reason = &mut monitor => return Err(CallError::Died(reason)),
    }
    tokio::select! {
        biased;
        answer = reply.recv_checked::<R>() => match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(undecoded)) => Err(CallError::Decode(undecoded.error)),
            None => Err(unanswered(&node, reply.killed())),
        },
        reason = monitor => Err(CallError::Died(reason)),
    }
}

/// Why a reply port was killed: by whoever was asked `[ND-29]`, unless by the end of its node.
pub(crate) fn unanswered(node: &Inner, killed: Option<Reason>) -> CallError {
    if node.is_closed() {
        return CallError::Send(SendError::ShutDown);
    }
    CallError::Refused(killed.unwrap_or_default())
}

impl<M, R> fmt::Debug for Call<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("to", &self.to).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
