//! A message on its way: the port's name and the message, in some framing.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, DecodeError, EncodeError, Framing, with_codec};
use crate::token::{Token, TokenReader};
use crate::{Message, PortId, adaptor};

/// One frame: a list of the port's name and the message's values, still in the bytes that it travels in. Reading it as
/// a user's type goes straight from these bytes.
#[derive(Debug, Clone)]
pub struct Frame {
    framing: Framing,
    bytes: Bytes,
}

impl Frame {
    /// Takes a frame as a scanner cut it.
    #[must_use]
    pub fn new(framing: Framing, bytes: Bytes) -> Self {
        Self { framing, bytes }
    }

    /// Writes `message` for the port `port`, with `reply` as its last element if there is one, to the end of `out`, as
    /// it goes over the wire. On an error nothing has been added.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], also if the frame would have more than `max` bytes.
    pub fn write<M: Serialize + ?Sized>(
        framing: Framing,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        max: usize,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let open = Rollback { start: out.len(), out };
        with_codec!(framing, C => {
            C::open(open.out);
            let body = open.out.len();
            adaptor::write_frame(&mut C::writer(open.out), port, message, reply)?;
            let len = open.out.len() - body;
            if len > max {
                return Err(EncodeError::TooLong { len, max });
            }
            C::close(open.out, open.start);
        }, else return Err(EncodeError::Unavailable(framing)));
        open.commit();
        Ok(())
    }

    /// The framing of the bytes.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Walks over the whole frame: it is well-formed, a list, and begins with a port name, which is given back. A null
    /// or a missing name is the node port's `[FR-05]`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says where it is not.
    pub fn check(&self) -> Result<Cow<'_, str>, DecodeError> {
        with_codec!(self.framing, C => C::check(&self.bytes), else Err(DecodeError::Unavailable(self.framing)))
    }

    /// Reads the message as a `T`, by the rules of [`adaptor`].
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed or the message not a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        with_codec!(self.framing, C => adaptor::read_frame(C::reader(&self.bytes)), else Err(DecodeError::Unavailable(self.framing)))
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed.
    pub fn message(&self) -> Result<Message, DecodeError> {
        with_codec!(self.framing, C => adaptor::read_message(C::reader(&self.bytes)), else Err(DecodeError::Unavailable(self.framing)))
    }

    /// Writes the frame in another framing to the end of `out`. On an error nothing has been added.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the frame would have more than `max` bytes, or one of the framings is not compiled in.
    pub fn transcode(&self, framing: Framing, max: usize, out: &mut BytesMut) -> Result<(), EncodeError> {
        let port = self.check().map_err(|error| EncodeError::Custom(error.to_string()))?;
        let message = self.message().map_err(|error| EncodeError::Custom(error.to_string()))?;
        Self::write(framing, &port, &message, None, max, out)
    }
}

/// Cuts the buffer back to where it was, unless committed: also when a user's `Serialize` panics.
struct Rollback<'a> {
    start: usize,
    out: &'a mut BytesMut,
}

impl Rollback<'_> {
    fn commit(mut self) {
        self.start = usize::MAX;
    }
}

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}

/// Checks a frame by way of its tokens.
pub(super) fn check<'a>(
    framing: Framing,
    mut reader: impl TokenReader<'a>,
) -> Result<Cow<'a, str>, DecodeError> {
    if !matches!(reader.next()?, Token::List(_)) {
        return Err(DecodeError::Malformed { framing, offset: 0, what: "a message must be a list" });
    }
    let name = match reader.next()? {
        Token::End => return Ok(Cow::Borrowed("")),
        token => adaptor::port_name(token).ok_or(DecodeError::Malformed {
            framing,
            offset: 1,
            what: "the first element of a frame must be a port name",
        })?,
    };
    let mut depth = 1_usize;
    while depth > 0 {
        match reader.next()? {
            Token::List(_) | Token::Map(_) => depth += 1,
            Token::End => depth -= 1,
            _ => {}
        }
    }
    Ok(name)
}
