//! What lies in a mailbox: frames, and in that of a typed port also values that were moved into it.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use mp_proto::Frame;

/// The most messages that a receiver takes out at once. What it holds does not count against the mailbox's bound, and
/// while it works them off, those who wait for room see no progress; so it is small against any mailbox.
const BATCH: usize = 64;

/// The messages of one port, in the order in which they came. Takes no memory of its own before the first one.
pub(crate) enum Queue {
    /// Of a port that takes anything.
    Frames(Option<Box<Deque<Frame>>>),
    /// Of a typed port: a deque of [`Entry`]s, or [`Nothing`].
    Typed(Box<dyn Typed>),
}

/// A message in the mailbox of a port of `T`s.
#[derive(Debug)]
pub(crate) enum Entry<T> {
    /// From a sender of this node who knows the port's type.
    Moved(T),
    /// From anybody else.
    Frame(Frame),
}

/// Messages and what they weigh together.
#[derive(Debug)]
pub(crate) struct Deque<I> {
    items: VecDeque<I>,
    bytes: usize,
}

impl<I> Default for Deque<I> {
    fn default() -> Self {
        Self { items: VecDeque::new(), bytes: 0 }
    }
}

impl<I: Item> Deque<I> {
    pub(crate) fn push(&mut self, item: I) {
        self.bytes += item.weight();
        self.items.push_back(item);
    }

    /// Takes out some messages, which go behind those in `batch`.
    fn take(&mut self, batch: &mut VecDeque<I>) {
        if batch.is_empty() && self.items.len() <= BATCH {
            std::mem::swap(batch, &mut self.items);
            self.bytes = 0;
            return;
        }
        let before = batch.len();
        let some = self.items.len().min(BATCH);
        batch.extend(self.items.drain(..some));
        self.bytes -= batch.range(before..).map(Item::weight).sum::<usize>();
    }
}

/// A queue of entries whose type is not known here.
pub(crate) trait Typed: Send {
    fn len(&self) -> usize;
    fn bytes(&self) -> usize;
    fn push(&mut self, frame: Frame);
    /// The queue that is to take the place of this one before something is put in.
    fn to_be_filled(&self) -> Option<Box<dyn Typed>>;
    fn as_any(&mut self) -> &mut dyn Any;
}

impl<T: Send + 'static> Typed for Deque<Entry<T>> {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, frame: Frame) {
        Self::push(self, Entry::Frame(frame));
    }

    fn to_be_filled(&self) -> Option<Box<dyn Typed>> {
        None
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The queue of a port of `T`s that has had no message yet: of no size, so that its box allocates nothing.
struct Nothing<T>(PhantomData<fn(T)>);

impl<T: Send + 'static> Typed for Nothing<T> {
    fn len(&self) -> usize {
        0
    }

    fn bytes(&self) -> usize {
        0
    }

    /// Never called: what is to be filled is asked for first.
    fn push(&mut self, _frame: Frame) {}

    fn to_be_filled(&self) -> Option<Box<dyn Typed>> {
        Some(Box::new(Deque::<Entry<T>>::default()))
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// What a port takes out of its queue.
pub(crate) trait Item: Sized {
    /// The messages, if they are of this kind, and there have been some.
    fn deque(queue: &mut Queue) -> Option<&mut Deque<Self>>;
    /// Bytes that it counts for.
    fn weight(&self) -> usize;
}

impl Item for Frame {
    fn deque(queue: &mut Queue) -> Option<&mut Deque<Self>> {
        match queue {
            Queue::Frames(frames) => frames.as_deref_mut(),
            Queue::Typed(_) => None,
        }
    }

    fn weight(&self) -> usize {
        self.bytes().len()
    }
}

impl<T: Send + 'static> Item for Entry<T> {
    fn deque(queue: &mut Queue) -> Option<&mut Deque<Self>> {
        match queue {
            Queue::Frames(_) => None,
            Queue::Typed(entries) => entries.as_any().downcast_mut(),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Moved(_) => size_of::<T>(),
            Self::Frame(frame) => frame.weight(),
        }
    }
}

impl Queue {
    /// The empty queue of a port of `T`s.
    pub(crate) fn typed<T: Send + 'static>() -> Self {
        Self::Typed(Box::new(Nothing::<T>(PhantomData)))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.as_ref().map_or(0, |frames| frames.items.len()),
            Self::Typed(entries) => entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all messages weigh together.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.as_ref().map_or(0, |frames| frames.bytes),
            Self::Typed(entries) => entries.bytes(),
        }
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        match self {
            Self::Frames(frames) => frames.get_or_insert_default().push(frame),
            Self::Typed(entries) => {
                if let Some(room) = entries.to_be_filled() {
                    *entries = room;
                }
                entries.push(frame);
            }
        }
    }

    /// Where a value can be put in; `None` if this is no queue of `T`s.
    pub(crate) fn entries<T: Send + 'static>(&mut self) -> Option<&mut Deque<Entry<T>>> {
        let Self::Typed(entries) = self else { return None };
        if entries.as_any().is::<Nothing<T>>() {
            *entries = Box::new(Deque::<Entry<T>>::default());
        }
        entries.as_any().downcast_mut()
    }

    /// The first message, for handlers: a typed port has none.
    pub(crate) fn pop_frame(&mut self) -> Option<Frame> {
        let frames = Frame::deque(self)?;
        let frame = frames.items.pop_front()?;
        frames.bytes -= frame.weight();
        Some(frame)
    }

    /// Makes this the queue of a typed port; what lies in it stays.
    pub(crate) fn make_typed<T: Send + 'static>(&mut self) {
        let Self::Frames(frames) = self else { return };
        let frames = frames.take();
        *self = Self::typed::<T>();
        for frame in frames.into_iter().flat_map(|frames| frames.items) {
            self.push(frame);
        }
    }

    /// Takes out some messages, which go behind those in `batch`; that is asked for only if there are some.
    pub(crate) fn take<'a, I: Item + 'a>(&mut self, batch: impl FnOnce() -> &'a mut VecDeque<I>) -> bool {
        match I::deque(self).filter(|deque| !deque.items.is_empty()) {
            Some(deque) => deque.take(batch()),
            None => return false,
        }
        true
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::Frames(None)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({})", self.len())
    }
}
