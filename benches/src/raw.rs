//! Raw tokio sockets with length frames: the limit.
//!
//! Four bytes of length before each frame, buffers of 128 KiB on both sides, no-delay; no data model, no names, no
//! queue between the caller and the socket.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

const BUFFER: usize = 128 * 1024;
const PREFIX: usize = 4;

/// Writes frames.
#[derive(Debug)]
pub struct Writer {
    socket: OwnedWriteHalf,
    buffer: Vec<u8>,
}

/// Reads frames.
#[derive(Debug)]
pub struct Reader {
    socket: OwnedReadHalf,
    buffer: BytesMut,
}

/// Two connected ends on loopback.
///
/// # Cancellation
///
/// Dropping the future closes the sockets.
///
/// # Panics
///
/// If there is no loopback.
pub async fn pair() -> ((Writer, Reader), (Writer, Reader)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let addr = listener.local_addr().expect("bound");
    let (dialled, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
    (end(dialled.expect("loopback")), end(accepted.expect("loopback").0))
}

fn end(socket: TcpStream) -> (Writer, Reader) {
    socket.set_nodelay(true).expect("TCP");
    let (read, write) = socket.into_split();
    let reader = Reader { socket: read, buffer: BytesMut::with_capacity(BUFFER) };
    (Writer { socket: write, buffer: Vec::with_capacity(2 * BUFFER) }, reader)
}

impl Writer {
    /// Writes one frame, to the socket if the buffer is full.
    ///
    /// # Cancellation
    ///
    /// Not safe: a part may have been written.
    ///
    /// # Panics
    ///
    /// If the connection breaks.
    pub async fn send(&mut self, frame: &[u8]) {
        let len = u32::try_from(frame.len()).expect("a benchmark's frame is small");
        self.buffer.extend_from_slice(&len.to_le_bytes());
        self.buffer.extend_from_slice(frame);
        if self.buffer.len() >= BUFFER {
            self.flush().await;
        }
    }

    /// Writes what is in the buffer.
    ///
    /// # Cancellation
    ///
    /// Not safe: a part may have been written.
    ///
    /// # Panics
    ///
    /// If the connection breaks.
    pub async fn flush(&mut self) {
        self.socket.write_all(&self.buffer).await.expect("loopback holds");
        self.buffer.clear();
    }
}

impl Reader {
    /// Reads one frame; `None` at the end.
    ///
    /// # Cancellation
    ///
    /// Safe: what was read is kept.
    ///
    /// # Panics
    ///
    /// If the connection breaks.
    pub async fn recv(&mut self) -> Option<Bytes> {
        loop {
            if let Some(prefix) = self.buffer.first_chunk::<PREFIX>() {
                let len = u32::from_le_bytes(*prefix) as usize;
                if self.buffer.len() >= PREFIX + len {
                    self.buffer.advance(PREFIX);
                    return Some(self.buffer.split_to(len).freeze());
                }
            }
            self.buffer.reserve(BUFFER);
            if self.socket.read_buf(&mut self.buffer).await.expect("loopback holds") == 0 {
                return None;
            }
        }
    }
}
