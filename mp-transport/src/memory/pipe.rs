//! One end of a pipe in memory, as a byte stream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Shared;
use super::pair::Step;
use crate::clock::{self, Alarm};

/// One end; dropping it closes it.
pub(super) struct MemoryPipe {
    shared: Arc<Shared>,
    pair: usize,
    side: usize,
    /// For the next piece to arrive. Reading and writing may be two tasks, so each has a timer.
    read_timer: Alarm,
    /// For the peer's end to arrive, which a writer without room has to learn.
    write_timer: Alarm,
}

impl MemoryPipe {
    pub(super) fn new(shared: Arc<Shared>, pair: usize, side: usize) -> Self {
        Self { shared, pair, side, read_timer: Alarm::default(), write_timer: Alarm::default() }
    }
}

impl AsyncRead for MemoryPipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let now = clock::now();
            let step = this.shared.change(|state, woken| {
                let (pair, links) = state.pair_and_links(this.pair);
                pair.read(this.side, links, now, buf, cx.waker(), woken)
            });
            match step {
                Step::Done(result) => return Poll::Ready(result),
                Step::Wait(None) => return Poll::Pending,
                Step::Wait(Some(at)) => ready!(this.read_timer.poll(cx, at)),
            }
        }
    }
}

impl AsyncWrite for MemoryPipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            let now = clock::now();
            let step = this.shared.change(|state, woken| {
                let (pair, links) = state.pair_and_links(this.pair);
                pair.write(this.side, links, now, data, cx.waker(), woken)
            });
            match step {
                Step::Done(result) => return Poll::Ready(result),
                Step::Wait(None) => return Poll::Pending,
                Step::Wait(Some(at)) => ready!(this.write_timer.poll(cx, at)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = clock::now();
        Poll::Ready(self.shared.change(|state, woken| {
            let (pair, links) = state.pair_and_links(self.pair);
            pair.shutdown(self.side, links, now, woken)
        }))
    }
}

impl Drop for MemoryPipe {
    fn drop(&mut self) {
        let now = clock::now();
        self.shared.change(|state, woken| state.close(self.pair, self.side, now, woken));
    }
}
