//! What a frame is a sequence of: postcard's form of an enum, written out by hand, for it is read and written for every
//! value of every message. A test holds it against what postcard's own derived form is.

use bytes::BytesMut;

/// One step through a value. The order of the variants is the wire format: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(test, derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Item<'a> {
    /// A null.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer in the range of `i64`.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A float.
    Float(f64),
    /// A character string, or a map's key.
    Text(&'a str),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A list begins, with so many elements.
    List(u64),
    /// A map begins, with so many entries.
    Map(u64),
}

/// Why there is no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end within it.
    Truncated,
    /// It is none.
    Malformed(&'static str),
}

const NONE: &str = "not an item";

/// What tells texts and lists from others.
const TEXT: u8 = 5;
const LIST: u8 = 7;

/// The most bytes of a number.
const VARINT: usize = 10;

impl<'a> Item<'a> {
    /// Takes an item from the front of `rest`, which is left as it was if there is none.
    #[inline(always)]
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, Fault> {
        let (&variant, mut input) = rest.split_first().ok_or(Fault::Truncated)?;
        let item = match variant {
            0 => Self::Null,
            1 => match take_array(&mut input)? {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                [_] => return Err(Fault::Malformed(NONE)),
            },
            2 => Self::Int(unzigzag(take_number(&mut input)?)),
            3 => Self::UInt(take_number(&mut input)?),
            4 => Self::Float(f64::from_le_bytes(take_array(&mut input)?)),
            TEXT => match std::str::from_utf8(take_bytes(&mut input)?) {
                Ok(text) => Self::Text(text),
                Err(_) => return Err(Fault::Malformed("a text is not UTF-8")),
            },
            6 => Self::Bytes(take_bytes(&mut input)?),
            LIST => Self::List(take_number(&mut input)?),
            8 => Self::Map(take_number(&mut input)?),
            _ => return Err(Fault::Malformed(NONE)),
        };
        *rest = input;
        Ok(item)
    }

    /// Puts the item to the end of `out`.
    #[inline(always)]
    pub(super) fn put(self, out: &mut BytesMut) {
        match self {
            Self::Null => out.extend_from_slice(&[0]),
            Self::Bool(value) => out.extend_from_slice(&[1, u8::from(value)]),
            Self::Int(number) => put_number(out, 2, zigzag(number)),
            Self::UInt(number) => put_number(out, 3, number),
            Self::Float(number) => {
                let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
                out.extend_from_slice(&[4, a, b, c, d, e, f, g, h]);
            }
            Self::Text(text) => put_bytes(out, TEXT, text.as_bytes()),
            Self::Bytes(bytes) => put_bytes(out, 6, bytes),
            Self::List(count) => put_number(out, LIST, count),
            Self::Map(count) => put_number(out, 8, count),
        }
    }
}

/// An item as far as its walls: what those who only walk over a frame need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outline {
    /// It has nothing inside.
    Leaf,
    /// The same; it can be a key.
    Text,
    /// A list begins, with so many elements.
    List(u64),
    /// A map begins, with so many entries.
    Map(u64),
}

impl Outline {
    /// Walks over what [`Item::take`] would take, and refuses what that refuses.
    #[inline(always)]
    pub(super) fn skip(rest: &mut &[u8]) -> Option<Self> {
        let (&variant, mut input) = rest.split_first()?;
        let outline = match variant {
            0 => Self::Leaf,
            1 => match take_array(&mut input).ok()? {
                [0 | 1] => Self::Leaf,
                [_] => return None,
            },
            2 | 3 => {
                skip_number(&mut input)?;
                Self::Leaf
            }
            4 => {
                let [..]: [u8; 8] = take_array(&mut input).ok()?;
                Self::Leaf
            }
            TEXT if is_text(take_bytes(&mut input).ok()?) => Self::Text,
            6 => {
                take_bytes(&mut input).ok()?;
                Self::Leaf
            }
            LIST => Self::List(take_number(&mut input).ok()?),
            8 => Self::Map(take_number(&mut input).ok()?),
            _ => return None,
        };
        *rest = input;
        Some(outline)
    }
}

/// How many elements the list has that begins `rest`, if one does, and the bytes of the text that comes first in it.
/// Whether they are UTF-8 is not looked at.
#[inline]
pub(super) fn list_of_text<'a>(rest: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (&LIST, mut input) = rest.split_first()? else { return None };
    let count = take_number(&mut input).ok()?;
    let (&TEXT, mut input) = input.split_first()? else { return None };
    let text = take_bytes(&mut input).ok()?;
    *rest = input;
    Some((count, text))
}

/// Puts the beginning of a list, and the text that comes first in it.
#[inline]
pub(super) fn put_list_of_text(out: &mut BytesMut, count: u64, text: &str) {
    match (u8::try_from(count), u8::try_from(text.len())) {
        (Ok(count @ 0..0x80), Ok(len @ 0..0x80)) => {
            out.extend_from_slice(&[LIST, count, TEXT, len]);
            out.extend_from_slice(text.as_bytes());
        }
        _ => {
            Item::List(count).put(out);
            Item::Text(text).put(out);
        }
    }
}

/// Most texts are ASCII, which is seen in fewer steps.
#[inline]
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

#[inline]
fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (array, behind) = rest.split_first_chunk().ok_or(Fault::Truncated)?;
    *rest = behind;
    Ok(*array)
}

#[inline]
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let len = usize::try_from(take_number(rest)?).map_err(|_| Fault::Truncated)?;
    let (bytes, behind) = rest.split_at_checked(len).ok_or(Fault::Truncated)?;
    *rest = behind;
    Ok(bytes)
}

/// Seven bits in each byte, the lowest first; all bytes but the last have the eighth bit set. Most have two at the most.
#[inline]
pub(super) fn take_number(rest: &mut &[u8]) -> Result<u64, Fault> {
    match **rest {
        [first, ref behind @ ..] if first < 0x80 => {
            *rest = behind;
            Ok(u64::from(first))
        }
        [first, second, ref behind @ ..] if second < 0x80 => {
            *rest = behind;
            Ok(u64::from(first & 0x7f) | u64::from(second) << 7)
        }
        _ => take_long_number(rest),
    }
}

/// Walks over a number.
#[inline]
fn skip_number(rest: &mut &[u8]) -> Option<()> {
    match **rest {
        [first, ref behind @ ..] if first < 0x80 => *rest = behind,
        [_, second, ref behind @ ..] if second < 0x80 => *rest = behind,
        [_, _, third, ref behind @ ..] if third < 0x80 => *rest = behind,
        _ => {
            take_long_number(rest).ok()?;
        }
    }
    Some(())
}

fn take_long_number(rest: &mut &[u8]) -> Result<u64, Fault> {
    let mut number = 0;
    for (index, &byte) in rest.iter().take(VARINT).enumerate() {
        let part = u64::from(byte & 0x7f);
        let shift = u32::try_from(index.wrapping_mul(7)).unwrap_or(u32::MAX);
        let shifted = part.checked_shl(shift).unwrap_or(0);
        if shifted.checked_shr(shift) != Some(part) {
            return Err(Fault::Malformed(NONE));
        }
        number |= shifted;
        if byte < 0x80 {
            *rest = rest.get(index.wrapping_add(1)..).unwrap_or_default();
            return Ok(number);
        }
    }
    Err(if rest.len() < VARINT { Fault::Truncated } else { Fault::Malformed(NONE) })
}

/// Most numbers have no more than 21 bits; these cost one step each.
#[inline]
fn put_number(out: &mut BytesMut, variant: u8, number: u64) {
    let [a, b, c, ..] = number.to_le_bytes();
    match number {
        0..0x80 => out.extend_from_slice(&[variant, a]),
        0x80..0x4000 => out.extend_from_slice(&[variant, a | 0x80, b << 1 | a >> 7]),
        0x4000..0x20_0000 => {
            out.extend_from_slice(&[variant, a | 0x80, b << 1 | a >> 7 | 0x80, c << 2 | b >> 6]);
        }
        _ => put_long_number(out, variant, number),
    }
}

fn put_long_number(out: &mut BytesMut, variant: u8, mut number: u64) {
    out.extend_from_slice(&[variant]);
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        out.extend_from_slice(&[low | 0x80]);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    out.extend_from_slice(&[low]);
}

#[inline]
fn put_bytes(out: &mut BytesMut, variant: u8, bytes: &[u8]) {
    if let Ok(len @ 0..0x80) = u8::try_from(bytes.len()) {
        out.extend_from_slice(&[variant, len]);
        return out.extend_from_slice(bytes);
    }
    // At once, not when half of it is there.
    out.reserve(bytes.len().saturating_add(VARINT + 1));
    put_number(out, variant, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Small numbers of either sign become small.
#[inline]
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

#[inline]
fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ (number & 1).cast_signed().wrapping_neg()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(mut bytes: &[u8]) -> Result<(Item<'_>, &[u8]), Fault> {
        Item::take(&mut bytes).map(|item| (item, bytes))
    }

    fn check(item: Item<'_>) -> Result<(), TestCaseError> {
        let expected = postcard::to_allocvec(&item).expect("has a form");
        let mut out = BytesMut::new();
        item.put(&mut out);
        prop_assert_eq!(&out[..], &expected[..]);
        let longer = [&out[..], b"rest"].concat();
        prop_assert_eq!(taken(&longer), Ok((item, &b"rest"[..])));
        for len in 0..out.len() {
            prop_assert_eq!(taken(&out[..len]), Err(Fault::Truncated));
        }
        outlined(&longer)?;
        Ok(())
    }

    /// Who walks over an item sees the same as who takes it.
    fn outlined(bytes: &[u8]) -> Result<(), TestCaseError> {
        let mut rest = bytes;
        let skipped = Outline::skip(&mut rest);
        let expected = taken(bytes).ok().map(|(item, behind)| {
            let outline = match item {
                Item::Text(_) => Outline::Text,
                Item::List(count) => Outline::List(count),
                Item::Map(count) => Outline::Map(count),
                _ => Outline::Leaf,
            };
            (outline, behind)
        });
        prop_assert_eq!(skipped.map(|outline| (outline, rest)), expected);
        Ok(())
    }

    proptest! {
        /// [FR-31]: this is postcard.
        #[test]
        fn written_and_read_as_postcard_does(
            int: i64, uint: u64, small in -200..200_i64, float in -1e300..1e300, text: String, bytes: Vec<u8>, truth: bool,
        ) {
            for number in [int, small, i64::MIN, i64::MAX] {
                check(Item::Int(number))?;
            }
            for number in [uint, 0, 127, 128, 16_383, 16_384, 0x1f_ffff, 0x20_0000, u64::MAX] {
                check(Item::UInt(number))?;
                check(Item::List(number))?;
                check(Item::Map(number))?;
            }
            check(Item::Float(float))?;
            check(Item::Text(&text))?;
            check(Item::Bytes(&bytes))?;
            check(Item::Bool(truth))?;
            check(Item::Null)?;
        }

        /// What we take, postcard takes for the same; and we refuse nothing but what it refuses, and tags of more than a
        /// byte, which nobody writes.
        #[test]
        fn any_bytes_are_judged_as_postcard_does(bytes in prop::collection::vec(any::<u8>(), 0..24), variant in 0..10_u8) {
            for bytes in [bytes.clone(), [&[variant][..], &bytes].concat()] {
                outlined(&bytes)?;
                let theirs = postcard::take_from_bytes::<Item<'_>>(&bytes).ok();
                let ours = taken(&bytes).ok();
                if bytes.first().is_none_or(|&first| first < 0x80) {
                    // A float that is no number is not equal to itself.
                    prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
                } else {
                    prop_assert_eq!(ours, None);
                }
            }
        }
    }
}
