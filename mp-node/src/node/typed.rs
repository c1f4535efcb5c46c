//! Values that are moved to typed ports of this node.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use tokio::task::yield_now;

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

/// Sending as it goes on where there was no room. That is large and rare, so it stands apart from the tasks of ports that send.
pub(crate) type Later<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

impl Inner {
    /// Sends a value if that can be done at once, moving it if the port is one of this node for such values. Else gives it
    /// back.
    #[inline]
    pub(crate) fn send_typed_at_once<T: Serialize + Send + 'static>(
        &self,
        to: &PortRef<T>,
        value: T,
    ) -> Result<Option<T>, SendError> {
        let Some(cell) = to.address().at(&self.home) else {
            return Ok((!self.send_at_once(to.id(), &value, None)).then_some(value));
        };
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        Ok(match cell.push_moved(value, &self.limits, true) {
            Moved::Taken => None,
            Moved::Full(value) | Moved::Dead(value) | Moved::Other(value) => Some(value),
        })
    }

    /// Sends a value; waits for room.
    pub(crate) async fn send_typed<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        value: T,
    ) -> Result<(), SendError> {
        match self.send_typed_at_once(to, value)? {
            None => Ok(()),
            Some(value) => self.send_typed_later(to, value).await,
        }
    }

    /// The same for a value that could not be sent at once.
    #[cold]
    pub(crate) fn send_typed_later<'a, T: Serialize + Send + 'static>(
        self: &'a Arc<Self>,
        to: &'a PortRef<T>,
        value: T,
    ) -> Later<'a> {
        Box::pin(async move {
            if to.cell().is_some_and(|cell| cell.has_throng::<T>()) {
                yield_now().await;
            }
            match self.offer_typed(to, value)? {
                Offer::Taken => {}
                Offer::Full(cell, value) => self.wait_to_move(cell, value).await,
                Offer::Elsewhere(value) => self.send_not_at_once(to.id(), value, None).await?,
            }
            Ok(())
        })
    }

    async fn wait_to_move<T: Send + 'static>(self: &Arc<Self>, cell: Arc<PortCell>, value: T) {
        let push = |value| match cell.push_moved(value, &self.limits, false) {
            Moved::Taken | Moved::Dead(_) => Ok(()),
            // The port was one for such values, and stays so.
            Moved::Full(value) | Moved::Other(value) => Err(value),
        };
        self.push_patiently(&cell, value, push).await;
    }

    /// Sends a value if there is room now.
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

    fn offer_typed<T: Send + 'static>(&self, to: &PortRef<T>, value: T) -> Result<Offer<T>, SendError> {
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        let cell = match to.cell() {
            Some(cell) => Some(Arc::clone(cell)).filter(|cell| cell.is_at(&self.home)),
            None if to.id().node_str() == self.id.as_str() => self.find(to.id().name()),
            None => None,
        };
        // Who sends the plain way knows what to do with it, as with what is for the dead.
        let Some(cell) = cell else { return Ok(Offer::Elsewhere(value)) };
        Ok(match cell.push_moved(value, &self.limits, false) {
            Moved::Taken => Offer::Taken,
            Moved::Full(value) => Offer::Full(cell, value),
            Moved::Dead(value) | Moved::Other(value) => Offer::Elsewhere(value),
        })
    }
}
