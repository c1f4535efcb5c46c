//! Framings: how messages become bytes.
//!
//! Each codec is a [`TokenWriter`] and a [`TokenReader`] for one item, and a resumable [`Scanner`] that finds where a
//! frame ends. A *frame* is one list: the port's name, then the message.

#[cfg(feature = "cbor")]
pub mod cbor;
mod copies;
mod error;
mod frame;
#[cfg(feature = "json")]
pub mod json;
#[cfg(any(feature = "cbor", feature = "postcard"))]
mod levels;
mod parts;
#[cfg(feature = "postcard")]
pub mod postcard;
pub mod quick;
pub(crate) mod scan;
#[cfg(feature = "storable")]
pub mod storable;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bytes::BytesMut;

#[cfg(feature = "postcard")]
pub use copies::ForMany;
pub use copies::{Copies, Nameless};
pub use error::{DecodeError, EncodeError};
pub use frame::{Frame, FrameRef};
pub use parts::Parts;
pub use scan::FrameScanner;

use crate::adaptor;
use crate::token::{TokenReader, TokenWriter};
use quick::{Entrance, QuickReader};

/// Where a frame stands in the input that a [`Scanner`] looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Bytes before the frame that belong to no frame: white space, a length prefix.
    pub skip: usize,
    /// Bytes of the frame itself.
    pub len: usize,
}

/// Finds where a frame ends, however the bytes are cut, looking at each byte once.
pub trait Scanner {
    /// Looks on. `input` begins where the last frame ended and grows from call to call; the scanner remembers how far
    /// it has looked. `Ok(None)` asks for more. After `Ok(Some(_))` the caller removes `skip + len` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if this cannot become a frame, or would have more than `max` bytes. The error is final.
    fn scan(&mut self, input: &[u8], max: usize) -> Result<Option<Span>, DecodeError>;

    /// Whether it has not begun to look at a frame, so that another one may look at it as a whole. One that has nothing to
    /// gain by that says no.
    #[inline]
    fn is_between(&self) -> bool {
        false
    }
}

/// What stands behind the port's name of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Entered {
    /// How many elements were announced; never allocate by it.
    pub hint: usize,
    /// There was no name, and the frame's list has ended.
    pub ended: bool,
}

/// One way to write messages as bytes.
pub trait Codec {
    /// Which it is.
    const FRAMING: Framing;
    /// Reads an item.
    type Reader<'a>: TokenReader<'a>;
    /// Reads a message that is as expected.
    type Quick<'a>: QuickReader<'a>;
    /// Writes an item.
    type Writer<'a>: TokenWriter;
    /// Finds frames.
    type Scanner: Scanner + Default + fmt::Debug + Send;

    /// A reader over the bytes of one frame, as the scanner cut it.
    fn reader(frame: &[u8]) -> Self::Reader<'_>;

    /// A quick reader that stands behind the port's name of a frame, as the scanner cut it; nothing if the frame does not
    /// begin as expected.
    fn quick(frame: &[u8]) -> Option<Entrance<'_, Self::Quick<'_>>>;

    /// A writer that appends one item to `out`.
    fn writer(out: &mut BytesMut) -> Self::Writer<'_>;

    /// The same, for items that are to be no longer than `cap` bytes: one that turns out to be longer
    /// [fills](TokenWriter::is_full) the writer, if the codec can tell while it is being written.
    fn capped_writer(out: &mut BytesMut, cap: usize) -> Self::Writer<'_> {
        let _: usize = cap;
        Self::writer(out)
    }

    /// Walks over a whole frame, see [`Frame::check`]; gives the port's name as its bytes, which are UTF-8.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is not well-formed, or does not begin with a port's name.
    fn check(frame: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
        frame::check(Self::FRAMING, Self::reader(frame))
    }

    /// Checks the frame that `input` begins with, if all of it is there and as expected: gives the port's name as its bytes,
    /// and the frame's length. Only for framings without a length before each frame.
    #[inline]
    fn quick_cut(input: &[u8]) -> Option<(&[u8], usize)> {
        let _: &[u8] = input;
        None
    }

    /// Whether what the frame, which is well-formed, takes from bytes once may be in the message several times, so that it may
    /// have more values than bytes.
    #[inline]
    fn has_copies(frame: &[u8]) -> bool {
        let _: &[u8] = frame;
        false
    }

    /// Finds the frames that `input` begins with, as long as each is there as a whole, has no more than `max` bytes, is well-formed,
    /// and begins with `head`: with the bytes of a well-formed frame up to the end of its port's name. Where the first other one
    /// is, or one of which that cannot be told at little cost, the scanner and [`check`](Codec::check) have to be asked. `found` is
    /// told where each frame stands, and whether to go on is what it says. Only for framings whose scanner remembers nothing of
    /// whole frames.
    #[inline]
    fn find_alike(input: &[u8], head: &[u8], max: usize, found: impl FnMut(Range<usize>) -> bool) {
        let _: (&[u8], &[u8], usize) = (input, head, max);
        drop(found);
    }

    /// Whether a message to the node port, which is well-formed, is seen at little cost to ask for something.
    #[inline]
    fn is_request(frame: &[u8]) -> bool {
        let _: &[u8] = frame;
        false
    }

    /// Goes to the message's first element, behind the port's name. `reader` is at the beginning of its frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the frame does not begin with a port's name.
    fn enter(reader: &mut Self::Reader<'_>) -> Result<Entered, DecodeError> {
        adaptor::enter(reader)
    }

    /// Appends what stands before a frame, to be completed by [`close`](Codec::close).
    fn open(out: &mut BytesMut) {
        let _: &mut BytesMut = out;
    }

    /// Where the name stands in what was written for the port without one, with what stands before the frame. `None` if a
    /// frame is no longer the same when another name is put in its place.
    fn nameless(written: &[u8]) -> Option<Nameless> {
        let _: &[u8] = written;
        None
    }

    /// Completes the frame that `open` began when `out` had `start` bytes; the item has been written behind.
    fn close(out: &mut BytesMut, start: usize) {
        let _: (&mut BytesMut, usize) = (out, start);
    }
}

/// The framings that this version knows, whether or not they are compiled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// Concatenated JSON arrays.
    Json,
    /// Concatenated CBOR arrays.
    Cbor,
    /// The private tagged form of Rust-to-Rust connections, with a length before each frame.
    Postcard,
    /// The images of Perl's Storable, with a length before each frame.
    Storable,
}

impl Framing {
    /// The name in greetings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Cbor => "cbor",
            Self::Postcard => "postcard",
            Self::Storable => "storable",
        }
    }

    /// The framings that are compiled in, the one to prefer first.
    #[must_use]
    pub fn available() -> &'static [Self] {
        &[
            #[cfg(feature = "postcard")]
            Self::Postcard,
            #[cfg(feature = "cbor")]
            Self::Cbor,
            #[cfg(feature = "json")]
            Self::Json,
            #[cfg(feature = "storable")]
            Self::Storable,
        ]
    }

    /// Whether it is compiled in.
    #[must_use]
    pub fn is_available(self) -> bool {
        Self::available().contains(&self)
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Framing {
    type Err = UnknownFraming;

    fn from_str(name: &str) -> Result<Self, UnknownFraming> {
        [Self::Json, Self::Cbor, Self::Postcard, Self::Storable]
            .into_iter()
            .find(|framing| framing.name() == name)
            .ok_or_else(|| UnknownFraming(name.into()))
    }
}

/// A name that is no framing of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown framing {0:?}: there are json, cbor, postcard and storable")]
pub struct UnknownFraming(pub String);

/// Runs `$body` with `$Codec` as the codec of a framing, or `$none` if it is not compiled in.
macro_rules! with_codec {
    ($framing:expr, $Codec:ident => $body:expr, else $none:expr) => {
        match $framing {
            #[cfg(feature = "json")]
            $crate::codec::Framing::Json => {
                type $Codec = $crate::codec::json::Json;
                $body
            }
            #[cfg(feature = "cbor")]
            $crate::codec::Framing::Cbor => {
                type $Codec = $crate::codec::cbor::Cbor;
                $body
            }
            #[cfg(feature = "postcard")]
            $crate::codec::Framing::Postcard => {
                type $Codec = $crate::codec::postcard::Postcard;
                $body
            }
            #[cfg(feature = "storable")]
            $crate::codec::Framing::Storable => {
                type $Codec = $crate::codec::storable::Storable;
                $body
            }
            #[cfg(not(all(feature = "json", feature = "cbor", feature = "postcard", feature = "storable")))]
            _ => $none,
        }
    };
}
pub(crate) use with_codec;
