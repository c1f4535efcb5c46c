//! Raw sockets with length frames: the limit that everything else is held against.
//!
//! Four bytes of length before each frame, buffers of 128 KiB on both sides, no-delay; no data model, no names, no
//! queue between the caller and the socket. What is sent is copied into the buffer, but for frames that are larger than
//! that, which go out as they are: so do the buffered writers of the standard library and of tokio.

pub mod blocking;
mod buffer;
pub mod service;
pub mod tls;

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use buffer::{Incoming, Outgoing};

/// The reader's buffer, and the most that a writer gathers.
pub const BUFFER: usize = 128 * 1024;

/// Writes frames.
#[derive(Debug)]
pub struct Writer<S = OwnedWriteHalf> {
    socket: S,
    buffer: Outgoing,
}

/// Reads frames.
#[derive(Debug)]
pub struct Reader<S = OwnedReadHalf> {
    socket: S,
    buffer: Incoming,
}

/// Both ends of a connection of tokio's.
pub type Ends = (Writer, Reader);

/// Two connected ends on loopback.
///
/// # Errors
///
/// There is no loopback.
///
/// # Cancellation
///
/// Dropping the future closes the sockets.
pub async fn pair() -> io::Result<(Ends, Ends)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let (dialled, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
    Ok((ends(dialled?)?, ends(accepted?.0)?))
}

/// Connects.
///
/// # Errors
///
/// Nobody listens there.
///
/// # Cancellation
///
/// Dropping the future gives the attempt up.
pub async fn connect(addr: &str) -> io::Result<Ends> {
    ends(TcpStream::connect(addr).await?)
}

/// The ends of a connection that was made.
///
/// # Errors
///
/// It is closed already.
pub fn ends(socket: TcpStream) -> io::Result<Ends> {
    socket.set_nodelay(true)?;
    let (read, write) = socket.into_split();
    Ok((Writer::new(write), Reader::new(read)))
}

/// The socket of these ends. What has been read and not been taken is lost.
///
/// # Errors
///
/// They are ends of two sockets.
pub fn socket(writer: Writer, reader: Reader) -> io::Result<TcpStream> {
    reader.socket.reunite(writer.socket).map_err(io::Error::other)
}

impl<S: AsyncWrite + Unpin> Writer<S> {
    /// Writes to this socket.
    pub fn new(socket: S) -> Self {
        Self { socket, buffer: Outgoing::default() }
    }

    /// Writes one frame, to the socket if the buffer is full.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    ///
    /// # Cancellation
    ///
    /// Not safe: a part may have been written.
    pub async fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.buffer.put(frame) {
            return Ok(());
        }
        self.flush().await?;
        if !self.buffer.put(frame) {
            self.socket.write_all(self.buffer.prefix(frame)).await?;
            self.socket.write_all(frame).await?;
        }
        Ok(())
    }

    /// Writes what is in the buffer.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    ///
    /// # Cancellation
    ///
    /// Not safe: a part may have been written.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(self.buffer.bytes()).await?;
        self.buffer.clear();
        self.socket.flush().await
    }
}

impl<S: AsyncRead + Unpin> Reader<S> {
    /// Reads from this socket.
    pub fn new(socket: S) -> Self {
        Self { socket, buffer: Incoming::default() }
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    ///
    /// # Cancellation
    ///
    /// Safe: what was read is kept.
    pub async fn recv(&mut self) -> io::Result<Option<&[u8]>> {
        while !self.buffer.has_frame() {
            let read = self.socket.read(self.buffer.space()).await?;
            if read == 0 {
                return Ok(None);
            }
            self.buffer.filled(read);
        }
        Ok(self.buffer.next())
    }

    /// A frame that has been read already.
    pub fn ready(&mut self) -> Option<&[u8]> {
        self.buffer.next()
    }

    /// Whether [`Reader::ready`] would give a frame.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.buffer.has_frame()
    }
}
