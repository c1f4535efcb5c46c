//! The stream within TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use super::ahead::Ahead;
use super::error::TlsError;

/// A stream within TLS whose errors are told in our words.
#[derive(Debug)]
pub(super) struct Stream {
    tls: TlsStream<Ahead>,
    /// How it ended, if that is known: told when nothing is left that came before.
    end: Option<io::Result<()>>,
}

impl Stream {
    pub(super) fn new(tls: TlsStream<Ahead>) -> Self {
        Self { tls, end: None }
    }

    /// Whether something has been decrypted that nobody has read yet.
    fn has_decrypted(&self) -> bool {
        !self.tls.get_ref().1.wants_read()
    }

    /// Whether more can be read without the system.
    fn has_more(&self) -> bool {
        self.has_decrypted() || self.tls.get_ref().0.has_more()
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
        let begun = buf.filled().len();
        while self.end.is_none() || self.has_decrypted() {
            let before = buf.filled().len();
            match self.poll_record(cx, buf) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) if buf.filled().len() > before => {
                    if buf.remaining() == 0 || !self.has_more() {
                        break;
                    }
                }
                // Of what lies behind records that are good: rustls tells it before these are read.
                Poll::Ready(Err(error)) if self.end.is_none() => self.end = Some(Err(error)),
                Poll::Ready(outcome) => {
                    self.end.get_or_insert(outcome);
                    break;
                }
            }
        }
        if buf.filled().len() > begun {
            return Poll::Ready(Ok(()));
        }
        self.end.take().map_or(Poll::Pending, Poll::Ready)
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
