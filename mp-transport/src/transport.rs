//! What every backend does: dial, listen, and give pipes.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Addr;

/// A backend that moves bytes between addresses.
///
/// Dialling and listening are rare, so a boxed future for each costs nothing that counts; bytes then flow through a
/// [`Pipe`] without the transport. What one owes beyond these signatures is what the `conformance` suite checks
/// `[TR-04]`.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Opens a pipe to whoever listens at `to`.
    ///
    /// # Errors
    ///
    /// What the system says, led by the address: nobody listens (`ConnectionRefused`), the name is not known, the way
    /// there is cut (`TimedOut`, `HostUnreachable`). How long the last takes is the transport's; a caller with less
    /// patience sets a limit of its own.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up the attempt. The listener may then see a pipe that ends at once.
    async fn dial(&self, to: &Addr) -> io::Result<Pipe>;

    /// Begins to listen at `at`; port 0 lets the transport choose a free one, which
    /// [`local_addr`](Listener::local_addr) tells.
    ///
    /// # Errors
    ///
    /// What the system says, led by the address: somebody listens there already (`AddrInUse`), it is not an address of
    /// this host (`AddrNotAvailable`), it is not allowed (`PermissionDenied`).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing that listens.
    async fn listen(&self, at: &Addr) -> io::Result<Box<dyn Listener>>;
}

/// Something that listens; it stops when it is dropped. Pipes that it gave live on.
#[async_trait]
pub trait Listener: Send + fmt::Debug {
    /// Waits for the next pipe that somebody opens.
    ///
    /// # Errors
    ///
    /// What the system says. After one that [`is_transient`](crate::error::is_transient) the listener goes on, and
    /// accepting is worth another try after a pause; after another one it is done for.
    ///
    /// # Cancellation
    ///
    /// Safe: no pipe is lost if the future is dropped.
    async fn accept(&mut self) -> io::Result<Pipe>;

    /// Where it listens, with the port that was chosen.
    fn local_addr(&self) -> Addr;
}

/// What a pipe can be made of: any byte stream of tokio's kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One raw byte stream in both directions: a TCP connection, one within TLS, one in memory.
///
/// Bytes arrive whole and in order, or the pipe breaks. Each direction ends by itself: `shutdown` ends what this side
/// sends, and the other side then reads the end of the stream, once it has read all bytes before it. Dropping the pipe
/// ends both.
pub struct Pipe {
    stream: Box<dyn Stream>,
    unread: Bytes,
    local: Addr,
    peer: Addr,
}

impl Pipe {
    /// Makes a pipe of a stream, which joins these two addresses.
    #[must_use]
    pub fn new<S>(stream: S, local: Addr, peer: Addr) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self { stream: Box::new(stream), unread: Bytes::new(), local, peer }
    }

    /// Puts `bytes` back: they are read first, before what the stream has `[TR-03]`. For what was read from a pipe but
    /// belongs to the next layer, as where TLS starts in mid-stream.
    #[must_use]
    pub fn with_unread(mut self, bytes: Bytes) -> Self {
        self.unread = if self.unread.is_empty() {
            bytes
        } else {
            let both = [bytes, std::mem::take(&mut self.unread)];
            both.concat().into()
        };
        self
    }

    /// This end's address.
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        &self.local
    }

    /// The other end's address, as the transport sees it. It proves nothing about who is there.
    #[must_use]
    pub fn peer_addr(&self) -> &Addr {
        &self.peer
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let n = self.unread.len().min(buf.remaining());
        buf.put_slice(self.unread.get(..n).unwrap_or_default());
        self.unread.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("local", &self.local)
            .field("peer", &self.peer)
            .field("unread", &self.unread.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// `[TR-03]`
    #[tokio::test]
    async fn what_is_put_back_is_read_first() {
        let (near, mut far) = tokio::io::duplex(64);
        let here = Addr::new("here", 1).unwrap();
        let pipe = Pipe::new(near, here.clone(), here);
        far.write_all(b"rest").await.unwrap();
        let mut pipe = pipe.with_unread(Bytes::from_static(b"two ")).with_unread(Bytes::from_static(b"one "));
        let mut read = [0; 12];
        pipe.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"one two rest");
    }
}
