//! What waits to be written to one peer: one buffer that messages are encoded straight into.

use bytes::BytesMut;
use mp_proto::codec::FrameScanner;
use mp_proto::{DecodeError, EncodeError, Frame, Framing, Limits, PortId};
use serde::Serialize;

/// Which bound a message counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Messages of ports: they wait when the box is full.
    Data,
    /// Kills, monitors and the node port's replies: always taken, so that they never wait behind data (law 5).
    Control,
    /// Pieces of relayed pipes: always taken, as their windows bound them `[RL-03]`.
    Carried,
}

/// What became of an offered message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is in the buffer.
    Taken,
    /// The box is full; nothing has changed.
    Full,
    /// Control messages have outgrown their bound: the peer does not read, and must go.
    Flooded,
}

/// The buffer of one peer, in one framing.
#[derive(Debug)]
pub(crate) struct Outbox {
    framing: Framing,
    buffer: BytesMut,
    control_bytes: usize,
    /// The largest control message in the buffer.
    largest_control: usize,
    carried_bytes: usize,
    /// Messages in the buffer.
    messages: usize,
}

impl Outbox {
    pub(crate) fn new(framing: Framing) -> Self {
        Self {
            framing,
            buffer: BytesMut::new(),
            control_bytes: 0,
            largest_control: 0,
            carried_bytes: 0,
            messages: 0,
        }
    }

    /// Encodes a message into the buffer, if there is room.
    ///
    /// Data finds room while fewer bytes than the bound wait, so the box holds one message more than the bound at the
    /// most, and a message larger than the bound goes when nothing else waits.
    #[inline]
    pub(crate) fn offer<M: Serialize + ?Sized>(
        &mut self,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane,
        limits: &Limits,
    ) -> Result<Offer, EncodeError> {
        if lane == Lane::Data && self.data_bytes() >= limits.outbox_bytes {
            return Ok(Offer::Full);
        }
        // The largest does not count: a whole directory may be one message, and says nothing about who reads it.
        let bound = limits.outbox_control_bytes.saturating_add(self.largest_control);
        if lane == Lane::Control && self.control_bytes >= bound {
            return Ok(Offer::Flooded);
        }
        let before = self.buffer.len();
        Frame::write_within(self.framing, port, message, reply, limits, &mut self.buffer)?;
        self.messages += 1;
        match lane {
            Lane::Data => {}
            Lane::Control => {
                let len = self.buffer.len() - before;
                self.control_bytes += len;
                self.largest_control = self.largest_control.max(len);
            }
            Lane::Carried => self.carried_bytes += self.buffer.len() - before,
        }
        Ok(Offer::Taken)
    }

    /// Bytes of data that wait.
    pub(crate) fn data_bytes(&self) -> usize {
        self.buffer.len() - self.control_bytes - self.carried_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Bytes that wait, of all lanes.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Messages that wait.
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// Moves all that waits to the end of `out`, without copying it if `out` is empty.
    pub(crate) fn take(&mut self, out: &mut BytesMut) {
        if out.is_empty() {
            std::mem::swap(out, &mut self.buffer);
        } else {
            out.extend_from_slice(&self.buffer);
        }
        self.buffer.clear();
        self.control_bytes = 0;
        self.largest_control = 0;
        self.carried_bytes = 0;
        self.messages = 0;
    }

    /// Puts the messages of another box behind those of this one, whatever the bounds on bytes: each box is within them.
    /// What a queue does when its connection comes.
    ///
    /// # Errors
    ///
    /// A message cannot be written in this framing within the bound of one message. Nothing has been added.
    pub(crate) fn append(&mut self, other: &Self, limits: &Limits) -> Result<(), EncodeError> {
        let before = self.buffer.len();
        let appended = self.append_frames(other, limits);
        match appended {
            Ok(()) => self.messages += other.messages,
            Err(_) => self.buffer.truncate(before),
        }
        appended
    }

    fn append_frames(&mut self, other: &Self, limits: &Limits) -> Result<(), EncodeError> {
        if other.framing == self.framing {
            self.buffer.extend_from_slice(&other.buffer);
            return Ok(());
        }
        let mut rest = other.buffer.clone();
        let malformed = |error: DecodeError| EncodeError::Custom(error.to_string());
        let mut scanner = FrameScanner::new(other.framing).map_err(malformed)?;
        while let Some(frame) = scanner.next(&mut rest, usize::MAX).map_err(malformed)? {
            frame.transcode(self.framing, limits.max_message, &mut self.buffer)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.outbox_bytes = 100;
        limits.outbox_control_bytes = 50;
        limits.max_message = 1000;
        limits
    }

    /// [ND-10]
    #[test]
    fn data_waits_at_the_bound_and_control_does_not() {
        let (limits, mut outbox) = (limits(), Outbox::new(Framing::Postcard));
        let mut taken = 0;
        while outbox.offer("p", &("x", 1), None, Lane::Data, &limits).expect("encodes") == Offer::Taken {
            taken += 1;
        }
        assert!(outbox.data_bytes() >= 100 && outbox.data_bytes() < 120, "{}", outbox.data_bytes());
        assert_eq!(outbox.offer("", &"kil1", None, Lane::Control, &limits).expect("encodes"), Offer::Taken);
        assert_eq!(outbox.messages(), taken + 1);
        let mut out = BytesMut::new();
        outbox.take(&mut out);
        assert!(outbox.is_empty() && !out.is_empty());
        assert_eq!(outbox.offer("p", &("x", 1), None, Lane::Data, &limits).expect("encodes"), Offer::Taken);
    }

    #[test]
    fn control_has_a_bound_too() {
        let (limits, mut outbox) = (limits(), Outbox::new(Framing::Postcard));
        let flooded = (0..100).any(|_| {
            outbox.offer("", &("kil1", "port"), None, Lane::Control, &limits).expect("encodes")
                == Offer::Flooded
        });
        assert!(flooded);
    }

    /// [ND-11]
    #[test]
    fn one_large_control_message_is_no_flood() {
        let (limits, mut outbox) = (limits(), Outbox::new(Framing::Postcard));
        let mut offer = |text: &str| outbox.offer("", &text, None, Lane::Control, &limits).expect("encodes");
        assert_eq!(offer(&"x".repeat(500)), Offer::Taken);
        assert_eq!(offer("small"), Offer::Taken);
        assert_eq!(offer(&"x".repeat(500)), Offer::Taken);
        assert_eq!(offer("small"), Offer::Flooded);
    }

    #[test]
    fn one_message_larger_than_the_bound_goes_alone() {
        let (limits, mut outbox) = (limits(), Outbox::new(Framing::Postcard));
        let large = "x".repeat(500);
        assert_eq!(outbox.offer("p", &large, None, Lane::Data, &limits).expect("encodes"), Offer::Taken);
        assert_eq!(outbox.offer("p", &large, None, Lane::Data, &limits).expect("encodes"), Offer::Full);
    }

    #[test]
    fn a_failed_message_leaves_nothing_behind() {
        let (limits, mut outbox) = (limits(), Outbox::new(Framing::Postcard));
        let error = outbox.offer("p", &"x".repeat(2000), None, Lane::Data, &limits);
        assert!(matches!(error, Err(EncodeError::TooLong { max: 1000, .. })), "{error:?}");
        assert!(outbox.is_empty());
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_queue_is_written_again_in_the_framing_of_its_connection() {
        let (limits, mut outbox) = (limits(), Outbox::new(Framing::Postcard));
        outbox.offer("p", &("x", 1), None, Lane::Data, &limits).expect("encodes");
        outbox.offer("", &("mon1", "q"), None, Lane::Control, &limits).expect("encodes");
        let mut json = Outbox::new(Framing::Json);
        json.append(&outbox, &limits).expect("both fit");
        assert_eq!(json.messages(), 2);
        let mut out = BytesMut::new();
        json.take(&mut out);
        assert_eq!(&out[..], br#"["p","x",1]["","mon1","q"]"#);
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_queue_that_cannot_be_written_again_stays_as_it_is() {
        let (limits, mut outbox) = (limits(), Outbox::new(Framing::Postcard));
        outbox.offer("p", &"fits", None, Lane::Data, &limits).expect("encodes");
        outbox.offer("p", &"\u{1}".repeat(900), None, Lane::Data, &limits).expect("fits in postcard");
        let mut json = Outbox::new(Framing::Json);
        assert!(matches!(json.append(&outbox, &limits), Err(EncodeError::TooLong { .. })));
        assert!(json.is_empty() && json.messages() == 0);
        assert_eq!(outbox.messages(), 2);
    }
}
