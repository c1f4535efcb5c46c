//! The scanner of whichever framing a connection uses.

use std::borrow::Cow;
use std::fmt;

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

/// Messages within what was read, as far as they have been cut.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    /// Where their frames stand.
    pub(crate) places: Vec<Place>,
    /// Those for the same port that stand behind one another.
    pub(crate) groups: Vec<Group>,
}

/// Where a frame stands within what was read. Of 32 bits each, as there is one for each message that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// Messages for the same port that stand behind one another.
#[derive(Debug)]
pub(crate) struct Group {
    /// Where the port's name stands in the first one.
    pub(crate) name: Name,
    /// The first one's index.
    pub(crate) first: usize,
}

/// A port's name in a message.
#[derive(Debug, Clone)]
pub(crate) enum Name {
    /// It stands in the frame as it is.
    At { skip: u16, len: u16 },
    /// It had to be made of what stands there, or is no name that anybody has.
    Made(Box<[u8]>),
}

/// Bytes between two messages, such as a length, that may stay in memory with them.
const GAP: usize = 8;

impl Place {
    #[inline]
    pub(crate) fn new(start: usize, len: usize) -> Option<Self> {
        let place = Self { start: u32::try_from(start).ok()?, len: u32::try_from(len).ok()? };
        place.start.checked_add(place.len).map(|_| place)
    }

    #[inline]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    /// The same place, seen from so many bytes later.
    pub(crate) fn moved_down(self, bytes: usize) -> Self {
        let start = u32::try_from(self.start().saturating_sub(bytes)).unwrap_or(self.start);
        Self { start, ..self }
    }

    #[inline]
    pub(crate) fn end(self) -> usize {
        self.start().saturating_add(self.len())
    }
}

impl Cuts {
    /// For about so many messages.
    pub(crate) fn with_capacity(messages: usize) -> Self {
        Self { places: Vec::with_capacity(messages), groups: Vec::new() }
    }

    /// Whether the last message was for the port of that name; `first` was the first one for it.
    fn is_last(&self, name: &[u8], first: &[u8]) -> bool {
        self.groups.last().is_some_and(|group| group.name.bytes(first) == name)
    }

    /// A message for the port of the last one.
    #[inline]
    fn push_like_last(&mut self, place: Place) {
        self.places.push(place);
    }

    /// A message for a port of that name.
    fn push(&mut self, place: Place, name: Name) {
        self.groups.push(Group { name, first: self.places.len() });
        self.places.push(place);
    }
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

    /// The bytes of the frame from its beginning to the end of the name; none if that does not stand there, or is the node
    /// port's.
    #[inline]
    fn head<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        match self {
            Self::At { skip, len: len @ 1.. } => {
                frame.get(..usize::from(*skip).saturating_add(usize::from(*len))).unwrap_or_default()
            }
            Self::At { .. } | Self::Made(_) => &[],
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
        cuts: &mut Cuts,
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
    pub(crate) fn examine(&self, frame: &[u8], bounds: Bounds) -> Result<Cuts, DecodeError> {
        let mut cuts = Cuts::default();
        let place = Place::new(0, frame.len()).ok_or(DecodeError::TooLong { max: bounds.bytes })?;
        if let Some(name) = self.cutter.examine(frame, bounds)? {
            cuts.push(place, name);
        }
        Ok(cuts)
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
        cuts: &mut Cuts,
    ) -> Result<Stop, DecodeError>;
    /// The port's name in a message that is to be kept.
    fn examine(&self, frame: &[u8], bounds: Bounds) -> Result<Option<Name>, DecodeError>;
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
        cuts: &mut Cuts,
    ) -> Result<Stop, DecodeError> {
        let mut rest = input;
        // How the last message began, and the first one for its port: many begin like it. And where it ended.
        let (mut head, mut first): (&[u8], &[u8]) = (&[], &[]);
        let mut end = 0;
        // No piece is taken for a frame: with its mark its length is beyond this.
        let common = bounds.bytes.min(bounds.values).min(bounds.large).min(pieces::MARK as usize - 1);
        loop {
            if !head.is_empty() && end == *used {
                // They are for the same port, and nearly all that come one behind the other are such.
                let (before, mut at) = (*used, 0);
                C::find_alike(rest, head, common, |found| {
                    let place = Place::new(before.saturating_add(found.start), found.len());
                    place.inspect(|place| cuts.push_like_last(*place)).inspect(|_| at = found.end).is_some()
                });
                rest = rest.get(at..).unwrap_or_default();
                *used = before.saturating_add(at);
                end = *used;
            }
            if bounds.pieces && pieces::begins(rest) {
                return Ok(Stop::Piece);
            }
            // Most frames are there as a whole, and as expected: then one walk finds the end and what is to be checked.
            let whole = if self.0.is_between() { C::quick_cut(rest) } else { None };
            let whole = whole.filter(|(_, len)| *len <= bounds.bytes);
            let Span { skip, len } = match whole {
                Some((_, len)) => Span { skip: 0, len },
                None => match self.0.scan(rest, bounds.bytes)? {
                    Some(span) => span,
                    None => return Ok(Stop::End),
                },
            };
            let start = used.saturating_add(skip);
            let Some(place) = Place::new(start, len) else {
                // With what comes before it out of the way there may be room for it.
                return if *used > 0 {
                    Ok(Stop::Large)
                } else {
                    Err(DecodeError::TooLong { max: bounds.bytes })
                };
            };
            let (frame, behind) =
                rest.get(skip..).and_then(|rest| rest.split_at_checked(len)).unwrap_or_default();
            let is_near = start.saturating_sub(end) <= GAP;
            let name = match whole {
                Some((name, _)) => named::<C>(frame, Cow::Borrowed(name), bounds)?,
                None => self.examine(frame, bounds)?,
            };
            if let Some(name) = name {
                head = name.head(frame);
                if is_near && cuts.is_last(name.bytes(frame), first) {
                    cuts.push_like_last(place);
                } else {
                    first = frame;
                    cuts.push(place, name);
                }
                end = place.end();
            }
            rest = behind;
            *used = place.end();
            if len > bounds.large {
                return Ok(Stop::Large);
            }
        }
    }

    #[inline]
    fn examine(&self, frame: &[u8], bounds: Bounds) -> Result<Option<Name>, DecodeError> {
        named::<C>(frame, C::check(frame)?, bounds)
    }
}

/// Where its port's name stands in a frame that is well-formed; nothing if it asks for nothing.
#[inline]
fn named<C: Codec>(frame: &[u8], name: Cow<'_, [u8]>, bounds: Bounds) -> Result<Option<Name>, DecodeError> {
    if has_more_values::<C>(frame, bounds.values) {
        return Err(DecodeError::TooManyValues { max: bounds.values });
    }
    if name.is_empty() && !C::is_request(frame) && means_nothing(C::reader(frame)) {
        return Ok(None);
    }
    Ok(Some(place_of(name, frame)))
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
