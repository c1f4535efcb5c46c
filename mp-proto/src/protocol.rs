//! The shape of every state machine here.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

/// Where bytes are to be read to: the end of this memory.
#[derive(Debug)]
pub struct Place<'a> {
    /// What they are put behind. It has room for them.
    pub memory: &'a mut Vec<u8>,
    /// So many at the most, and at least one.
    pub most: usize,
}

/// A conversation as a pure state machine: bytes and time go in, bytes and events come out.
///
/// After any `handle_*`, the owner first drains [`poll_transmit`](Protocol::poll_transmit), then
/// [`poll_event`](Protocol::poll_event), then waits for input, for a command of its own, or for
/// [`poll_timeout`](Protocol::poll_timeout). After an error the machine is spent: what `poll_transmit` still has should
/// be sent, and the pipe closed.
pub trait Protocol {
    /// What the owner is told.
    type Event;
    /// Why the conversation failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Takes what was read, at the time `now`. Consumes from `input` what it can use and leaves the rest, to which the
    /// next read is appended.
    ///
    /// # Errors
    ///
    /// The peer broke a rule; the conversation is over.
    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), Self::Error>;

    /// Where the next bytes belong, if that is known before they are read: then they need not be copied there `[TR-26]`. Asked
    /// only while nothing is left of the input. The owner may read to that place, or go on as if there were none.
    fn poll_place(&mut self) -> Option<Place<'_>> {
        None
    }

    /// So many bytes, at least one, were read to the [place](Self::poll_place) that was given last, at the time `now`. What
    /// they have beyond what belongs there is put to `input`, which was empty; otherwise as
    /// [`handle_bytes`](Self::handle_bytes).
    ///
    /// # Errors
    ///
    /// The peer broke a rule; the conversation is over.
    fn handle_placed(&mut self, now: Instant, len: usize, input: &mut BytesMut) -> Result<(), Self::Error> {
        let _no_place_was_given = len;
        self.handle_bytes(now, input)
    }

    /// The peer will send no more.
    ///
    /// # Errors
    ///
    /// The end came too early.
    fn handle_eof(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// The time of [`poll_timeout`](Protocol::poll_timeout) has come.
    ///
    /// # Errors
    ///
    /// The peer was silent for too long.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// Appends bytes to send to `out`; says whether it did.
    fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> bool;

    /// Bytes that go in between what [`poll_transmit`](Self::poll_transmit) has just left in `out`, as they are: behind the first
    /// so many of it. So what is large need not be copied. The owner asks after `poll_transmit` said that it did something,
    /// again and again until there are none, each of them further back than the last one or behind it; and does not call that
    /// again before all are written `[TR-24]`.
    fn poll_between(&mut self) -> Option<(usize, Bytes)> {
        None
    }

    /// The next thing that happened.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When [`handle_timeout`](Protocol::handle_timeout) wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether more input is welcome now. While it is not, the owner does not read, and the peer finds its socket full.
    fn wants_input(&self) -> bool {
        true
    }

    /// Whether somebody has been given so much to do that the owner had better let others run before it goes on. Asked
    /// after input was handled; it is true once.
    fn wants_pause(&mut self) -> bool {
        false
    }
}
