//! A port of messages of one type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use mp_proto::{DecodeError, Frame, FrameRef, PortId, Reason};
use serde::de::DeserializeOwned;

use super::Port;
use crate::Node;
use crate::address::PortRef;
use crate::mailbox::PortCell;
use crate::mailbox::inlet::Inlet;
use crate::mailbox::queue::{Entry, Taken};
use crate::mailbox::values::Values;
use crate::node::Inner;

/// A port that takes messages of one type, held by the one who receives from it. From [`Node::typed_port`], or of any
/// [`Port`] by [`Port::typed`].
///
/// A sender of this node that holds a [`PortRef`] of it moves its messages here as they are: nothing is written, read
/// or copied `[ND-26]`. Whoever has the bare [`PortId`], in this node or another one, in Perl or Rust, sends as to any
/// port: what arrives is read as a `T` when it is received. All are in one mailbox, in the order in which they were
/// sent.
///
/// # What a message costs
///
/// | sent to | by whom | what happens |
/// |---|---|---|
/// | a `PortRef<T>`, [`TypedPort`] or [`ReplyTo`](crate::ReplyTo) | a program of this node | the value is moved: its own bytes are copied into the mailbox and out of it, what it owns on the heap stays where it is |
/// | the same, where the port is at another node | that program | it is written into the connection's buffer once, and read here once |
/// | the bare [`PortId`] | anybody | it is written and read, in this node, too |
///
/// So a large message costs least if its parts are on the heap (`Vec`, `Box`, `Arc`), and a value that is to stay with the
/// sender as well is cloned before. A move takes the mailbox's lock for a moment and wakes the receiver if it waits; it
/// calls neither `Serialize` nor `Deserialize`, which are asked for because the port may be elsewhere.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let node = mp_node::Node::builder("doc").without_file().start().await?;
/// let mut port = node.typed_port::<Vec<u8>>();
/// let picture = vec![7; 1_000_000];
/// let place = picture.as_ptr();
/// node.send(&port, picture).await?; // `picture` is gone from here ...
/// let got = port.recv().await.expect("it was sent");
/// assert_eq!(got.as_ptr(), place); // ... and has not been copied.
///
/// node.send(port.id(), &got).await?; // By its name alone: written and read.
/// let copy = port.recv().await.expect("it was sent");
/// assert!(copy == got && copy.as_ptr() != place);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A message that is no `T` is passed over as a dead letter. A moved value counts for its own size against
/// [`Limits::mailbox_bytes`](mp_proto::Limits::mailbox_bytes); what it owns on the heap is not counted, so here
/// [`Limits::mailbox_messages`](mp_proto::Limits::mailbox_messages) is the bound.
///
/// ```
/// use mp_node::{Node, ReplyTo};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// #[serde(rename_all = "snake_case")]
/// enum Counter {
///     Add(u64),           // ["add", 5] where it travels
///     Get(ReplyTo<u64>),  // ["get", port]
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let node = Node::builder("doc").without_file().start().await?;
/// let counter = node.spawn_typed(async |mut port| {
///     let mut sum = 0;
///     while let Some(message) = port.recv().await {
///         match message {
///             Counter::Add(number) => sum += number,
///             Counter::Get(reply) => port.node().send(reply, sum).await.expect("the node runs"),
///         }
///     }
/// });
/// node.send(&counter, Counter::Add(5)).await?;      // moved
/// node.send(counter.id(), ("add", 7)).await?;       // written, as to any port
/// assert_eq!(node.ask(&counter, Counter::Get).await?, 12);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Dropping the port kills it with a normal end.
#[must_use = "a port dies when it is dropped"]
pub struct TypedPort<T: Send + 'static> {
    inlet: Inlet<Values<T>>,
}

impl Port {
    /// Makes this a port of `T`s. What waits in it stays there, in its order; handlers are removed.
    pub fn typed<T: Send + 'static>(self) -> TypedPort<T> {
        drop(self.inlet.cell.make_typed::<T>());
        TypedPort { inlet: self.inlet.into_typed() }
    }
}

impl<T: Send + 'static> TypedPort<T> {
    /// A handle of a port that was made for such messages.
    pub(crate) fn new(node: Arc<Inner>, cell: Arc<PortCell>, kill_on_drop: bool) -> Self {
        Self { inlet: Inlet::new(node, cell, kill_on_drop) }
    }

    /// The port's name in the network.
    #[must_use]
    pub fn id(&self) -> &PortId {
        self.inlet.cell.id()
    }

    /// The port's address, for those who are to send to it: it can be cloned, kept, and sent in messages.
    #[must_use]
    pub fn to_ref(&self) -> PortRef<T> {
        PortRef::here(Arc::clone(&self.inlet.cell))
    }

    /// The node that holds the port.
    #[must_use]
    pub fn node(&self) -> Node {
        Node::from_inner(Arc::clone(&self.inlet.node))
    }

    /// Why the port was killed, if it was.
    #[must_use]
    pub fn killed(&self) -> Option<Reason> {
        self.inlet.cell.dead()
    }

    /// Kills the port for `reason`.
    pub fn kill(self, reason: &Reason) {
        self.inlet.node.kill_local(&self.inlet.cell, reason);
    }

    /// Messages that wait to be received.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inlet.len() + self.inlet.cell.waiting()
    }

    pub(super) fn inlet(&mut self) -> &mut Inlet<Values<T>> {
        &mut self.inlet
    }

    #[cold]
    fn dead_letter(&self, frame: &Frame, error: &DecodeError) {
        self.inlet.node.dead_letter(self.inlet.cell.id(), Some(frame), &error.to_string());
    }
}

impl<T: DeserializeOwned + Send + 'static> TypedPort<T> {
    /// The next message. `None` once the port has been killed and all that came before has been received.
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> + Send + use<'_, T> {
        std::future::poll_fn(|cx| match self.inlet.read_in_run(|frame| frame.decode_at_once()) {
            Some(message) => Poll::Ready(Some(message)),
            None => self.poll_recv(cx),
        })
    }

    /// The next message, or what is wrong with it.
    ///
    /// # Errors
    ///
    /// The message is not a `T`.
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    pub fn recv_checked(
        &mut self,
    ) -> impl Future<Output = Option<Result<T, DecodeError>>> + Send + use<'_, T> {
        std::future::poll_fn(|cx| self.poll_checked(cx))
    }

    pub(crate) fn poll_checked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, DecodeError>>> {
        let read = ready!(self.inlet.poll_next_with(cx, |taken| Entry::read_taken(taken)));
        Poll::Ready(read.map(|read| read.map_err(|bad| bad.1)))
    }

    /// A message that is there already.
    #[must_use = "the message has been taken"]
    pub fn try_recv(&mut self) -> Option<T> {
        loop {
            match self.inlet.next_now_with(|taken| Entry::read_taken(taken))? {
                Ok(value) => return Some(value),
                Err(bad) => self.dead_letter(&bad.0, &bad.1),
            }
        }
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            let Some(read) = ready!(self.inlet.poll_next_with(cx, |taken| Entry::read_taken(taken))) else {
                return Poll::Ready(None);
            };
            match read {
                Ok(value) => return Poll::Ready(Some(value)),
                Err(bad) => self.dead_letter(&bad.0, &bad.1),
            }
        }
    }
}

/// The messages, until the port is killed and all that came before has been received.
impl<T: DeserializeOwned + Send + 'static> Stream for TypedPort<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

// Nothing in a port is pinned, whatever its messages are.
impl<T: Send + 'static> Unpin for TypedPort<T> {}

impl<T> Entry<T> {
    pub(super) fn frame(&self) -> Option<&Frame> {
        match self {
            Self::Moved(_) => None,
            Self::Frame(frame) => Some(frame),
        }
    }
}

impl<T: DeserializeOwned> Entry<T> {
    pub(super) fn into_value(self) -> Result<T, (Frame, DecodeError)> {
        match self {
            Self::Moved(value) => Ok(value),
            Self::Frame(frame) => frame.decode().map_err(|error| (frame, error)),
        }
    }

    #[inline(always)]
    fn read_taken(taken: Taken<'_, Self>) -> Result<T, Box<(Frame, DecodeError)>> {
        match taken {
            Taken::Item(Self::Moved(value)) => Ok(value),
            Taken::Item(Self::Frame(frame)) => Self::read_frame(frame.view()),
            Taken::Frame(frame) => Self::read_frame(frame),
        }
    }

    fn read_frame(frame: FrameRef<'_>) -> Result<T, Box<(Frame, DecodeError)>> {
        frame.decode().map_err(|error| Box::new((frame.to_frame(), error)))
    }

    /// The value, which is kept: a frame is read only once.
    pub(super) fn read(&mut self) -> Result<&T, DecodeError> {
        if let Self::Frame(frame) = self {
            *self = Self::Moved(frame.decode()?);
        }
        match self {
            Self::Moved(value) => Ok(value),
            Self::Frame(_) => Err(DecodeError::Mismatch("a frame that was read is a value".into())),
        }
    }
}

impl<T: Send + 'static> AsRef<PortId> for TypedPort<T> {
    fn as_ref(&self) -> &PortId {
        self.id()
    }
}

impl<T: Send + 'static> fmt::Debug for TypedPort<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TypedPort");
        out.field("id", self.id()).field("of", &std::any::type_name::<T>());
        out.field("waiting", &self.waiting()).field("killed", &self.killed()).finish_non_exhaustive()
    }
}
