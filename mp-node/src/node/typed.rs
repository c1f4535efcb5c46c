//! Values that are moved to typed ports of this node.

use std::sync::Arc;

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

impl Inner {
    /// Sends a value, moving it if the port is one of this node for such values; waits for room.
    pub(crate) async fn send_typed<T: Serialize + Send + 'static>(
        self: &Arc<Self>,
        to: &PortRef<T>,
        value: T,
    ) -> Result<(), SendError> {
        match self.offer_typed(to, value)? {
            Offer::Taken => Ok(()),
            Offer::Full(cell, value) => {
                let push = |value| match cell.push_moved(value, &self.limits) {
                    Moved::Taken | Moved::Dead(_) => Ok(()),
                    // The port was one for such values, and stays so.
                    Moved::Full(value) | Moved::Other(value) => Err(value),
                };
                self.push_patiently(&cell, value, push).await;
                Ok(())
            }
            Offer::Elsewhere(value) => self.send(to.id(), value, None).await,
        }
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
        let known = to.home().filter(|home| home.is_at(self));
        let found = match known {
            Some(home) => home.cell(),
            None if to.id().node_str() == self.id.as_str() => self.find(to.id().name()),
            None => None,
        };
        let Some(cell) = found else {
            // Elsewhere, or dead: who sends the plain way knows what to do with it.
            return Ok(Offer::Elsewhere(value));
        };
        Ok(match cell.push_moved(value, &self.limits) {
            Moved::Taken => Offer::Taken,
            Moved::Full(value) => Offer::Full(cell, value),
            Moved::Dead(value) | Moved::Other(value) => Offer::Elsewhere(value),
        })
    }
}
