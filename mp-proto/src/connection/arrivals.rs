//! Messages that arrived together, still in the bytes that they came in.

use std::iter::FusedIterator;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::codec::scan::{Cuts, Group, Name, Place};
use crate::{Frame, FrameRef, Framing};

/// A message that has arrived.
#[derive(Debug, Clone)]
pub struct Incoming {
    port: Bytes,
    /// The message, checked to be well-formed.
    pub frame: Frame,
}

impl Incoming {
    /// The name of the port that it is for; empty for the node port.
    #[must_use]
    pub fn port(&self) -> &str {
        text(&self.port)
    }
}

/// Messages that arrived together, in the order in which they came. Each is checked to be well-formed.
#[derive(Debug)]
pub struct Arrivals {
    batch: Arc<Batch>,
    groups: Vec<Group>,
    /// The group that comes next.
    group: usize,
    /// How many messages have been taken out.
    taken: usize,
}

/// Messages in the memory that they share.
#[derive(Debug)]
struct Batch {
    framing: Framing,
    bytes: Bytes,
    places: Vec<Place>,
    /// There is nothing else in that memory.
    own: bool,
}

/// Messages for one port that are all that has been read, and have fewer bytes, are moved to memory of their own at once.
const SMALL: usize = 32 * 1024;

impl Arrivals {
    pub(super) fn new(framing: Framing, bytes: Bytes, cuts: Cuts) -> Self {
        let Cuts { mut places, groups } = cuts;
        if places.capacity() / 2 > places.len() {
            // It was made for as many as came before, and these may wait for long.
            places.shrink_to_fit();
        }
        let mut batch = Batch { framing, bytes, places, own: false };
        if groups.len() == 1 {
            batch.own_if_small();
        }
        Self { batch: Arc::new(batch), groups, group: 0, taken: 0 }
    }

    /// How many messages are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.places.len().saturating_sub(self.taken)
    }

    /// Whether all have been taken out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next message, and those behind it that are for the same port.
    pub fn next_run(&mut self) -> Option<Run<'_>> {
        let group = self.groups.get(self.group)?;
        self.group = self.group.saturating_add(1);
        let end = self.groups.get(self.group).map_or(self.batch.places.len(), |next| next.first);
        let messages = self.taken..end;
        self.taken = end;
        let port = group.name.bytes(self.batch.frame(group.first).bytes());
        Some(Run { port, batch: &self.batch, bytes: self.batch.weight(messages.clone()), messages })
    }

    /// The next message by itself.
    pub(super) fn next_incoming(&mut self) -> Option<Incoming> {
        let group = self.groups.get(self.group)?;
        let first = self.batch.to_frame(group.first).bytes().clone();
        let port = match &group.name {
            Name::At { .. } => first.slice_ref(group.name.bytes(&first)),
            Name::Made(name) => Bytes::copy_from_slice(name),
        };
        let frame = self.batch.to_frame(self.taken);
        self.taken = self.taken.saturating_add(1);
        let end = self.groups.get(self.group.saturating_add(1)).map_or(usize::MAX, |next| next.first);
        if self.taken >= end.min(self.batch.places.len()) {
            self.group = self.group.saturating_add(1);
        }
        Some(Incoming { port, frame })
    }
}

/// Messages that arrived behind one another for one port; never empty.
#[derive(Debug)]
pub struct Run<'a> {
    port: &'a [u8],
    batch: &'a Arc<Batch>,
    messages: Range<usize>,
    bytes: usize,
}

impl<'a> Run<'a> {
    /// The name of the port that they are for; empty for the node port.
    #[must_use]
    pub fn port(&self) -> &'a str {
        text(self.port)
    }

    /// The same, as it stands in the messages.
    #[inline]
    #[must_use]
    pub fn port_bytes(&self) -> &'a [u8] {
        self.port
    }

    /// How many they are.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// How many bytes they have, without what stands between them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The messages, to be kept. Those of a run of fewer bytes than `shared_from` are copied to memory of their own;
    /// others stay in the memory of all that arrived with them, and keep it.
    #[must_use]
    pub fn frames(&self, shared_from: usize) -> Frames {
        let all = self.batch.span(self.messages.clone());
        if self.batch.own || all.len() >= shared_from {
            return Frames::new(Arc::clone(self.batch), self.messages.clone(), self.bytes);
        }
        let places = self.batch.places.get(self.messages.clone()).unwrap_or_default();
        let batch = Batch {
            framing: self.batch.framing,
            places: places.iter().map(|place| place.moved_down(all.start)).collect(),
            bytes: Bytes::copy_from_slice(self.batch.bytes.get(all).unwrap_or_default()),
            own: true,
        };
        Frames::new(Arc::new(batch), 0..self.len(), self.bytes)
    }

    /// The message at this place, to be looked at where it lies; the first one is at 0.
    #[inline]
    #[must_use]
    pub fn view(&self, index: usize) -> Option<FrameRef<'a>> {
        let index = self.messages.start.checked_add(index).filter(|index| *index < self.messages.end)?;
        Some(self.batch.frame(index))
    }

    /// What some of the messages end with, from the one at `first` on, as messages themselves: of each so many bytes. Kept as
    /// [`frames`](Self::frames) keeps whole ones. Nothing if there are not so many, or not so long.
    #[must_use]
    pub fn tails(&self, first: usize, lens: &[usize], shared_from: usize) -> Option<Frames> {
        let first = self.messages.start.checked_add(first)?;
        let end = first.checked_add(lens.len()).filter(|end| *end <= self.messages.end)?;
        let whole = self.batch.places.get(first..end)?;
        let bytes = lens.iter().fold(0, |all, len| len.saturating_add(all));
        let tail = |(place, len): (&Place, &usize)| {
            Place::new(place.end().checked_sub(*len).filter(|start| *start >= place.start())?, *len)
        };
        let mut places = whole.iter().zip(lens).map(tail).collect::<Option<Vec<_>>>()?;
        let framing = self.batch.framing;
        let batch = if bytes >= shared_from {
            Batch { framing, bytes: self.batch.bytes.clone(), places, own: false }
        } else {
            let mut own = BytesMut::with_capacity(bytes);
            for place in &mut places {
                let tail = self.batch.bytes.get(place.start()..place.end())?;
                *place = Place::new(own.len(), tail.len())?;
                own.extend_from_slice(tail);
            }
            Batch { framing, bytes: own.freeze(), places, own: true }
        };
        Some(Frames::new(Arc::new(batch), 0..lens.len(), bytes))
    }

    /// The only message, if there are no others, in memory of its own if it has fewer bytes than `shared_from`.
    #[must_use]
    pub fn only(&self, shared_from: usize) -> Option<Frame> {
        if self.len() > 1 {
            return None;
        }
        Some(if self.bytes < shared_from && !self.batch.own {
            self.batch.frame(self.messages.start).to_frame()
        } else {
            self.batch.to_frame(self.messages.start)
        })
    }
}

/// Messages that lie in the same memory, and are taken out one after the other. This is small, and holds that memory by
/// one counted handle for all of them, as long as any are left in it or in what was [split off](Frames::split_to).
#[derive(Debug, Clone)]
pub struct Frames {
    batch: Arc<Batch>,
    next: u32,
    end: u32,
    bytes: usize,
}

impl Frames {
    /// Places have 32 bits each, and no message is empty: so their number has no more.
    fn new(batch: Arc<Batch>, messages: Range<usize>, bytes: usize) -> Self {
        let index = |index| u32::try_from(index).unwrap_or(u32::MAX);
        Self { batch, next: index(messages.start), end: index(messages.end), bytes }
    }

    /// Messages that lie one behind the other in `bytes`, of these lengths. Nothing if they are longer than that together, or
    /// than 4 GiB.
    #[must_use]
    pub fn side_by_side(framing: Framing, bytes: Bytes, lens: &[usize]) -> Option<Self> {
        let (mut places, mut end) = (Vec::with_capacity(lens.len()), 0);
        for &len in lens {
            let place = Place::new(end, len).filter(|place| place.end() <= bytes.len())?;
            end = place.end();
            places.push(place);
        }
        let batch = Batch { framing, bytes, places, own: true };
        Some(Self::new(Arc::new(batch), 0..lens.len(), end))
    }

    /// How many are left.
    #[expect(clippy::len_without_is_empty, reason = "an iterator has another one")]
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.next) as usize
    }

    /// The bytes of those that are left, without what stands between them.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes of each that is left.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        self.batch.places.get(self.range()).unwrap_or_default().iter().map(|place| place.len())
    }

    /// Takes out the first one, to be looked at where it lies: what a receiver that makes something else of it needs.
    #[inline]
    pub fn take_ref(&mut self) -> Option<FrameRef<'_>> {
        if self.next >= self.end {
            return None;
        }
        let place = self.batch.places.get(self.next as usize)?;
        self.next = self.next.wrapping_add(1);
        self.bytes = self.bytes.saturating_sub(place.len());
        Some(FrameRef::within(self.batch.framing, &self.batch.bytes, place.start()..place.end()))
    }

    /// How many bytes the first one has.
    #[inline]
    #[must_use]
    pub fn first_len(&self) -> Option<usize> {
        if self.next >= self.end {
            return None;
        }
        self.batch.places.get(self.next as usize).map(|place| place.len())
    }

    /// What `read` makes of the first one, where it lies. That is taken out then; also if `read` panics, but not if it makes
    /// nothing of it.
    #[inline(always)]
    pub fn read_first<R>(&mut self, read: impl FnOnce(FrameRef<'_>) -> Option<R>) -> Option<R> {
        let (next, bytes) = (self.next, self.bytes);
        let made = read(self.take_ref()?);
        if made.is_none() {
            (self.next, self.bytes) = (next, bytes);
        }
        made
    }

    /// Takes out the first ones, so many of them, or all.
    #[must_use]
    pub fn split_to(&mut self, messages: usize) -> Self {
        let middle =
            u32::try_from(messages).map_or(self.end, |count| self.next.saturating_add(count).min(self.end));
        let mut first = Self { batch: Arc::clone(&self.batch), next: self.next, end: middle, bytes: 0 };
        first.bytes = self.batch.weight(first.range());
        self.next = middle;
        self.bytes = self.bytes.saturating_sub(first.bytes);
        first
    }

    #[inline]
    fn advance(&mut self) -> Option<usize> {
        if self.next >= self.end {
            return None;
        }
        let index = self.next as usize;
        self.next = self.next.saturating_add(1);
        self.bytes = self.bytes.saturating_sub(self.batch.places.get(index).map_or(0, |place| place.len()));
        Some(index)
    }

    fn range(&self) -> Range<usize> {
        self.next as usize..self.end as usize
    }
}

/// Each with a handle of its own.
impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.advance().map(|index| self.batch.to_frame(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl ExactSizeIterator for Frames {}
impl FusedIterator for Frames {}

impl Batch {
    fn own_if_small(&mut self) {
        let all = self.span(0..self.places.len());
        if all.len() >= SMALL {
            return;
        }
        for place in &mut self.places {
            *place = place.moved_down(all.start);
        }
        self.bytes = Bytes::copy_from_slice(self.bytes.get(all).unwrap_or_default());
        self.own = true;
    }

    fn place(&self, index: usize) -> Range<usize> {
        self.places.get(index).map_or(0..0, |place| place.start()..place.end())
    }

    #[inline]
    fn frame(&self, index: usize) -> FrameRef<'_> {
        FrameRef::within(self.framing, &self.bytes, self.place(index))
    }

    fn to_frame(&self, index: usize) -> Frame {
        Frame::new(self.framing, self.bytes.slice(self.place(index)))
    }

    /// Where those messages stand.
    fn span(&self, messages: Range<usize>) -> Range<usize> {
        self.place(messages.start).start..self.place(messages.end.saturating_sub(1)).end
    }

    /// The bytes of those messages.
    fn weight(&self, messages: Range<usize>) -> usize {
        let sizes = self.places.get(messages).unwrap_or_default().iter().map(|place| place.len());
        sizes.fold(0, usize::saturating_add)
    }
}

/// The frame was checked, and this is one of its texts.
fn text(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap_or_default()
}
