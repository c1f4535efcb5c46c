//! Frames as POE::Filter::Reference has them: a decimal length, a NUL, and so many bytes of one image `[TK-01]`.
//!
//! | state | input | next |
//! |---|---|---|
//! | header | up to 20 digits, perhaps with zeros before them | header |
//! | header | NUL behind at least one digit | body, if the length is from 1 to the bound; else an error |
//! | header | anything else, or a 21st digit | an error: there is no way to find the next frame |
//! | body | fewer bytes than the length | body |
//! | body | all of them | the image, unpacked if it is a zlib stream; then header |
//!
//! No more is kept than one header, or one frame within the bound; a length is judged before its bytes have come.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice)]

use std::io::{Read, Write};

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// The longest header, without its NUL. Perl takes any number of zeros before the length; nobody writes them.
pub const MAX_HEADER: usize = 20;

/// Why bytes are no frame. After it the stream is of no use: the filter has nothing to find the next frame by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Something else than digits and a NUL stands before a frame `[TK-02]`.
    #[error("a frame begins with the byte {0:#04x} where its length should stand")]
    Header(u8),
    /// The header does not end `[TK-02]`.
    #[error("a frame's length has more than {MAX_HEADER} digits")]
    EndlessHeader,
    /// A frame of no bytes has no image `[TK-02]`.
    #[error("a frame has the length 0")]
    Empty,
    /// The frame is longer than allowed, by its header `[TK-03]`.
    #[error("a frame of {len} bytes; {max} are allowed")]
    TooLong {
        /// What the header says, or the largest number that we can tell.
        len: u64,
        /// The bound.
        max: usize,
    },
    /// What looks like a zlib stream is none `[TK-04]`.
    #[error("a compressed frame that cannot be unpacked")]
    Zlib,
    /// The frame unpacks to more than is allowed `[TK-04]`.
    #[error("a compressed frame of more than {max} bytes")]
    Bomb {
        /// The bound.
        max: usize,
    },
}

/// An image, as it was framed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The Storable image, unpacked.
    pub bytes: Bytes,
    /// Whether it came compressed: then the peer reads nothing else `[TK-05]`.
    pub compressed: bool,
}

/// Cuts frames from a stream of bytes.
#[derive(Debug, Clone)]
pub struct FrameReader {
    max: usize,
}

/// Where the next frame is in what has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Where its body begins.
    pub body: usize,
    /// Where it ends.
    pub end: usize,
}

impl FrameReader {
    /// A reader of frames of at most `max` bytes, before and after unpacking.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max }
    }

    /// Takes the next image from the front of `input`; `None` if it has not come as a whole.
    ///
    /// # Errors
    ///
    /// [`FrameError`]; the stream is then of no use.
    pub fn next(&self, input: &mut BytesMut) -> Result<Option<Image>, FrameError> {
        let Some(Found { body, end }) = self.find(input)? else { return Ok(None) };
        let bytes = input.split_to(end).freeze().slice(body..);
        Ok(Some(match self.unpacked(&bytes)? {
            Some(bytes) => Image { bytes, compressed: true },
            None => Image { bytes, compressed: false },
        }))
    }

    /// Where the next frame is; `None` if it has not come as a whole.
    ///
    /// # Errors
    ///
    /// [`FrameError`]; the stream is then of no use.
    #[inline]
    pub fn find(&self, input: &[u8]) -> Result<Option<Found>, FrameError> {
        let mut len = 0_u64;
        for (digits, &byte) in input.iter().enumerate() {
            match byte {
                b'0'..=b'9' if digits < MAX_HEADER => {
                    len = len.saturating_mul(10).saturating_add(u64::from(byte.wrapping_sub(b'0')));
                }
                b'0'..=b'9' => return Err(FrameError::EndlessHeader),
                0 if digits > 0 => {
                    let body = digits.saturating_add(1);
                    let end = body.saturating_add(self.judge(len)?);
                    return Ok((end <= input.len()).then_some(Found { body, end }));
                }
                other => return Err(FrameError::Header(other)),
            }
        }
        Ok(None)
    }

    /// The image in a frame's body if that is compressed.
    ///
    /// # Errors
    ///
    /// [`FrameError`]; the stream is then of no use.
    #[inline]
    pub fn unpacked(&self, body: &[u8]) -> Result<Option<Bytes>, FrameError> {
        if is_zlib(body) { unpack(body, self.max).map(Some) } else { Ok(None) }
    }

    fn judge(&self, len: u64) -> Result<usize, FrameError> {
        if len == 0 {
            return Err(FrameError::Empty);
        }
        let fits = usize::try_from(len).ok().filter(|len| *len <= self.max);
        fits.ok_or(FrameError::TooLong { len, max: self.max })
    }
}

/// Appends a frame with `image` to `out`.
pub fn write_frame(image: &[u8], compressed: bool, out: &mut BytesMut) {
    let packed;
    let body = if compressed {
        packed = pack(image);
        &packed[..]
    } else {
        image
    };
    let mut header = [0; MAX_HEADER + 1];
    let mut rest = body.len();
    let mut start = MAX_HEADER;
    // The last byte stays the NUL; a length has no more than 20 digits.
    for (at, place) in header.iter_mut().enumerate().rev().skip(1) {
        *place = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or_default());
        (rest, start) = (rest / 10, at);
        if rest == 0 {
            break;
        }
    }
    out.reserve(body.len().saturating_add(header.len()));
    out.extend_from_slice(header.get(start..).unwrap_or_default());
    out.extend_from_slice(body);
}

/// Whether bytes begin as a zlib stream does (RFC 1950): deflate, and a check that 31 divides. No Storable image does:
/// its first byte is below 8.
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [method, flags, ..] => method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31),
        _ => false,
    }
}

fn unpack(packed: &[u8], max: usize) -> Result<Bytes, FrameError> {
    let mut image = Vec::new();
    // One byte more than allowed tells that there is too much.
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    ZlibDecoder::new(packed).take(bound).read_to_end(&mut image).map_err(|_| FrameError::Zlib)?;
    if image.len() > max {
        return Err(FrameError::Bomb { max });
    }
    Ok(image.into())
}

fn pack(image: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(image).and_then(|()| encoder.finish()).expect("writing to a vector succeeds")
}
