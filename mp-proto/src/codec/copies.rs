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
    /// The message for the port without a name, with what stands before its frame.
    written: Written,
    /// Where the frame begins.
    begin: usize,
    /// Where in the frame the name stands.
    name: Range<usize>,
}

/// So many bytes of memory that nobody uses do not matter.
const SLACK: usize = 64;

/// What was written.
#[derive(Debug, Clone)]
enum Written {
    /// Nobody else has it.
    Own(BytesMut),
    Shared(Bytes),
}

impl Copies {
    /// Writes a message, into the memory of `memory`, if there is enough. `None` if the framing is one in which a frame for one port
    /// cannot be made of that for another: then each has to be [written](Frame::write_within) by itself.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], also if a frame of it would not be within the limits.
    pub fn new<M: Serialize + ?Sized>(
        framing: Framing,
        message: &M,
        limits: &Limits,
        mut memory: BytesMut,
    ) -> Result<Option<Self>, EncodeError> {
        memory.clear();
        Frame::write_within(framing, "", message, None::<&PortId>, limits, &mut memory)?;
        let place: Option<Nameless> = with_codec!(framing, C => C::nameless(&memory), else None);
        Ok(place.map(|Nameless { frame: begin, name }| {
            let written = Written::Own(memory);
            Self { framing, written, begin, name }
        }))
    }

    /// The frame for the port without a name, without what stands before it on the wire. All that are taken share one memory.
    #[must_use]
    pub fn frame(&mut self) -> Frame {
        let shared = match &mut self.written {
            // Who keeps a frame is not to keep much memory that was there for longer ones.
            Written::Own(bytes) if bytes.capacity() > 2 * bytes.len() + SLACK => {
                Bytes::copy_from_slice(bytes)
            }
            Written::Own(bytes) => std::mem::take(bytes).freeze(),
            Written::Shared(bytes) => bytes.clone(),
        };
        self.written = Written::Shared(shared.clone());
        Frame::new(self.framing, shared.slice(self.begin.min(shared.len())..))
    }

    /// The memory in which it was written, if nobody else has it.
    #[must_use]
    pub fn into_memory(self) -> BytesMut {
        match self.written {
            Written::Own(bytes) => bytes,
            Written::Shared(bytes) => bytes.try_into_mut().unwrap_or_default(),
        }
    }

    /// The bytes of the frame for the port without a name.
    fn bytes(&self) -> &[u8] {
        let written: &[u8] = match &self.written {
            Written::Own(bytes) => bytes,
            Written::Shared(bytes) => bytes,
        };
        written.get(self.begin..).unwrap_or_default()
    }

    #[cfg(feature = "postcard")]
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// What stands before the port's name, and a handle of what stands behind it.
    #[cfg(feature = "postcard")]
    pub(super) fn around_name(&mut self) -> (&[u8], Bytes) {
        let frame = self.frame();
        let behind = frame.bytes().slice(self.name.end.min(frame.bytes().len())..);
        (self.bytes().get(..self.name.start).unwrap_or_default(), behind)
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
        let frame = self.bytes();
        let (before, behind) = (frame.get(..self.name.start), frame.get(self.name.end..));
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
    use bytes::BytesMut;

    use super::Copies;
    use crate::codec::frame::has_more_values;
    use crate::codec::postcard::{Postcard, many};
    use crate::codec::{Codec, FrameRef};
    use crate::{DecodeError, Framing, Limits};

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
            let frame = self.bytes();
            let mut room = cap.saturating_sub(frame.len()).saturating_sub(many::AROUND);
            let fits = |port: &&str| {
                let left = room.checked_sub(port.len().saturating_add(many::PER_NAME));
                room = left.unwrap_or(0);
                left.is_some()
            };
            let count = ports.clone().take(ForMany::MOST).take_while(fits).count();
            if count < 2 {
                return 0;
            }
            many::put(ports.take(count), count, frame, out);
            count
        }
    }

    /// A message for many ports, in the frame in which it came from a peer.
    #[derive(Debug, Clone, Copy)]
    pub struct ForMany<'a> {
        /// The frame up to the message: whose ports are the same has the same.
        head: &'a [u8],
        names: &'a [u8],
        count: usize,
        message: &'a [u8],
    }

    impl<'a> ForMany<'a> {
        /// For how many ports one request can be `[ND-33]`.
        pub const MOST: usize = 1024;

        /// Takes a frame, which [`check`](crate::Frame::check) has passed, for such a request. `None` if it is none, or not in
        /// order.
        #[must_use]
        pub fn of(frame: FrameRef<'a>) -> Option<Self> {
            if frame.framing() != Framing::Postcard || !many::is(frame.bytes()) {
                return None;
            }
            let many::Parts { head, names, count, message } = many::take(frame.bytes())?;
            Some(Self { head, names, count, message })
        }

        /// The same of a frame that is for the same ports, in the same order; `None` of all others.
        #[must_use]
        #[inline]
        pub fn next(&self, frame: FrameRef<'a>) -> Option<Self> {
            if frame.framing() != Framing::Postcard {
                return None;
            }
            let message = many::message(frame.bytes().strip_prefix(self.head)?)?;
            Some(Self { message, ..*self })
        }

        /// Of how many ports there are names.
        #[must_use]
        #[expect(clippy::len_without_is_empty, reason = "it never is")]
        pub fn len(&self) -> usize {
            self.count
        }

        /// The names of the ports.
        pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
            many::names(self.names)
        }

        /// The message: the frame for a port without a name. The frame in which it came ends with it.
        #[must_use]
        #[inline]
        pub fn frame(&self) -> FrameRef<'a> {
            FrameRef::new(Framing::Postcard, self.message)
        }

        /// Whether the message is well-formed and within the limits, as one that comes by itself has to be `[FR-19]`.
        ///
        /// # Errors
        ///
        /// [`DecodeError`] says where it is not.
        #[inline]
        pub fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
            if !Postcard::check(self.message)?.is_empty() {
                return Err(DecodeError::Mismatch("expected a frame for no port, found a name".into()));
            }
            let max = limits.max_values;
            if has_more_values::<Postcard>(self.message, max) {
                return Err(DecodeError::TooManyValues { max });
            }
            Ok(())
        }
    }
}
