//! A port: where messages are received.

pub(crate) mod drain;
pub(crate) mod handlers;
pub(crate) mod select;
pub(crate) mod typed;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use mp_proto::{DecodeError, Frame, FrameRef, Message, PortId, Reason};
use serde::de::DeserializeOwned;

pub use self::handlers::Flow;
use self::handlers::tag::Tag;
use self::handlers::{Function, on_args, on_message};
use crate::Node;
use crate::address::ReplyTo;
use crate::mailbox::PortCell;
use crate::mailbox::inlet::Inlet;
use crate::mailbox::queue::{Deque, Taken};
use crate::node::Inner;

/// A port of this node, held by the one who receives from it.
///
/// Messages are received in the order of their arrival, by [`recv`](Port::recv) and its kin, or by functions chosen by
/// the message's tag ([`on`](Port::on)). A port that has handlers gives all its messages to them, and `recv` waits.
/// [`recv_where`](Port::recv_where) and [`recv_tag`](Port::recv_tag) take one out of turn. A port is also a
/// [`Stream`] of its messages. One that takes messages of one type alone is a [`TypedPort`](crate::TypedPort).
///
/// Dropping the port kills it with a normal end; [`detach`](Port::detach) lets it live without this handle.
#[must_use = "a port dies when it is dropped"]
pub struct Port {
    inlet: Inlet<Deque>,
}

/// A message that is not what its receiver's type says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}; the message is {message}")]
pub struct Undecoded {
    /// The message.
    pub message: Message,
    /// What does not fit.
    pub error: DecodeError,
}

impl Port {
    pub(crate) fn new(node: Arc<Inner>, cell: Arc<PortCell>) -> Self {
        Self { inlet: Inlet::new(node, cell, true) }
    }

    /// A handle whose end does not kill the port.
    pub(crate) fn borrowed(node: Arc<Inner>, cell: Arc<PortCell>) -> Self {
        Self { inlet: Inlet::new(node, cell, false) }
    }

    /// The port's name in the network.
    #[doc(alias("SELF", "self", "pid"))]
    #[must_use]
    pub fn id(&self) -> &PortId {
        self.inlet.cell.id()
    }

    /// The node that holds the port.
    #[must_use]
    pub fn node(&self) -> Node {
        Node::from_inner(Arc::clone(&self.inlet.node))
    }

    /// The next message. `None` once the port has been killed and all that came before has been received.
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    #[doc(alias("rcv", "receive", "get"))]
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> + Send + use<'_> {
        std::future::poll_fn(|cx| self.poll_read(cx, |frame| frame.message()))
    }

    /// The next message that is a `T`, by the rules of [`mp_proto::adaptor`]. Others are passed over as dead letters:
    /// counted, and logged once a minute per port. Use [`recv_checked`](Port::recv_checked) to see them.
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    pub fn recv_as<T: DeserializeOwned>(&mut self) -> impl Future<Output = Option<T>> + Send + use<'_, T> {
        std::future::poll_fn(|cx| match self.inlet.read_in_run(|frame| frame.decode_at_once()) {
            Some(message) => Poll::Ready(Some(message)),
            None => self.poll_as(cx),
        })
    }

    /// The next message as a `T`, however it came.
    #[inline(never)]
    fn poll_as<T: DeserializeOwned>(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_read(cx, |frame| frame.decode())
    }

    /// The next message as a `T`, or what is wrong with it.
    ///
    /// # Errors
    ///
    /// The message is not a `T`; it is given back as values.
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    pub fn recv_checked<T: DeserializeOwned>(
        &mut self,
    ) -> impl Future<Output = Option<Result<T, Undecoded>>> + Send + use<'_, T> {
        std::future::poll_fn(|cx| {
            self.inlet.poll_next_with(cx, |taken| {
                let frame = taken.frame();
                frame.decode().map_err(|error| {
                    let message = frame.message().unwrap_or_default();
                    Undecoded { message, error }
                })
            })
        })
    }

    /// A message that is there already.
    #[must_use = "the message has been taken"]
    pub fn try_recv(&mut self) -> Option<Message> {
        loop {
            match self.inlet.next_now_with(|taken| read_or_keep(&taken, |frame| frame.message()))? {
                Ok(message) => return Some(message),
                Err(bad) => self.dead_letter(&bad.0, &bad.1),
            }
        }
    }

    /// The next request: a message as [`Node::call`] and [`Node::ask`] send it, whose last value is the port that waits
    /// for the answer, and what stands before that as a `T`. Others are passed over as dead letters. To answer, send to
    /// the [`ReplyTo`], here or in another task.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let node = mp_node::Node::builder("doc").without_file().start().await?;
    /// let adder = node.spawn(async |mut port| {
    ///     while let Some(((tag, a, b), reply)) = port.recv_request::<(String, u32, u32), u32>().await {
    ///         assert_eq!(tag, "add");
    ///         port.node().send(reply, a + b).await.expect("the node runs");
    ///     }
    /// });
    /// assert_eq!(node.call(&adder, ("add", 1, 2)).returning::<u32>().await?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    pub fn recv_request<T: DeserializeOwned, R>(
        &mut self,
    ) -> impl Future<Output = Option<(T, ReplyTo<R>)>> + Send + use<'_, T, R> {
        std::future::poll_fn(|cx| self.poll_read(cx, request))
    }

    /// What `read` makes of the next message of which it makes something; others are dead letters.
    #[inline]
    fn poll_read<R>(
        &mut self,
        cx: &mut Context<'_>,
        read: impl Fn(FrameRef<'_>) -> Result<R, DecodeError>,
    ) -> Poll<Option<R>> {
        loop {
            match ready!(self.inlet.poll_next_with(cx, |taken| read_or_keep(&taken, &read))) {
                None => return Poll::Ready(None),
                Some(Ok(read)) => return Poll::Ready(Some(read)),
                Some(Err(bad)) => self.dead_letter(&bad.0, &bad.1),
            }
        }
    }

    #[cold]
    fn dead_letter(&self, frame: &Frame, error: &DecodeError) {
        self.inlet.node.dead_letter(self.inlet.cell.id(), Some(frame), &error.to_string());
    }

    /// Calls `function` for messages whose first element is `tag`, with what stands behind it as a `T`, until it says
    /// [`Flow::Done`]; `()` counts as [`Flow::Continue`]. A handler that is there for the tag is replaced. Older names:
    /// `rcv $port, tag => sub { … }`.
    ///
    /// Handlers of one port are called one after another, in tasks of the node. They must not block; to send from
    /// one use [`Node::try_send`], to do more spawn a task. A panic kills the port with `("die", text)`, and no handler
    /// of it is called again. A message without a handler, or not of the handler's type, goes to
    /// [`otherwise`](Port::otherwise), and without that is a dead letter.
    #[doc(alias("rcv", "psub", "handle"))]
    pub fn on<T, F, R>(&self, tag: &str, function: F) -> &Self
    where
        T: DeserializeOwned,
        F: FnMut(T) -> R + Send + 'static,
        R: Into<Flow>,
    {
        self.set_handler(Some(tag), Some(on_args(function)))
    }

    /// Calls `function` for all messages without a handler for their tag.
    #[doc(alias("rcv", "default"))]
    pub fn otherwise<F, R>(&self, function: F) -> &Self
    where
        F: FnMut(Message) -> R + Send + 'static,
        R: Into<Flow>,
    {
        self.set_handler(None, Some(on_message(function)))
    }

    /// Removes the handler for `tag`.
    pub fn off(&self, tag: &str) -> &Self {
        self.set_handler(Some(tag), None)
    }

    fn set_handler(&self, tag: Option<&str>, function: Option<Function>) -> &Self {
        let Inlet { node, cell, .. } = &self.inlet;
        let change = |handlers: &mut handlers::Handlers| handlers.set(tag.map(Tag::new), function);
        if let Some((old, run)) = cell.with_handlers(change) {
            drop(old);
            if run {
                node.spawn_unguarded(drain::run(Arc::clone(node), Arc::clone(cell)));
            }
        }
        self
    }

    /// Why the port was killed, if it was.
    #[must_use]
    pub fn killed(&self) -> Option<Reason> {
        self.inlet.cell.dead()
    }

    /// Kills the port for `reason`.
    #[doc(alias("kil", "exit"))]
    pub fn kill(self, reason: &Reason) {
        self.inlet.node.kill_local(&self.inlet.cell, reason);
    }

    /// Messages that wait to be received.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inlet.len() + self.inlet.cell.waiting()
    }

    /// Lets the port live on without this handle, until somebody kills it: for ports that have handlers.
    #[doc(alias("rcv"))]
    pub fn detach(mut self) -> PortId {
        self.inlet.kill_on_drop = false;
        self.inlet.cell.to_id()
    }
}

/// What `read` makes of a message, or the message and what is wrong with it.
#[inline]
fn read_or_keep<R>(
    taken: &Taken<'_, Frame>,
    read: impl Fn(FrameRef<'_>) -> Result<R, DecodeError>,
) -> Result<R, Box<(Frame, DecodeError)>> {
    let frame = taken.frame();
    read(frame).map_err(|error| Box::new((frame.to_frame(), error)))
}

/// A message with the reply port behind it.
fn request<T: DeserializeOwned, R>(frame: FrameRef<'_>) -> Result<(T, ReplyTo<R>), DecodeError> {
    let mut values = frame.message()?.into_values();
    let reply = values.pop().map(|last| Message::from([last]).decode::<PortId>()).transpose()?;
    let reply = reply.ok_or_else(|| DecodeError::Mismatch("there is no reply port".into()))?;
    Ok((Message::from(values).decode()?, ReplyTo::new(reply)))
}

/// The messages, until the port is killed and all that came before has been received.
impl Stream for Port {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_read(cx, |frame| frame.message())
    }
}

impl AsRef<PortId> for Port {
    fn as_ref(&self) -> &PortId {
        self.id()
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Port");
        out.field("id", self.id()).field("waiting", &self.waiting()).field("killed", &self.killed());
        out.finish_non_exhaustive()
    }
}
