//! The stream within TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use super::error::TlsError;
use crate::Pipe;

/// A stream within TLS whose errors are told in our words.
#[derive(Debug)]
pub(super) struct Stream(pub(super) TlsStream<Pipe>);

impl AsyncRead for Stream {
    /// An end without TLS's own end is an end: Perl's programs do not always say goodbye, what is carried here has its
    /// own frames, and nobody takes the end of a connection for the end of a message `[TLS-13]`.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf).map(|outcome| match outcome {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            outcome => told(outcome),
        })
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf).map(told)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx).map(told)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx).map(told)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs).map(told)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

fn told<T>(outcome: io::Result<T>) -> io::Result<T> {
    outcome.map_err(|error| TlsError::of(error).into())
}
