//! A port: where messages are received.

pub(crate) mod drain;
pub(crate) mod handlers;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use mp_proto::{DecodeError, Frame, Message, PortId, Reason};
use serde::de::DeserializeOwned;

pub use self::handlers::Flow;
use self::handlers::{Function, on_args, on_message};
use crate::Node;
use crate::mailbox::PortCell;
use crate::node::Inner;

/// A port of this node, held by the one who receives from it.
///
/// Messages are received in the order of their arrival, by [`recv`](Port::recv) and its kin, or by functions chosen by
/// the message's tag ([`on`](Port::on)). A port that has handlers gives all its messages to them, and `recv` waits.
///
/// Dropping the port kills it with a normal end; [`detach`](Port::detach) lets it live without this handle.
#[must_use = "a port dies when it is dropped"]
pub struct Port {
    node: Arc<Inner>,
    cell: Arc<PortCell>,
    batch: VecDeque<Frame>,
    kill_on_drop: bool,
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
        Self { node, cell, batch: VecDeque::new(), kill_on_drop: true }
    }

    /// A handle whose end does not kill the port.
    pub(crate) fn borrowed(node: Arc<Inner>, cell: Arc<PortCell>) -> Self {
        let mut port = Self::new(node, cell);
        port.kill_on_drop = false;
        port
    }

    /// The port's name in the network.
    #[must_use]
    pub fn id(&self) -> &PortId {
        &self.cell.id
    }

    /// The node that holds the port.
    #[must_use]
    pub fn node(&self) -> Node {
        Node::from_inner(Arc::clone(&self.node))
    }

    /// The next message. `None` once the port has been killed and all that came before has been received.
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    pub async fn recv(&mut self) -> Option<Message> {
        loop {
            match self.next().await?.message() {
                Ok(message) => return Some(message),
                Err(error) => self.node.dead_letter(&self.cell.id, &error.to_string()),
            }
        }
    }

    /// The next message that is a `T`, by the rules of [`mp_proto::adaptor`]. Others are passed over as dead letters:
    /// counted, and logged once a minute per port. Use [`recv_checked`](Port::recv_checked) to see them.
    ///
    /// # Cancellation
    ///
    /// Safe: no message is lost by dropping the future.
    pub async fn recv_as<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            match self.next().await?.decode() {
                Ok(message) => return Some(message),
                Err(error) => self.node.dead_letter(&self.cell.id, &error.to_string()),
            }
        }
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
    pub async fn recv_checked<T: DeserializeOwned>(&mut self) -> Option<Result<T, Undecoded>> {
        let frame = self.next().await?;
        Some(frame.decode().map_err(|error| {
            let message = frame.message().unwrap_or_default();
            Undecoded { message, error }
        }))
    }

    /// A message that is there already.
    #[must_use = "the message has been taken"]
    pub fn try_recv(&mut self) -> Option<Message> {
        loop {
            if self.batch.is_empty() && !self.cell.take_now(&mut self.batch) {
                return None;
            }
            match self.batch.pop_front()?.message() {
                Ok(message) => return Some(message),
                Err(error) => self.node.dead_letter(&self.cell.id, &error.to_string()),
            }
        }
    }

    async fn next(&mut self) -> Option<Frame> {
        if self.batch.is_empty() {
            let (cell, batch) = (&self.cell, &mut self.batch);
            if !std::future::poll_fn(|cx| cell.poll_take(batch, cx)).await {
                return None;
            }
        }
        self.batch.pop_front()
    }

    /// Calls `function` for messages whose first element is `tag`, with what stands behind it as a `T`, until it says
    /// [`Flow::Done`]; `()` counts as [`Flow::Continue`]. A handler that is there for the tag is replaced. Older names:
    /// `rcv $port, tag => sub { … }`.
    ///
    /// Handlers of one port are called one after another, in tasks of the node. They must not block; to send from
    /// one use [`Node::try_send`], to do more spawn a task. A panic kills the port with `("die", text)`, and no handler
    /// of it is called again. A message without a handler, or not of the handler's type, goes to
    /// [`otherwise`](Port::otherwise), and without that is a dead letter.
    pub fn on<T, F, R>(&self, tag: &str, function: F) -> &Self
    where
        T: DeserializeOwned,
        F: FnMut(T) -> R + Send + 'static,
        R: Into<Flow>,
    {
        self.set_handler(Some(tag), Some(on_args(function)))
    }

    /// Calls `function` for all messages without a handler for their tag.
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
        let change = |handlers: &mut handlers::Handlers| handlers.set(tag.map(Into::into), function);
        if let Some((old, run)) = self.cell.with_handlers(change) {
            drop(old);
            if run {
                self.node.spawn_task(drain::run(Arc::clone(&self.node), Arc::clone(&self.cell)));
            }
        }
        self
    }

    /// Why the port was killed, if it was.
    #[must_use]
    pub fn killed(&self) -> Option<Reason> {
        self.cell.dead()
    }

    /// Kills the port for `reason`.
    pub fn kill(self, reason: &Reason) {
        self.node.kill_local(&self.cell, reason);
    }

    /// Messages that wait to be received.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.batch.len() + self.cell.waiting()
    }

    /// Lets the port live on without this handle, until somebody kills it: for ports that have handlers.
    pub fn detach(mut self) -> PortId {
        self.kill_on_drop = false;
        self.cell.id.clone()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if self.kill_on_drop {
            self.node.kill_local(&self.cell, &Reason::normal());
        }
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
