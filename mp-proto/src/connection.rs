//! An authenticated connection between two nodes.

mod arrivals;
mod liveness;
pub mod pieces;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

pub use self::arrivals::{Arrivals, Frames, Incoming, Run};
use self::liveness::Liveness;
use self::pieces::{Found, Pieces};
use crate::codec::FrameScanner;
use crate::codec::scan::{Bounds, Cuts, Stop};
use crate::{DecodeError, Frame, Framing, Limits, Place, Protocol, Session};

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
    bounds: Bounds,
    /// Large messages on their way, if the peer may send them in pieces `[LN-01]`.
    pieces: Option<Pieces>,
    arrived: VecDeque<Arrivals>,
    /// How many messages came together the last time.
    many: usize,
    liveness: Option<Liveness>,
    /// An empty message as it goes over the wire.
    keep_alive: Bytes,
    /// Bytes that the last call left in the input.
    unread: usize,
    over: bool,
}

/// Behind a frame of more bytes than this, what else has been read is moved to memory of its own.
const LARGE: usize = 128 * 1024;
/// No message is shorter, with what stands before it.
const SHORTEST: usize = 2;

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
            bounds: Bounds {
                bytes: limits.max_message,
                values: limits.max_values,
                large: LARGE,
                pieces: session.receives_pieces(),
            },
            pieces: session.receives_pieces().then(Pieces::default),
            arrived: VecDeque::new(),
            many: 0,
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

    /// The next messages that arrived together: the same as [`poll_event`](Protocol::poll_event) gives one by one, for
    /// owners that deliver many at once.
    pub fn poll_arrivals(&mut self) -> Option<Arrivals> {
        self.arrived.pop_front()
    }

    /// Gives back memory of large messages that was kept for the next ones, if none has come since this was called the last
    /// time `[LN-12]`. To be called every few seconds.
    pub fn tidy(&mut self) {
        if let Some(pieces) = &mut self.pieces {
            pieces.tidy();
        }
    }

    fn take_messages(&mut self, input: &mut BytesMut) -> Result<(), DecodeError> {
        loop {
            match self.pieces.as_mut().map(|pieces| pieces.take(input, self.bounds.bytes)).transpose()? {
                None | Some(Found::Frame) => {}
                Some(Found::Part) => return Ok(()),
                Some(Found::Whole(body)) => {
                    let cut = self.scanner.examine(&body, self.bounds)?;
                    self.arrive(body, cut);
                    continue;
                }
            }
            let mut cuts = Cuts::with_capacity(self.many.min(input.len() / SHORTEST));
            let (used, result) = self.scanner.cut(input, self.bounds, &mut cuts);
            let bytes = input.split_to(used).freeze();
            if result == Ok(Stop::Large) {
                // What was read with it must not keep its memory for as long as it waits [ND-24].
                *input = BytesMut::from(&input[..]);
            }
            self.many = if cuts.places.is_empty() { self.many } else { cuts.places.len() };
            self.arrive(bytes, cuts);
            if result? == Stop::End {
                return Ok(());
            }
        }
    }

    fn arrive(&mut self, bytes: Bytes, cuts: Cuts) {
        if !cuts.places.is_empty() {
            self.arrived.push_back(Arrivals::new(self.session.receive, bytes, cuts));
        }
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

    fn poll_place(&mut self) -> Option<Place<'_>> {
        self.pieces.as_mut().filter(|_| !self.over)?.place()
    }

    fn handle_placed(
        &mut self,
        now: Instant,
        len: usize,
        input: &mut BytesMut,
    ) -> Result<(), ConnectionError> {
        if let Some(pieces) = &mut self.pieces {
            pieces.placed(len, input);
        }
        // Something has been heard, though nothing may be left to be taken.
        self.unread = 0;
        if let Some(liveness) = self.liveness.as_mut().filter(|_| !self.over) {
            liveness.note_heard(now);
        }
        self.handle_bytes(now, input)
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
        loop {
            let first = self.arrived.front_mut()?;
            if let Some(incoming) = first.next_incoming() {
                return Some(incoming);
            }
            self.arrived.pop_front();
        }
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
