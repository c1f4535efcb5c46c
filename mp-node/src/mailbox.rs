//! Where messages wait for their port.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use mp_proto::{DecodeError, Frame, Limits, Message, PortId, Reason};
use mp_transport::Kick;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::kernel::ports::SlotKey;
use crate::port::handlers::Handlers;
use crate::sync::Lock;
use crate::watch::{PortWatcher, WatchId};

/// A message as it lies in a mailbox: still in the bytes that it came in, or as values.
#[derive(Debug)]
pub(crate) enum Envelope {
    Frame(Frame),
    Message(Message),
}

impl Envelope {
    /// What the message counts for against the mailbox's bound of bytes.
    fn weight(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.bytes().len(),
            Self::Message(message) => size_of_val(message.values()),
        }
    }

    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        match self {
            Self::Frame(frame) => frame.decode(),
            Self::Message(message) => message.decode(),
        }
    }

    pub(crate) fn into_message(self) -> Result<Message, DecodeError> {
        match self {
            Self::Frame(frame) => frame.message(),
            Self::Message(message) => Ok(message),
        }
    }
}

/// A living or dead port: its mailbox and who watches it.
#[derive(Debug)]
pub(crate) struct PortCell {
    pub(crate) id: PortId,
    pub(crate) key: SlotKey,
    inbox: Lock<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    queue: VecDeque<Envelope>,
    bytes: usize,
    /// Since when it has been full while something waits for room.
    full_since: Option<Instant>,
    dead: Option<Reason>,
    /// The task that receives.
    receiver: Option<Waker>,
    /// Who waits for room: tasks of this node, and connections.
    senders: Option<Arc<Notify>>,
    connections: Vec<Kick>,
    watchers: Vec<PortWatcher>,
    handlers: Option<Box<Handlers>>,
    named: bool,
}

/// What became of a message for a mailbox.
#[derive(Debug)]
pub(crate) enum Push {
    /// It is in the mailbox.
    Taken,
    /// It is in the mailbox, and nobody works on the port's handlers: begin.
    Run,
    /// The port is dead; the message is dropped, as its monitors have been told.
    Dead,
    /// The mailbox is full since the given time; the message is given back.
    Full(Envelope, Instant),
}

/// What a dying port leaves behind. The handlers are only there to be dropped by the caller, who holds no lock: what a
/// user's function has captured may do anything when it is dropped.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) watchers: Vec<PortWatcher>,
    pub(crate) handlers: Option<Box<Handlers>>,
    /// The port is known under a name.
    pub(crate) named: bool,
}

/// What the task that runs a port's handlers does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Give this message to these handlers, and ask again.
    Handle(Envelope, Box<Handlers>),
    /// Nothing is left; what is here is to be dropped.
    End(Option<Box<Handlers>>),
}

impl PortCell {
    pub(crate) fn new(id: PortId, key: SlotKey) -> Self {
        Self { id, key, inbox: Lock::new(Inbox::default()) }
    }

    /// Puts a message in, unless the mailbox is full.
    pub(crate) fn push(&self, envelope: Envelope, limits: &Limits, now: Instant) -> Push {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            return Push::Dead;
        }
        if inbox.is_full(envelope.weight(), limits) {
            let since = *inbox.full_since.get_or_insert(now);
            return Push::Full(envelope, since);
        }
        inbox.put(envelope)
    }

    /// Puts a message in that must not be refused: a monitor's notice or a node port's reply. There are no more of these
    /// than the port has asked for.
    pub(crate) fn push_anyway(&self, envelope: Envelope) -> Push {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() { Push::Dead } else { inbox.put(envelope) }
    }

    /// Takes all messages that are there, or waits for one. `Ready(false)`: the port is dead and its mailbox empty.
    pub(crate) fn poll_take(&self, batch: &mut VecDeque<Envelope>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut inbox = self.inbox.lock();
        if inbox.take_all(batch) {
            return Poll::Ready(true);
        }
        if inbox.dead.is_some() {
            return Poll::Ready(false);
        }
        match &mut inbox.receiver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Takes all messages that are there.
    pub(crate) fn take_now(&self, batch: &mut VecDeque<Envelope>) -> bool {
        self.inbox.lock().take_all(batch)
    }

    /// What to wait on for room in a full mailbox; ask before trying once more, so that no room is missed.
    pub(crate) fn room(&self) -> Arc<Notify> {
        Arc::clone(self.inbox.lock().senders.get_or_insert_default())
    }

    /// Has `kick` woken when there is room again. `false` if there is room already, or the port is dead.
    pub(crate) fn wake_when_room(&self, weight: usize, kick: &Kick, limits: &Limits) -> bool {
        let mut inbox = self.inbox.lock();
        let full = inbox.dead.is_none() && inbox.is_full(weight, limits);
        if full && !inbox.connections.iter().any(|known| known.same(kick)) {
            inbox.connections.push(kick.clone());
        }
        full
    }

    /// Kills the port. `None` if it was dead already.
    pub(crate) fn die(&self, reason: &Reason) -> Option<Remains> {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            return None;
        }
        inbox.dead = Some(reason.clone());
        if let Some(receiver) = inbox.receiver.take() {
            receiver.wake();
        }
        inbox.wake_senders();
        inbox.senders = None;
        let idle = inbox.handlers.as_ref().is_some_and(|handlers| handlers.is_idle());
        Some(Remains {
            watchers: std::mem::take(&mut inbox.watchers),
            handlers: if idle { inbox.handlers.take() } else { None },
            named: inbox.named,
        })
    }

    /// Why the port died, if it did.
    pub(crate) fn dead(&self) -> Option<Reason> {
        self.inbox.lock().dead.clone()
    }

    /// Adds a watcher; gives it back if the port is dead.
    pub(crate) fn watch(&self, watcher: PortWatcher) -> Result<(), PortWatcher> {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            return Err(watcher);
        }
        inbox.watchers.push(watcher);
        Ok(())
    }

    /// Takes a watcher of this node away.
    pub(crate) fn unwatch(&self, id: WatchId) -> Option<PortWatcher> {
        let mut inbox = self.inbox.lock();
        let index = inbox.watchers.iter().position(|watcher| watcher.is_local(id))?;
        Some(inbox.watchers.remove(index))
    }

    /// Takes the monitors of a peer away: the latest one, or all.
    pub(crate) fn unwatch_peer(&self, peer: &str, all: bool) -> usize {
        let mut inbox = self.inbox.lock();
        if all {
            let before = inbox.watchers.len();
            inbox.watchers.retain(|watcher| !watcher.is_peer(peer));
            return before - inbox.watchers.len();
        }
        let Some(index) = inbox.watchers.iter().rposition(|watcher| watcher.is_peer(peer)) else {
            return 0;
        };
        drop(inbox.watchers.remove(index));
        1
    }

    /// Notes that the port has a name, which its death must withdraw. `false` if it is dead.
    pub(crate) fn set_named(&self) -> bool {
        let mut inbox = self.inbox.lock();
        inbox.named = true;
        inbox.dead.is_none()
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.inbox.lock().queue.len()
    }

    /// Changes the port's handlers. Messages that came before the first handler are theirs too: `true` asks to run
    /// them. What `change` gives back is to be dropped by the caller.
    pub(crate) fn with_handlers<R>(&self, change: impl FnOnce(&mut Handlers) -> R) -> Option<(R, bool)> {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            return None;
        }
        let waiting = !inbox.queue.is_empty();
        let handlers = inbox.handlers.get_or_insert_default();
        Some((change(handlers), waiting && handlers.begin()))
    }

    /// Takes back the handlers that were `used` for a message, and gives the next one.
    pub(crate) fn next_for_handlers(&self, used: Option<Box<Handlers>>) -> Next {
        let mut inbox = self.inbox.lock();
        if let Some(used) = used
            && let Some(here) = &mut inbox.handlers
        {
            here.give_back(*used);
        }
        let Some(envelope) = inbox.queue.pop_front() else {
            if inbox.dead.is_some() {
                return Next::End(inbox.handlers.take());
            }
            if let Some(handlers) = &mut inbox.handlers {
                handlers.end();
            }
            return Next::End(None);
        };
        inbox.bytes -= envelope.weight();
        if inbox.full_since.is_some() {
            inbox.wake_senders();
        }
        match &mut inbox.handlers {
            Some(handlers) => Next::Handle(envelope, Box::new(handlers.lend())),
            None => Next::End(None),
        }
    }
}

impl Inbox {
    fn is_full(&self, weight: usize, limits: &Limits) -> bool {
        self.queue.len() >= limits.mailbox_messages
            || (!self.queue.is_empty() && self.bytes + weight > limits.mailbox_bytes)
    }

    fn put(&mut self, envelope: Envelope) -> Push {
        self.bytes += envelope.weight();
        self.queue.push_back(envelope);
        if let Some(handlers) = &mut self.handlers {
            return if handlers.begin() { Push::Run } else { Push::Taken };
        }
        if let Some(receiver) = self.receiver.take() {
            receiver.wake();
        }
        Push::Taken
    }

    fn take_all(&mut self, batch: &mut VecDeque<Envelope>) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        if batch.is_empty() {
            std::mem::swap(batch, &mut self.queue);
        } else {
            batch.append(&mut self.queue);
        }
        self.bytes = 0;
        if self.full_since.is_some() {
            self.wake_senders();
        }
        true
    }

    fn wake_senders(&mut self) {
        self.full_since = None;
        if let Some(senders) = &self.senders {
            senders.notify_waiters();
        }
        for connection in self.connections.drain(..) {
            connection.wake();
        }
    }
}
