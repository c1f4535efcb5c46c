//! What a program holds of a supervisor and its children.

use std::fmt;
use std::sync::Arc;

use mp_proto::{PortId, Reason};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Slots;
use crate::Node;
use crate::address::{Recipient, Watched, sealed};
use crate::error::{SendError, TrySendError};
use crate::watch::Monitor;

/// Where a child is to be found now.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(super) place: watch::Sender<Place>,
    pub(super) below: Slots,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Not started yet, or to be started again.
    Away,
    Here(PortId),
    /// It ended for good.
    Over,
}

impl Slot {
    pub(super) fn new(below: Slots) -> Self {
        Self { place: watch::Sender::new(Place::Away), below }
    }

    /// That port of the child is dead.
    pub(crate) fn leave(&self, port: &PortId) {
        self.place.send_if_modified(|place| {
            let is_here = matches!(place, Place::Here(here) if here == port);
            if is_here {
                *place = Place::Away;
            }
            is_here
        });
    }

    /// The child ended for good, and so did those below it.
    pub(super) fn is_over(&self) {
        drop(self.place.send_replace(Place::Over));
        for below in self.below.values() {
            below.is_over();
        }
    }
}

/// A supervisor that runs, from [`Supervisor::start`](crate::Supervisor::start).
///
/// Dropping it begins to stop the supervisor and its children, without waiting; [`shutdown`](Supervision::shutdown)
/// waits, and [`detach`](Supervision::detach) lets them run. When the node is shut down, its ports are killed all at once:
/// whoever wants his children stopped in order does that before.
#[must_use = "dropping this stops the supervisor; use `detach` to keep it"]
pub struct Supervision {
    pub(super) port: PortId,
    pub(super) stop: Option<CancellationToken>,
    pub(super) slots: Slots,
    pub(super) end: Option<Monitor>,
}

impl Supervision {
    /// The supervisor's own port, to be monitored, or killed. It takes no messages.
    #[must_use]
    pub fn id(&self) -> &PortId {
        &self.port
    }

    /// The child of that name, whether or not it is up.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<ChildHandle> {
        let slot = Arc::clone(self.slots.get(name)?);
        Some(ChildHandle { name: name.to_owned(), slot })
    }

    /// All children, in the order of their names.
    #[must_use]
    pub fn children(&self) -> Vec<ChildHandle> {
        handles(&self.slots)
    }

    /// Stops the children in the reverse order of their start, and then the supervisor; gives the reason for which it
    /// ended: a normal one, unless it gave up before.
    ///
    /// # Cancellation
    ///
    /// The stop goes on if the future is dropped.
    pub async fn shutdown(mut self) -> Reason {
        if let Some(stop) = &self.stop {
            stop.cancel();
        }
        self.ended().await
    }

    /// Waits until the supervisor has ended: because it gave up, was killed, or the node was shut down.
    ///
    /// # Cancellation
    ///
    /// Safe.
    pub async fn ended(&mut self) -> Reason {
        match &mut self.end {
            Some(end) => end.await,
            None => Reason::normal(),
        }
    }

    /// Lets the supervisor run without this guard.
    pub fn detach(mut self) -> PortId {
        self.stop = None;
        self.port.clone()
    }
}

impl Drop for Supervision {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.cancel();
        }
    }
}

impl sealed::Sealed for Supervision {}
impl Watched for Supervision {}

impl AsRef<PortId> for Supervision {
    fn as_ref(&self) -> &PortId {
        &self.port
    }
}

impl fmt::Debug for Supervision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Supervision");
        out.field("port", &self.port).field("children", &self.children());
        out.finish_non_exhaustive()
    }
}

/// A child of a supervisor, whichever port it is now: it survives restarts. Cheap to clone.
///
/// It can be sent to: while the child is being started again, [`Node::send`] waits and [`Node::try_send`] says `Full`; to
/// one that ended for good goes what goes to any dead port, nothing. A message that a child had not received when it died
/// is lost, as always: who must know asks, by [`Node::call`].
#[derive(Clone)]
pub struct ChildHandle {
    name: String,
    slot: Arc<Slot>,
}

impl ChildHandle {
    /// The child's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its port, unless it is just being started again or has ended.
    #[must_use]
    pub fn port(&self) -> Option<PortId> {
        match &*self.slot.place.borrow() {
            Place::Here(port) => Some(port.clone()),
            Place::Away | Place::Over => None,
        }
    }

    /// Waits until it is up; gives its port. `None` if it has ended for good.
    ///
    /// A death is known here before a monitor tells it that was made later than the child was started: who has seen a
    /// child die gets the next one `[ND-28]`.
    ///
    /// # Cancellation
    ///
    /// Safe.
    pub async fn ready(&self) -> Option<PortId> {
        let mut places = self.slot.place.subscribe();
        let place = places.wait_for(|place| *place != Place::Away).await.ok()?;
        match &*place {
            Place::Here(port) => Some(port.clone()),
            Place::Away | Place::Over => None,
        }
    }

    /// The child of that name, if this one is a supervisor.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<Self> {
        let slot = Arc::clone(self.slot.below.get(name)?);
        Some(Self { name: name.to_owned(), slot })
    }

    /// All children, if this one is a supervisor, in the order of their names.
    #[must_use]
    pub fn children(&self) -> Vec<Self> {
        handles(&self.slot.below)
    }
}

fn handles(slots: &Slots) -> Vec<ChildHandle> {
    slots.iter().map(|(name, slot)| ChildHandle { name: name.clone(), slot: Arc::clone(slot) }).collect()
}

impl fmt::Debug for ChildHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ChildHandle");
        out.field("name", &self.name).field("place", &*self.slot.place.borrow());
        out.finish()
    }
}

impl sealed::Sealed for ChildHandle {}

impl<M: Serialize> Recipient<M> for ChildHandle {
    async fn deliver(&self, node: &Node, message: M) -> Result<(), SendError>
    where
        M: Send,
    {
        match self.ready().await {
            Some(port) => node.inner.send(&port, message, None).await,
            None => Ok(()),
        }
    }

    fn try_deliver(&self, node: &Node, message: M) -> Result<(), TrySendError<M>> {
        let place = self.slot.place.borrow().clone();
        match place {
            Place::Here(port) => node.inner.try_send(&port, message),
            Place::Away => Err(TrySendError::Full(message)),
            Place::Over => Ok(()),
        }
    }
}
