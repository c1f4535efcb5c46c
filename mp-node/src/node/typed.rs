//! Values that are moved to typed ports of this node.

use std::sync::Arc;

use serde::Serialize;

use super::Inner;
use crate::address::PortRef;
use crate::error::{SendError, TrySendError};
use crate::kernel::outbox::Lane;
use crate::mailbox::{Moved, PortCell};
use crate::node::deliver::{Hurry, Offered};

/// What became of a value.
enum Offer<T> {
    Taken,
    Full(Arc<PortCell>, T),
    /// It cannot be moved there: it goes as any message.
    Elsewhere(T),
}

impl Inner {
    /// Sends a value, moving it if the port is one of this node for such values; waits for room.
    pub(crate) async fn send_typed<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        value: T,
    ) -> Result<(), SendError> {
        match self.offer_typed(to, value)? {
            Offer::Taken => Ok(()),
            // What waits is large and rare, so it is kept out of the future.
            Offer::Full(cell, value) => {
                Box::pin(self.wait_to_move(cell, value)).await;
                Ok(())
            }
            Offer::Elsewhere(value) => {
                match self.offer_unless(to.id(), &value, None, Lane::Data, Hurry::Patient)? {
                    Offered::Taken => Ok(()),
                    Offered::Full(_) => Box::pin(self.send(to.id(), value, None)).await,
                    Offered::Later(hurry) => {
                        tokio::task::yield_now().await;
                        Box::pin(self.send_from(to.id(), value, None, hurry)).await
                    }
                }
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
