//! What lies in a mailbox: frames, in runs as they arrived or by themselves, and in that of a typed port also values that
//! were moved into it.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use mp_proto::{Frame, FrameRef, Frames};

/// The most messages that a receiver takes out at once. What it holds does not count against the mailbox's bound, and
/// while it works them off, those who wait for room see no progress; so it is small against any mailbox.
const BATCH: usize = 64;

/// Messages lie in the buffer that they were read into. A few that wait must not keep alive all that was read with them,
/// for ports that have taken it or were never there: then a mailbox's bound would say nothing `[ND-24]`. So runs of
/// fewer bytes are moved to memory of their own; those of more are a good part of what was read at once.
pub(crate) const MOVED: usize = 32 * 1024;

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

/// One message, or messages that arrived together and are cut into single ones when they are received.
#[derive(Debug)]
pub(crate) enum Load<I> {
    One(I),
    /// Never empty, but for one whose last message a receiver was reading when it panicked.
    Run(Frames),
}

/// Messages, how many they are, and what they weigh together.
#[derive(Debug)]
pub(crate) struct Deque<I> {
    loads: VecDeque<Load<I>>,
    len: usize,
    bytes: usize,
}

impl<I> Default for Deque<I> {
    fn default() -> Self {
        Self { loads: VecDeque::new(), len: 0, bytes: 0 }
    }
}

impl<I> Deque<I> {
    /// How many messages there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What all of them weigh.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<I: Item> Deque<I> {
    #[inline]
    pub(crate) fn push(&mut self, item: I) {
        self.len += 1;
        self.bytes += item.weight();
        self.loads.push_back(Load::One(item));
    }

    pub(crate) fn push_run(&mut self, run: Frames) {
        self.len += run.len();
        self.bytes += run.bytes();
        self.loads.push_back(Load::Run(run));
    }

    /// The first message, which is not to be kept for long: it may hold the memory of all that arrived with it.
    pub(crate) fn pop(&mut self) -> Option<I> {
        while let Some(Load::Run(run)) = self.loads.front_mut() {
            let next = run.next();
            if run.len() == 0 {
                self.loads.pop_front();
            }
            if let Some(frame) = next {
                self.len -= 1;
                self.bytes -= frame.bytes().len();
                return Some(I::from_frame(frame));
            }
        }
        let Load::One(item) = self.loads.pop_front()? else { return None };
        self.len -= 1;
        self.bytes -= item.weight();
        Some(item)
    }

    /// The first message, for someone who makes something else of it at once.
    #[inline]
    pub(crate) fn pop_with<R>(&mut self, read: impl FnOnce(Taken<'_, I>) -> R) -> Option<R> {
        loop {
            if let Some(Load::Run(run)) = self.loads.front_mut() {
                let Some(frame) = run.take_ref() else {
                    self.loads.pop_front();
                    continue;
                };
                self.len -= 1;
                self.bytes -= frame.bytes().len();
                let result = read(Taken::Frame(frame));
                if run.len() == 0 {
                    self.loads.pop_front();
                }
                return Some(result);
            }
            let Load::One(item) = self.loads.pop_front()? else { continue };
            self.len -= 1;
            self.bytes -= item.weight();
            return Some(read(Taken::Item(item)));
        }
    }

    /// The first messages, as far as they lie together.
    pub(crate) fn take_load(&mut self) -> Option<Load<I>> {
        let load = self.loads.pop_front()?;
        self.len -= load.len();
        self.bytes -= load.bytes();
        Some(load)
    }

    /// Puts back what was taken out first.
    pub(crate) fn put_back(&mut self, load: Load<I>) {
        self.len += load.len();
        self.bytes += load.bytes();
        self.loads.push_front(load);
    }

    pub(crate) fn push_load(&mut self, load: Load<I>) {
        match load {
            Load::One(item) => self.push(item),
            Load::Run(run) => self.push_run(run),
        }
    }

    /// All of them, in their order, to be kept: small ones are moved to memory of their own.
    pub(crate) fn into_items(self) -> impl Iterator<Item = I> {
        let each = |load| {
            let (one, run) = match load {
                Load::One(item) => (Some(item), None),
                Load::Run(run) => (None, Some(run)),
            };
            let own =
                |frame: Frame| if frame.bytes().len() < MOVED { frame.view().to_frame() } else { frame };
            one.into_iter().chain(run.into_iter().flatten().map(move |frame| I::from_frame(own(frame))))
        };
        self.loads.into_iter().flat_map(each)
    }

    /// The same, in the mailbox of a port of another type.
    fn map<J: Item>(self, change: impl Fn(I) -> J) -> Deque<J> {
        let mut changed = Deque::default();
        for load in self.loads {
            changed.push_load(match load {
                Load::One(item) => Load::One(change(item)),
                Load::Run(run) => Load::Run(run),
            });
        }
        changed
    }

    /// Takes out some messages, which go behind those in `batch`.
    fn take(&mut self, batch: &mut Self) {
        if batch.loads.is_empty() && self.len <= BATCH {
            std::mem::swap(batch, self);
            return;
        }
        let mut some = BATCH;
        while some > 0
            && let Some(load) = self.take_load()
        {
            let load = match load {
                Load::Run(mut run) if run.len() > some => {
                    let first = run.split_to(some);
                    self.put_back(Load::Run(run));
                    Load::Run(first)
                }
                load => load,
            };
            some -= load.len().min(some);
            batch.push_load(load);
        }
    }
}

impl Deque<Frame> {
    /// The same, for a port of `T`s.
    pub(crate) fn into_typed<T: Send + 'static>(self) -> Deque<Entry<T>> {
        self.map(Entry::Frame)
    }
}

impl<I: Item> Load<I> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Run(run) => run.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::One(item) => item.weight(),
            Self::Run(run) => run.bytes(),
        }
    }
}

/// A message that is being taken out.
#[derive(Debug)]
pub(crate) enum Taken<'a, I> {
    Item(I),
    /// It lies in a run.
    Frame(FrameRef<'a>),
}

/// A queue of entries whose type is not known here.
pub(crate) trait Typed: Send {
    fn len(&self) -> usize;
    fn bytes(&self) -> usize;
    fn push(&mut self, load: Load<Frame>);
    /// The queue that is to take the place of this one before something is put in.
    fn to_be_filled(&self) -> Option<Box<dyn Typed>>;
    fn as_any(&mut self) -> &mut dyn Any;
}

impl<T: Send + 'static> Typed for Deque<Entry<T>> {
    fn len(&self) -> usize {
        self.len
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, load: Load<Frame>) {
        match load {
            Load::One(frame) => Self::push(self, Entry::Frame(frame)),
            Load::Run(run) => self.push_run(run),
        }
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
    fn push(&mut self, _load: Load<Frame>) {}

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
    /// A message that arrived.
    fn from_frame(frame: Frame) -> Self;
}

impl Item for Frame {
    fn deque(queue: &mut Queue) -> Option<&mut Deque<Self>> {
        match queue {
            Queue::Frames(frames) => frames.as_deref_mut(),
            Queue::Typed(_) => None,
        }
    }

    #[inline]
    fn weight(&self) -> usize {
        self.bytes().len()
    }

    fn from_frame(frame: Frame) -> Self {
        frame
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

    fn from_frame(frame: Frame) -> Self {
        Self::Frame(frame)
    }
}

impl Queue {
    /// The empty queue of a port of `T`s.
    pub(crate) fn typed<T: Send + 'static>() -> Self {
        Self::Typed(Box::new(Nothing::<T>(PhantomData)))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.as_ref().map_or(0, |frames| frames.len()),
            Self::Typed(entries) => entries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all messages weigh together.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Frames(frames) => frames.as_ref().map_or(0, |frames| frames.bytes()),
            Self::Typed(entries) => entries.bytes(),
        }
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        self.push_load(Load::One(frame));
    }

    #[inline]
    pub(crate) fn push_load(&mut self, load: Load<Frame>) {
        match self {
            Self::Frames(frames) => frames.get_or_insert_default().push_load(load),
            Self::Typed(entries) => {
                if let Some(room) = entries.to_be_filled() {
                    *entries = room;
                }
                entries.push(load);
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
        Frame::deque(self)?.pop()
    }

    /// Makes this the queue of a typed port; what lies in it stays.
    pub(crate) fn make_typed<T: Send + 'static>(&mut self) {
        let Self::Frames(frames) = self else { return };
        *self = match frames.take() {
            Some(frames) if !frames.is_empty() => Self::Typed(Box::new(frames.into_typed::<T>())),
            _ => Self::typed::<T>(),
        };
    }

    /// Takes out some messages, which go behind those in `batch`; that is asked for only if there are some.
    pub(crate) fn take<'a, I: Item + 'a>(&mut self, batch: impl FnOnce() -> &'a mut Deque<I>) -> bool {
        match I::deque(self).filter(|deque| !deque.is_empty()) {
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
