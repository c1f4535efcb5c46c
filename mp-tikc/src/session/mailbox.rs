//! The bounded queue of a session's events.

use std::collections::VecDeque;

use mp_proto::Value;
use tokio::sync::Notify;

use super::Event;
use crate::limits::TikcLimits;
use crate::sync::Lock;

/// What a value costs beside its characters, in bytes.
const PER_VALUE: usize = 32;

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

    /// Puts an event in, whether there is room or not. Gives it back if the session is no more.
    pub(crate) fn put(&self, event: Event) -> Option<Event> {
        let weight = weight(&event.args);
        let mut queue = self.queue.lock();
        if queue.closed {
            return Some(event);
        }
        queue.bytes = queue.bytes.saturating_add(weight);
        queue.events.push_back((event, weight));
        drop(queue);
        self.arrived.notify_one();
        None
    }

    pub(crate) fn take_now(&self) -> Option<Event> {
        let mut queue = self.queue.lock();
        let (event, weight) = queue.events.pop_front()?;
        queue.bytes = queue.bytes.saturating_sub(weight);
        drop(queue);
        self.room.notify_waiters();
        Some(event)
    }

    /// The next event; `None` once it is closed and empty.
    pub(crate) async fn take(&self) -> Option<Event> {
        loop {
            // A permit that was left by an earlier arrival makes one vain round.
            if let Some(event) = self.take_now() {
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

/// About what values take of the memory, without recursion.
pub(crate) fn weight(values: &[Value]) -> usize {
    let mut sum = 0_usize;
    let mut open: Vec<&Value> = values.iter().collect();
    while let Some(value) = open.pop() {
        sum = sum.saturating_add(PER_VALUE);
        match value {
            Value::Text(text) => sum = sum.saturating_add(text.len()),
            Value::Bytes(bytes) => sum = sum.saturating_add(bytes.len()),
            Value::List(items) => open.extend(items),
            Value::Map(map) => {
                for (key, item) in map.iter() {
                    sum = sum.saturating_add(key.len());
                    open.push(item);
                }
            }
            _ => {}
        }
    }
    sum
}
