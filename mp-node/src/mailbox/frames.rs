//! The messages of a port that takes anything: frames, by themselves or in runs as they arrived.

use std::collections::VecDeque;

use mp_proto::{Frame, FrameRef, Frames};

use super::queue::{BATCH, Queue, Store, Taken};

/// Messages lie in the buffer that they were read into. A few that wait must not keep alive all that was read with them,
/// for ports that have taken it or were never there: then a mailbox's bound would say nothing `[ND-24]`. So runs of
/// fewer bytes are moved to memory of their own; those of more are a good part of what was read at once.
pub(crate) const MOVED: usize = 32 * 1024;

/// One message, or messages that arrived together and are cut into single ones when they are received.
#[derive(Debug)]
pub(crate) enum Load {
    One(Frame),
    /// Never empty, but for one whose last message a receiver was reading when it panicked.
    Run(Frames),
}

/// Messages, how many they are, and what they weigh together.
#[derive(Debug, Default)]
pub(crate) struct Deque {
    loads: VecDeque<Load>,
    len: usize,
    bytes: usize,
}

impl Deque {
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

    #[inline]
    pub(crate) fn push(&mut self, frame: Frame) {
        self.len += 1;
        self.bytes += frame.bytes().len();
        self.loads.push_back(Load::One(frame));
    }

    pub(crate) fn push_run(&mut self, run: Frames) {
        self.len += run.len();
        self.bytes += run.bytes();
        self.loads.push_back(Load::Run(run));
    }

    pub(crate) fn push_load(&mut self, load: Load) {
        match load {
            Load::One(frame) => self.push(frame),
            Load::Run(run) => self.push_run(run),
        }
    }

    /// The first messages, as far as they lie together.
    pub(crate) fn take_load(&mut self) -> Option<Load> {
        let load = self.loads.pop_front()?;
        self.len -= load.len();
        self.bytes -= load.bytes();
        Some(load)
    }

    /// Puts back what was taken out first.
    pub(crate) fn put_back(&mut self, load: Load) {
        self.len += load.len();
        self.bytes += load.bytes();
        self.loads.push_front(load);
    }

    /// The first message, which is not to be kept for long: it may hold the memory of all that arrived with it.
    pub(super) fn pop(&mut self) -> Option<Frame> {
        while let Some(Load::Run(run)) = self.loads.front_mut() {
            let next = run.next();
            if run.len() == 0 {
                self.loads.pop_front();
            }
            if let Some(frame) = next {
                self.len -= 1;
                self.bytes -= frame.bytes().len();
                return Some(frame);
            }
        }
        let Load::One(frame) = self.loads.pop_front()? else { return None };
        self.len -= 1;
        self.bytes -= frame.bytes().len();
        Some(frame)
    }

    /// All of them as they lie there, in their order.
    pub(super) fn into_loads(self) -> impl Iterator<Item = Load> {
        self.loads.into_iter()
    }
}

impl Store for Deque {
    type Item = Frame;

    fn of(queue: &mut Queue) -> Option<&mut Self> {
        match queue {
            Queue::Frames(frames) => frames.as_deref_mut(),
            Queue::Typed(_) => None,
        }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn weight(frame: &Frame) -> usize {
        frame.bytes().len()
    }

    #[inline]
    fn pop_with<R>(&mut self, read: impl FnOnce(Taken<'_, Frame>) -> R) -> Option<R> {
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
            let Load::One(frame) = self.loads.pop_front()? else { continue };
            self.len -= 1;
            self.bytes -= frame.bytes().len();
            return Some(read(Taken::Item(frame)));
        }
    }

    #[inline(always)]
    fn read_in_run<R>(&mut self, read: impl FnOnce(FrameRef<'_>) -> Option<R>) -> Option<R> {
        let Some(Load::Run(run)) = self.loads.front_mut() else { return None };
        let size = run.first_len()?;
        // It counts as taken out before it is read, which may panic.
        (self.len, self.bytes) = (self.len - 1, self.bytes - size);
        let made = run.read_first(read);
        if made.is_none() {
            (self.len, self.bytes) = (self.len + 1, self.bytes + size);
        } else if run.len() == 0 {
            drop(self.loads.pop_front());
        }
        made
    }

    fn pop_only(&mut self) -> Option<Frame> {
        match self.loads.front() {
            Some(Load::One(_)) if self.len == 1 => self.pop(),
            _ => None,
        }
    }

    fn take(&mut self, batch: &mut Self) {
        if self.len <= BATCH {
            return std::mem::swap(batch, self);
        }
        let mut some = BATCH;
        while some > 0
            && let Some(mut load) = self.take_load()
        {
            if let Some(rest) = load.split_off(some) {
                self.put_back(rest);
            }
            some -= load.len();
            batch.push_load(load);
        }
    }

    fn into_items(self) -> impl Iterator<Item = Frame> {
        self.loads.into_iter().flat_map(Load::into_frames)
    }
}

impl Load {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Run(run) => run.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::One(frame) => frame.bytes().len(),
            Self::Run(run) => run.bytes(),
        }
    }

    /// What is behind the first messages, if these are not all.
    pub(super) fn split_off(&mut self, messages: usize) -> Option<Self> {
        match self {
            Self::Run(run) if run.len() > messages => {
                let first = run.split_to(messages);
                Some(Self::Run(std::mem::replace(run, first)))
            }
            _ => None,
        }
    }

    /// All of them, in their order, to be kept: small ones are moved to memory of their own.
    pub(super) fn into_frames(self) -> impl Iterator<Item = Frame> {
        let (one, run) = match self {
            Self::One(frame) => (Some(frame), None),
            Self::Run(run) => (None, Some(run)),
        };
        let own = |frame: Frame| if frame.bytes().len() < MOVED { frame.view().to_frame() } else { frame };
        one.into_iter().chain(run.into_iter().flatten().map(own))
    }
}
