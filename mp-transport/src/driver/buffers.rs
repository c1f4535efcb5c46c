//! What was read and not used, and what is to be written.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, BytesMut};
use mp_proto::Protocol;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::{OUTPUT_LIMIT, ROUNDS};
use crate::{Pipe, clock};

/// What a read asks for at least and at most. In between it follows the traffic, so that an idle connection holds
/// little, and a busy one makes few system calls.
const READ_MIN: usize = 4 * 1024;
const READ_MAX: usize = 128 * 1024;

/// An output buffer that was bigger than this is given back when it is empty.
const OUTPUT_KEPT: usize = 2 * OUTPUT_LIMIT;

/// What was read and not used, and how to read more.
pub(super) struct Input {
    buffer: BytesMut,
    read_size: usize,
    /// The last read was small.
    small: bool,
    /// The protocol has not refused what the buffer holds.
    on_offer: bool,
    ended: bool,
    /// When something was last read and dropped.
    discarded: Option<Instant>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            read_size: READ_MIN,
            small: false,
            on_offer: false,
            ended: false,
            discarded: None,
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

    /// Reads once. 0 is the end, told once; after it this stays pending.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Pending;
        }
        if self.buffer.capacity() - self.buffer.len() < self.read_size / 2 {
            self.buffer.reserve(self.read_size);
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let len = ready!(pin!(pipe.read_buf(&mut self.buffer)).poll(cx))?;
        self.ended = len == 0;
        self.on_offer = true;
        self.adapt(len, room);
        Poll::Ready(Ok(len))
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
    /// The most that the buffer held since it was empty.
    peak: usize,
    /// Something was written that the pipe may hold back, as TLS does.
    unflushed: bool,
}

impl Output {
    /// Takes what the protocol has to send, unless enough is waiting already.
    pub(super) fn fill<P: Protocol>(&mut self, proto: &mut P, now: Instant) {
        loop {
            let before = self.buffer.len();
            if before >= OUTPUT_LIMIT || !proto.poll_transmit(now, &mut self.buffer) {
                break;
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
        if self.buffer.is_empty() {
            if self.unflushed {
                ready!(Pin::new(pipe).poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Ready(Ok(0));
        }
        let len = ready!(Pin::new(pipe).poll_write(cx, &self.buffer))?;
        if len == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        self.buffer.advance(len);
        if self.buffer.is_empty() {
            if self.peak > OUTPUT_KEPT {
                self.buffer = BytesMut::new();
            }
            self.peak = 0;
        }
        Poll::Ready(Ok(len))
    }

    /// Whether nothing is left to write or flush.
    pub(super) fn is_flushed(&self) -> bool {
        self.buffer.is_empty() && !self.unflushed
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn into_inner(self) -> BytesMut {
        self.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
