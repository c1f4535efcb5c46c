//! An authenticated connection between two nodes.

mod liveness;
pub mod pieces;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::codec::{Codec as _, FrameScanner, with_codec};
use crate::request::is_no_op;
use crate::token::{Token, TokenReader};
use crate::{DecodeError, Frame, Framing, Limits, Protocol, Session};
use liveness::Liveness;
use pieces::{Found, Pieces};

/// What goes on after the handshake: cuts messages from the stream `[CN-01]` and sees that the peer is alive.
///
/// The messages that *we* send do not pass through here: the owner writes their frames in [`Session::send`] behind each
/// other, and tells by [`note_sent`](Self::note_sent) that it did. What [`poll_transmit`](Protocol::poll_transmit) gives
/// is whole frames, to be put between those of the owner.
///
/// # Signs of life
///
/// Between nodes of our own kind every byte received is a sign of life. A peer from which nothing comes for
/// [`Limits::monitor_timeout`] is taken for lost `[CN-04]`, and so that it does not take us for lost, it gets an empty
/// message when we have sent nothing for a quarter of the time that it, or we, would bear, whichever is shorter
/// `[CN-05]`. The time during which the owner does not read does not count, see [`pause_input`](Self::pause_input). Other
/// peers send no such messages and get none.
#[derive(Debug)]
pub struct Connection {
    session: Session,
    scanner: FrameScanner,
    /// Large messages on their way, if the peer may send them in pieces `[LN-01]`.
    pieces: Option<Pieces>,
    max_message: usize,
    max_values: usize,
    messages: VecDeque<Incoming>,
    liveness: Option<Liveness>,
    /// An empty message as it goes over the wire.
    keep_alive: Bytes,
    /// Bytes that the last call left in the input.
    unread: usize,
    over: bool,
}

/// Behind a frame of more bytes than this, what else has been read is moved to memory of its own.
const LARGE: usize = 128 * 1024;

/// A message that has arrived.
#[derive(Debug, Clone)]
pub struct Incoming {
    port: Name,
    /// The message, checked to be well-formed.
    pub frame: Frame,
}

/// A port's name in a message.
#[derive(Debug, Clone)]
enum Name {
    /// It stands in the frame as it is.
    At(Range<usize>),
    /// It had to be made of what stands there.
    Made(Box<str>),
}

impl Incoming {
    /// The name of the port that it is for; empty for the node port.
    #[must_use]
    pub fn port(&self) -> &str {
        match &self.port {
            Name::At(place) => {
                let name = self.frame.bytes().get(place.clone()).unwrap_or_default();
                // The frame was checked, and this is one of its texts.
                std::str::from_utf8(name).unwrap_or_default()
            }
            Name::Made(name) => name,
        }
    }
}

/// Why a connection has ended. The texts are what monitors give as the third part of `transport_error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer closed the connection, in Perl's words `[CN-07]`.
    #[error("Unexpected end-of-file")]
    Closed,
    /// The peer gave no sign of life.
    #[error("no sign of life for {} ms", after.as_millis())]
    Silent {
        /// For how long at least.
        after: Duration,
    },
    /// The peer sent what is no message, or too long a one `[CN-03]`.
    #[error("bad message: {0}")]
    BadMessage(#[source] DecodeError),
    /// The session uses a framing that is not compiled in.
    #[error("the framing {0} is not compiled in")]
    Unavailable(Framing),
}

impl Connection {
    /// Begins at the time `now`, where the handshake ended.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Unavailable`]; not for a session that a [`Handshake`](crate::Handshake) made.
    pub fn new(session: Session, limits: &Limits, now: Instant) -> Result<Self, ConnectionError> {
        let receive = session.receive;
        Ok(Self {
            scanner: FrameScanner::new(receive).map_err(|_| ConnectionError::Unavailable(receive))?,
            pieces: session.receives_pieces().then(Pieces::default),
            max_message: limits.max_message,
            max_values: limits.max_values,
            messages: VecDeque::new(),
            liveness: session.instance.map(|_| Liveness::new(limits.monitor_timeout, session.silence, now)),
            keep_alive: keep_alive(session.send)?,
            unread: 0,
            over: false,
            session,
        })
    }

    /// What the handshake found out.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The owner has sent something at the time `now`: no keep-alive is needed for a while.
    pub fn note_sent(&mut self, now: Instant) {
        if let Some(liveness) = &mut self.liveness {
            liveness.note_sent(now);
        }
    }

    /// The owner stops reading, because its ports have no room: the peer's silence does not count from now on
    /// `[CN-06]`.
    pub fn pause_input(&mut self) {
        if let Some(liveness) = &mut self.liveness {
            liveness.pause();
        }
    }

    /// The owner reads again from the time `now` on. The peer has the whole time again to be heard, as what it sent
    /// meanwhile must be read first.
    pub fn resume_input(&mut self, now: Instant) {
        if let Some(liveness) = &mut self.liveness {
            liveness.resume(now);
        }
    }

    fn take_messages(&mut self, input: &mut BytesMut) -> Result<(), DecodeError> {
        loop {
            match self.pieces.as_mut().map(|pieces| pieces.take(input, self.max_message)).transpose()? {
                None | Some(Found::Frame) => {}
                Some(Found::Part) => return Ok(()),
                Some(Found::Whole(body)) => {
                    self.take_message(Frame::new(self.session.receive, body))?;
                    continue;
                }
            }
            let Some(frame) = self.scanner.next(input, self.max_message)? else { return Ok(()) };
            if frame.bytes().len() > LARGE {
                // What was read with it must not keep its memory for as long as it waits [ND-24].
                *input = BytesMut::from(&input[..]);
            }
            self.take_message(frame)?;
        }
    }

    fn take_message(&mut self, frame: Frame) -> Result<(), DecodeError> {
        let incoming = Incoming { port: port_name(&frame)?, frame };
        incoming.frame.check_values(self.max_values)?;
        if !incoming.port().is_empty() || !means_nothing(&incoming.frame) {
            self.messages.push_back(incoming);
        }
        Ok(())
    }
}

impl Protocol for Connection {
    type Event = Incoming;
    type Error = ConnectionError;

    /// Takes all whole messages, each of which is checked; empty ones are a sign of life and nothing else `[CN-02]`.
    /// When a bad one comes, those before it are still given by `poll_event`.
    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), ConnectionError> {
        if self.over {
            return Ok(());
        }
        if let Some(liveness) = self.liveness.as_mut().filter(|_| input.len() > self.unread) {
            liveness.note_heard(now);
        }
        let result = self.take_messages(input);
        self.unread = input.len();
        self.over = result.is_err();
        result.map_err(ConnectionError::BadMessage)
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), ConnectionError> {
        self.over = true;
        Err(ConnectionError::Closed)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let Some(liveness) = self.liveness.as_mut().filter(|_| !self.over) else { return Ok(()) };
        let result = liveness.check(now);
        self.over = result.is_err();
        result
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        let due = !self.over && self.liveness.as_mut().is_some_and(|liveness| liveness.take_due(now));
        if due {
            out.extend_from_slice(&self.keep_alive);
        }
        due
    }

    fn poll_event(&mut self) -> Option<Incoming> {
        self.messages.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.liveness.as_ref().filter(|_| !self.over).and_then(Liveness::next)
    }
}

/// `["",""]`, which every node ignores.
fn keep_alive(framing: Framing) -> Result<Bytes, ConnectionError> {
    let mut out = BytesMut::new();
    Frame::write(framing, "", &[""], None, usize::MAX, &mut out)
        .map_err(|_| ConnectionError::Unavailable(framing))?;
    Ok(out.freeze())
}

/// Checks the frame, and says where it has the port's name.
fn port_name(frame: &Frame) -> Result<Name, DecodeError> {
    let name = match frame.check()? {
        Cow::Owned(name) => return Ok(Name::Made(name.into())),
        Cow::Borrowed(name) => name,
    };
    let bytes = frame.bytes();
    let start = (name.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
    Ok(match start.checked_add(name.len()) {
        Some(end) if end <= bytes.len() => Name::At(start..end),
        // An empty name, for what is no text in the frame.
        _ => Name::Made(name.into()),
    })
}

/// Whether a message to the node port, already checked, asks for nothing `[CN-02]`.
fn means_nothing(frame: &Frame) -> bool {
    fn begins_so<'a>(mut reader: impl TokenReader<'a>) -> bool {
        let list_and_name = [reader.next(), reader.next()];
        if matches!(list_and_name[1], Ok(Token::End)) {
            return true;
        }
        match reader.next() {
            Ok(Token::End | Token::Null) => true,
            Ok(Token::Text(tag)) => is_no_op(tag.as_bytes()),
            Ok(Token::Bytes(tag)) => is_no_op(&tag),
            _ => false,
        }
    }
    with_codec!(frame.framing(), C => begins_so(C::reader(frame.bytes())), else false)
}
