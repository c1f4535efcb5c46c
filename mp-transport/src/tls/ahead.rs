//! What is read ahead of TLS.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::Pipe;

/// So much is read ahead of a stream.
const AHEAD: usize = 64 * 1024;
/// A read of fewer bytes shows that there is no stream, or none any more: what TLS asks for at a time.
const LITTLE: usize = 4 * 1024;

/// A pipe from which more is read than TLS asks for, while more comes than it asks for `[TLS-17]`.
///
/// rustls reads 4 KiB at a time, which is a quarter of a record, and a system call for each is dear. A connection on which
/// little comes is read as rustls asks, and has no memory here.
#[derive(Debug)]
pub(super) struct Ahead {
    pipe: Pipe,
    buffer: BytesMut,
    /// The last read took all that it asked for.
    stream: bool,
}

impl Ahead {
    pub(super) fn new(pipe: Pipe) -> Self {
        Self { pipe, buffer: BytesMut::new(), stream: false }
    }

    /// Whether something has been read that nobody has asked for yet.
    pub(super) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }
}

impl AsyncRead for Ahead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { pipe, buffer, stream } = &mut *self;
        if buffer.is_empty() {
            let before = buf.filled().len();
            if !*stream {
                ready!(Pin::new(pipe).poll_read(cx, buf))?;
                *stream = buf.filled().len() - before >= LITTLE;
                return Poll::Ready(Ok(()));
            }
            buffer.reserve(AHEAD);
            let len = ready!(pin!(pipe.read_buf(buffer)).poll(cx))?;
            *stream = len >= LITTLE;
        }
        let len = buffer.len().min(buf.remaining());
        buf.put_slice(buffer.get(..len).unwrap_or_default());
        buffer.advance(len);
        if buffer.is_empty() && !*stream {
            *buffer = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Ahead {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.pipe.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, DuplexStream};

    use super::*;
    use crate::Addr;

    fn ahead(room: usize) -> (Ahead, DuplexStream) {
        let (near, far) = tokio::io::duplex(room);
        let here = Addr::new("here", 1).unwrap();
        (Ahead::new(Pipe::new(near, here.clone(), here)), far)
    }

    async fn read(ahead: &mut Ahead, most: usize) -> Vec<u8> {
        let mut read = vec![0; most];
        let len = ahead.read(&mut read).await.unwrap();
        read.truncate(len);
        read
    }

    /// `[TLS-17]`
    #[tokio::test]
    async fn a_stream_is_read_ahead_and_in_order() {
        let (mut ahead, mut far) = ahead(1 << 20);
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(300_000).collect();
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut got = Vec::new();
        let mut most_ahead = 0;
        loop {
            let bytes = read(&mut ahead, LITTLE).await;
            if bytes.is_empty() {
                break;
            }
            got.extend(bytes);
            most_ahead = most_ahead.max(ahead.buffer.len());
        }
        assert!(got == sent, "nothing is lost or changes its place");
        assert!((AHEAD - LITTLE..=AHEAD).contains(&most_ahead), "{most_ahead}");
    }

    /// `[TLS-17]`
    #[tokio::test]
    async fn what_is_read_now_and_then_needs_no_memory_and_a_stream_that_ends_gives_it_back() {
        let (mut ahead, mut far) = ahead(1 << 20);
        for _ in 0..3 {
            far.write_all(&[1; 100]).await.unwrap();
            assert_eq!(read(&mut ahead, LITTLE).await, [1; 100]);
            assert_eq!(ahead.buffer.capacity(), 0);
        }
        far.write_all(&[2; 2 * LITTLE]).await.unwrap();
        read(&mut ahead, LITTLE).await;
        read(&mut ahead, LITTLE).await;
        assert!(!ahead.has_more() && ahead.buffer.capacity() > 0, "more may come");
        far.write_all(&[3; 100]).await.unwrap();
        assert_eq!(read(&mut ahead, 10).await, [3; 10]);
        assert!(ahead.has_more());
        assert_eq!(read(&mut ahead, LITTLE).await, [3; 90]);
        assert_eq!(ahead.buffer.capacity(), 0);
    }
}
