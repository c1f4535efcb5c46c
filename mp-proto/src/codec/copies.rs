//! One message for many ports.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use super::{Codec, EncodeError, Frame, Framing, with_codec};
use crate::token::TokenWriter;
use crate::{Limits, PortId};

/// A message that has been written once, in one framing, and goes to any number of ports: their frames differ in the
/// port's name alone.
#[derive(Debug, Clone)]
pub struct Copies {
    framing: Framing,
    /// The message's frame for the port without a name; nothing stands before it.
    frame: Bytes,
    /// Where in it the name stands.
    name: Range<usize>,
}

impl Copies {
    /// Writes a message. `None` if the framing is one in which a frame for one port cannot be made of that for another:
    /// then each has to be [written](Frame::write_within) by itself.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], also if a frame of it would not be within the limits.
    pub fn new<M: Serialize + ?Sized>(
        framing: Framing,
        message: &M,
        limits: &Limits,
    ) -> Result<Option<Self>, EncodeError> {
        let mut out = BytesMut::new();
        Frame::write_within(framing, "", message, None::<&PortId>, limits, &mut out)?;
        let frame = out.freeze();
        let place: Option<Nameless> = with_codec!(framing, C => C::nameless(&frame), else None);
        let Some(place) = place else { return Ok(None) };
        let (frame, name) = (frame.slice(place.frame..), place.name);
        Ok(Some(Self { framing, frame, name }))
    }

    /// The frame for the port without a name, without what stands before it on the wire.
    #[must_use]
    pub fn frame(&self) -> Frame {
        Frame::new(self.framing, self.frame.clone())
    }

    #[cfg(feature = "postcard")]
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// What stands before and behind the port's name.
    #[cfg(feature = "postcard")]
    pub(super) fn around_name(&self) -> Option<(&[u8], Bytes)> {
        let behind = self.name.end.min(self.frame.len());
        Some((self.frame.get(..self.name.start)?, self.frame.slice(behind..)))
    }

    /// Writes the frame for a port to the end of `out`, as it goes over the wire, unless it would have more than `cap` bytes:
    /// then nothing has been added, and this gives false.
    ///
    /// # Errors
    ///
    /// It would have more than [`Limits::max_message`] bytes; nothing has been added.
    pub fn write(
        &self,
        port: &str,
        limits: &Limits,
        cap: usize,
        out: &mut BytesMut,
    ) -> Result<bool, EncodeError> {
        let start = out.len();
        let (before, behind) = (self.frame.get(..self.name.start), self.frame.get(self.name.end..));
        let (Some(before), Some(behind)) = (before, behind) else { return Ok(false) };
        with_codec!(self.framing, C => {
            C::open(out);
            let body = out.len();
            out.extend_from_slice(before);
            C::writer(out).text(port);
            let len = out.len().saturating_sub(body).saturating_add(behind.len());
            if len > limits.max_message || len > cap {
                out.truncate(start);
                let max = limits.max_message;
                return if len > max { Err(EncodeError::TooLong { len, max }) } else { Ok(false) };
            }
            out.extend_from_slice(behind);
            C::close(out, start);
        }, else return Err(EncodeError::Unavailable(self.framing)));
        Ok(true)
    }
}

/// Where in what was written for a port without a name its parts stand.
#[derive(Debug, Clone)]
pub struct Nameless {
    /// Where the frame begins.
    pub frame: usize,
    /// The name within the frame.
    pub name: Range<usize>,
}

#[cfg(feature = "postcard")]
pub use many::ForMany;

#[cfg(feature = "postcard")]
mod many {
    use bytes::{Bytes, BytesMut};

    use super::Copies;
    use crate::codec::postcard::many;
    use crate::{DecodeError, Frame, Framing, Limits};

    impl Copies {
        /// Writes the request by which the message goes to many ports of a peer at once `[ND-31]`, to the end of `out`, as
        /// it goes over the wire: to the first ones of `ports`, as many as fit into a frame of `cap` bytes and no more than
        /// [`ForMany::MOST`]. Says how many these are; if they would be less than two, or these copies are not in postcard, nothing
        /// has been added, and it is 0.
        pub fn write_for_many<'a>(
            &self,
            ports: impl Iterator<Item = &'a str> + Clone,
            cap: usize,
            out: &mut BytesMut,
        ) -> usize {
            if self.framing != Framing::Postcard {
                return 0;
            }
            let mut room = cap.saturating_sub(self.frame.len()).saturating_sub(many::AROUND);
            let fits = |port: &&str| {
                let left = room.checked_sub(port.len().saturating_add(many::PER_NAME));
                room = left.unwrap_or(0);
                left.is_some()
            };
            let count = ports.clone().take(ForMany::MOST).take_while(fits).count();
            if count < 2 {
                return 0;
            }
            many::put(ports.take(count), count, &self.frame, out);
            count
        }
    }

    /// A message for many ports, as it came from a peer.
    #[derive(Debug, Clone)]
    pub struct ForMany {
        names: Bytes,
        count: usize,
        message: Bytes,
    }

    impl ForMany {
        /// For how many ports one request can be `[ND-33]`.
        pub const MOST: usize = 1024;

        /// Whether a frame begins as such a request does.
        #[must_use]
        #[inline]
        pub fn is(frame: &Frame) -> bool {
            frame.framing() == Framing::Postcard && many::is(frame.bytes())
        }

        /// Takes a frame, which [`check`](Frame::check) has passed, for such a request. `None` if it is none, or not in
        /// order.
        #[must_use]
        #[inline]
        pub fn of(frame: &Frame) -> Option<Self> {
            if !Self::is(frame) {
                return None;
            }
            let all = frame.bytes();
            let found = many::take(all)?;
            let (names, message) = (all.slice(found.names), all.slice(found.message));
            Some(Self { names, count: found.count, message })
        }

        /// Of how many ports there are names.
        #[must_use]
        #[expect(clippy::len_without_is_empty, reason = "it never is")]
        pub fn len(&self) -> usize {
            self.count
        }

        /// Whether both are for the same ports, in the same order.
        #[must_use]
        pub fn has_names_of(&self, other: &Self) -> bool {
            self.names == other.names
        }

        /// The names of the ports.
        pub fn names(&self) -> impl Iterator<Item = &str> {
            many::names(&self.names)
        }

        /// The message: the frame for a port without a name.
        #[must_use]
        pub fn frame(&self) -> Frame {
            Frame::new(Framing::Postcard, self.message.clone())
        }

        /// Whether the message is well-formed and within the limits, as one that comes by itself has to be `[FR-19]`.
        ///
        /// # Errors
        ///
        /// [`DecodeError`] says where it is not.
        pub fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
            let frame = self.frame();
            if !frame.check()?.is_empty() {
                return Err(DecodeError::Mismatch("expected a frame for no port, found a name".into()));
            }
            frame.check_values(limits.max_values)
        }
    }
}
