//! Where messages wait for their port.

mod frames;
pub(crate) mod handled;
pub(crate) mod inlet;
pub(crate) mod line;
pub(crate) mod queue;
mod rare;
pub(crate) mod values;
mod watched;

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use mp_proto::{Frame, Limits, NodeId, PortId, Reason};
use mp_transport::Kick;

use self::frames::Load;
use self::queue::{Deque, Queue, Store};
use self::rare::{Rare, Watchers};
use crate::kernel::ports::{Digits, SlotKey};
use crate::port::handlers::Handlers;
use crate::stats::PortInfo;
use crate::sync::Lock;

/// A living or dead port: its mailbox and who watches it.
///
/// A node may have a hundred thousand that are idle, so what an idle port needs stands here, and all else is made when
/// it is needed: the port's name, its queue, and what is [`Rare`].
#[derive(Debug)]
pub(crate) struct PortCell {
    home: Arc<Home>,
    id: OnceLock<PortId>,
    pub(crate) key: SlotKey,
    /// An [`End`]; changed under the lock.
    end: AtomicU8,
    /// There is somebody to receive; changed under the lock.
    attended: AtomicBool,
    inbox: Lock<Inbox>,
}

/// What all ports of one life of a node have in common.
#[derive(Debug)]
pub(crate) struct Home {
    /// The node.
    pub(crate) node: NodeId,
    /// What the names of its ports begin with.
    pub(crate) prefix: String,
}

#[derive(Debug, Default)]
struct Inbox {
    queue: Queue,
    /// The task that receives.
    receiver: Option<Waker>,
    worker: Worker,
    rare: Option<Box<Rare>>,
}

/// What works for the port. Few ports have both: then the runner is among what is rare.
#[derive(Debug)]
enum Worker {
    /// The task that runs the port's function; it is woken when the port dies.
    Runner(Waker),
    Handlers(Option<Box<Handlers>>),
}

impl Default for Worker {
    fn default() -> Self {
        Self::Handlers(None)
    }
}

/// Whether and how a port has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum End {
    /// It lives.
    None,
    /// It died without a reason.
    Normal,
    /// It died for a reason, which stands among what is rare.
    Reason,
    /// Its node has stopped, and nobody is told of anything any more.
    Halted,
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
    /// The mailbox is full, or there is a throng before which its sender is patient.
    Full(T),
    /// The port is not one of `T`s: the value has to go as a frame.
    Other(T),
}

/// What a receiver has got out of its mailbox.
#[derive(Debug)]
pub(crate) enum Took<I> {
    /// The only message that there was.
    One(I),
    /// Some are in the batch now.
    Batch,
    /// There is none; if the receiver has waited for one, none will come any more.
    Nothing,
}

/// What a dying port leaves behind. Handlers and messages are only there to be dropped by the caller, who holds no lock:
/// what is a user's may do anything when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    pub(crate) watchers: Watchers,
    pub(crate) names: Vec<String>,
    handlers: Option<Box<Handlers>>,
    messages: Queue,
}

impl PortCell {
    /// A port whose name is made when it is wanted.
    pub(crate) fn new(home: Arc<Home>, key: SlotKey, queue: Queue) -> Self {
        let inbox = Lock::new(Inbox { queue, ..Inbox::default() });
        let (end, attended) = (AtomicU8::new(End::None as u8), AtomicBool::new(true));
        Self { home, id: OnceLock::new(), key, end, attended, inbox }
    }

    /// A port that has been given a name.
    pub(crate) fn named(home: Arc<Home>, key: SlotKey, id: PortId) -> Self {
        Self { id: OnceLock::from(id), ..Self::new(home, key, Queue::default()) }
    }

    /// The port's name in the network.
    pub(crate) fn id(&self) -> &PortId {
        self.id.get_or_init(|| self.make_id())
    }

    /// The same for who keeps it: the port does not, unless it has it already. Most that are asked for their name once, when
    /// they are let go, are never asked again.
    pub(crate) fn to_id(&self) -> PortId {
        self.id.get().cloned().unwrap_or_else(|| self.make_id())
    }

    fn make_id(&self) -> PortId {
        let mut digits = Digits::default();
        let name = self.key.digits(&mut digits);
        PortId::joined(&self.home.node, &self.home.prefix, name).expect("a generated name is valid")
    }

    /// Whether that is a port of the node with this home; there may be others in the process.
    #[inline]
    pub(crate) fn is_at(&self, home: &Arc<Home>) -> bool {
        Arc::ptr_eq(&self.home, home)
    }

    /// Whether the port has died, or its node has stopped.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.end.load(Ordering::Acquire) != End::None as u8
    }

    fn set_end(&self, end: End) {
        self.end.store(end as u8, Ordering::Release);
    }

    fn is_halted(&self) -> bool {
        self.end.load(Ordering::Acquire) == End::Halted as u8
    }

    /// Puts a message in, unless the mailbox is full; then `waiter`, if there is one, is woken when there is room again.
    pub(crate) fn push(&self, frame: Frame, limits: &Limits, waiter: Option<&Kick>) -> Push {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            return Push::Dead;
        }
        if inbox.is_full(frame.bytes().len(), limits) {
            if let Some(kick) = waiter {
                inbox.wait_for_room(kick);
            }
            return Push::Full(frame);
        }
        inbox.queue.push(frame);
        let (push, receiver) = inbox.come();
        // Whoever is woken wants the lock.
        drop(inbox);
        wake(receiver);
        push
    }

    /// Puts the messages of a run in, the first ones first, as far as there is room; those that stay in `run` wait for
    /// it, and `waiter` is woken when there is some. Whether to begin to work on the port's handlers. If the port is dead
    /// all are dropped.
    pub(crate) fn push_run(&self, run: &mut Deque, limits: &Limits, waiter: &Kick) -> bool {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            drop(inbox);
            *run = Deque::default();
            return false;
        }
        let before = run.len();
        while let Some(mut load) = run.take_load() {
            let room = inbox.room_for(&load, limits);
            if room == load.len() {
                inbox.queue.push_load(load);
                continue;
            }
            if let Load::Run(frames) = &mut load
                && room > 0
            {
                inbox.queue.push_load(Load::Run(frames.split_to(room)));
            }
            run.put_back(load);
            inbox.wait_for_room(waiter);
            break;
        }
        if run.len() == before {
            return false;
        }
        let (push, receiver) = inbox.come();
        drop(inbox);
        wake(receiver);
        matches!(push, Push::Run)
    }

    /// The connection that `waiter` wakes is no more.
    pub(crate) fn stop_waking(&self, waiter: &Kick) {
        if let Some(rare) = &mut self.inbox.lock().rare {
            rare.connections.retain(|known| !known.kick.same(waiter));
        }
    }

    /// Puts a message in that must not be refused: a monitor's notice or the answer to a question of this node. There
    /// are no more of these than the port has asked for.
    pub(crate) fn push_anyway(&self, frame: Frame) -> Push {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            return Push::Dead;
        }
        inbox.queue.push(frame);
        let (push, receiver) = inbox.come();
        drop(inbox);
        wake(receiver);
        push
    }

    /// Puts a value in as it is, if this is the mailbox of a port of `T`s and there is room; of a patient sender, not if there
    /// [is a throng](Self::has_throng).
    pub(crate) fn push_moved<T: Send + 'static>(&self, value: T, limits: &Limits, patient: bool) -> Moved<T> {
        let mut guard = self.inbox.lock();
        if self.is_over() {
            return Moved::Dead(value);
        }
        let inbox = &mut *guard;
        let (held, held_bytes) = inbox.held();
        let values = match inbox.queue.values() {
            Some(values) => values,
            None => match inbox.queue.first_values() {
                Some(values) => values,
                None => return Moved::Other(value),
            },
        };
        let taken_up = (values.len() + held, values.bytes() + held_bytes);
        if is_full(taken_up, size_of::<T>(), limits) || (patient && values.is_throng()) {
            return Moved::Full(value);
        }
        values.push(value);
        let receiver = inbox.receiver.take();
        drop(guard);
        wake(receiver);
        Moved::Taken
    }

    /// Whether so many values wait that the receiver is to have its turn before the next one.
    pub(crate) fn has_throng<T: Send + 'static>(&self) -> bool {
        self.inbox.lock().queue.values::<T>().is_some_and(|values| values.is_throng())
    }

    /// Makes this the mailbox of a port of `T`s. What lies in it stays; handlers there are given back, to be dropped.
    pub(crate) fn make_typed<T: Send + 'static>(&self) -> Option<Box<Handlers>> {
        let mut inbox = self.inbox.lock();
        inbox.queue.make_typed::<T>();
        inbox.handlers().and_then(Option::take)
    }

    /// So many messages are in their receiver's hands, but still take up room.
    pub(crate) fn hold(&self, messages: usize, bytes: usize) {
        if messages > 0 {
            let mut inbox = self.inbox.lock();
            let rare = inbox.rare();
            rare.held += messages;
            rare.held_bytes += bytes;
        }
    }

    /// So many of those have been received.
    pub(crate) fn release(&self, messages: usize, bytes: usize) {
        let mut inbox = self.inbox.lock();
        let rare = inbox.rare();
        rare.held -= messages;
        rare.held_bytes -= bytes;
        rare.wake_senders(messages, bytes);
    }

    /// Takes messages that are there, or waits for one. `batch` is where several of them go, and is empty.
    pub(crate) fn poll_take<'a, S: Store + 'a>(
        &self,
        batch: impl FnOnce() -> &'a mut S,
        cx: &mut Context<'_>,
    ) -> Poll<Took<S::Item>> {
        let mut inbox = self.inbox.lock();
        let took = inbox.take(batch);
        if !matches!(took, Took::Nothing) || (self.is_over() && !self.is_halted()) {
            return Poll::Ready(took);
        }
        match &mut inbox.receiver {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Takes messages that are there.
    pub(crate) fn take_now<'a, S: Store + 'a>(&self, batch: impl FnOnce() -> &'a mut S) -> Took<S::Item> {
        self.inbox.lock().take(batch)
    }

    /// The task that `waker` wakes runs the port's function, and is to be woken when the port dies.
    pub(crate) fn set_runner(&self, waker: &Waker) {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            drop(inbox);
            return waker.wake_by_ref();
        }
        match &mut inbox.worker {
            Worker::Handlers(Some(_)) => inbox.rare().runner = Some(waker.clone()),
            worker => *worker = Worker::Runner(waker.clone()),
        }
    }

    /// Kills the port. `None` if it was dead already.
    pub(crate) fn die(&self, reason: &Reason) -> Option<Remains> {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            return None;
        }
        if reason.is_normal() {
            self.set_end(End::Normal);
        } else {
            inbox.rare().reason = Some(reason.clone());
            self.set_end(End::Reason);
        }
        let (remains, sleepers) = self.strip(&mut inbox);
        drop(inbox);
        sleepers.into_iter().for_each(wake);
        Some(remains)
    }

    /// Ends the port with its node: nobody is told.
    pub(crate) fn halt(&self) -> Option<Remains> {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            return None;
        }
        self.set_end(End::Halted);
        let (remains, sleepers) = self.strip(&mut inbox);
        drop(inbox);
        sleepers.into_iter().for_each(wake);
        Some(remains)
    }

    /// Takes out all that nobody will ask for any more, and who is to be woken.
    fn strip(&self, inbox: &mut Inbox) -> (Remains, [Option<Waker>; 2]) {
        let mut remains = Remains::default();
        let mut runner = None;
        if let Some(rare) = &mut inbox.rare {
            rare.wake_all_senders();
            remains.watchers = std::mem::take(&mut rare.watchers);
            remains.names = std::mem::take(&mut rare.names);
            runner = rare.runner.take();
        }
        match &mut inbox.worker {
            Worker::Handlers(handlers) => {
                // Those that work come to their end by themselves.
                remains.handlers = handlers.take_if(|handlers| handlers.is_idle());
            }
            Worker::Runner(_) => {
                if let Worker::Runner(waker) = std::mem::take(&mut inbox.worker) {
                    runner = Some(waker);
                }
            }
        }
        remains.messages = self.unclaimed(inbox);
        (remains, [inbox.receiver.take(), runner])
    }

    /// The messages of a port that is over, if nobody is there to receive them: they are to be dropped, as they may hold
    /// addresses that keep this port's memory.
    fn unclaimed(&self, inbox: &mut Inbox) -> Queue {
        let working = matches!(&inbox.worker, Worker::Handlers(Some(_)));
        if self.attended.load(Ordering::Relaxed) || working {
            return Queue::default();
        }
        std::mem::take(&mut inbox.queue)
    }

    /// Whoever received has left.
    pub(crate) fn leave(&self) {
        let mut inbox = self.inbox.lock();
        self.attended.store(false, Ordering::Relaxed);
        let left = if self.is_over() { self.unclaimed(&mut inbox) } else { Queue::default() };
        let receiver = inbox.receiver.take();
        drop(inbox);
        drop((left, receiver));
    }

    /// Why the port died, if it did.
    pub(crate) fn dead(&self) -> Option<Reason> {
        if !self.is_over() || self.is_halted() {
            return None;
        }
        let inbox = self.inbox.lock();
        Some(inbox.rare.as_ref().and_then(|rare| rare.reason.clone()).unwrap_or_default())
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.inbox.lock().queue.len()
    }

    /// Messages that wait, and their bytes.
    pub(crate) fn depth(&self) -> (usize, usize) {
        self.inbox.lock().depth()
    }

    /// What there is to tell of the port.
    pub(crate) fn info(&self) -> PortInfo {
        let inbox = self.inbox.lock();
        PortInfo {
            id: self.id().clone(),
            messages: inbox.queue.len(),
            bytes: inbox.queue.bytes(),
            has_handlers: matches!(inbox.worker, Worker::Handlers(Some(_))),
            monitors: inbox.rare.as_ref().map_or(0, |rare| rare.watchers.len()),
            names: inbox.rare.as_ref().map(|rare| rare.names.clone()).unwrap_or_default(),
        }
    }
}

#[inline]
fn wake(sleeper: Option<Waker>) {
    if let Some(waker) = sleeper {
        waker.wake();
    }
}

/// Whether a mailbox has no room for a message of this weight beside so many messages, of so many bytes.
#[inline]
fn is_full((messages, bytes): (usize, usize), weight: usize, limits: &Limits) -> bool {
    messages >= limits.mailbox_messages.max(1) || (messages > 0 && bytes + weight > limits.mailbox_bytes)
}

impl Inbox {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Where the handlers are, or could be.
    fn handlers(&mut self) -> Option<&mut Option<Box<Handlers>>> {
        match &mut self.worker {
            Worker::Handlers(handlers) => Some(handlers),
            Worker::Runner(_) => None,
        }
    }

    #[inline]
    fn is_full(&self, weight: usize, limits: &Limits) -> bool {
        is_full(self.taken_up(), weight, limits)
    }

    /// Messages that take up room, and their bytes: those that wait, and those that were passed over.
    #[inline]
    fn taken_up(&self) -> (usize, usize) {
        let (held, held_bytes) = self.held();
        (self.queue.len() + held, self.queue.bytes() + held_bytes)
    }

    /// Messages that were passed over, and their bytes.
    #[inline]
    fn held(&self) -> (usize, usize) {
        self.rare.as_ref().map_or((0, 0), |rare| (rare.held, rare.held_bytes))
    }

    /// How many of these messages there is room for.
    fn room_for(&self, load: &Load, limits: &Limits) -> usize {
        let run = match load {
            Load::One(frame) => return usize::from(!self.is_full(frame.bytes().len(), limits)),
            Load::Run(run) => run,
        };
        let (mut messages, mut bytes) = self.taken_up();
        let most = limits.mailbox_messages.max(1);
        if messages + run.len() <= most && bytes + run.bytes() <= limits.mailbox_bytes {
            return run.len();
        }
        let fits = |size: &usize| {
            let fits = !is_full((messages, bytes), *size, limits);
            (messages, bytes) = (messages + 1, bytes + size);
            fits
        };
        run.sizes().take_while(fits).count()
    }

    fn wait_for_room(&mut self, kick: &Kick) {
        let (messages, bytes) = self.depth();
        self.rare().wait_for_room(kick, messages, bytes);
    }

    /// Something has come: who has to be told?
    fn come(&mut self) -> (Push, Option<Waker>) {
        if let Some(Some(handlers)) = self.handlers() {
            return (if handlers.begin() { Push::Run } else { Push::Taken }, None);
        }
        (Push::Taken, self.receiver.take())
    }

    #[inline]
    fn take<'a, S: Store + 'a>(&mut self, batch: impl FnOnce() -> &'a mut S) -> Took<S::Item> {
        // Only those who wait for room want to know how much there was.
        let before = self.rare.is_some().then(|| self.depth());
        let Some(waiting) = S::of(&mut self.queue).filter(|waiting| waiting.len() > 0) else {
            return Took::Nothing;
        };
        let took = match waiting.pop_only() {
            Some(item) => Took::One(item),
            None => {
                waiting.take(batch());
                Took::Batch
            }
        };
        if let Some(before) = before {
            self.wake_senders(before);
        }
        took
    }

    /// Messages that wait, and their bytes.
    fn depth(&self) -> (usize, usize) {
        (self.queue.len(), self.queue.bytes())
    }

    /// So much lay in the queue before something was taken out.
    fn wake_senders(&mut self, (messages, bytes): (usize, usize)) {
        if let Some(rare) = &mut self.rare {
            rare.wake_senders(messages - self.queue.len(), bytes - self.queue.bytes());
        }
    }
}

#[cfg(test)]
mod tests;
