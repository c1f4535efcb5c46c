//! A message on its way: the port's name and the message, in some framing.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "postcard")]
use super::postcard::{GatheringWriter, PREFIX, Postcard, PostcardQuick};
use super::{Codec, DecodeError, EncodeError, Entered, Framing, with_codec};
use crate::request::is_no_op;
use crate::text::latin1;
use crate::token::{Token, TokenReader, TokenWriter};
use crate::{Limits, Message, PortId, adaptor, payload};

/// One frame: a list of the port's name and the message's values, still in the bytes that it travels in. Reading it as
/// a user's type goes straight from these bytes.
#[derive(Debug, Clone)]
pub struct Frame {
    framing: Framing,
    bytes: Bytes,
}

/// A frame in somebody else's bytes.
#[derive(Debug, Clone, Copy)]
pub struct FrameRef<'a> {
    framing: Framing,
    bytes: &'a [u8],
    /// What the bytes are a slice of, if a part of them can be kept as another one.
    home: Option<&'a Bytes>,
}

impl<'a> FrameRef<'a> {
    /// Takes a frame as a scanner cut it.
    #[must_use]
    #[inline]
    pub fn new(framing: Framing, bytes: &'a [u8]) -> Self {
        Self { framing, bytes, home: None }
    }

    /// The same of a frame in that part of `home`, of which a [`Payload`](crate::Payload) in the message can be a slice
    /// `[MSG-16]`. Of nothing, if there is no such part.
    #[must_use]
    #[inline]
    pub fn within(framing: Framing, home: &'a Bytes, part: Range<usize>) -> Self {
        Self { framing, bytes: home.get(part).unwrap_or_default(), home: Some(home) }
    }

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The framing of the bytes.
    #[must_use]
    #[inline]
    pub fn framing(self) -> Framing {
        self.framing
    }

    /// The frame in memory of its own.
    #[must_use]
    pub fn to_frame(self) -> Frame {
        Frame::new(self.framing, Bytes::copy_from_slice(self.bytes))
    }

    /// Reads the message as a `T`, by the rules of [`adaptor`].
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed or the message not a `T`.
    #[inline]
    pub fn decode<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        with_codec!(
            self.framing,
            C => if let Some(content) = decode_quickly::<C, T>(self.bytes, self.home) { return Ok(content) },
            else return Err(DecodeError::Unavailable(self.framing))
        );
        decode_thoroughly(self)
    }

    /// Reads the message as a `T`, if it is in the framing that nodes of our own kind prefer, and as expected; if not,
    /// [`decode`](Self::decode) is to be asked. All of it is inline: for who reads one message after the other.
    #[inline(always)]
    #[must_use]
    pub fn decode_at_once<T: DeserializeOwned>(self) -> Option<T> {
        #[cfg(feature = "postcard")]
        if self.framing == Framing::Postcard {
            let entrance = PostcardQuick::<true>::new(self.bytes)?;
            return adaptor::read_quickly(entrance.reader, entrance.level, self.home);
        }
        None
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed.
    pub fn message(self) -> Result<Message, DecodeError> {
        with_codec!(self.framing, C => {
            let mut reader = C::reader(self.bytes);
            let entered = C::enter(&mut reader)?;
            payload::lend_home(self.home, self.bytes.len(), || adaptor::read_message(&mut reader, entered))
        }, else Err(DecodeError::Unavailable(self.framing)))
    }
}

impl Frame {
    /// Takes a frame as a scanner cut it.
    #[must_use]
    #[inline]
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
        Self::write_bounded(framing, port, message, reply, (max, usize::MAX), out)
    }

    /// The same within a node's limits: [`Limits::max_message`] bytes and [`Limits::max_values`] values.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], and nothing has been added.
    #[inline]
    pub fn write_within<M: Serialize + ?Sized>(
        framing: Framing,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        Self::write_bounded(framing, port, message, reply, (limits.max_message, limits.max_values), out)
    }

    /// The same, unless the frame would have more than `cap` bytes: then nothing has been added, and this gives false. In
    /// postcard that is found out before much is written; in other framings it is not looked at.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn write_capped<M: Serialize + ?Sized>(
        framing: Framing,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        limits: &Limits,
        cap: usize,
        out: &mut BytesMut,
    ) -> Result<bool, EncodeError> {
        Self::write_bounded_capped(
            framing,
            port,
            message,
            reply,
            (limits.max_message, limits.max_values),
            cap,
            out,
        )
    }

    /// The same, if the message can be written and has no more bytes than `cap`; if not, nothing has been added. In the framing that
    /// nodes of our own kind prefer all of it is inline: for who writes one message after the other.
    #[inline(always)]
    pub fn write_at_once<M: Serialize + ?Sized>(
        framing: Framing,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        limits: &Limits,
        cap: usize,
        out: &mut BytesMut,
    ) -> bool {
        #[cfg(feature = "postcard")]
        if framing == Framing::Postcard {
            let open = Rollback { start: out.len(), out };
            let body = open.start.saturating_add(PREFIX);
            {
                let mut writer = GatheringWriter::opened(open.out, cap);
                let written = adaptor::write_frame(&mut writer, port, message, reply);
                if writer.is_full() || written.is_err() {
                    return false;
                }
            }
            let frame = open.out.get(body..).unwrap_or_default();
            let most = limits.max_values;
            let fits = frame.len() <= limits.max_message
                && (frame.len() <= most || !has_more_values::<Postcard>(frame, most));
            if fits {
                Postcard::close(open.out, open.start);
                open.commit();
            }
            return fits;
        }
        matches!(Self::write_capped(framing, port, message, reply, limits, cap, out), Ok(true))
    }

    #[inline]
    fn write_bounded<M: Serialize + ?Sized>(
        framing: Framing,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        bounds: (usize, usize),
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        Self::write_bounded_capped(framing, port, message, reply, bounds, usize::MAX, out).map(drop)
    }

    fn write_bounded_capped<M: Serialize + ?Sized>(
        framing: Framing,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        (max, max_values): (usize, usize),
        cap: usize,
        out: &mut BytesMut,
    ) -> Result<bool, EncodeError> {
        let open = Rollback { start: out.len(), out };
        with_codec!(framing, C => {
            C::open(open.out);
            let body = open.out.len();
            let mut writer = C::capped_writer(open.out, cap);
            let written = adaptor::write_frame(&mut writer, port, message, reply);
            if writer.is_full() {
                return Ok(false);
            }
            written?;
            let len = open.out.len() - body;
            if len > max {
                return Err(EncodeError::TooLong { len, max });
            }
            let frame = open.out.get(body..).unwrap_or_default();
            if len > max_values && has_more_values::<C>(frame, max_values) {
                return Err(EncodeError::TooManyValues { max: max_values });
            }
            C::close(open.out, open.start);
        }, else return Err(EncodeError::Unavailable(framing)));
        open.commit();
        Ok(true)
    }

    /// The framing of the bytes.
    #[must_use]
    #[inline]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The frame in these bytes.
    #[must_use]
    #[inline]
    pub fn view(&self) -> FrameRef<'_> {
        FrameRef { framing: self.framing, bytes: &self.bytes, home: Some(&self.bytes) }
    }

    /// Walks over the whole frame: it is well-formed, a list, and begins with a port name, which is given back. A null
    /// or a missing name is the node port's `[FR-05]`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] says where it is not.
    pub fn check(&self) -> Result<Cow<'_, str>, DecodeError> {
        let name = with_codec!(
            self.framing,
            C => C::check(&self.bytes)?,
            else return Err(DecodeError::Unavailable(self.framing))
        );
        // It is UTF-8, says the codec.
        Ok(match name {
            Cow::Borrowed(name) => Cow::Borrowed(std::str::from_utf8(name).unwrap_or_default()),
            Cow::Owned(name) => Cow::Owned(String::from_utf8(name).unwrap_or_default()),
        })
    }

    /// Whether the frame, which [`check`](Self::check) has passed, has no more than `max` values: elements of lists, keys
    /// and values of maps, the port's name among them `[FR-19]`. One of no more than `max` bytes costs nothing to ask.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooManyValues`], or `Unavailable`.
    pub fn check_values(&self, max: usize) -> Result<(), DecodeError> {
        let many = with_codec!(
            self.framing,
            C => has_more_values::<C>(&self.bytes, max),
            else return Err(DecodeError::Unavailable(self.framing))
        );
        if many { Err(DecodeError::TooManyValues { max }) } else { Ok(()) }
    }

    /// Reads the message as a `T`, by the rules of [`adaptor`].
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed or the message not a `T`.
    #[inline]
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.view().decode()
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed.
    pub fn message(&self) -> Result<Message, DecodeError> {
        self.view().message()
    }

    /// The message's first element, if it is a string, as [`Message::tag`] has it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed where that stands.
    pub fn tag(&self) -> Result<Option<Cow<'_, str>>, DecodeError> {
        let token = with_codec!(self.framing, C => {
            let mut reader = C::reader(&self.bytes);
            if C::enter(&mut reader)?.ended {
                return Ok(None);
            }
            reader.next()?
        }, else return Err(DecodeError::Unavailable(self.framing)));
        Ok(match token {
            Token::Text(tag) => Some(tag),
            Token::Bytes(Cow::Borrowed(tag)) => Some(latin1(tag)),
            Token::Bytes(Cow::Owned(tag)) => Some(Cow::Owned(latin1(&tag).into_owned())),
            _ => None,
        })
    }

    /// Reads what stands behind the message's first element as a `T`, as if it were a message.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame is malformed or that is not a `T`.
    #[inline]
    pub fn decode_args<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        with_codec!(self.framing, C => {
            let mut reader = C::reader(&self.bytes);
            let mut entered = C::enter(&mut reader)?;
            pass_first(&mut reader, &mut entered)?;
            let read = || adaptor::read_frame(&mut reader, entered);
            payload::lend_home(Some(&self.bytes), self.bytes.len(), read)
        }, else Err(DecodeError::Unavailable(self.framing)))
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

/// Goes behind the message's first element, whatever it is.
fn pass_first<'a>(reader: &mut impl TokenReader<'a>, entered: &mut Entered) -> Result<(), DecodeError> {
    let mut depth = 0_usize;
    while !entered.ended {
        match reader.next()? {
            Token::List(_) | Token::Map(_) => depth += 1,
            Token::End if depth == 0 => entered.ended = true,
            Token::End => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    entered.hint = entered.hint.saturating_sub(1);
    Ok(())
}

/// Reads the message of a frame, if it is as expected. There is one copy of this for each framing.
#[inline(never)]
pub(super) fn decode_quickly<C: Codec, T: DeserializeOwned>(frame: &[u8], home: Option<&Bytes>) -> Option<T> {
    let entrance = C::quick(frame)?;
    adaptor::read_quickly(entrance.reader, entrance.level, home)
}

/// Reads the message of a frame by way of its tokens, whatever form it has: here errors are found. There is one copy of
/// this for all framings.
#[cold]
#[inline(never)]
pub(super) fn decode_thoroughly<T: DeserializeOwned>(frame: FrameRef<'_>) -> Result<T, DecodeError> {
    with_codec!(frame.framing, C => {
        let mut reader = C::reader(frame.bytes);
        let entered = C::enter(&mut reader)?;
        let mut reader: &mut dyn TokenReader<'_> = &mut reader;
        payload::lend_home(frame.home, frame.bytes.len(), || adaptor::read_frame(&mut reader, entered))
    }, else Err(DecodeError::Unavailable(frame.framing)))
}

/// Cuts the buffer back to where it was, unless committed: also when a user's `Serialize` panics.
struct Rollback<'a> {
    start: usize,
    out: &'a mut BytesMut,
}

impl Rollback<'_> {
    #[inline]
    fn commit(mut self) {
        self.start = usize::MAX;
    }
}

impl Drop for Rollback<'_> {
    #[inline]
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}

/// Whether a well-formed frame has more than `max` values. The list that it is does not count.
#[inline]
pub(super) fn has_more_values<C: Codec>(frame: &[u8], max: usize) -> bool {
    // No value has less than one byte, but for copies.
    (frame.len() > max || C::has_copies(frame)) && count_more_values(C::reader(frame), max)
}

pub(super) fn count_more_values<'a>(mut reader: impl TokenReader<'a>, max: usize) -> bool {
    let (mut depth, mut tokens) = (0_usize, 0_usize);
    while let Ok(token) = reader.next() {
        match token {
            Token::End => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return false;
                }
                continue;
            }
            Token::List(_) | Token::Map(_) => depth = depth.saturating_add(1),
            _ => {}
        }
        tokens = tokens.saturating_add(1);
        if tokens.saturating_sub(1) > max {
            return true;
        }
    }
    false
}

/// Whether a message to the node port, already checked, asks for nothing `[CN-02]`.
pub(super) fn means_nothing<'a>(mut reader: impl TokenReader<'a>) -> bool {
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

/// Checks a frame by way of its tokens.
pub(super) fn check<'a>(
    framing: Framing,
    mut reader: impl TokenReader<'a>,
) -> Result<Cow<'a, [u8]>, DecodeError> {
    if !matches!(reader.next()?, Token::List(_)) {
        return Err(DecodeError::Malformed { framing, offset: 0, what: "a message must be a list" });
    }
    let name = match reader.next()? {
        Token::End => return Ok(Cow::Borrowed(b"")),
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
    Ok(match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.as_bytes()),
        Cow::Owned(name) => Cow::Owned(name.into_bytes()),
    })
}
