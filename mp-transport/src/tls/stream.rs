//! The stream within TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use super::ahead::Ahead;
use super::error::TlsError;

/// A stream within TLS whose errors are told in our words.
#[derive(Debug)]
pub(super) struct Stream {
    tls: TlsStream<Ahead>,
    /// What came of a read after others had already given something.
    next: Option<io::Result<()>>,
}

impl Stream {
    pub(super) fn new(tls: TlsStream<Ahead>) -> Self {
        Self { tls, next: None }
    }

    /// Whether more can be read without the system.
    fn has_more(&self) -> bool {
        let (ahead, state) = self.tls.get_ref();
        ahead.has_more() || !state.wants_read()
    }

    /// Reads what is left of one record.
    ///
    /// An end without TLS's own end is an end: Perl's programs do not always say goodbye, what is carried here has its
    /// own frames, and nobody takes the end of a connection for the end of a message `[TLS-13]`.
    fn poll_record(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf).map(|outcome| match outcome {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            outcome => told(outcome),
        })
    }
}

impl AsyncRead for Stream {
    /// As many records as have been read and have room, since each by itself is little to work on.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(outcome) = self.next.take() {
            return Poll::Ready(outcome);
        }
        let mut filled = buf.filled().len();
        ready!(self.poll_record(cx, buf))?;
        while filled < buf.filled().len() && buf.remaining() > 0 && self.has_more() {
            filled = buf.filled().len();
            match self.poll_record(cx, buf) {
                Poll::Ready(Ok(())) if filled < buf.filled().len() => {}
                // The end, or an error: told when what came before it has been taken.
                Poll::Ready(outcome) => self.next = Some(outcome),
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf).map(told)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx).map(told)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx).map(told)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write_vectored(cx, bufs).map(told)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }
}

fn told<T>(outcome: io::Result<T>) -> io::Result<T> {
    outcome.map_err(|error| TlsError::of(error).into())
}
