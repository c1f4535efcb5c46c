//! The end of a relayed pipe, as a stream of bytes.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use mp_proto::NodeId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::kernel::relay::request::Request;
use crate::kernel::relay::{Key, WINDOW};
use crate::node::Inner;
use crate::sync::Lock;

/// The most bytes of one request.
const PIECE: usize = 32 * 1024;

/// What the stream and the node's record of the pipe share.
#[derive(Debug)]
pub(crate) struct Tube {
    pub(super) key: Key,
    state: Lock<TubeState>,
}

#[derive(Debug, Default)]
struct TubeState {
    /// Bytes that have come, at most a window of them.
    arrived: VecDeque<Bytes>,
    /// Nothing will come behind these.
    ended: bool,
    /// Bytes that the other side takes.
    allowed: u64,
    /// The smallest window of all nodes on the way, known when the pipe is open: each direction has no more under way.
    window: Option<u64>,
    /// Why the pipe is no more.
    closed: Option<String>,
    reader: Option<Waker>,
    /// Who writes, or waits for the pipe to be open.
    writer: Option<Waker>,
}

impl Tube {
    /// One that is being opened.
    pub(super) fn opening(key: Key) -> Self {
        Self { key, state: Lock::default() }
    }

    /// One that was offered by a node that takes so many bytes to begin with.
    pub(super) fn offered(key: Key, window: u64) -> Self {
        let tube = Self::opening(key);
        tube.allowed(window);
        tube
    }

    /// Changes the state, and wakes those who may have waited for that.
    fn with(&self, change: impl FnOnce(&mut TubeState)) {
        let mut state = self.state.lock();
        change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }

    pub(super) fn allowed(&self, bytes: u64) {
        self.with(|state| {
            state.allowed = state.allowed.saturating_add(bytes).min(WINDOW);
            state.window.get_or_insert(bytes);
        });
    }

    pub(super) fn arrived(&self, bytes: Bytes) {
        self.with(|state| state.arrived.push_back(bytes));
    }

    pub(super) fn ended(&self) {
        self.with(|state| state.ended = true);
    }

    pub(super) fn closed(&self, text: String) {
        self.with(|state| {
            state.closed.get_or_insert(text);
        });
    }

    /// Waits until the other side has taken the pipe up.
    pub(super) async fn opened(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            let mut state = self.state.lock();
            if let Some(text) = &state.closed {
                return Poll::Ready(Err(closed(text)));
            }
            if state.allowed > 0 {
                return Poll::Ready(Ok(()));
            }
            state.writer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// A pipe's end. Dropping it closes the pipe.
pub(super) struct Relayed {
    tube: Arc<Tube>,
    node: Weak<Inner>,
    /// Bytes that were read, and the other side has not been told of.
    taken: u64,
}

impl Relayed {
    pub(super) fn new(tube: Arc<Tube>, node: &Arc<Inner>) -> Self {
        Self { tube, node: Arc::downgrade(node), taken: 0 }
    }

    pub(super) fn tube(&self) -> &Tube {
        &self.tube
    }

    fn relay(&self) -> &NodeId {
        &self.tube.key.0
    }

    fn send(&self, request: Request) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the relay is not connected");
        let node = self.node.upgrade().ok_or_else(gone)?;
        if node.carry(self.relay(), request) { Ok(()) } else { Err(gone()) }
    }
}

impl AsyncRead for Relayed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.remaining();
        let window = {
            let mut state = self.tube.state.lock();
            while buf.remaining() > 0
                && let Some(first) = state.arrived.front_mut()
            {
                let len = first.len().min(buf.remaining());
                buf.put_slice(&first.split_to(len));
                if !first.has_remaining() {
                    state.arrived.pop_front();
                }
            }
            if buf.remaining() == before && before > 0 && !state.ended {
                match state.closed.as_deref() {
                    None => {
                        state.reader = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    Some("") => {}
                    Some(text) => return Poll::Ready(Err(closed(text))),
                }
            }
            state.window.unwrap_or(0)
        };
        self.taken += u64::try_from(before - buf.remaining()).unwrap_or(0);
        // Not for every little piece: half a window keeps the sender going.
        if self.taken > 0
            && self.taken >= window / 2
            && let Some(node) = self.node.upgrade()
        {
            let taken = std::mem::take(&mut self.taken);
            node.relayed_bytes_taken(&self.tube.key, taken);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Relayed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let piece = {
            let mut state = self.tube.state.lock();
            if let Some(text) = &state.closed {
                return Poll::Ready(Err(closed(text)));
            }
            if state.allowed == 0 && !buf.is_empty() {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let room = usize::try_from(state.allowed).unwrap_or(usize::MAX).min(PIECE);
            let piece = buf.get(..room).unwrap_or(buf);
            state.allowed -= u64::try_from(piece.len()).unwrap_or(0);
            piece
        };
        let bytes = Bytes::copy_from_slice(piece);
        Poll::Ready(self.send(Request::Data { id: self.tube.key.1, bytes }).map(|()| piece.len()))
    }

    /// What was written is in the relay's queue; it goes as fast as anything that is for the relay.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send(Request::End { id: self.tube.key.1 }))
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        if let Some(node) = self.node.upgrade() {
            node.close_relayed(&self.tube.key);
        }
    }
}

impl fmt::Debug for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relayed").field("key", &self.tube.key).finish_non_exhaustive()
    }
}

fn closed(text: &str) -> io::Error {
    match text {
        "" => io::Error::new(io::ErrorKind::BrokenPipe, "the other side has closed the relayed connection"),
        text => io::Error::new(io::ErrorKind::ConnectionReset, format!("relayed connection: {text}")),
    }
}
