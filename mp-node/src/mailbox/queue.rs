//! What lies in a mailbox: frames, and in that of a typed port also values that were moved into it.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;

use mp_proto::Frame;

/// The most messages that a receiver takes out at once. What it holds does not count against the mailbox's bound, and
/// while it works them off, those who wait for room see no progress; so it is small against any mailbox.
const BATCH: usize = 64;

/// The messages of one port, in the order in which they came.
pub(crate) enum Queue {
    /// Of a port that takes anything.
    Frames(VecDeque<Frame>),
    /// Of a typed port: a queue of [`Entry`]s.
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

/// A queue of entries whose type is not known here.
pub(crate) trait Typed: Send {
    fn len(&self) -> usize;
    fn push(&mut self, frame: Frame);
    fn as_any(&mut self) -> &mut dyn Any;
}

impl<T: Send + 'static> Typed for VecDeque<Entry<T>> {
    fn len(&self) -> usize {
        VecDeque::len(self)
    }

    fn push(&mut self, frame: Frame) {
        self.push_back(Entry::Frame(frame));
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// What a port takes out of its queue.
pub(crate) trait Item: Sized {
    /// The queue, if it is one of these.
    fn queue(queue: &mut Queue) -> Option<&mut VecDeque<Self>>;
    /// Bytes that it counts for.
    fn weight(&self) -> usize;
}

impl Item for Frame {
    fn queue(queue: &mut Queue) -> Option<&mut VecDeque<Self>> {
        match queue {
            Queue::Frames(frames) => Some(frames),
            Queue::Typed(_) => None,
        }
    }

    fn weight(&self) -> usize {
        self.bytes().len()
    }
}

impl<T: Send + 'static> Item for Entry<T> {
    fn queue(queue: &mut Queue) -> Option<&mut VecDeque<Self>> {
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
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.len(),
            Self::Typed(entries) => entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        match self {
            Self::Frames(frames) => frames.push_back(frame),
            Self::Typed(entries) => entries.push(frame),
        }
    }

    /// The first message, for handlers: a typed port has none.
    pub(crate) fn pop_frame(&mut self) -> Option<Frame> {
        match self {
            Self::Frames(frames) => frames.pop_front(),
            Self::Typed(_) => None,
        }
    }

    /// Makes this the queue of a typed port; what lies in it stays.
    pub(crate) fn make_typed<T: Send + 'static>(&mut self) {
        if let Self::Frames(frames) = self {
            let entries: VecDeque<Entry<T>> = frames.drain(..).map(Entry::Frame).collect();
            *self = Self::Typed(Box::new(entries));
        }
    }

    /// Takes out some messages, which go behind those in `batch`. `None` if there are none; else how many bytes stay,
    /// of the `bytes` that there were.
    pub(crate) fn take<I: Item>(&mut self, batch: &mut VecDeque<I>, bytes: usize) -> Option<usize> {
        let queue = I::queue(self).filter(|queue| !queue.is_empty())?;
        if batch.is_empty() && queue.len() <= BATCH {
            std::mem::swap(batch, queue);
            return Some(0);
        }
        let before = batch.len();
        let some = queue.len().min(BATCH);
        batch.extend(queue.drain(..some));
        Some(bytes - batch.range(before..).map(Item::weight).sum::<usize>())
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::Frames(VecDeque::new())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({})", self.len())
    }
}
