//! Addresses that say what their port understands.

use std::cmp::Ordering;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use mp_proto::{NodeId, PortId, Reason};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{SendError, TrySendError};
use crate::mailbox::{Home, PortCell};
use crate::{Node, Port, TypedPort};

/// A port's name that says what messages the port takes: what [`TypedPort::to_ref`] gives. Cheap to clone.
///
/// It can stand in messages, where it is the port's ID: a Perl program sees no difference. Of one that arrives, or is
/// made of a bare ID by [`PortRef::new`], nobody has checked that the port takes `T`s: if it does not, they are dead
/// letters there, as whatever else a port does not understand.
pub struct PortRef<T> {
    to: Address,
    of: PhantomData<fn(T)>,
}

/// How a port is known.
#[derive(Clone)]
pub(crate) enum Address {
    /// By its name.
    Named(PortId),
    /// As a port of this process: nobody need look for it, and its name is made when it is wanted. What lies in its
    /// mailbox is dropped when nobody is left to receive it, so this keeps hardly any memory of a dead port.
    Here(Arc<PortCell>),
}

impl Address {
    pub(crate) fn id(&self) -> &PortId {
        match self {
            Self::Named(id) => id,
            Self::Here(cell) => cell.id(),
        }
    }

    /// The port itself, if it is known as one of the node with this home.
    pub(crate) fn at(&self, home: &Arc<Home>) -> Option<&Arc<PortCell>> {
        match self {
            Self::Here(cell) if cell.is_at(home) => Some(cell),
            _ => None,
        }
    }
}

impl<T> PortRef<T> {
    /// Says of a port that it takes `T`s. Nothing checks that.
    #[must_use]
    pub fn new(id: PortId) -> Self {
        Self { to: Address::Named(id), of: PhantomData }
    }

    pub(crate) fn here(cell: Arc<PortCell>) -> Self {
        Self { to: Address::Here(cell), of: PhantomData }
    }

    /// The port's name in the network.
    #[must_use]
    pub fn id(&self) -> &PortId {
        self.to.id()
    }

    /// The port's name in the network, taken.
    #[must_use]
    pub fn into_id(self) -> PortId {
        match self.to {
            Address::Named(id) => id,
            Address::Here(cell) => cell.to_id(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.to
    }

    /// The port itself, if it is one of this process that is known as such.
    pub(crate) fn cell(&self) -> Option<&Arc<PortCell>> {
        match &self.to {
            Address::Named(_) => None,
            Address::Here(cell) => Some(cell),
        }
    }
}

/// The port that waits for the answer to a request, as it stands in a request's message: `Get(ReplyTo<u64>)`. Sending to
/// it answers; whoever asked takes one answer, and no other. In messages it is the port's ID.
///
/// Nothing forces an answer. Who asked waits until it comes, is [refused](ReplyTo::refuse), the port that was asked dies,
/// or the time is over.
#[must_use = "whoever asked waits for an answer"]
pub struct ReplyTo<T>(PortRef<T>);

impl<T> ReplyTo<T> {
    /// Makes one of the port's name.
    pub fn new(id: PortId) -> Self {
        Self(PortRef::new(id))
    }

    pub(crate) fn of(port: PortRef<T>) -> Self {
        Self(port)
    }

    /// The port's name.
    #[must_use]
    pub fn id(&self) -> &PortId {
        self.0.id()
    }

    /// Refuses to answer, by killing the port that waits: whoever asked gets
    /// [`CallError::Refused`](crate::CallError::Refused) with the reason.
    pub fn refuse(self, node: &Node, reason: Reason) {
        node.kill(self.0.id(), reason);
    }
}

/// What a message of type `M` can be sent to, by [`Node::send`]: any port's name takes any message that can be written;
/// a [`PortRef`], a [`TypedPort`] and a [`ReplyTo`] take their own type alone.
///
/// Only types of this crate are recipients.
#[diagnostic::on_unimplemented(
    message = "a message of type `{M}` cannot be sent to `{Self}`",
    label = "takes no `{M}`",
    note = "a `PortRef<T>`, `TypedPort<T>` or `ReplyTo<T>` takes messages of type `T` alone",
    note = "a `PortId`, `NodeId` or `Port` takes any message that implements `serde::Serialize`; a text becomes a port's name by `parse::<PortId>()`"
)]
pub trait Recipient<M>: sealed::Sealed {
    /// Sends the message if that can be done at once, or gives it back.
    #[doc(hidden)]
    fn deliver_at_once(&self, _node: &Node, message: M) -> Result<Option<M>, SendError> {
        Ok(Some(message))
    }
    /// Sends a message for which that could not be done.
    #[doc(hidden)]
    fn deliver(&self, node: &Node, message: M) -> impl Future<Output = Result<(), SendError>> + Send
    where
        M: Send;
    #[doc(hidden)]
    fn try_deliver(&self, node: &Node, message: M) -> Result<(), TrySendError<M>>;
}

/// What can be [monitored](Node::monitor): whatever a port is known by. A [`PortRef`] of a port of this process leads straight to
/// it: its name is neither made nor looked for.
///
/// Only types of this crate are watched.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be monitored",
    label = "names no port",
    note = "a text becomes a port's name by `parse::<PortId>()`"
)]
pub trait Watched: AsRef<PortId> + sealed::Sealed {
    #[doc(hidden)]
    fn place(&self) -> sealed::Place {
        sealed::Place(Address::Named(self.as_ref().clone()))
    }
}

pub(crate) mod sealed {
    /// Keeps [`super::Recipient`] and [`super::Watched`] to this crate.
    pub trait Sealed {}

    /// What a port is known by.
    #[expect(missing_debug_implementations, reason = "nobody sees it")]
    pub struct Place(pub(crate) super::Address);
}

impl<P: Watched + ?Sized> Watched for &P {
    fn place(&self) -> sealed::Place {
        (**self).place()
    }
}

impl Watched for PortId {}
impl Watched for NodeId {}
impl Watched for Port {}

impl<T: Send + 'static> Watched for TypedPort<T> {
    fn place(&self) -> sealed::Place {
        self.to_ref().place()
    }
}

impl<T> Watched for PortRef<T> {
    fn place(&self) -> sealed::Place {
        sealed::Place(self.to.clone())
    }
}

impl<T> Watched for ReplyTo<T> {
    fn place(&self) -> sealed::Place {
        self.0.place()
    }
}

impl<P: sealed::Sealed + ?Sized> sealed::Sealed for &P {}

#[diagnostic::do_not_recommend]
impl<M, P: Recipient<M> + Sync + ?Sized> Recipient<M> for &P {
    #[inline]
    fn deliver_at_once(&self, node: &Node, message: M) -> Result<Option<M>, SendError> {
        (**self).deliver_at_once(node, message)
    }

    fn deliver(&self, node: &Node, message: M) -> impl Future<Output = Result<(), SendError>> + Send
    where
        M: Send,
    {
        (**self).deliver(node, message)
    }

    fn try_deliver(&self, node: &Node, message: M) -> Result<(), TrySendError<M>> {
        (**self).try_deliver(node, message)
    }
}

macro_rules! any_message {
    ($($port:ty),*) => {$(
        impl sealed::Sealed for $port {}

        impl<M: Serialize> Recipient<M> for $port {
            #[inline]
            fn deliver_at_once(&self, node: &Node, message: M) -> Result<Option<M>, SendError> {
                let sent = node.inner.send_at_once(self.as_ref(), &message, None);
                Ok((!sent).then_some(message))
            }

            fn deliver(&self, node: &Node, message: M) -> impl Future<Output = Result<(), SendError>> + Send
            where
                M: Send,
            {
                node.inner.send_not_at_once(self.as_ref(), message, None)
            }

            fn try_deliver(&self, node: &Node, message: M) -> Result<(), TrySendError<M>> {
                node.inner.try_send(self.as_ref(), message)
            }
        }
    )*};
}

any_message!(PortId, NodeId, Port);

impl<T> sealed::Sealed for PortRef<T> {}

impl<T: Serialize + Send + 'static> Recipient<T> for PortRef<T> {
    #[inline]
    fn deliver_at_once(&self, node: &Node, message: T) -> Result<Option<T>, SendError> {
        node.inner.send_typed_at_once(self, message)
    }

    async fn deliver(&self, node: &Node, message: T) -> Result<(), SendError> {
        node.inner.send_typed_later(self, message).await
    }

    fn try_deliver(&self, node: &Node, message: T) -> Result<(), TrySendError<T>> {
        node.inner.try_send_typed(self, message)
    }
}

impl<T> sealed::Sealed for ReplyTo<T> {}

impl<T: Serialize + Send + 'static> Recipient<T> for ReplyTo<T> {
    #[inline]
    fn deliver_at_once(&self, node: &Node, message: T) -> Result<Option<T>, SendError> {
        node.inner.send_typed_at_once(&self.0, message)
    }

    async fn deliver(&self, node: &Node, message: T) -> Result<(), SendError> {
        node.inner.send_typed_later(&self.0, message).await
    }

    fn try_deliver(&self, node: &Node, message: T) -> Result<(), TrySendError<T>> {
        node.inner.try_send_typed(&self.0, message)
    }
}

impl<T: Send + 'static> sealed::Sealed for TypedPort<T> {}

impl<T: Serialize + Send + 'static> Recipient<T> for TypedPort<T> {
    fn deliver_at_once(&self, node: &Node, message: T) -> Result<Option<T>, SendError> {
        node.inner.send_typed_at_once(&self.to_ref(), message)
    }

    fn deliver(&self, node: &Node, message: T) -> impl Future<Output = Result<(), SendError>> + Send {
        let (node, port) = (Arc::clone(&node.inner), self.to_ref());
        async move { node.send_typed_later(&port, message).await }
    }

    fn try_deliver(&self, node: &Node, message: T) -> Result<(), TrySendError<T>> {
        node.inner.try_send_typed(&self.to_ref(), message)
    }
}

impl<T> Clone for PortRef<T> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), of: PhantomData }
    }
}

impl<T> PartialEq for PortRef<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<T> Eq for PortRef<T> {}

impl<T> PartialOrd for PortRef<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for PortRef<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(other.id())
    }
}

impl<T> Hash for PortRef<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<T> AsRef<PortId> for PortRef<T> {
    fn as_ref(&self) -> &PortId {
        self.id()
    }
}

impl<T> AsRef<PortId> for ReplyTo<T> {
    fn as_ref(&self) -> &PortId {
        self.id()
    }
}

impl<T> From<PortRef<T>> for PortId {
    fn from(port: PortRef<T>) -> Self {
        port.into_id()
    }
}

impl<T> From<&PortRef<T>> for PortRef<T> {
    fn from(port: &PortRef<T>) -> Self {
        port.clone()
    }
}

impl<T: Send + 'static> From<&TypedPort<T>> for PortRef<T> {
    fn from(port: &TypedPort<T>) -> Self {
        port.to_ref()
    }
}

impl<T> From<PortId> for PortRef<T> {
    fn from(id: PortId) -> Self {
        Self::new(id)
    }
}

impl<T> From<&PortId> for PortRef<T> {
    fn from(id: &PortId) -> Self {
        Self::new(id.clone())
    }
}

impl<T> From<&Port> for PortRef<T> {
    fn from(port: &Port) -> Self {
        Self::new(port.id().clone())
    }
}

impl<T> Serialize for PortRef<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.id().serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for PortRef<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PortId::deserialize(deserializer).map(Self::new)
    }
}

impl<T> Serialize for ReplyTo<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for ReplyTo<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PortRef::deserialize(deserializer).map(Self)
    }
}

impl<T> fmt::Display for PortRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

impl<T> fmt::Debug for PortRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortRef<{}>({})", std::any::type_name::<T>(), self.id())
    }
}

impl<T> fmt::Debug for ReplyTo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyTo<{}>({})", std::any::type_name::<T>(), self.id())
    }
}
