//! Large messages on their way to one peer, in pieces, and what has to wait behind them.
//!
//! There is a queue for each port that a large message goes to, one for the node port (requests of services), and one for
//! deaths, which are told behind all that was to go to ports before `[LN-08]`. A queue is a sequence of whole messages, large
//! and small; its head is what it would write next.
//!
//! | head of a queue | its state | when it is its turn | then |
//! |---|---|---|---|
//! | none | it is no more | | |
//! | (deaths alone) younger than something for a port | nowhere: it is looked at again when a port's queue moves | | |
//! | small | in turn | it and other small ones behind it go whole, up to a piece's bytes | looked at again |
//! | large, no slot free | waiting for a slot | | the slot's last piece makes it go on |
//! | large, with a slot | in turn | a piece | in turn, last; behind the last piece its slot goes to the first that waits for one, and it is looked at again |
//!
//! Of the slots that a receiver has, three are for ports and one is for the other two queues, so that a directory never
//! waits for large messages of programs `[LN-10]`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};
use mp_proto::codec::Parts;
use mp_proto::connection::pieces::{self, HEAD, SLOTS};

/// What [`Limits::large_message`](mp_proto::Limits::large_message) can be: in a piece there is something besides its head,
/// and what goes whole has a length below those that say that a piece follows.
const LARGE: (usize, usize) = (1024, 1 << 30);
/// The slots for ports; the last one is for the node port.
const PORT_SLOTS: usize = SLOTS - 1;
/// Bytes of the length before a frame of postcard, which pieces have not.
pub(crate) const PREFIX: usize = size_of::<u32>();

/// What a message takes beside its bytes: its place in a queue that has grown to twice what it needs, its count of owners,
/// what the allocator adds. Against the bounds it counts with that, as many small ones may wait behind a large one.
pub(crate) const COST: usize = 2 * size_of::<Waiting>() + 48;

/// Which queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// What goes behind all that was for ports before.
    Deaths,
    /// Requests of services to the node port.
    Node,
    /// What is for, or about, a port of the peer.
    Port(Box<str>),
}

/// How a message counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Against the bound of large messages.
    Data,
    /// Against that of control.
    Control,
    /// The same; and it is an order to create or to kill the port, or one that must come behind it.
    Order,
}

/// Bytes of control messages that wait.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    bytes: usize,
    /// The largest one since there were none.
    largest: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, len: usize) {
        self.bytes += len;
        self.largest = self.largest.max(len);
    }

    fn take(&mut self, len: usize) {
        self.bytes -= len;
        if self.bytes == 0 {
            self.largest = 0;
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the bound is reached. The largest does not count: a whole directory may be one message, and says nothing
    /// about who reads it `[ND-11]`.
    pub(crate) fn is_full(&self, bound: usize) -> bool {
        self.bytes >= bound.saturating_add(self.largest)
    }
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Messages that are now written to their end.
    pub(crate) messages: usize,
    /// Whether there may be room for data where there was none.
    pub(crate) room: bool,
    /// Whether something waits still.
    pub(crate) left: bool,
    /// What goes in between, as it is, each behind so many bytes of what was written.
    pub(crate) between: VecDeque<(usize, Bytes)>,
    /// Messages of which this was the last. To give back as much memory as a very large one has takes its time, which is not
    /// to be that of those who write, nor of those who wait for the same lock.
    pub(crate) spent: Vec<Bytes>,
}

impl Taken {
    /// Puts what goes in between to where it belongs.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn join(&self, out: &mut BytesMut) {
        for (at, bytes) in self.between.iter().rev() {
            let rest = out.split_off(*at);
            out.extend_from_slice(bytes);
            out.extend_from_slice(&rest);
        }
    }
}

/// All queues of one peer.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// Frames with more bytes go in pieces of half as many, with what stands before these `[LN-06]`.
    large: usize,
    ports: BTreeMap<Box<str>, Queue>,
    node: Queue,
    deaths: Queue,
    /// The numbers of the heads of the ports' queues.
    heads: BTreeSet<u64>,
    /// Those that can write, in the order of their turns.
    turns: VecDeque<Key>,
    /// Those that wait for a slot.
    waiting: VecDeque<Key>,
    taken: [bool; SLOTS],
    /// That of the next message.
    number: u64,
    messages: usize,
    bytes: usize,
    data: usize,
    control: Tally,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Waiting>,
    /// The head is under way in this slot.
    slot: Option<u8>,
    /// How many of the messages are orders.
    orders: usize,
    /// It is in one of the two lists.
    listed: bool,
}

/// A message that waits, or is under way.
#[derive(Debug)]
struct Waiting {
    /// Counts messages of all queues.
    number: u64,
    /// With its length; if it is under way, what is left of its body.
    frame: Parts,
    len: usize,
    weight: Weight,
}

impl Bulk {
    pub(crate) fn new(large: usize) -> Self {
        Self {
            large: large.clamp(LARGE.0, LARGE.1),
            ports: BTreeMap::new(),
            node: Queue::default(),
            deaths: Queue::default(),
            heads: BTreeSet::new(),
            turns: VecDeque::new(),
            waiting: VecDeque::new(),
            taken: [false; SLOTS],
            number: 0,
            messages: 0,
            bytes: 0,
            data: 0,
            control: Tally::default(),
        }
    }

    /// Frames with more bytes, their length before them not counted, are large.
    #[inline]
    pub(crate) fn large(&self) -> usize {
        self.large
    }

    /// Whether a frame of so many bytes, its length before it, goes in pieces.
    pub(crate) fn is_large(&self, len: usize) -> bool {
        len > self.large + PREFIX
    }

    /// Bytes of a frame in a piece.
    pub(crate) fn piece(&self) -> usize {
        self.large / 2 - HEAD
    }

    /// Puts a frame, its length before it, to the end of a queue.
    pub(crate) fn push(&mut self, key: Key, frame: Parts, weight: Weight) {
        let (number, len) = (self.number, frame.len());
        self.number += 1;
        self.messages += 1;
        self.bytes += len;
        match weight {
            Weight::Data => self.data += len + COST,
            Weight::Control | Weight::Order => self.control.add(len + COST),
        }
        let queue = match &key {
            Key::Deaths => &mut self.deaths,
            Key::Node => &mut self.node,
            Key::Port(port) => self.ports.entry(port.clone()).or_default(),
        };
        queue.orders += usize::from(weight == Weight::Order);
        queue.messages.push_back(Waiting { number, frame, len, weight });
        if queue.messages.len() == 1 {
            if matches!(key, Key::Port(_)) {
                self.heads.insert(number);
            }
            self.look_at(key);
        }
    }

    /// Lets the next queue write; false if none can.
    pub(crate) fn turn(&mut self, out: &mut BytesMut, taken: &mut Taken) -> bool {
        let Some(key) = self.turns.pop_front() else { return false };
        match self.queue(&key).and_then(|queue| queue.slot) {
            Some(slot) => self.write_piece(&key, slot, out, taken),
            None => self.write_small(&key, out, taken),
        }
        let is_port = matches!(key, Key::Port(_));
        self.look_at(key);
        if is_port && !self.deaths.listed && !self.deaths.messages.is_empty() {
            self.look_at(Key::Deaths);
        }
        true
    }

    fn write_piece(&mut self, key: &Key, slot: u8, out: &mut BytesMut, taken: &mut Taken) {
        let most = self.piece();
        let Some(queue) = self.queue(key) else { return };
        let Some(head) = queue.messages.front_mut() else { return };
        let waited = head.frame.len();
        if waited == head.len {
            // It begins.
            head.frame.advance(PREFIX);
        }
        let len = most.min(head.frame.len());
        let last = len == head.frame.len();
        out.extend_from_slice(&pieces::head(slot, last, len));
        let end = head.frame.len() - len;
        while head.frame.len() > end {
            let part = head.frame.take(head.frame.len() - end);
            if last && head.frame.is_empty() {
                taken.spent.push(part.clone());
            }
            taken.between.push_back((out.len(), part));
        }
        if last {
            queue.slot = None;
        }
        self.bytes -= waited - end;
        if last {
            self.done(key, taken);
            self.free(slot);
        }
    }

    fn write_small(&mut self, key: &Key, out: &mut BytesMut, taken: &mut Taken) {
        let (begun, end, longest) = (out.len(), self.end_of(key), self.large + PREFIX);
        while out.len() - begun < self.piece() {
            let head = self.queue(key).and_then(|queue| queue.messages.front());
            let Some(head) = head.filter(|head| head.number < end) else { return };
            if head.frame.len() > longest {
                return;
            }
            out.extend_from_slice(&head.frame.to_bytes());
            self.bytes -= head.len;
            self.done(key, taken);
        }
    }

    /// The head of a queue has been written.
    fn done(&mut self, key: &Key, taken: &mut Taken) {
        let Some(queue) = self.queue(key) else { return };
        let Some(message) = queue.messages.pop_front() else { return };
        queue.orders -= usize::from(message.weight == Weight::Order);
        if matches!(key, Key::Port(_)) {
            let next = queue.messages.front().map(|head| head.number);
            self.heads.remove(&message.number);
            self.heads.extend(next);
        }
        self.messages -= 1;
        taken.messages += 1;
        match message.weight {
            Weight::Data => {
                self.data -= message.len + COST;
                taken.room = true;
            }
            Weight::Control | Weight::Order => self.control.take(message.len + COST),
        }
    }

    /// A slot is free: who has waited for it longest gets it.
    fn free(&mut self, slot: u8) {
        let place = usize::from(slot);
        if let Some(taken) = self.taken.get_mut(place) {
            *taken = false;
        }
        let of_port = place < PORT_SLOTS;
        let next = self.waiting.iter().position(|key| matches!(key, Key::Port(_)) == of_port);
        if let Some(key) = next.and_then(|next| self.waiting.remove(next)) {
            self.look_at(key);
        }
    }

    /// Finds out what a queue, which is in no list, waits for; a queue of nothing is no more.
    fn look_at(&mut self, key: Key) {
        let (end, slot, longest) = (self.end_of(&key), self.free_slot(&key), self.large + PREFIX);
        let Some(queue) = self.queue(&key) else { return };
        queue.listed = false;
        let Some(head) = queue.messages.front_mut() else {
            if let Key::Port(port) = &key {
                self.ports.remove(port);
            }
            return;
        };
        if head.number >= end {
            return;
        }
        queue.listed = true;
        if queue.slot.is_some() || head.frame.len() <= longest {
            self.turns.push_back(key);
        } else if let Some(slot) = slot {
            queue.slot = Some(slot);
            if let Some(taken) = self.taken.get_mut(usize::from(slot)) {
                *taken = true;
            }
            self.turns.push_back(key);
        } else {
            self.waiting.push_back(key);
        }
    }

    /// From which number on the messages of a queue have to wait for others.
    fn end_of(&self, key: &Key) -> u64 {
        let oldest = self.heads.first().filter(|_| *key == Key::Deaths);
        oldest.copied().unwrap_or(u64::MAX)
    }

    fn free_slot(&self, key: &Key) -> Option<u8> {
        let slots = if matches!(key, Key::Port(_)) { 0..PORT_SLOTS } else { PORT_SLOTS..SLOTS };
        slots
            .into_iter()
            .find(|slot| self.taken.get(*slot) == Some(&false))
            .and_then(|slot| slot.try_into().ok())
    }

    fn queue(&mut self, key: &Key) -> Option<&mut Queue> {
        match key {
            Key::Deaths => Some(&mut self.deaths),
            Key::Node => Some(&mut self.node),
            Key::Port(port) => self.ports.get_mut(port),
        }
    }

    /// All that waits, in the order in which it came. For what has not begun to be written.
    pub(crate) fn in_order(&self) -> Vec<(Key, Parts, Weight)> {
        let ports = self.ports.iter().map(|(port, queue)| (Key::Port(port.clone()), queue));
        let others = [(Key::Node, &self.node), (Key::Deaths, &self.deaths)];
        let mut all: Vec<_> = ports
            .chain(others)
            .flat_map(|(key, queue)| queue.messages.iter().map(move |message| (key.clone(), message)))
            .collect();
        all.sort_by_key(|(_, message)| message.number);
        all.into_iter().map(|(key, message)| (key, message.frame.clone(), message.weight)).collect()
    }

    /// Whether something waits for, or about, this port.
    pub(crate) fn has_port(&self, port: &str) -> bool {
        self.ports.contains_key(port)
    }

    /// Whether orders about this port wait.
    pub(crate) fn has_orders(&self, port: &str) -> bool {
        self.ports.get(port).is_some_and(|queue| queue.orders > 0)
    }

    /// Whether requests to the node port wait.
    pub(crate) fn has_node(&self) -> bool {
        !self.node.messages.is_empty()
    }

    /// Whether a death has to wait.
    pub(crate) fn holds_deaths(&self) -> bool {
        !self.ports.is_empty() || !self.deaths.messages.is_empty()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages == 0
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes that are still to be written.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of data in memory, with what each message costs besides: those of messages that are under way count until the
    /// last one has gone.
    pub(crate) fn data(&self) -> usize {
        self.data
    }

    pub(crate) fn control(&self) -> Tally {
        self.control
    }
}
