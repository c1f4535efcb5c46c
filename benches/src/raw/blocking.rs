//! The same with blocking sockets, in threads.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::buffer::{Incoming, Outgoing};

/// A connection: writes and reads frames.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    outgoing: Outgoing,
    incoming: Incoming,
}

impl Connection {
    /// Over a socket that is connected.
    ///
    /// # Errors
    ///
    /// It is closed already.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, outgoing: Outgoing::default(), incoming: Incoming::default() })
    }

    /// Writes one frame, to the socket if the buffer is full.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.outgoing.put(frame) {
            return Ok(());
        }
        self.flush()?;
        if !self.outgoing.put(frame) {
            self.socket.write_all(self.outgoing.prefix(frame))?;
            self.socket.write_all(frame)?;
        }
        Ok(())
    }

    /// Writes what is in the buffer.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(self.outgoing.bytes())?;
        self.outgoing.clear();
        Ok(())
    }

    /// Sends back the frames that have been read already, without flushing.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn echo_ready(&mut self) -> io::Result<()> {
        let Self { socket, outgoing, incoming } = self;
        while let Some(frame) = incoming.next() {
            if !outgoing.put(frame) {
                socket.write_all(outgoing.bytes())?;
                outgoing.clear();
                if !outgoing.put(frame) {
                    socket.write_all(outgoing.prefix(frame))?;
                    socket.write_all(frame)?;
                }
            }
        }
        Ok(())
    }

    /// Waits until at least one frame has been read; false at the end.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn fill(&mut self) -> io::Result<bool> {
        while !self.incoming.has_frame() {
            let read = self.socket.read(self.incoming.space())?;
            if read == 0 {
                return Ok(false);
            }
            self.incoming.filled(read);
        }
        Ok(true)
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn recv(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(if self.fill()? { self.incoming.next() } else { None })
    }

    /// A frame that has been read already.
    pub fn ready(&mut self) -> Option<&[u8]> {
        self.incoming.next()
    }
}
