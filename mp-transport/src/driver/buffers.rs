//! What was read and not used, and what is to be written.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use mp_proto::{Place, Protocol};
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::{LARGE_TURN, LOOKS, OUTPUT_LIMIT, ROUNDS, TURN};
use crate::{Pipe, clock};

/// What a read asks for at least and at most. In between it follows the traffic, so that an idle connection holds
/// little, and a busy one makes few system calls.
const READ_MIN: usize = 4 * 1024;
const READ_MAX: usize = 128 * 1024;

/// A buffer for a large frame grows by so many times what has come. Room that nothing has come to yet is none of the system's
/// memory, but what has come is copied to memory that is new, which is dear.
const LARGE_GROWTH: usize = 4;
/// But by no more than so much, or twice: where room counts before it is used, a length that nobody has sent is not to take it.
const LARGE_ROOM: usize = 16 * 1024 * 1024;

/// A read of so many bytes is part of a stream: there will be more.
const STREAM: usize = 32 * 1024;

/// So many buffers are kept that what was read is still in use of, in the hope that it will be used no more when the next
/// one is needed `[TR-23]`. They have 256 KiB each, and one connection has two megabytes of them.
const RETIRED: usize = 8;

/// An output buffer that was bigger than this is given back when it is empty.
const OUTPUT_KEPT: usize = 2 * OUTPUT_LIMIT;

/// What was read and not used, and how to read more.
pub(super) struct Input {
    buffer: BytesMut,
    read_size: usize,
    /// The last read was small.
    small: bool,
    /// So often it is worth the while to look for more before the task sleeps.
    looks: u32,
    /// The same after the next read that is part of a stream.
    next_looks: u32,
    /// It has been looked for more since the last read.
    looking: bool,
    /// What has been read in this turn.
    turn: usize,
    /// The protocol has not refused what the buffer holds.
    on_offer: bool,
    ended: bool,
    /// When something was last read and dropped.
    discarded: Option<Instant>,
    /// What is left of earlier buffers, the oldest first: nothing, but what was read into them can be in use.
    retired: VecDeque<BytesMut>,
    /// Nothing has been read since the last time that somebody asked.
    quiet: bool,
}

/// What became of a read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    /// There is no more.
    End,
    /// The input has grown.
    Input,
    /// So many bytes are in the place that the protocol gave.
    Placed(usize),
}

impl Default for Input {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            read_size: READ_MIN,
            small: false,
            looks: 0,
            next_looks: LOOKS,
            looking: false,
            turn: 0,
            on_offer: false,
            ended: false,
            discarded: None,
            retired: VecDeque::new(),
            quiet: false,
        }
    }
}

impl Input {
    /// Another protocol may follow, or this one may have made room for what it left.
    pub(super) fn offer_again(&mut self) {
        self.on_offer = true;
    }

    /// Lets the protocol use what was read, if it has not just left that; says whether it used any.
    pub(super) fn feed<P: Protocol>(&mut self, proto: &mut P, now: Instant) -> Result<bool, P::Error> {
        if !self.on_offer || self.buffer.is_empty() || !proto.wants_input() {
            return Ok(false);
        }
        let before = self.buffer.len();
        proto.handle_bytes(now, &mut self.buffer)?;
        let used = self.buffer.len() != before;
        self.on_offer = used || !proto.wants_input();
        Ok(used)
    }

    /// Reads once, to where the protocol knows that it belongs `[TR-26]`, or else behind what was read before. The end is told
    /// once; after it this stays pending.
    pub(super) fn poll_read_for<P: Protocol>(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
        proto: &mut P,
    ) -> Poll<io::Result<Read>> {
        if self.ended {
            return Poll::Pending;
        }
        let place = if self.buffer.is_empty() { proto.poll_place() } else { None };
        let Some(Place { memory, most }) = place else {
            let len = ready!(self.poll_read(cx, pipe))?;
            return Poll::Ready(Ok(if len == 0 { Read::End } else { Read::Input }));
        };
        let len = ready!(pin!(pipe.read_buf(&mut memory.limit(most))).poll(cx))?;
        self.note_read(len);
        Poll::Ready(Ok(if len == 0 { Read::End } else { Read::Placed(len) }))
    }

    /// Tells the protocol of what was read to its place.
    pub(super) fn placed<P: Protocol>(
        &mut self,
        proto: &mut P,
        len: usize,
        now: Instant,
    ) -> Result<(), P::Error> {
        proto.handle_placed(now, len, &mut self.buffer)?;
        // What is left has been seen.
        self.on_offer = !proto.wants_input();
        Ok(())
    }

    /// Reads once behind what was read before. 0 is the end, told once; after it this stays pending.
    fn poll_read(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Pending;
        }
        if self.buffer.capacity() - self.buffer.len() < self.read_size / 2 {
            self.make_room();
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let len = if self.is_large() {
            ready!(pin!(pipe.read_buf(&mut (&mut self.buffer).limit(LARGE_TURN))).poll(cx))?
        } else {
            ready!(pin!(pipe.read_buf(&mut self.buffer)).poll(cx))?
        };
        self.note_read(len);
        self.on_offer = true;
        self.adapt(len, room);
        Poll::Ready(Ok(len))
    }

    fn note_read(&mut self, len: usize) {
        self.ended = len == 0;
        self.quiet = false;
        self.turn = self.turn.saturating_add(len);
        if std::mem::take(&mut self.looking) {
            self.next_looks = LOOKS;
        }
        self.looks = if len < STREAM { 0 } else { self.next_looks };
    }

    /// Whether it is for others to run `[TR-21]`.
    pub(super) fn has_had_its_turn(&self) -> bool {
        self.turn >= if self.is_large() { LARGE_TURN } else { TURN }
    }

    /// Whether what comes is part of something that is larger than what is usually read at once.
    pub(super) fn is_large(&self) -> bool {
        self.buffer.len() > READ_MAX
    }

    pub(super) fn begin_turn(&mut self) {
        self.turn = 0;
    }

    /// Whether to look for more before the task sleeps, since a stream may go on `[TR-25]`. When all looks were in vain there are
    /// half as many the next time, until one finds something: so slow a sender is better waited for.
    pub(super) fn looks_again(&mut self) -> bool {
        if self.looks > 0 && !self.ended {
            self.looks -= 1;
            self.looking = true;
            return true;
        }
        if std::mem::take(&mut self.looking) {
            self.next_looks = (self.next_looks / 2).max(1);
        }
        false
    }

    /// Room for another read. Memory that has been read into before is better than new memory, which the system gives
    /// page by page, each at its first touch: so a buffer of which messages are in use is kept until they are not `[TR-23]`.
    fn make_room(&mut self) {
        if self.buffer.try_reclaim(self.read_size) {
            return;
        }
        let wanted = self.buffer.len() + self.read_size;
        if self.read_size < READ_MAX || wanted > 2 * READ_MAX {
            // Little traffic; or a frame that is large by itself, which needs a buffer of its own.
            let large = self.buffer.len().min(LARGE_ROOM / LARGE_GROWTH);
            let more = if self.is_large() { LARGE_GROWTH * large } else { 0 };
            self.buffer.reserve(more.max(self.read_size));
            return;
        }
        let free = self.retired.iter_mut().position(|buffer| buffer.try_reclaim(wanted));
        let next = free.and_then(|free| self.retired.remove(free));
        let mut next = next.unwrap_or_else(|| BytesMut::with_capacity(2 * READ_MAX));
        next.extend_from_slice(&self.buffer);
        let mut last = std::mem::replace(&mut self.buffer, next);
        last.clear();
        if self.retired.len() >= RETIRED {
            self.retired.pop_front();
        }
        self.retired.push_back(last);
    }

    /// Gives back what is kept for the next reads, if nothing has been read since this was called the last time.
    pub(super) fn tidy(&mut self) {
        if std::mem::replace(&mut self.quiet, true) {
            self.retired = VecDeque::new();
        }
    }

    /// A read that fills its room doubles the next one; two in a row that hardly use it halve it.
    fn adapt(&mut self, len: usize, room: usize) {
        if len >= room.min(self.read_size) {
            self.read_size = (self.read_size * 2).min(READ_MAX);
            self.small = false;
        } else if len >= self.read_size / 4 || self.read_size == READ_MIN {
            self.small = false;
        } else if self.small {
            self.read_size /= 2;
            self.small = false;
        } else {
            self.small = true;
        }
    }

    /// Reads and drops what the peer sends; ready when it has ended or broken.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<()> {
        for _ in 0..ROUNDS {
            if self.ended {
                return Poll::Ready(());
            }
            self.buffer.clear();
            match ready!(self.poll_read(cx, pipe)) {
                Ok(_) => self.discarded = Some(clock::now()),
                Err(_) => self.ended = true,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn discarded(&self) -> Option<Instant> {
        self.discarded
    }

    pub(super) fn into_inner(self) -> BytesMut {
        self.buffer
    }
}

/// What is to be written.
#[derive(Default)]
pub(super) struct Output {
    buffer: BytesMut,
    /// What goes in between, each behind so many bytes of the buffer.
    between: VecDeque<(usize, Bytes)>,
    /// The most that the buffer held since it was empty.
    peak: usize,
    /// Something was written that the pipe may hold back, as TLS does.
    unflushed: bool,
}

/// So many pieces are given to the system at a time, of the buffer and of what goes in between.
const SLICES: usize = 16;

impl Output {
    /// Takes what the protocol has to send, unless enough is waiting already.
    pub(super) fn fill<P: Protocol>(&mut self, proto: &mut P, now: Instant) {
        loop {
            let before = self.buffer.len();
            if before >= OUTPUT_LIMIT
                || !self.between.is_empty()
                || !proto.poll_transmit(now, &mut self.buffer)
            {
                break;
            }
            while let Some((at, bytes)) = proto.poll_between() {
                // One that points back, or to nowhere, goes as near as can be.
                let last = self.between.back().map_or(0, |(last, _)| *last);
                self.between.push_back((at.max(last).min(self.buffer.len()), bytes));
            }
            if self.buffer.len() == before {
                // It says that it did and did not: do not ask for ever.
                break;
            }
        }
        self.peak = self.peak.max(self.buffer.len());
    }

    /// Writes once, or flushes if nothing is waiting. 0 if there is nothing left to do.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<io::Result<usize>> {
        if self.len() == 0 {
            self.between.clear();
            if self.unflushed {
                ready!(Pin::new(pipe).poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Ready(Ok(0));
        }
        if !self.between.is_empty() && !pipe.is_write_vectored() {
            self.buffer = self.joined();
            self.between.clear();
        }
        let pipe = Pin::new(pipe);
        let len = if self.between.is_empty() {
            ready!(pipe.poll_write(cx, &self.buffer))?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let parts = self.parts().filter(|part| !part.is_empty());
            let used = slices.iter_mut().zip(parts).map(|(slice, part)| *slice = IoSlice::new(part)).count();
            ready!(pipe.poll_write_vectored(cx, slices.get(..used).unwrap_or_default()))?
        };
        if len == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        self.advance(len);
        if self.buffer.is_empty() {
            if self.peak > OUTPUT_KEPT {
                self.buffer = BytesMut::new();
            }
            self.peak = 0;
        }
        Poll::Ready(Ok(len))
    }

    /// All that waits, in the order in which it goes.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.between.iter().map(|(at, bytes)| (*at, &bytes[..]));
        ends.chain([(self.buffer.len(), &[][..])])
            .scan(0, |from, (at, bytes)| {
                let part = self.buffer.get(*from..at).unwrap_or_default();
                *from = at;
                Some([part, bytes])
            })
            .flatten()
    }

    /// So many bytes were written.
    fn advance(&mut self, mut len: usize) {
        while let Some((at, bytes)) = self.between.front_mut() {
            let of_buffer = len.min(*at);
            let of_bytes = (len - of_buffer).min(bytes.len());
            bytes.advance(of_bytes);
            let done = bytes.is_empty();
            self.buffer.advance(of_buffer);
            self.between.iter_mut().for_each(|(at, _)| *at -= of_buffer);
            if !done {
                return;
            }
            len -= of_buffer + of_bytes;
            // Whose memory it is may be waiting for it.
            self.between.pop_front();
        }
        self.buffer.advance(len);
    }

    /// Whether nothing is left to write or flush.
    pub(super) fn is_flushed(&self) -> bool {
        self.len() == 0 && !self.unflushed
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len() + self.between.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }

    /// The same as one piece.
    fn joined(&self) -> BytesMut {
        let mut joined = BytesMut::with_capacity(self.len());
        self.parts().for_each(|part| joined.extend_from_slice(part));
        joined
    }

    pub(super) fn into_inner(self) -> BytesMut {
        if self.between.is_empty() { self.buffer } else { self.joined() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads into the buffer, as far as a test can.
    fn read(input: &mut Input, bytes: &[u8]) {
        input.make_room();
        input.buffer.extend_from_slice(bytes);
        input.quiet = false;
    }

    /// `[TR-25]`
    #[test]
    fn who_has_looked_in_vain_looks_half_as_often() {
        let mut input = Input::default();
        let mut looks_after_read = |found_after: Option<u32>| {
            input.note_read(STREAM);
            let most = found_after.unwrap_or(u32::MAX);
            (0..most).take_while(|_| input.looks_again()).count()
        };
        assert_eq!([(); 6].map(|()| looks_after_read(None)), [16, 8, 4, 2, 1, 1]);
        // The one look finds something.
        assert_eq!([Some(1), Some(3), None, None, Some(1), None].map(looks_after_read), [1, 3, 16, 8, 1, 16]);
        // Behind little nobody looks, and that is not in vain.
        input.note_read(STREAM - 1);
        assert!(!input.looks_again());
    }

    /// `[TR-23]`
    #[test]
    fn memory_of_what_is_used_no_more_is_read_into_again() {
        let mut input = Input { read_size: READ_MAX, ..Input::default() };
        let mut held = VecDeque::new();
        for turn in 0..100_u8 {
            read(&mut input, &[turn; READ_MAX]);
            // A part stays, as of a frame that has not come to its end.
            let used = READ_MAX - usize::from(turn);
            held.push_back((turn, input.buffer.split_to(used).freeze()));
            if held.len() > 3 {
                held.pop_front();
            }
            assert!(
                held.iter().all(|(turn, bytes)| bytes.iter().rev().take(used / 2).all(|byte| byte == turn))
            );
            assert!(input.buffer.iter().all(|byte| *byte == turn), "what is left goes along");
            input.buffer.clear();
            assert!(input.retired.len() <= RETIRED);
        }
        let kept = input.retired.len();
        assert!((1..RETIRED).contains(&kept), "some are used again: {kept} do for a hundred reads");
        held.clear();
        // The first one of all had no memory yet.
        let free =
            input.retired.iter_mut().filter_map(|last| last.try_reclaim(2 * READ_MAX).then_some(())).count();
        assert!(free + 1 >= kept, "nobody uses them");
    }

    /// `[TR-23]`
    #[test]
    fn what_is_kept_for_the_next_reads_is_bounded_and_goes() {
        let mut input = Input { read_size: READ_MAX, ..Input::default() };
        let held: Vec<Bytes> = (0..100)
            .map(|_| {
                read(&mut input, &[0; READ_MAX]);
                input.buffer.split().freeze()
            })
            .collect();
        assert_eq!(input.retired.len(), RETIRED);
        input.tidy();
        assert_eq!(input.retired.len(), RETIRED, "something was read not long ago");
        input.tidy();
        assert_eq!((input.retired.len(), held.len()), (0, 100));
    }

    /// The size of reads follows the traffic, between its bounds.
    #[test]
    fn reads_grow_and_shrink() {
        let mut input = Input::default();
        for _ in 0..10 {
            input.adapt(input.read_size, input.read_size);
        }
        assert_eq!(input.read_size, READ_MAX);
        input.adapt(100, READ_MAX);
        assert_eq!(input.read_size, READ_MAX, "one small read may be chance");
        input.adapt(READ_MAX / 2, READ_MAX);
        input.adapt(100, READ_MAX);
        assert_eq!(input.read_size, READ_MAX);
        for _ in 0..100 {
            input.adapt(100, READ_MAX);
        }
        assert_eq!(input.read_size, READ_MIN);
    }
}
