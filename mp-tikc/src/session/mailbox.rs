//! The bounded queue of a session's events.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::Event;
use crate::limits::TikcLimits;
use mp_transport::sync::Lock;

/// How many events a session takes out at once.
const HANDFUL: usize = 128;

/// Events between the kernel and a session.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: Lock<Queue>,
    taken: Taken,
    arrived: Notify,
    room: Notify,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    /// Bytes that were taken out last.
    handful: usize,
    /// The session found nothing, and waits.
    hungry: bool,
    closed: bool,
}

/// What the session has taken out and not received yet, which still counts against the bounds. Apart from the queue in
/// memory: the one who puts in and the one who receives are seldom the same processor.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Taken {
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// Somebody found no room.
    crowded: AtomicBool,
}

/// Why an event was not put in; it is given back.
#[derive(Debug)]
pub(crate) enum Refused {
    Full(Box<Event>),
    Closed(Box<Event>),
}

/// The events that a session has taken out.
#[derive(Debug, Default)]
pub(crate) struct Handful(VecDeque<(Event, usize)>);

impl Mailbox {
    pub(crate) fn new(limits: &TikcLimits) -> Self {
        Self {
            queue: Lock::default(),
            taken: Taken::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            most: limits.mailbox.max(1),
            most_bytes: limits.mailbox_bytes,
        }
    }

    /// Whether an event finds room: one always does. A mailbox that is closed takes everything, and drops it.
    fn has_room_in(&self, queue: &Queue) -> bool {
        if queue.closed {
            return true;
        }
        // Far from the bounds it is not asked how much of the last handful is left: that is the session's own counter.
        let most = queue.events.len().saturating_add(HANDFUL);
        if most < self.most && queue.bytes.saturating_add(queue.handful) < self.most_bytes {
            return true;
        }
        // Before it is looked: who receives looks at this after it has counted.
        self.taken.crowded.store(true, Ordering::SeqCst);
        let events = queue.events.len().saturating_add(self.taken.events.load(Ordering::SeqCst));
        let bytes = queue.bytes.saturating_add(self.taken.bytes.load(Ordering::SeqCst));
        events == 0 || (events < self.most && bytes < self.most_bytes)
    }

    /// Puts an event in if there is room, or with `force`. Whether its session waits for it and is to be
    /// [fed](Self::feed), which is said once for each wait.
    pub(crate) fn put(&self, event: Event, force: bool) -> Result<bool, Refused> {
        let weight = event.args.weight();
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(Refused::Closed(Box::new(event)));
        }
        if !force && !self.has_room_in(&queue) {
            return Err(Refused::Full(Box::new(event)));
        }
        queue.bytes = queue.bytes.saturating_add(weight);
        queue.events.push_back((event, weight));
        Ok(std::mem::take(&mut queue.hungry))
    }

    /// Lets the session take what is there.
    pub(crate) fn feed(&self) {
        self.arrived.notify_one();
    }

    pub(crate) fn take_now(&self, handful: &mut Handful) -> Option<Event> {
        self.take_or(handful, false)
    }

    #[inline]
    fn take_or(&self, handful: &mut Handful, wait: bool) -> Option<Event> {
        if handful.0.is_empty() && !self.refill(handful, wait) {
            return None;
        }
        let (event, weight) = handful.0.pop_front()?;
        self.taken.events.fetch_sub(1, Ordering::SeqCst);
        self.taken.bytes.fetch_sub(weight, Ordering::SeqCst);
        if self.taken.crowded.load(Ordering::SeqCst) {
            self.taken.crowded.store(false, Ordering::SeqCst);
            self.room.notify_waiters();
        }
        Some(event)
    }

    /// Takes some out. False if there is nothing, and then notes whether the session waits.
    fn refill(&self, handful: &mut Handful, wait: bool) -> bool {
        let mut queue = self.queue.lock();
        let count = queue.events.len().min(HANDFUL);
        if count == 0 {
            queue.hungry = wait;
            return false;
        }
        handful.0.extend(queue.events.drain(..count));
        let bytes = handful.0.iter().fold(0_usize, |sum, (_, weight)| sum.saturating_add(*weight));
        queue.bytes = queue.bytes.saturating_sub(bytes);
        queue.handful = bytes;
        self.taken.events.fetch_add(count, Ordering::SeqCst);
        self.taken.bytes.fetch_add(bytes, Ordering::SeqCst);
        true
    }

    /// The next event; `None` once it is closed and empty.
    pub(crate) async fn take(&self, handful: &mut Handful) -> Option<Event> {
        loop {
            // A permit that was left by an earlier arrival makes one vain round.
            if let Some(event) = self.take_or(handful, true) {
                return Some(event);
            }
            if self.queue.lock().closed {
                return None;
            }
            self.arrived.notified().await;
        }
    }

    /// Waits for room.
    pub(crate) async fn room(&self) {
        loop {
            let mut waiting = std::pin::pin!(self.room.notified());
            waiting.as_mut().enable();
            if self.has_room_in(&self.queue.lock()) {
                return;
            }
            waiting.await;
        }
    }

    pub(crate) fn len(&self) -> usize {
        let queue = self.queue.lock();
        queue.events.len().saturating_add(self.taken.events.load(Ordering::SeqCst))
    }

    /// Takes nothing new; what is in it can still be received.
    pub(crate) fn close(&self) {
        self.queue.lock().closed = true;
        self.arrived.notify_one();
        self.room.notify_waiters();
    }
}
