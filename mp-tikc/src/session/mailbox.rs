//! The bounded queue of a session's events.

use std::collections::VecDeque;

use tokio::sync::Notify;

use super::Event;
use crate::limits::TikcLimits;
use crate::sync::Lock;

/// Events between the kernel and a session.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: Lock<Queue>,
    arrived: Notify,
    room: Notify,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    /// The session found nothing, and waits.
    hungry: bool,
    closed: bool,
}

impl Mailbox {
    pub(crate) fn new(limits: &TikcLimits) -> Self {
        Self {
            queue: Lock::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            most: limits.mailbox.max(1),
            most_bytes: limits.mailbox_bytes,
        }
    }

    /// Whether an event finds room: one always does. A mailbox that is closed takes everything, and drops it.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.queue.lock();
        queue.closed
            || queue.events.is_empty()
            || (queue.events.len() < self.most && queue.bytes < self.most_bytes)
    }

    /// Puts an event in, whether there is room or not. Whether its session waits for it and is to be
    /// [fed](Self::feed), which is said once for each wait. Gives it back if the session is no more.
    pub(crate) fn put(&self, event: Event) -> Result<bool, Box<Event>> {
        let weight = event.args.weight();
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(Box::new(event));
        }
        queue.bytes = queue.bytes.saturating_add(weight);
        queue.events.push_back((event, weight));
        Ok(std::mem::take(&mut queue.hungry))
    }

    /// Lets the session take what is there.
    pub(crate) fn feed(&self) {
        self.arrived.notify_one();
    }

    pub(crate) fn take_now(&self) -> Option<Event> {
        self.take_or(false)
    }

    fn take_or(&self, wait: bool) -> Option<Event> {
        let mut queue = self.queue.lock();
        let Some((event, weight)) = queue.events.pop_front() else {
            queue.hungry = wait;
            return None;
        };
        let was_full = queue.events.len().saturating_add(1) >= self.most || queue.bytes >= self.most_bytes;
        queue.bytes = queue.bytes.saturating_sub(weight);
        drop(queue);
        if was_full {
            self.room.notify_waiters();
        }
        Some(event)
    }

    /// The next event; `None` once it is closed and empty.
    pub(crate) async fn take(&self) -> Option<Event> {
        loop {
            // A permit that was left by an earlier arrival makes one vain round.
            if let Some(event) = self.take_or(true) {
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
            if self.has_room() {
                return;
            }
            waiting.await;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.lock().events.len()
    }

    /// Takes nothing new; what is in it can still be received.
    pub(crate) fn close(&self) {
        self.queue.lock().closed = true;
        self.arrived.notify_one();
        self.room.notify_waiters();
    }
}
