//! Where messages wait for their port.

pub(crate) mod inlet;
pub(crate) mod queue;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mp_proto::{Frame, Limits, NodeId, PortId, Reason};
use mp_transport::Kick;
use tokio::sync::Notify;

use self::queue::{Entry, Item, Queue};
use crate::kernel::ports::SlotKey;
use crate::port::handlers::Handlers;
use crate::stats::PortInfo;
use crate::sync::Lock;
use crate::watch::{Action, WatchId};

/// A living or dead port: its mailbox and who watches it.
#[derive(Debug)]
pub(crate) struct PortCell {
    pub(crate) id: PortId,
    pub(crate) key: SlotKey,
    inbox: Lock<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    queue: Queue,
    bytes: usize,
    /// Messages that the receiver has passed over: they are in its hands, but still take up room.
    held: usize,
    held_bytes: usize,
    dead: Option<Reason>,
    /// The task that receives.
    receiver: Option<Waker>,
    /// Who waits for room: tasks of this node, and connections.
    senders: Option<Arc<Notify>>,
    connections: Vec<Waiting>,
    watchers: Watchers,
    handlers: Option<Box<Handlers>>,
    /// Under which names the port is known at the node.
    names: Vec<String>,
}

/// A connection that waits for room. It is not woken for each message that is taken out, but when half is gone of what
/// was there: so that it has something to do, and the port does not run dry meanwhile.
#[derive(Debug)]
struct Waiting {
    kick: Kick,
    messages: usize,
    bytes: usize,
}

/// Who is to be told of the port's death.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// Monitors of this node, in the order in which they were made.
    pub(crate) here: BTreeMap<WatchId, Action>,
    /// Peers, and how often each has asked to be told.
    pub(crate) peers: BTreeMap<NodeId, usize>,
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
    /// The mailbox is full; the message is given back.
    Full(Frame),
}

/// What became of a value for the mailbox of a typed port.
#[derive(Debug)]
pub(crate) enum Moved<T> {
    /// It is in the mailbox.
    Taken,
    /// The port is dead.
    Dead(T),
    /// The mailbox is full.
    Full(T),
    /// The port is not one of `T`s: the value has to go as a frame.
    Other(T),
}

/// What a dying port leaves behind. The handlers are only there to be dropped by the caller, who holds no lock: what a
/// user's function has captured may do anything when it is dropped.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) watchers: Watchers,
    pub(crate) handlers: Option<Box<Handlers>>,
    pub(crate) names: Vec<String>,
}

/// What the task that runs a port's handlers does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Give this message to these handlers, and ask again.
    Handle(Frame, Box<Handlers>),
    /// Nothing is left; what is here is to be dropped.
    End(Option<Box<Handlers>>),
}

impl PortCell {
    pub(crate) fn new(id: PortId, key: SlotKey) -> Self {
        Self { id, key, inbox: Lock::new(Inbox::default()) }
    }

    /// Puts a message in, unless the mailbox is full; then `waiter`, if there is one, is woken when there is room again.
    pub(crate) fn push(&self, frame: Frame, limits: &Limits, waiter: Option<&Kick>) -> Push {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            return Push::Dead;
        }
        if !inbox.is_full(frame.bytes().len(), limits) {
            return inbox.put(frame);
        }
        if let Some(kick) = waiter {
            inbox.wait_for_room(kick);
        }
        Push::Full(frame)
    }

    /// Puts the messages of a run in, the first ones first, as far as there is room; those that stay in `run` wait for
    /// it, and `waiter` is woken when there is some. Whether to begin to work on the port's handlers. If the port is dead
    /// all are dropped.
    pub(crate) fn push_run(&self, run: &mut VecDeque<Frame>, limits: &Limits, waiter: &Kick) -> bool {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            run.clear();
        }
        let mut begin = false;
        while let Some(frame) = run.pop_front() {
            if inbox.is_full(frame.bytes().len(), limits) {
                run.push_front(frame);
                inbox.wait_for_room(waiter);
                break;
            }
            begin |= matches!(inbox.put(frame), Push::Run);
        }
        begin
    }

    /// The connection that `waiter` wakes is no more.
    pub(crate) fn stop_waking(&self, waiter: &Kick) {
        self.inbox.lock().connections.retain(|known| !known.kick.same(waiter));
    }

    /// Puts a message in that must not be refused: a monitor's notice or the answer to a question of this node. There
    /// are no more of these than the port has asked for.
    pub(crate) fn push_anyway(&self, frame: Frame) -> Push {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() { Push::Dead } else { inbox.put(frame) }
    }

    /// Puts a value in as it is, if this is the mailbox of a port of `T`s and there is room.
    pub(crate) fn push_moved<T: Send + 'static>(&self, value: T, limits: &Limits) -> Moved<T> {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            return Moved::Dead(value);
        }
        let full = inbox.is_full(size_of::<T>(), limits);
        let Some(queue) = Entry::<T>::queue(&mut inbox.queue) else {
            return Moved::Other(value);
        };
        if full {
            return Moved::Full(value);
        }
        queue.push_back(Entry::Moved(value));
        inbox.bytes += size_of::<T>();
        if let Some(receiver) = inbox.receiver.take() {
            // Whoever is woken wants the lock.
            drop(inbox);
            receiver.wake();
        }
        Moved::Taken
    }

    /// Makes this the mailbox of a port of `T`s. What lies in it stays; handlers there are given back, to be dropped.
    pub(crate) fn make_typed<T: Send + 'static>(&self) -> Option<Box<Handlers>> {
        let mut inbox = self.inbox.lock();
        inbox.queue.make_typed::<T>();
        inbox.handlers.take()
    }

    /// So many messages are in their receiver's hands, but still take up room.
    pub(crate) fn hold(&self, messages: usize, bytes: usize) {
        let mut inbox = self.inbox.lock();
        inbox.held += messages;
        inbox.held_bytes += bytes;
    }

    /// So many of those have been received.
    pub(crate) fn release(&self, messages: usize, bytes: usize) {
        let mut inbox = self.inbox.lock();
        inbox.held -= messages;
        inbox.held_bytes -= bytes;
        inbox.wake_senders();
    }

    /// Takes messages that are there, or waits for one. `Ready(false)`: the port is dead and its mailbox empty.
    pub(crate) fn poll_take<I: Item>(&self, batch: &mut VecDeque<I>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut inbox = self.inbox.lock();
        if inbox.take(batch) {
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

    /// Takes messages that are there.
    pub(crate) fn take_now<I: Item>(&self, batch: &mut VecDeque<I>) -> bool {
        self.inbox.lock().take(batch)
    }

    /// What to wait on for room in a full mailbox; ask before trying once more, so that no room is missed.
    pub(crate) fn room(&self) -> Arc<Notify> {
        Arc::clone(self.inbox.lock().senders.get_or_insert_default())
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
        let idle = inbox.handlers.as_ref().is_some_and(|handlers| handlers.is_idle());
        Some(Remains {
            watchers: std::mem::take(&mut inbox.watchers),
            handlers: if idle { inbox.handlers.take() } else { None },
            names: std::mem::take(&mut inbox.names),
        })
    }

    /// Why the port died, if it did.
    pub(crate) fn dead(&self) -> Option<Reason> {
        self.inbox.lock().dead.clone()
    }

    /// Adds a watcher of this node; gives it back if the port is dead.
    pub(crate) fn watch(&self, id: WatchId, action: Action) -> Result<(), Action> {
        let mut inbox = self.inbox.lock();
        if inbox.dead.is_some() {
            return Err(action);
        }
        inbox.watchers.here.insert(id, action);
        Ok(())
    }

    /// Takes a watcher of this node away.
    pub(crate) fn unwatch(&self, id: WatchId) -> Option<Action> {
        self.inbox.lock().watchers.here.remove(&id)
    }

    /// A peer asks once more to be told. `false` if the port is dead.
    pub(crate) fn watch_for(&self, peer: &NodeId) -> bool {
        let mut inbox = self.inbox.lock();
        let alive = inbox.dead.is_none();
        if alive {
            *inbox.watchers.peers.entry(peer.clone()).or_default() += 1;
        }
        alive
    }

    /// A peer takes one of its requests back. `false` if it has made none.
    pub(crate) fn unwatch_for(&self, peer: &NodeId) -> bool {
        let mut inbox = self.inbox.lock();
        let Some(times) = inbox.watchers.peers.get_mut(peer) else {
            return false;
        };
        *times -= 1;
        if *times == 0 {
            inbox.watchers.peers.remove(peer);
        }
        true
    }

    /// Nobody is left at the peer to be told.
    pub(crate) fn forget(&self, peer: &NodeId) {
        self.inbox.lock().watchers.peers.remove(peer);
    }

    /// Notes a name of the port, which its death must withdraw. `false` if it is dead.
    pub(crate) fn add_name(&self, name: &str) -> bool {
        let mut inbox = self.inbox.lock();
        inbox.names.push(name.to_owned());
        inbox.dead.is_none()
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.inbox.lock().queue.len()
    }

    /// Messages that wait, and their bytes.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let inbox = self.inbox.lock();
        (inbox.queue.len(), inbox.bytes)
    }

    /// What there is to tell of the port.
    pub(crate) fn info(&self) -> PortInfo {
        let inbox = self.inbox.lock();
        PortInfo {
            id: self.id.clone(),
            messages: inbox.queue.len(),
            bytes: inbox.bytes,
            has_handlers: inbox.handlers.is_some(),
            monitors: inbox.watchers.here.len() + inbox.watchers.peers.len(),
            names: inbox.names.clone(),
        }
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
        let Some(frame) = inbox.queue.pop_frame() else {
            if inbox.dead.is_some() {
                return Next::End(inbox.handlers.take());
            }
            if let Some(handlers) = &mut inbox.handlers {
                handlers.end();
            }
            return Next::End(None);
        };
        inbox.bytes -= frame.bytes().len();
        inbox.wake_senders();
        match &mut inbox.handlers {
            Some(handlers) => Next::Handle(frame, Box::new(handlers.lend())),
            None => Next::End(None),
        }
    }
}

impl Inbox {
    fn is_full(&self, weight: usize, limits: &Limits) -> bool {
        let (messages, bytes) = self.taken_up();
        messages >= limits.mailbox_messages.max(1) || (messages > 0 && bytes + weight > limits.mailbox_bytes)
    }

    /// Messages that take up room, and their bytes.
    fn taken_up(&self) -> (usize, usize) {
        (self.queue.len() + self.held, self.bytes + self.held_bytes)
    }

    fn wait_for_room(&mut self, kick: &Kick) {
        if !self.connections.iter().any(|known| known.kick.same(kick)) {
            let (messages, bytes) = self.taken_up();
            self.connections.push(Waiting { kick: kick.clone(), messages: messages / 2, bytes: bytes / 2 });
        }
    }

    fn put(&mut self, frame: Frame) -> Push {
        self.bytes += frame.bytes().len();
        self.queue.push(frame);
        if let Some(handlers) = &mut self.handlers {
            return if handlers.begin() { Push::Run } else { Push::Taken };
        }
        if let Some(receiver) = self.receiver.take() {
            receiver.wake();
        }
        Push::Taken
    }

    fn take<I: Item>(&mut self, batch: &mut VecDeque<I>) -> bool {
        let Some(left) = self.queue.take(batch, self.bytes) else {
            return false;
        };
        self.bytes = left;
        self.wake_senders();
        true
    }

    fn wake_senders(&mut self) {
        if let Some(senders) = &self.senders {
            senders.notify_waiters();
        }
        let (messages, bytes) = self.taken_up();
        let dead = self.dead.is_some();
        let half_gone = |waiting: &mut Waiting| dead || (messages <= waiting.messages && bytes <= waiting.bytes);
        for connection in self.connections.extract_if(.., half_gone) {
            connection.kick.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mp_proto::Framing;
    use mp_transport::{Addr, Driver, Pipe};

    use super::*;
    use crate::kernel::ports::PortTable;

    fn cell() -> PortCell {
        let id: PortId = "a#p".parse().expect("valid");
        let mut table = PortTable::new("x".into(), 1);
        let (key, ()) = table.insert(|_, _| ()).expect("room");
        PortCell::new(id, key)
    }

    /// A full mailbox that stays so does not remember every connection that has ever waited for it.
    #[test]
    fn a_connection_that_ends_is_not_woken_any_more() {
        let (cell, mut limits) = (cell(), Limits::default());
        limits.mailbox_messages = 1;
        let frame = || Frame::new(Framing::Postcard, Bytes::from_static(b"x"));
        let addr = || Addr::new("a", 1).expect("valid");
        assert!(matches!(cell.push(frame(), &limits, None), Push::Taken));
        for _ in 0..10 {
            let kick = Driver::new(Pipe::new(tokio::io::empty(), addr(), addr())).kick();
            for _ in 0..3 {
                assert!(matches!(cell.push(frame(), &limits, Some(&kick)), Push::Full(_)));
            }
            assert_eq!(cell.inbox.lock().connections.len(), 1);
            cell.stop_waking(&kick);
        }
        assert!(cell.inbox.lock().connections.is_empty());
    }
}
