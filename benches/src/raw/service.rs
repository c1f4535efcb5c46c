//! What listens at the other side of raw connections. A connection's first frame says what it is for.

use std::io;
use std::net::TcpListener as BlockingListener;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::blocking::Connection;
use super::{Reader, Writer, ends, tls};
use crate::tally::Tally;
use crate::task;

/// What a connection is for; its first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Frames are counted; an empty one asks for the [`Tally`] so far.
    Sink,
    /// Frames are for so many receivers, whose number is the first byte; an empty one asks for the sum of their tallies.
    Fan(usize),
    /// Frames come back.
    Echo,
    /// Frames of up to so many bytes come back; larger ones are counted, and for each the [`Tally`] comes.
    Mixed(usize),
}

impl Role {
    /// As the first frame.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn frame(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("a role can be written")
    }

    fn of(frame: Option<&[u8]>) -> io::Result<Self> {
        Ok(serde_json::from_slice(frame.ok_or(io::ErrorKind::UnexpectedEof)?)?)
    }

    fn receivers(self) -> usize {
        if let Self::Fan(receivers) = self { receivers } else { 1 }
    }
}

/// Serves tokio's sockets in a task of its own.
///
/// # Errors
///
/// There is no loopback.
///
/// # Cancellation
///
/// Dropping the future closes the listener.
pub async fn listen() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?.to_string();
    drop(task(async move {
        while let Ok((socket, _)) = listener.accept().await {
            drop(task(async move {
                let (writer, reader) = ends(socket)?;
                serve(writer, reader).await
            }));
        }
    }));
    Ok(addr)
}

/// The same over TLS, with a PEM that [`tls::pem`] has made.
///
/// # Errors
///
/// The PEM is another one; there is no loopback.
///
/// # Cancellation
///
/// Dropping the future closes the listener.
pub async fn listen_tls(pem: &str) -> anyhow::Result<String> {
    let acceptor = tls::acceptor(pem)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?.to_string();
    drop(task(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            drop(task(async move {
                let (writer, reader) = tls::accept(&acceptor, socket).await?;
                serve(writer, reader).await
            }));
        }
    }));
    Ok(addr)
}

/// Serves blocking sockets in threads of their own.
///
/// # Errors
///
/// There is no loopback.
pub fn listen_blocking() -> io::Result<String> {
    let listener = BlockingListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve_blocking(Connection::new(socket)?));
        }
    });
    Ok(addr)
}

async fn serve<W: AsyncWrite + Unpin, R: AsyncRead + Unpin>(
    mut writer: Writer<W>,
    mut reader: Reader<R>,
) -> io::Result<()> {
    let role = Role::of(reader.recv().await?)?;
    if let Role::Echo | Role::Mixed(_) = role {
        let small = if let Role::Mixed(small) = role { small } else { usize::MAX };
        let mut tally = Tally::default();
        while let Some(frame) = reader.recv().await? {
            if frame.len() <= small {
                writer.send(frame).await?;
            } else {
                tally.add(frame);
                writer.send(&tally.frame()).await?;
            }
            if !reader.is_ready() {
                writer.flush().await?;
            }
        }
        return Ok(());
    }
    let mut tallies = vec![Tally::default(); role.receivers()];
    while let Some(frame) = reader.recv().await? {
        if count(role, &mut tallies, frame) {
            continue;
        }
        writer.send(&total(&tallies).frame()).await?;
        writer.flush().await?;
    }
    Ok(())
}

fn serve_blocking(mut connection: Connection) -> io::Result<()> {
    let role = Role::of(connection.recv()?)?;
    if role == Role::Echo {
        while connection.fill()? {
            connection.echo_ready()?;
            connection.flush()?;
        }
        return Ok(());
    }
    let mut tallies = vec![Tally::default(); role.receivers()];
    while let Some(frame) = connection.recv()? {
        if count(role, &mut tallies, frame) {
            continue;
        }
        connection.send(&total(&tallies).frame())?;
        connection.flush()?;
    }
    Ok(())
}

/// Counts a frame; false says that it asks for the sum.
fn count(role: Role, tallies: &mut [Tally], frame: &[u8]) -> bool {
    let Some(&first) = frame.first() else { return false };
    let receiver = if role == Role::Sink { 0 } else { usize::from(first) };
    if let Some(tally) = tallies.get_mut(receiver) {
        tally.add(frame);
    }
    true
}

fn total(tallies: &[Tally]) -> Tally {
    tallies.iter().copied().sum()
}
