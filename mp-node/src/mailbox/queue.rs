//! What lies in a mailbox: [`Deque`] is what a port has that takes anything, [`Values`] what a typed one has.

use std::any::Any;
use std::fmt;

use mp_proto::{Frame, FrameRef};

use super::frames::Load;
pub(crate) use super::frames::{Deque, MOVED};
use super::values::{Nothing, Values};

/// The most messages that a receiver takes out at once. What it holds does not count against the mailbox's bound, and
/// while it works them off, those who wait for room see no progress; so it is small against any mailbox.
pub(super) const BATCH: usize = 64;

/// The messages of one port, in the order in which they came. Takes no memory of its own before the first one.
pub(crate) enum Queue {
    /// Of a port that takes anything.
    Frames(Option<Box<Deque>>),
    /// Of a typed port: [`Values`], or [`Nothing`].
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

/// A message that is being taken out.
#[derive(Debug)]
pub(crate) enum Taken<'a, I> {
    Item(I),
    /// It lies in a run.
    Frame(FrameRef<'a>),
}

impl Taken<'_, Frame> {
    /// The message, where it lies.
    #[inline]
    pub(crate) fn frame(&self) -> FrameRef<'_> {
        match self {
            Self::Item(frame) => frame.view(),
            Self::Frame(frame) => *frame,
        }
    }
}

/// Messages in the form in which a port takes them out of its queue.
pub(crate) trait Store: Default {
    /// One message.
    type Item;

    /// The messages, if they are of this form, and there have been some.
    fn of(queue: &mut Queue) -> Option<&mut Self>;
    fn len(&self) -> usize;
    /// Bytes that a message counts for.
    fn weight(item: &Self::Item) -> usize;
    /// The first message, for someone who makes something else of it at once.
    fn pop_with<R>(&mut self, read: impl FnOnce(Taken<'_, Self::Item>) -> R) -> Option<R>;
    /// What `read` makes of the first message, if that lies in a run, and `read` makes something of it: else it is still the first one.
    fn read_in_run<R>(&mut self, read: impl FnOnce(FrameRef<'_>) -> Option<R>) -> Option<R>;
    /// The first message, if there is no other one and it has not come in a run.
    fn pop_only(&mut self) -> Option<Self::Item>;
    /// Takes out the first messages, no more than [`BATCH`], into an empty batch, whose memory may be used in turn.
    fn take(&mut self, batch: &mut Self);
    /// All of them, in their order, to be kept: small ones are moved to memory of their own.
    fn into_items(self) -> impl Iterator<Item = Self::Item>;
}

/// A queue of values whose type is not known here.
pub(crate) trait Typed: Any + Send {
    fn len(&self) -> usize;
    fn bytes(&self) -> usize;
    fn push(&mut self, load: Load);
    /// The queue that is to take the place of this one before something is put in.
    fn to_be_filled(&self) -> Option<Box<dyn Typed>>;
}

impl Queue {
    /// The empty queue of a port of `T`s.
    pub(crate) fn typed<T: Send + 'static>() -> Self {
        Self::Typed(Box::new(Nothing::<T>::default()))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.as_ref().map_or(0, |frames| frames.len()),
            Self::Typed(values) => values.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all messages weigh together.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.as_ref().map_or(0, |frames| frames.bytes()),
            Self::Typed(values) => values.bytes(),
        }
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        self.push_load(Load::One(frame));
    }

    #[inline]
    pub(crate) fn push_load(&mut self, load: Load) {
        match self {
            Self::Frames(frames) => frames.get_or_insert_default().push_load(load),
            Self::Typed(values) => {
                if let Some(room) = values.to_be_filled() {
                    *values = room;
                }
                values.push(load);
            }
        }
    }

    /// Where a value can be put in; `None` if this is no queue of `T`s, or [never had one](Self::first_values).
    #[inline]
    pub(crate) fn values<T: Send + 'static>(&mut self) -> Option<&mut Values<T>> {
        let Self::Typed(values) = self else { return None };
        (&mut **values as &mut dyn Any).downcast_mut()
    }

    /// Where the first value can be put in; `None` if this is no queue of `T`s.
    #[cold]
    pub(crate) fn first_values<T: Send + 'static>(&mut self) -> Option<&mut Values<T>> {
        let Self::Typed(values) = self else { return None };
        if (&**values as &dyn Any).is::<Nothing<T>>() {
            *values = Box::new(Values::<T>::default());
        }
        self.values()
    }

    /// The first message, for handlers: a typed port has none.
    pub(crate) fn pop_frame(&mut self) -> Option<Frame> {
        Deque::of(self)?.pop()
    }

    /// Makes this the queue of a typed port; what lies in it stays.
    pub(crate) fn make_typed<T: Send + 'static>(&mut self) {
        let Self::Frames(frames) = self else { return };
        *self = match frames.take() {
            Some(frames) if !frames.is_empty() => Self::Typed(Box::new(Values::<T>::from(*frames))),
            _ => Self::typed::<T>(),
        };
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
