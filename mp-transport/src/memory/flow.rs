//! One direction of a pipe: the bytes that were sent and not yet read, and when they arrive.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use tokio::io::ReadBuf;

use super::link::Link;

/// An empty buffer that was bigger than this is given back: of ten thousand pipes few are full at once.
const KEPT: usize = 4096;

/// Bytes from one end of a pipe to the other.
///
/// The buffer holds what has arrived (its first `ready` bytes) and what is on its way (the rest), which `marks` cuts
/// into pieces with a time of arrival each. No work is done per byte but one copy in and one out.
pub(super) struct Flow {
    buffer: BytesMut,
    ready: usize,
    marks: VecDeque<Mark>,
    capacity: usize,
    /// The end that has arrived; nothing comes after it.
    ended: Option<End>,
    /// The writer has ended it; nothing more is taken.
    shut: bool,
    /// Which link carries it.
    pub(super) link: usize,
    /// Who waits for bytes to arrive.
    pub(super) reader: Option<Waker>,
    /// Who waits for room.
    pub(super) writer: Option<Waker>,
}

/// A piece on its way. Times never decrease from one to the next.
struct Mark {
    at: Instant,
    what: What,
}

enum What {
    Bytes(usize),
    End(End),
}

/// How a direction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The writer sends no more.
    Shutdown,
    /// The writer is gone altogether, and reads no more, either.
    Close,
    /// The pipe is broken.
    Reset,
}

impl Flow {
    pub(super) fn new(link: usize, capacity: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            ready: 0,
            marks: VecDeque::new(),
            capacity,
            ended: None,
            shut: false,
            link,
            reader: None,
            writer: None,
        }
    }

    /// Takes of `data` what fits; says how much that is, and whether the reader has reason to look.
    pub(super) fn push(&mut self, data: &[u8], link: &mut Link, now: Instant) -> (usize, bool) {
        let len = data.len().min(self.capacity.saturating_sub(self.buffer.len()));
        let data = data.get(..len).unwrap_or_default();
        if data.is_empty() {
            return (0, false);
        }
        self.buffer.extend_from_slice(data);
        if self.marks.is_empty() && link.is_plain() {
            self.ready += len;
            return (len, true);
        }
        let first = self.marks.is_empty();
        for piece in data.chunks(link.piece()) {
            let at = link.arrival(now, piece.len());
            self.mark(at, What::Bytes(piece.len()));
        }
        (len, first)
    }

    /// Ends the flow behind what was sent.
    pub(super) fn end(&mut self, end: End, link: &mut Link, now: Instant) {
        self.shut = true;
        if self.marks.is_empty() && link.is_plain() {
            self.ended = Some(end);
        } else {
            let at = link.arrival(now, 0);
            self.mark(at, What::End(end));
        }
    }

    fn mark(&mut self, at: Instant, what: What) {
        let at = self.marks.back().map_or(at, |last| last.at.max(at));
        if let (Some(Mark { at: last, what: What::Bytes(len) }), What::Bytes(more)) =
            (self.marks.back_mut(), &what)
            && *last == at
        {
            *len += more;
            return;
        }
        self.marks.push_back(Mark { at, what });
    }

    /// Lets all that is due by `now` arrive. Not to be called while the link is cut.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(mark) = self.marks.front()
            && mark.at <= now
        {
            match mark.what {
                What::Bytes(len) => self.ready += len,
                What::End(end) => self.ended = Some(end),
            }
            self.marks.pop_front();
        }
    }

    /// Sends anew what is on its way, in order: it arrives as if it had been sent now, or when it would have, if that is later.
    pub(super) fn resend(&mut self, link: &mut Link, now: Instant) {
        for mark in std::mem::take(&mut self.marks) {
            let len = if let What::Bytes(len) = mark.what { len } else { 0 };
            let at = link.arrival(now, len).max(mark.at);
            self.mark(at, mark.what);
        }
    }

    /// Loses what is on its way.
    pub(super) fn lose(&mut self) {
        self.buffer.truncate(self.ready);
        self.marks.clear();
        self.shut = true;
    }

    /// Loses everything, and breaks at once.
    pub(super) fn reset(&mut self) {
        self.ready = 0;
        self.lose();
        self.ended = Some(End::Reset);
    }

    /// Moves what has arrived into `buf`, as far as it fits; says whether there was anything.
    pub(super) fn read(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let len = self.ready.min(buf.remaining());
        buf.put_slice(self.buffer.get(..len).unwrap_or_default());
        self.buffer.advance(len);
        self.ready -= len;
        if len > KEPT && self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        len > 0
    }

    pub(super) fn ended(&self) -> Option<End> {
        self.ended
    }

    pub(super) fn is_shut(&self) -> bool {
        self.shut
    }

    /// When the next piece arrives.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.marks.front().map(|mark| mark.at)
    }

    /// When the end arrives, if it is on its way.
    pub(super) fn end_arrival(&self) -> Option<Instant> {
        self.marks.back().filter(|mark| matches!(mark.what, What::End(_))).map(|mark| mark.at)
    }
}
