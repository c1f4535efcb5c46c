//! Values that are moved to typed ports of this node.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use serde::Serialize;

use super::Inner;
use crate::address::PortRef;
use crate::error::{SendError, TrySendError};
use crate::mailbox::{Moved, PortCell};

/// What became of a value.
enum Offer<T> {
    Taken,
    Full(Arc<PortCell>, T),
    /// It cannot be moved there: it goes as any message.
    Elsewhere(T),
}

/// A value that could not be sent at once.
pub(crate) struct Unsent<T>(Offer<T>);

/// What is left of sending.
type Later = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

/// Sending, as far as it has come.
enum Sending<T> {
    New(T),
    /// What waits is large and rare, so it stands apart: this future is in the task of each port that sends.
    Waiting(Later),
    Done,
}

impl Inner {
    /// Sends a value, moving it if the port is one of this node for such values; waits for room.
    pub(crate) fn send_typed<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        value: T,
    ) -> impl Future<Output = Result<(), SendError>> + Send {
        let mut state = Sending::New(value);
        poll_fn(move |cx| {
            if let Sending::Waiting(waiting) = &mut state {
                return waiting.as_mut().poll(cx);
            }
            let Sending::New(value) = std::mem::replace(&mut state, Sending::Done) else {
                return Poll::Pending;
            };
            match self.send_typed_now(to, value) {
                Ok(None) => Poll::Ready(Ok(())),
                Ok(Some(unsent)) => {
                    let mut waiting = self.send_typed_later(to, unsent);
                    let sent = waiting.as_mut().poll(cx);
                    state = Sending::Waiting(waiting);
                    sent
                }
                Err(error) => Poll::Ready(Err(error)),
            }
        })
    }

    /// The same without waiting: gives the value back if it has to.
    #[inline]
    pub(crate) fn send_typed_now<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        value: T,
    ) -> Result<Option<Unsent<T>>, SendError> {
        if to.cell().is_none() && self.send_at_once(to.id(), &value, None) {
            return Ok(None);
        }
        Ok(match self.offer_typed(to, value)? {
            Offer::Taken => None,
            waits => Some(Unsent(waits)),
        })
    }

    /// Waits to send what could not be sent at once.
    #[cold]
    pub(crate) fn send_typed_later<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        unsent: Unsent<T>,
    ) -> Later {
        let node = Arc::clone(self);
        match unsent.0 {
            Offer::Taken => Box::pin(std::future::ready(Ok(()))),
            Offer::Full(cell, value) => Box::pin(async move {
                node.wait_to_move(cell, value).await;
                Ok(())
            }),
            Offer::Elsewhere(value) => {
                let to = to.id().clone();
                Box::pin(async move { node.send_not_at_once(&to, value, None).await })
            }
        }
    }

    async fn wait_to_move<T: Send + 'static>(self: &Arc<Self>, cell: Arc<PortCell>, value: T) {
        let push = |value| match cell.push_moved(value, &self.limits) {
            Moved::Taken | Moved::Dead(_) => Ok(()),
            // The port was one for such values, and stays so.
            Moved::Full(value) | Moved::Other(value) => Err(value),
        };
        self.push_patiently(&cell, value, push).await;
    }

    /// The same, if there is room now.
    pub(crate) fn try_send_typed<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        value: T,
    ) -> Result<(), TrySendError<T>> {
        match self.offer_typed(to, value)? {
            Offer::Taken => Ok(()),
            Offer::Full(_, value) => Err(TrySendError::Full(value)),
            Offer::Elsewhere(value) => self.try_send(to.id(), value),
        }
    }

    #[inline]
    fn offer_typed<T: Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        value: T,
    ) -> Result<Offer<T>, SendError> {
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        let found;
        let cell = match to.cell() {
            Some(cell) if cell.is_at(&self.home) => cell,
            None if to.id().node_str() == self.id.as_str() => match self.find(to.id().name()) {
                Some(cell) => {
                    found = cell;
                    &found
                }
                None => return Ok(Offer::Elsewhere(value)),
            },
            // Who sends the plain way knows what to do with it, as with what is for the dead.
            _ => return Ok(Offer::Elsewhere(value)),
        };
        Ok(match cell.push_moved(value, &self.limits) {
            Moved::Taken => Offer::Taken,
            Moved::Full(value) => Offer::Full(Arc::clone(cell), value),
            Moved::Dead(value) | Moved::Other(value) => Offer::Elsewhere(value),
        })
    }
}
