//! Receiving out of turn.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use mp_proto::{DecodeError, Frame, Message, Text};
use mp_transport::clock;
use serde::de::DeserializeOwned;

use super::Port;
use super::typed::TypedPort;
use crate::sync::after;

/// Waits for a message that fits, from [`Port::recv_where`] and its kin: a future of it. `None` says that the port was
/// killed and nothing in it fits, or that the [time](Selective::timeout) is over; [`Port::killed`] tells which.
///
/// What does not fit stays in the mailbox, in its order, and takes up room there. So a mailbox that fills up while its
/// owner waits for what does not come is a full mailbox: senders wait, and after
/// [`Limits::mailbox_patience`](mp_proto::Limits::mailbox_patience) the port is killed `[ND-25]`.
///
/// # Cost
///
/// Each selective receive looks at all messages that wait, from the first one on, until one fits: those that an earlier
/// one has passed over are looked at again. A message that comes meanwhile is looked at once. With a few messages that is
/// nothing; whoever passes over thousands again and again wants two ports.
///
/// # Cancellation
///
/// Safe: no message is lost by dropping the future.
#[must_use = "nothing is received unless this is awaited"]
pub struct Selective<'a, R> {
    poll: Box<PollFn<'a, R>>,
    late: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

type PollFn<'a, R> = dyn FnMut(&mut Context<'_>) -> Poll<Option<R>> + Send + 'a;

impl<R> Selective<'_, R> {
    /// Gives up after this time, counted from now. With no time at all, what waits already is looked at.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.late = Some(Box::pin(clock::sleep_until(after(clock::now(), timeout))));
        self
    }
}

impl<R> Future for Selective<'_, R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        if let Poll::Ready(found) = (self.poll)(cx) {
            return Poll::Ready(found);
        }
        match &mut self.late {
            Some(late) => late.as_mut().poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    }
}

impl<R> fmt::Debug for Selective<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selective").field("has_timeout", &self.late.is_some()).finish_non_exhaustive()
    }
}

impl Port {
    /// The first message that `fits`, be it there already or still to come; see [`Selective`] for what becomes of the
    /// others, and what it costs. Older names: Coro::MP's `get_cond`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let node = mp_node::Node::builder("doc").without_file().start().await?;
    /// let mut port = node.port();
    /// for number in [1, 2, 3] {
    ///     node.send(&port, ("number", number)).await?;
    /// }
    /// let even = port.recv_where(|message| message.args()[0].as_i64() == Some(2)).await.expect("sent");
    /// assert_eq!(even.to_string(), r#"["number",2]"#);
    /// // The others are still there, in their order.
    /// assert_eq!(port.recv_as().await, Some(("number".to_owned(), 1)));
    /// assert_eq!(port.recv_tag("letter").timeout(Duration::from_millis(1)).await, None);
    /// assert_eq!(port.recv_as().await, Some(("number".to_owned(), 3)));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("get_cond", "receive", "selective"))]
    pub fn recv_where<'a>(
        &'a mut self,
        mut fits: impl FnMut(&Message) -> bool + Send + 'a,
    ) -> Selective<'a, Message> {
        self.select(move |frame| {
            let message = frame.message()?;
            Ok(fits(&message).then_some(message))
        })
    }

    /// The first message whose first element is `tag`. Older names: Coro::MP's `get`.
    #[doc(alias("get", "receive"))]
    pub fn recv_tag<'a>(&'a mut self, tag: &'a str) -> Selective<'a, Message> {
        self.select(move |frame| {
            // Only the first element is read of those that are passed over.
            let fits = frame.decode::<(Text,)>().is_ok_and(|(found,)| found.as_str() == tag);
            fits.then(|| frame.message()).transpose()
        })
    }

    /// The first message of which `read` makes something, such as `|message| message.decode::<Pong>().ok()`.
    #[doc(alias("get_cond", "receive"))]
    pub fn recv_match<'a, R: Send + 'a>(
        &'a mut self,
        mut read: impl FnMut(&Message) -> Option<R> + Send + 'a,
    ) -> Selective<'a, R> {
        self.select(move |frame| Ok(read(&frame.message()?)))
    }

    fn select<'a, R: Send + 'a>(
        &'a mut self,
        mut read: impl FnMut(&Frame) -> Result<Option<R>, DecodeError> + Send + 'a,
    ) -> Selective<'a, R> {
        let inlet = &mut self.inlet;
        let mut seen = 0;
        let poll = move |cx: &mut Context<'_>| {
            let mut found = None;
            let look = |frame: &mut Frame| {
                found = read(frame)?;
                Ok(found.is_some())
            };
            let taken = inlet.poll_select(cx, &mut seen, look, |node, id, frame, error| {
                node.dead_letter(id, Some(&frame), &error.to_string());
            });
            taken.map(|_| found)
        };
        Selective { poll: Box::new(poll), late: None }
    }
}

impl<T: DeserializeOwned + Send + 'static> TypedPort<T> {
    /// The first message that `fits`, be it there already or still to come; see [`Selective`] for what becomes of the
    /// others, and what it costs.
    pub fn recv_where<'a>(&'a mut self, mut fits: impl FnMut(&T) -> bool + Send + 'a) -> Selective<'a, T> {
        let inlet = self.inlet();
        let mut seen = 0;
        let poll = move |cx: &mut Context<'_>| {
            let taken = inlet.poll_select(
                cx,
                &mut seen,
                |entry| entry.read().map(&mut fits),
                |node, id, entry, error| node.dead_letter(id, entry.frame(), &error.to_string()),
            );
            taken.map(|entry| entry.and_then(|entry| entry.into_value().ok()))
        };
        Selective { poll: Box::new(poll), late: None }
    }
}
