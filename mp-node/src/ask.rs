//! Asking a typed port.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use mp_transport::clock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::{PortRef, ReplyTo};
use crate::call::unanswered;
use crate::error::{CallError, SendError};
use crate::node::Inner;
use crate::sync::after;
use crate::watch::{Action, Fired, Monitor};
use crate::{Node, TypedPort};

impl Node {
    /// Asks a port whose messages name the port that waits for the answer: `question` gets that port and makes the
    /// message. A variant's name will do: `node.ask(&counter, Counter::Get)`. Between ports of this node, neither the
    /// question nor the answer is written. How it is answered stands at [`ReplyTo`].
    ///
    /// For a port of another kind, a Perl program's for instance, that takes its reply port last, [`Node::call`] is
    /// shorter; on the wire they are the same.
    #[doc(alias("cal", "gen_server:call"))]
    pub fn ask<Q, R: Send + 'static>(
        &self,
        to: impl Into<PortRef<Q>>,
        question: impl FnOnce(ReplyTo<R>) -> Q,
    ) -> Ask<Q, R> {
        let prepared = self.inner.add_typed_port::<R>().map(|cell| {
            let reply = TypedPort::new(Arc::clone(&self.inner), cell, true);
            let question = question(ReplyTo::of(reply.to_ref()));
            (question, reply)
        });
        Ask { node: Arc::clone(&self.inner), to: to.into(), prepared, timeout: None }
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
pub struct Ask<Q, R: Send + 'static> {
    node: Arc<Inner>,
    to: PortRef<Q>,
    prepared: Result<(Q, TypedPort<R>), SendError>,
    timeout: Option<Duration>,
}

impl<Q, R: Send + 'static> Ask<Q, R> {
    /// Gives up with [`CallError::TimedOut`] after this time. Without it, the question waits as long as the target
    /// lives.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<Q, R> IntoFuture for Ask<Q, R>
where
    Q: Serialize + Send + 'static,
    R: DeserializeOwned + Send + 'static,
{
    type Output = Result<R, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { node, to, prepared, timeout } = self;
        let Some(limit) = timeout else {
            return Box::pin(ask(node, to, prepared));
        };
        Box::pin(async move {
            let late = clock::sleep_until(after(clock::now(), limit));
            tokio::select! {
                biased;
                answer = ask(node, to, prepared) => answer,
                () = late => Err(CallError::TimedOut(limit)),
            }
        })
    }
}

async fn ask<Q, R>(
    node: Arc<Inner>,
    to: PortRef<Q>,
    prepared: Result<(Q, TypedPort<R>), SendError>,
) -> Result<R, CallError>
where
    Q: Serialize + Send + 'static,
    R: DeserializeOwned + Send + 'static,
{
    let (question, mut reply) = prepared?;
    let fired = Arc::new(Fired::default());
    let watch = node.watch_at(to.address(), Action::Future(Arc::clone(&fired)));
    let mut monitor = Monitor::at(Arc::clone(&node), to.address().clone(), watch, Some(fired));
    if let Some(question) = node.send_typed_at_once(&to, question)? {
        // While the question waits for room, its target may die.
        tokio::select! {
            biased;
            sent = node.send_typed_later(&to, question) => sent?,
            reason = &mut monitor => return Err(CallError::Died(reason)),
        }
    }
    poll_fn(|cx| match reply.poll_checked(cx) {
        Poll::Ready(Some(answer)) => Poll::Ready(answer.map_err(CallError::from)),
        Poll::Ready(None) => Poll::Ready(Err(unanswered(&node, reply.killed()))),
        Poll::Pending => Pin::new(&mut monitor).poll(cx).map(|reason| Err(CallError::Died(reason))),
    })
    .await
}

impl<Q, R: Send + 'static> fmt::Debug for Ask<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("to", &self.to).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
