//! The scanner of whichever framing a connection uses.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::{Buf, BytesMut};

use super::frame::{has_more_values, means_nothing};
use super::{Codec, DecodeError, Frame, Framing, Scanner, Span, with_codec};
use crate::connection::pieces;

/// Cuts frames from a stream of bytes, in one framing.
#[derive(Debug)]
pub struct FrameScanner {
    framing: Framing,
    cutter: Box<dyn Cutter>,
}

/// A message within what was read.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// Where its frame stands.
    pub(crate) place: Range<usize>,
    /// Where the port's name stands in the frame.
    pub(crate) name: Name,
}

/// A port's name in a message.
#[derive(Debug, Clone)]
pub(crate) enum Name {
    /// It stands in the frame as it is.
    At { skip: u16, len: u16 },
    /// It had to be made of what stands there, or is no name that anybody has.
    Made(Box<[u8]>),
}

impl Name {
    /// The name, in this frame.
    #[inline]
    pub(crate) fn bytes<'a>(&'a self, frame: &'a [u8]) -> &'a [u8] {
        match self {
            Self::At { skip, len } => {
                let (start, len) = (usize::from(*skip), usize::from(*len));
                frame.get(start..).and_then(|rest| rest.get(..len)).unwrap_or_default()
            }
            Self::Made(name) => name,
        }
    }
}

/// How much a message may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of a frame.
    pub(crate) bytes: usize,
    /// Values, see [`Frame::check_values`].
    pub(crate) values: usize,
    /// A frame of more bytes than this is the last that is cut at once.
    pub(crate) large: usize,
    /// Pieces of messages may stand between frames `[LN-02]`.
    pub(crate) pieces: bool,
}

/// Why no more messages were cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// There is no more, or the rest of the next one has not come yet.
    End,
    /// The last one was large.
    Large,
    /// A piece follows.
    Piece,
}

impl FrameScanner {
    /// A scanner at the start of a stream.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unavailable`] if the framing is not compiled in.
    pub fn new(framing: Framing) -> Result<Self, DecodeError> {
        let cutter: Box<dyn Cutter> = with_codec!(
            framing,
            C => Box::new(Of::<C>(<C as Codec>::Scanner::default())),
            else return Err(DecodeError::Unavailable(framing))
        );
        Ok(Self { framing, cutter })
    }

    /// The next whole frame of `input`, removed from it; `None` if it is not there yet. Only the frame's end has been
    /// looked for: [`Frame::check`] tells whether it is well-formed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes cannot become a frame of at most `max` bytes.
    pub fn next(&mut self, input: &mut BytesMut, max: usize) -> Result<Option<Frame>, DecodeError> {
        let Some(span) = self.cutter.next(input, max)? else {
            return Ok(None);
        };
        input.advance(span.skip);
        Ok(Some(Frame::new(self.framing, input.split_to(span.len).freeze())))
    }

    /// Finds and checks all whole messages that `input` begins with, up to the first large one or piece. Those that ask for
    /// nothing are left out `[CN-02]`. Says how many bytes that were, and where it stopped.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for the first bad message; those before it are in `cuts`.
    pub(crate) fn cut(
        &mut self,
        input: &[u8],
        bounds: Bounds,
        cuts: &mut Vec<Cut>,
    ) -> (usize, Result<Stop, DecodeError>) {
        let mut used = 0;
        let result = self.cutter.cut(input, bounds, &mut used, cuts);
        (used, result)
    }

    /// Checks a frame that was put together; nothing if it asks for nothing.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is no message.
    pub(crate) fn examine(&self, frame: &[u8], bounds: Bounds) -> Result<Option<Cut>, DecodeError> {
        self.cutter.examine(frame, 0, bounds)
    }
}

/// A scanner and what its codec knows: behind this all is made for one codec.
trait Cutter: fmt::Debug + Send {
    fn next(&mut self, input: &[u8], max: usize) -> Result<Option<Span>, DecodeError>;
    fn cut(
        &mut self,
        input: &[u8],
        bounds: Bounds,
        used: &mut usize,
        cuts: &mut Vec<Cut>,
    ) -> Result<Stop, DecodeError>;
    fn examine(&self, frame: &[u8], start: usize, bounds: Bounds) -> Result<Option<Cut>, DecodeError>;
}

struct Of<C: Codec>(C::Scanner);

impl<C: Codec> fmt::Debug for Of<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<C: Codec> Cutter for Of<C> {
    fn next(&mut self, input: &[u8], max: usize) -> Result<Option<Span>, DecodeError> {
        self.0.scan(input, max)
    }

    fn cut(
        &mut self,
        input: &[u8],
        bounds: Bounds,
        used: &mut usize,
        cuts: &mut Vec<Cut>,
    ) -> Result<Stop, DecodeError> {
        let mut rest = input;
        loop {
            if bounds.pieces && pieces::begins(rest) {
                return Ok(Stop::Piece);
            }
            // Most frames are there as a whole, and as expected: then one walk finds the end and what is to be checked.
            let whole = if self.0.is_between() { C::quick_cut(rest) } else { None };
            let len = match whole {
                Some((name, len)) if len <= bounds.bytes => {
                    let frame = rest.get(..len).unwrap_or_default();
                    let start = *used;
                    *used = start.saturating_add(len);
                    cuts.extend(cut_of::<C>(frame, start, Cow::Borrowed(name), bounds)?);
                    len
                }
                _ => {
                    let Some(Span { skip, len }) = self.0.scan(rest, bounds.bytes)? else {
                        return Ok(Stop::End);
                    };
                    let start = used.saturating_add(skip);
                    *used = start.saturating_add(len);
                    let frame = input.get(start..*used).unwrap_or_default();
                    cuts.extend(self.examine(frame, start, bounds)?);
                    len
                }
            };
            rest = input.get(*used..).unwrap_or_default();
            if len > bounds.large {
                return Ok(Stop::Large);
            }
        }
    }

    #[inline]
    fn examine(&self, frame: &[u8], start: usize, bounds: Bounds) -> Result<Option<Cut>, DecodeError> {
        cut_of::<C>(frame, start, C::check(frame)?, bounds)
    }
}

/// What is to be known of a frame that is well-formed; nothing if it asks for nothing.
#[inline]
fn cut_of<C: Codec>(
    frame: &[u8],
    start: usize,
    name: Cow<'_, [u8]>,
    bounds: Bounds,
) -> Result<Option<Cut>, DecodeError> {
    if has_more_values::<C>(frame, bounds.values) {
        return Err(DecodeError::TooManyValues { max: bounds.values });
    }
    if name.is_empty() && means_nothing(C::reader(frame)) {
        return Ok(None);
    }
    let place = start..start.saturating_add(frame.len());
    Ok(Some(Cut { place, name: place_of(name, frame) }))
}

/// Where the name stands in the frame that it was read from.
#[inline]
fn place_of(name: Cow<'_, [u8]>, frame: &[u8]) -> Name {
    let name = match name {
        Cow::Owned(name) => return Name::Made(name.into()),
        Cow::Borrowed(name) => name,
    };
    let skip = (name.as_ptr() as usize).wrapping_sub(frame.as_ptr() as usize);
    match (u16::try_from(skip), u16::try_from(name.len())) {
        (Ok(skip), Ok(len)) if usize::from(skip).saturating_add(name.len()) <= frame.len() => {
            Name::At { skip, len }
        }
        // An empty name, for what is no text in the frame; or a name so long that it is nobody's.
        _ => Name::Made(name.into()),
    }
}
