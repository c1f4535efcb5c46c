//! The messages of a typed port: values as they were moved here, and between them what has come as frames.
//!
//! ```text
//!          first                                      last
//!   earlier [ 64 values ][ 64 values ][ run of frames ][ 3 values ]  latest: VecDeque<T>
//! ```
//!
//! A value that is put in goes to the end of `latest`, which is all that there is in most mailboxes. When that holds as many as a
//! receiver takes at once, or a frame comes, it becomes a part of what is `earlier`. So a receiver mostly gets its batch by
//! exchanging two deques, and a message's kind is told by where it lies and not by the message.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use mp_proto::FrameRef;

use super::frames::{Deque, Load};
use super::queue::{BATCH, Entry, Queue, Store, Taken, Typed};

/// Who has made the mailbox so many parts longer lets others run before it sends on. The receiver mostly waits for its turn on the very
/// same thread: so it finds what was sent still in the processor's cache, and takes no lock from a sender on another thread.
const THRONG: usize = 16;

/// Values, and frames between them, in the order in which they came.
pub(crate) struct Values<T> {
    earlier: VecDeque<Part<T>>,
    /// How many messages are earlier, and what they weigh.
    len: usize,
    bytes: usize,
    /// No more than [`BATCH`].
    latest: VecDeque<T>,
    /// Memory for the next `latest`.
    spare: VecDeque<T>,
}

/// Messages of one kind, never none; but for what [`Load`] says.
enum Part<T> {
    /// No more than [`BATCH`].
    Values(VecDeque<T>),
    Load(Load),
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        let (latest, spare) = (VecDeque::new(), VecDeque::new());
        Self { earlier: VecDeque::new(), len: 0, bytes: 0, latest, spare }
    }
}

impl<T> Values<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len + self.latest.len()
    }

    /// What all of them weigh.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.latest.len() * size_of::<T>()
    }

    /// Whether so many values wait that the receiver had better have its turn before the next one.
    #[inline]
    pub(super) fn is_throng(&self) -> bool {
        self.latest.len() == BATCH && (self.earlier.len() + 1).is_multiple_of(THRONG)
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        if self.latest.len() == BATCH {
            self.close();
        }
        self.latest.push_back(value);
    }

    pub(super) fn push_load(&mut self, load: Load) {
        if !self.latest.is_empty() {
            self.close();
        }
        self.push_part(Part::Load(load));
    }

    /// What was put in until now is earlier than what comes.
    #[cold]
    fn close(&mut self) {
        let mut next = std::mem::take(&mut self.spare);
        if self.latest.len() == BATCH {
            // There is a throng: the next ones will be as many.
            next.reserve_exact(BATCH);
        }
        let latest = std::mem::replace(&mut self.latest, next);
        self.push_part(Part::Values(latest));
    }

    fn push_part(&mut self, part: Part<T>) {
        self.len += part.len();
        self.bytes += part.bytes();
        self.earlier.push_back(part);
    }

    fn take_part(&mut self) -> Option<Part<T>> {
        let part = self.earlier.pop_front()?;
        self.len -= part.len();
        self.bytes -= part.bytes();
        Some(part)
    }

    /// Keeps the memory of values that have been taken out.
    fn keep(&mut self, values: VecDeque<T>) {
        if self.spare.capacity() == 0 {
            self.spare = values;
        }
    }

    /// The first of those that are earlier.
    fn pop_earlier_with<R>(&mut self, read: impl FnOnce(Taken<'_, Entry<T>>) -> R) -> Option<R> {
        loop {
            match self.earlier.front_mut()? {
                Part::Values(values) => {
                    let value = values.pop_front();
                    if values.is_empty() {
                        self.earlier.pop_front();
                    }
                    let Some(value) = value else { continue };
                    self.len -= 1;
                    self.bytes -= size_of::<T>();
                    return Some(read(Taken::Item(Entry::Moved(value))));
                }
                Part::Load(Load::Run(run)) => {
                    let Some(frame) = run.take_ref() else {
                        self.earlier.pop_front();
                        continue;
                    };
                    self.len -= 1;
                    self.bytes -= frame.bytes().len();
                    let result = read(Taken::Frame(frame));
                    if run.len() == 0 {
                        self.earlier.pop_front();
                    }
                    return Some(result);
                }
                Part::Load(Load::One(_)) => {
                    let Some(Part::Load(Load::One(frame))) = self.take_part() else { return None };
                    return Some(read(Taken::Item(Entry::Frame(frame))));
                }
            }
        }
    }

    /// Takes out the first messages, some of which are earlier than others.
    #[cold]
    fn take_earlier(&mut self, batch: &mut Self) {
        let mut some = BATCH;
        while some > 0
            && let Some(mut part) = self.take_part()
        {
            if let Some(rest) = part.split_off(some) {
                self.len += rest.len();
                self.bytes += rest.bytes();
                self.earlier.push_front(rest);
            }
            some -= part.len();
            match part {
                Part::Values(values) if some == 0 && batch.earlier.is_empty() => {
                    let used = std::mem::replace(&mut batch.latest, values);
                    self.keep(used);
                }
                part => batch.push_part(part),
            }
        }
        let more = self.latest.len().min(some);
        batch.latest.extend(self.latest.drain(..more));
    }
}

impl<T: Send + 'static> Store for Values<T> {
    type Item = Entry<T>;

    fn of(queue: &mut Queue) -> Option<&mut Self> {
        queue.values()
    }

    #[inline]
    fn len(&self) -> usize {
        self.len()
    }

    fn weight(entry: &Entry<T>) -> usize {
        match entry {
            Entry::Moved(_) => size_of::<T>(),
            Entry::Frame(frame) => frame.bytes().len(),
        }
    }

    #[inline]
    fn pop_with<R>(&mut self, read: impl FnOnce(Taken<'_, Entry<T>>) -> R) -> Option<R> {
        if self.earlier.is_empty() {
            return self.latest.pop_front().map(|value| read(Taken::Item(Entry::Moved(value))));
        }
        self.pop_earlier_with(read)
    }

    #[inline(always)]
    fn read_in_run<R>(&mut self, read: impl FnOnce(FrameRef<'_>) -> Option<R>) -> Option<R> {
        let Some(Part::Load(Load::Run(run))) = self.earlier.front_mut() else { return None };
        let size = run.first_len()?;
        // It counts as taken out before it is read, which may panic.
        (self.len, self.bytes) = (self.len - 1, self.bytes - size);
        let made = run.read_first(read);
        if made.is_none() {
            (self.len, self.bytes) = (self.len + 1, self.bytes + size);
        } else if run.len() == 0 {
            drop(self.earlier.pop_front());
        }
        made
    }

    #[inline]
    fn pop_only(&mut self) -> Option<Entry<T>> {
        if self.earlier.is_empty() && self.latest.len() == 1 {
            return self.latest.pop_front().map(Entry::Moved);
        }
        None
    }

    fn take(&mut self, batch: &mut Self) {
        if self.earlier.is_empty() {
            return std::mem::swap(&mut self.latest, &mut batch.latest);
        }
        self.take_earlier(batch);
    }

    fn into_items(self) -> impl Iterator<Item = Entry<T>> {
        self.earlier.into_iter().flat_map(Part::into_entries).chain(self.latest.into_iter().map(Entry::Moved))
    }
}

/// What lies in a port that becomes one of `T`s.
impl<T> From<Deque> for Values<T> {
    fn from(frames: Deque) -> Self {
        let mut values = Self::default();
        frames.into_loads().for_each(|load| values.push_load(load));
        values
    }
}

impl<T> Part<T> {
    fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Load(load) => load.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Values(values) => values.len() * size_of::<T>(),
            Self::Load(load) => load.bytes(),
        }
    }

    /// What is behind the first messages, if these are not all.
    fn split_off(&mut self, messages: usize) -> Option<Self> {
        match self {
            Self::Values(values) if values.len() > messages => Some(Self::Values(values.split_off(messages))),
            Self::Values(_) => None,
            Self::Load(load) => load.split_off(messages).map(Self::Load),
        }
    }

    fn into_entries(self) -> impl Iterator<Item = Entry<T>> {
        let (values, load) = match self {
            Self::Values(values) => (Some(values), None),
            Self::Load(load) => (None, Some(load)),
        };
        let values = values.into_iter().flatten().map(Entry::Moved);
        values.chain(load.into_iter().flat_map(Load::into_frames).map(Entry::Frame))
    }
}

impl<T: Send + 'static> Typed for Values<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn push(&mut self, load: Load) {
        self.push_load(load);
    }

    fn to_be_filled(&self) -> Option<Box<dyn Typed>> {
        None
    }
}

/// The queue of a port of `T`s that has had no message yet: of no size, so that its box allocates nothing.
pub(super) struct Nothing<T>(PhantomData<fn(T)>);

impl<T> Default for Nothing<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Send + 'static> Typed for Nothing<T> {
    fn len(&self) -> usize {
        0
    }

    fn bytes(&self) -> usize {
        0
    }

    /// Never called: what is to be filled is asked for first.
    fn push(&mut self, _load: Load) {}

    fn to_be_filled(&self) -> Option<Box<dyn Typed>> {
        Some(Box::new(Values::<T>::default()))
    }
}

impl<T> fmt::Debug for Values<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({})", self.len())
    }
}

#[cfg(test)]
mod tests;
