//! Messages that arrived together, still in the bytes that they came in.

use std::ops::Range;

use bytes::Bytes;

use crate::codec::scan::{Cut, Name};
use crate::{Frame, Framing};

/// Bytes between two messages, such as a length, that may stay in memory with them.
const GAP: usize = 8;

/// A message that has arrived.
#[derive(Debug, Clone)]
pub struct Incoming {
    port: Name,
    /// The message, checked to be well-formed.
    pub frame: Frame,
}

impl Incoming {
    /// The name of the port that it is for; empty for the node port.
    #[must_use]
    pub fn port(&self) -> &str {
        text(self.port.bytes(self.frame.bytes()))
    }
}

/// Messages that arrived together, in the order in which they came. Each is checked to be well-formed.
#[derive(Debug)]
pub struct Arrivals {
    framing: Framing,
    bytes: Bytes,
    cuts: Vec<Cut>,
    /// How many have been taken out.
    taken: usize,
}

impl Arrivals {
    pub(super) fn new(framing: Framing, bytes: Bytes, cuts: Vec<Cut>) -> Self {
        Self { framing, bytes, cuts, taken: 0 }
    }

    /// How many messages are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cuts.len().saturating_sub(self.taken)
    }

    /// Whether all have been taken out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next message, and those behind it that are for the same port.
    pub fn next_run(&mut self) -> Option<Run<'_>> {
        let left = self.cuts.get(self.taken..)?;
        let (first, others) = left.split_first()?;
        let port = name(&self.bytes, first);
        let mut end = first.place.end;
        let more = others.iter().take_while(|cut| {
            let near = cut.place.start.saturating_sub(end) <= GAP;
            end = cut.place.end;
            near && name(&self.bytes, cut) == port
        });
        let count = more.count().saturating_add(1);
        self.taken = self.taken.saturating_add(count);
        Some(Run { framing: self.framing, port, bytes: &self.bytes, cuts: left.get(..count)? })
    }

    pub(super) fn next_incoming(&mut self) -> Option<Incoming> {
        let cut = self.cuts.get(self.taken)?;
        self.taken = self.taken.saturating_add(1);
        let frame = Frame::new(self.framing, self.bytes.slice(cut.place.clone()));
        Some(Incoming { port: cut.name.clone(), frame })
    }
}

/// Messages that arrived behind one another for one port; never empty.
#[derive(Debug)]
pub struct Run<'a> {
    framing: Framing,
    port: &'a [u8],
    bytes: &'a Bytes,
    cuts: &'a [Cut],
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
        self.cuts.len()
    }

    /// How many bytes they have, with what stands between them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.place().len()
    }

    /// The messages. Those of a run of fewer bytes than `shared_from` are copied to memory of their own; others stay
    /// in the memory of all that arrived with them.
    pub fn frames(&self, shared_from: usize) -> impl Iterator<Item = Frame> + use<'a> {
        let all = self.place();
        let base = all.start;
        let bytes = if all.len() < shared_from {
            Bytes::copy_from_slice(self.bytes.get(all).unwrap_or_default())
        } else {
            self.bytes.slice(all)
        };
        let framing = self.framing;
        self.cuts.iter().map(move |cut| {
            let place = cut.place.start.saturating_sub(base)..cut.place.end.saturating_sub(base);
            Frame::new(framing, bytes.slice(place))
        })
    }

    fn place(&self) -> Range<usize> {
        match self.cuts {
            [only] => only.place.clone(),
            [first, .., last] => first.place.start..last.place.end,
            [] => 0..0,
        }
    }
}

fn name<'a>(bytes: &'a [u8], cut: &'a Cut) -> &'a [u8] {
    cut.name.bytes(bytes.get(cut.place.clone()).unwrap_or_default())
}

/// The frame was checked, and this is one of its texts.
fn text(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap_or_default()
}
