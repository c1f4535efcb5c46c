//! Asking a typed port.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mp_transport::clock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Node;
use crate::address::{PortRef, ReplyTo};
use crate::call::unanswered;
use crate::error::CallError;
use crate::node::Inner;
use crate::port::Port;
use crate::sync::after;
use crate::watch::{Action, Fired, Monitor};

impl Node {
    /// Asks a port whose messages name the port that waits for the answer: `question` gets that port and makes the
    /// message. A variant's name will do: `node.ask(&counter, Counter::Get)`. Between ports of this node, neither the
    /// question nor the answer is written. How it is answered stands at [`ReplyTo`].
    ///
    /// For a port of another kind, a Perl program's for instance, that takes its reply port last, [`Node::call`] is
    /// shorter; on the wire they are the same.
    pub fn ask<Q, R, F>(&self, to: impl Into<PortRef<Q>>, question: F) -> Ask<Q, R, F>
    where
        F: FnOnce(ReplyTo<R>) -> Q,
    {
        Ask { node: Arc::clone(&self.inner), to: to.into(), question, timeout: None, answer: PhantomData }
    }
}

/// A question that is asked when this is awaited, from [`Node::ask`].
///
/// The first message to the reply port is the answer. The port that is asked is monitored from before the question goes
/// out until the answer is there, so its death, or that of its node, ends the wait with [`CallError::Died`].
///
/// # Cancellation
///
/// Dropping the future gives up the answer; the question may have been sent.
#[must_use = "a question is not asked unless awaited"]
pub struct Ask<Q, R, F> {
    node: Arc<Inner>,
    to: PortRef<Q>,
    question: F,
    timeout: Option<Duration>,
    answer: PhantomData<fn() -> R>,
}

impl<Q, R, F> Ask<Q, R, F> {
    /// Gives up with [`CallError::TimedOut`] after this time. Without it, the question waits as long as the target
    /// lives.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<Q, R, F> IntoFuture for Ask<Q, R, F>
where
    Q: Serialize + Send + 'static,
    R: DeserializeOwned + Send + 'static,
    F: FnOnce(ReplyTo<R>) -> Q + Send + 'static,
{
    type Output = Result<R, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let timeout = self.timeout;
        let asking = ask(self.node, self.to, self.question);
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

async fn ask<Q, R, F>(node: Arc<Inner>, to: PortRef<Q>, question: F) -> Result<R, CallError>
where
    Q: Serialize + Send + 'static,
    R: DeserializeOwned + Send + 'static,
    F: FnOnce(ReplyTo<R>) -> Q + Send,
{
    let cell = node.add_port().map_err(CallError::Send)?;
    let mut reply = Port::new(Arc::clone(&node), cell).typed::<R>();
    let fired = Arc::new(Fired::default());
    let watch = node.watch(to.id(), Action::Future(Arc::clone(&fired)));
    let monitor = Monitor::new(Arc::clone(&node), to.id().clone(), watch, Some(fired));
    let question = question(ReplyTo::of(reply.to_ref()));
    // While the question waits for room, its target may die.
    tokio::pin!(monitor);
    tokio::select! {
        biased;
        sent = node.send_typed(&to, question) => sent?,
        reason = &mut monitor => return Err(CallError::Died(reason)),
    }
    tokio::select! {
        biased;
        answer = reply.recv_checked() => match answer {
            Some(answer) => Ok(answer?),
            None => Err(unanswered(&node, reply.killed())),
        },
        reason = monitor => Err(CallError::Died(reason)),
    }
}

impl<Q, R, F> fmt::Debug for Ask<Q, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("to", &self.to).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
