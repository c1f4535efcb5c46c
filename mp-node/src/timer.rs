//! Messages that are sent later.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mp_transport::clock;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::address::PortRef;
use crate::sync::after;
use crate::watch::{Action, Fired, Monitor};
use crate::{Node, SendError};

/// A message that is still to be sent, from [`Node::send_after`] or [`Node::send_every`]. Dropping it takes the message
/// back; it lets go by itself when all is sent.
#[must_use = "dropping a timer ends it; use `detach` to keep it"]
pub struct Timer {
    stop: Option<CancellationToken>,
    over: CancellationToken,
}

impl Timer {
    /// Lets the timer run without this guard.
    pub fn detach(mut self) {
        self.stop = None;
    }

    /// Whether nothing is to be sent any more: all is sent, the message cannot be written, the port is dead, or the node
    /// has stopped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.cancel();
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("is_over", &self.is_over()).finish_non_exhaustive()
    }
}

impl Node {
    /// Sends a message after `delay`, unless the timer is dropped before.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let node = mp_node::Node::builder("doc").without_file().start().await?;
    /// let mut port = node.port();
    /// let _reminder = node.send_after(Duration::from_millis(5), &port, ("remember", "the milk"));
    /// assert!(port.recv_tag("remember").await.is_some());
    ///
    /// let ticking = node.send_every(Duration::from_millis(5), &port, ("tick",));
    /// for _ in 0..3 {
    ///     assert!(port.recv_tag("tick").await.is_some());
    /// }
    /// drop(ticking);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("after", "start_timer", "apply_after"))]
    pub fn send_after<M>(&self, delay: Duration, to: impl Into<PortRef<M>>, message: M) -> Timer
    where
        M: Serialize + Send + 'static,
    {
        let (node, to) = (Arc::clone(&self.inner), to.into());
        let at = after(clock::now(), delay);
        self.timer(async move {
            clock::sleep_until(at).await;
            if let Err(error) = node.send_typed(&to, message).await {
                tracing::warn!(%to, %error, "a timer's message was not sent");
            }
        })
    }

    /// Sends a copy of a message every `period`, at least a millisecond, the first time after one period, until the timer
    /// is dropped or the port dies. While the port's mailbox, or the queue to its node, is full, it waits, and does not
    /// catch up afterwards.
    ///
    /// If the message cannot be written, no later copy of it could: the timer ends with one warning in the log, and
    /// [`Timer::is_over`] tells. If it cannot be sent for another reason, as when the node remembers too many peers, that is
    /// said once, and the timer goes on.
    #[doc(alias("send_interval", "interval", "timer"))]
    pub fn send_every<M>(&self, period: Duration, to: impl Into<PortRef<M>>, message: M) -> Timer
    where
        M: Serialize + Clone + Send + Sync + 'static,
    {
        let (node, to) = (Arc::clone(&self.inner), to.into());
        let period = period.max(Duration::from_millis(1));
        let mut at = after(clock::now(), period);
        self.timer(async move {
            let fired = Arc::new(Fired::default());
            let watch = node.watch(to.id(), Action::Future(Arc::clone(&fired)));
            let dead = Monitor::new(Arc::clone(&node), to.id().clone(), watch, Some(fired));
            let ticking = async {
                let mut said = false;
                loop {
                    clock::sleep_until(at).await;
                    match node.send_typed(&to, message.clone()).await {
                        Ok(()) => said = false,
                        Err(SendError::Encode(error)) => {
                            tracing::warn!(%to, %error, "a timer ends, as its message cannot be written");
                            return;
                        }
                        Err(error) => {
                            if !std::mem::replace(&mut said, true) {
                                tracing::warn!(%to, %error, "a timer's message was not sent");
                            }
                        }
                    }
                    // Ticks that were missed are not made up for, but the beat is kept.
                    at = after(at, period).max(clock::now());
                }
            };
            tokio::select! {
                biased;
                _ = dead => {}
                () = ticking => {}
            }
        })
    }

    fn timer(&self, work: impl Future<Output = ()> + Send + 'static) -> Timer {
        let (stop, over) = (CancellationToken::new(), CancellationToken::new());
        let (stopped, guard) = (stop.clone(), over.clone().drop_guard());
        self.inner.spawn_task(async move {
            let _guard = guard;
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = work => {}
            }
        });
        Timer { stop: Some(stop), over }
    }
}
