//! Where a frame ends.

use bytes::BytesMut;

use crate::codec::{DecodeError, Framing, Scanner, Span};

/// Cuts frames by the length before them: seven bits in a byte, the most significant first, the high bit set in all
/// bytes but the last `[ST-01]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct StorableScanner;

/// The high bit: more bytes of the length follow.
const MORE: u8 = 0x80;

/// Bytes that are set aside for a length: those of most frames have one or two.
const ASIDE: usize = 2;

/// The most bytes of a length.
const LONGEST: usize = 10;

impl Scanner for StorableScanner {
    /// As in the trait. A length beyond `max` is refused before the frame's bytes come, one that begins with a zero
    /// digit at once: Perl would cut behind it in another place `[ST-01]`.
    #[inline]
    fn scan(&mut self, input: &[u8], max: usize) -> Result<Option<Span>, DecodeError> {
        let malformed = |what| DecodeError::Malformed { framing: Framing::Storable, offset: 0, what };
        let mut len = 0_usize;
        let mut skip = 0_usize;
        for byte in input {
            if skip == 0 && *byte == MORE {
                return Err(malformed("a length that is longer than it need be"));
            }
            skip = skip.saturating_add(1);
            len = len
                .checked_mul(MORE.into())
                .map(|len| len | usize::from(byte & !MORE))
                .filter(|len| *len <= max)
                .ok_or(DecodeError::TooLong { max })?;
            if byte & MORE == 0 {
                if len == 0 {
                    return Err(malformed("an empty frame"));
                }
                return Ok((len <= input.len().saturating_sub(skip)).then_some(Span { skip, len }));
            }
        }
        Ok(None)
    }
}

/// Sets bytes aside for a length.
pub(super) fn open(out: &mut BytesMut) {
    out.extend_from_slice(&[0; ASIDE]);
}

/// Writes the length of what stands behind the bytes that were set aside, and moves it if the length has more or less.
pub(super) fn close(out: &mut BytesMut, start: usize) {
    let body = start.saturating_add(ASIDE);
    let Some(len) = out.len().checked_sub(body) else { return };
    let mut digits = [0; LONGEST];
    let mut first = LONGEST;
    let mut rest = len;
    while let Some(place) = first.checked_sub(1).and_then(|index| digits.get_mut(index)) {
        let more = if first == LONGEST { 0 } else { MORE };
        *place = u8::try_from(rest & 0x7f).unwrap_or_default() | more;
        first = first.saturating_sub(1);
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(first..).unwrap_or_default();
    let moved = start.saturating_add(digits.len());
    if moved != body {
        out.resize(body.max(moved).saturating_add(len), 0);
        out.copy_within(body..body.saturating_add(len), moved);
        out.truncate(moved.saturating_add(len));
    }
    if let Some(prefix) = out.get_mut(start..moved) {
        prefix.copy_from_slice(digits);
    }
}
