//! What a frame is a sequence of: postcard's form of an enum, written out by hand, for it is read and written for every
//! value of every message. A test holds it against what postcard's own derived form is.

use bytes::BytesMut;

use crate::text::is_utf8;

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

/// Where items are put to the end.
pub(super) trait Sink {
    /// How many bytes are there.
    fn len(&self) -> usize;
    /// A few bytes, which are known to be so many.
    fn put<const N: usize>(&mut self, bytes: [u8; N]);
    /// The bytes of a string.
    fn put_slice(&mut self, bytes: &[u8]);
    /// So many bytes are to come: makes room for all of them.
    fn expect(&mut self, bytes: usize);
}

impl Sink for BytesMut {
    #[inline(always)]
    fn len(&self) -> usize {
        Self::len(self)
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.extend_from_slice(&bytes);
    }

    #[inline(always)]
    fn put_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn expect(&mut self, bytes: usize) {
        self.reserve(bytes);
    }
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

/// What tells items of a kind from others.
pub(super) const NULL: u8 = 0;
const INT: u8 = 2;
const UINT: u8 = 3;
pub(super) const TEXT: u8 = 5;
const BYTES: u8 = 6;
pub(super) const LIST: u8 = 7;
pub(super) const MAP: u8 = 8;

/// The most bytes of a number.
const VARINT: usize = 10;

impl<'a> Item<'a> {
    /// Takes an item from the front of `rest`, which is left as it was if there is none.
    #[inline(always)]
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, Fault> {
        let (&variant, mut input) = rest.split_first().ok_or(Fault::Truncated)?;
        let item = match variant {
            NULL => Self::Null,
            1 => match take_array(&mut input)? {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                [_] => return Err(Fault::Malformed(NONE)),
            },
            INT => Self::Int(unzigzag(take_number(&mut input)?)),
            UINT => Self::UInt(take_number(&mut input)?),
            4 => Self::Float(f64::from_le_bytes(take_array(&mut input)?)),
            TEXT => match std::str::from_utf8(take_bytes(&mut input)?) {
                Ok(text) => Self::Text(text),
                Err(_) => return Err(Fault::Malformed("a text is not UTF-8")),
            },
            BYTES => Self::Bytes(take_bytes(&mut input)?),
            LIST => Self::List(take_number(&mut input)?),
            MAP => Self::Map(take_number(&mut input)?),
            _ => return Err(Fault::Malformed(NONE)),
        };
        *rest = input;
        Ok(item)
    }

    /// Puts the item to the end of `out`.
    #[inline(always)]
    pub(super) fn put(self, out: &mut impl Sink) {
        match self {
            Self::Null => out.put([NULL]),
            Self::Bool(value) => out.put([1, u8::from(value)]),
            Self::Int(number) => put_number(out, INT, zigzag(number)),
            Self::UInt(number) => put_number(out, UINT, number),
            Self::Float(number) => {
                let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
                out.put([4, a, b, c, d, e, f, g, h]);
            }
            Self::Text(text) => put_bytes(out, TEXT, text.as_bytes()),
            Self::Bytes(bytes) => put_bytes(out, BYTES, bytes),
            Self::List(count) => put_number(out, LIST, count),
            Self::Map(count) => put_number(out, MAP, count),
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
            NULL => Self::Leaf,
            1 => match take_array(&mut input).ok()? {
                [0 | 1] => Self::Leaf,
                [_] => return None,
            },
            INT | UINT => {
                skip_number(&mut input)?;
                Self::Leaf
            }
            4 => {
                let [..]: [u8; 8] = take_array(&mut input).ok()?;
                Self::Leaf
            }
            TEXT if is_utf8(take_bytes(&mut input).ok()?) => Self::Text,
            BYTES => {
                take_bytes(&mut input).ok()?;
                Self::Leaf
            }
            LIST => Self::List(take_number(&mut input).ok()?),
            MAP => Self::Map(take_number(&mut input).ok()?),
            _ => return None,
        };
        *rest = input;
        Some(outline)
    }
}

/// What stands behind the item that comes first, if that is one of those which most messages are made of: a number, or a string of
/// fewer than 128 bytes. All others are for [`Outline::skip`], which passes over these in the same way.
#[inline(always)]
pub(super) fn skip_short(rest: &[u8]) -> Option<&[u8]> {
    let [variant, len, ref behind @ ..] = *rest else { return None };
    if variant == INT || variant == UINT {
        return if len < 0x80 { Some(behind) } else { skip_long_number(rest) };
    }
    if len >= 0x80 {
        return None;
    }
    if variant == BYTES {
        return behind.get(usize::from(len)..);
    }
    let (text, behind) = behind.split_at_checked(usize::from(len)).filter(|_| variant == TEXT)?;
    is_short_utf8(text).then_some(behind)
}

/// Of a word this can be told at once.
#[inline(always)]
fn is_short_utf8(text: &[u8]) -> bool {
    if text.len() <= 16 { is_utf8(text) } else { is_long_utf8(text) }
}

#[inline(never)]
fn is_long_utf8(text: &[u8]) -> bool {
    is_utf8(text)
}

#[inline(never)]
fn skip_long_number(rest: &[u8]) -> Option<&[u8]> {
    let mut number = rest.get(1..)?;
    skip_number(&mut number).map(|()| number)
}

/// What stands behind the beginning of most frames: how many elements come behind the first, which is a text, the text's
/// bytes, and the rest. Whether they are UTF-8 is not looked at.
#[inline(always)]
pub(super) fn split_list_of_text(frame: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [LIST, count @ 1..0x80, TEXT, len @ 0..0x80, ref behind @ ..] = *frame else { return None };
    let (text, rest) = behind.split_at_checked(usize::from(len))?;
    Some((count.wrapping_sub(1), text, rest))
}

/// Takes what [`Item::take`] would take, if it is of one kind. As there `rest` is left as it was if there is none.
macro_rules! takes {
    ($($(#[$meta:meta])* $name:ident$(<$life:lifetime>)?($variant:ident) -> $type:ty = $take:expr;)*) => {$(
        $(#[$meta])*
        #[inline(always)]
        pub(super) fn $name$(<$life>)?(rest: &mut &$($life)? [u8]) -> Option<$type> {
            let (&$variant, mut input) = rest.split_first()? else { return None };
            let taken = $take(&mut input).ok()?;
            *rest = input;
            Some(taken)
        }
    )*};
}

takes! {
    /// An [`Item::Int`].
    take_int(INT) -> i64 = |input: &mut _| take_number(input).map(unzigzag);
    /// The bytes of an [`Item::Text`], which may not be UTF-8.
    take_text<'a>(TEXT) -> &'a [u8] = take_bytes;
    /// The bytes of an [`Item::Bytes`].
    take_octets<'a>(BYTES) -> &'a [u8] = take_bytes;
    /// The count of an [`Item::List`].
    take_list(LIST) -> u64 = take_number;
    /// The count of an [`Item::Map`].
    take_map(MAP) -> u64 = take_number;
}

/// Puts what stands before the bytes of an [`Item::Bytes`] of this length.
pub(super) fn put_bytes_head(out: &mut BytesMut, len: usize) {
    put_number(out, BYTES, len as u64);
}

/// Puts the beginning of a list, and the text that comes first in it.
#[inline(always)]
pub(super) fn put_list_of_text(out: &mut impl Sink, count: u64, text: &str) {
    match (u8::try_from(count), u8::try_from(text.len())) {
        (Ok(count @ 0..0x80), Ok(len @ 0..0x80)) => {
            out.put([LIST, count, TEXT, len]);
            out.put_slice(text.as_bytes());
        }
        _ => put_long_list_of_text(out, count, text),
    }
}

#[cold]
fn put_long_list_of_text(out: &mut impl Sink, count: u64, text: &str) {
    Item::List(count).put(out);
    Item::Text(text).put(out);
}

#[inline]
fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (array, behind) = rest.split_first_chunk().ok_or(Fault::Truncated)?;
    *rest = behind;
    Ok(*array)
}

#[inline(always)]
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let len = usize::try_from(take_number(rest)?).map_err(|_| Fault::Truncated)?;
    let (bytes, behind) = rest.split_at_checked(len).ok_or(Fault::Truncated)?;
    *rest = behind;
    Ok(bytes)
}

/// Seven bits in each byte, the lowest first; all bytes but the last have the eighth bit set. Most have two at the most.
#[inline(always)]
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
        _ => match rest.first_chunk().and_then(|word| number_of_word(u64::from_le_bytes(*word))) {
            Some((number, len)) => {
                *rest = rest.get(len..).unwrap_or_default();
                Ok(number)
            }
            None => {
                let (number, behind) = long_number(rest)?;
                *rest = behind;
                Ok(number)
            }
        },
    }
}

/// The number that `word` begins with, the least significant byte first, and how many bytes it has. Nothing if it has
/// more than those of the word.
#[inline(always)]
fn number_of_word(word: u64) -> Option<(u64, usize)> {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let last = !word & HIGH;
    if last == 0 {
        return None;
    }
    // All bits up to the first eighth bit that is not set, without any eighth bit.
    let sevens = word & (last ^ last.wrapping_sub(1)) & !HIGH;
    // Groups of seven bits close ranks: two by two, four by four, all.
    let pairs = sevens & 0x007f_007f_007f_007f | (sevens & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    let number = fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4;
    Some((number, (last.trailing_zeros() as usize / 8).wrapping_add(1)))
}

/// Walks over a number.
#[inline]
fn skip_number(rest: &mut &[u8]) -> Option<()> {
    match **rest {
        [first, ref behind @ ..] if first < 0x80 => *rest = behind,
        [_, second, ref behind @ ..] if second < 0x80 => *rest = behind,
        [_, _, third, ref behind @ ..] if third < 0x80 => *rest = behind,
        _ => *rest = long_number(rest).ok()?.1,
    }
    Some(())
}

/// Takes and gives back the bytes: as a place that is lent they could not stay in registers.
#[inline(never)]
fn long_number(rest: &[u8]) -> Result<(u64, &[u8]), Fault> {
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
            return Ok((number, rest.get(index.wrapping_add(1)..).unwrap_or_default()));
        }
    }
    Err(if rest.len() < VARINT { Fault::Truncated } else { Fault::Malformed(NONE) })
}

/// Most numbers have no more than 28 bits; these are put in one step.
#[inline(always)]
fn put_number(out: &mut impl Sink, variant: u8, number: u64) {
    let [a, b, ..] = number.to_le_bytes();
    match number {
        0..0x80 => out.put([variant, a]),
        0x80..0x4000 => out.put([variant, a | 0x80, b << 1 | a >> 7]),
        _ => put_long_number(out, variant, number),
    }
}

#[inline(never)]
fn put_long_number(out: &mut impl Sink, variant: u8, mut number: u64) {
    if let Ok(small @ 0..0x1000_0000) = u32::try_from(number) {
        // Seven bits to each byte, all of which but the last say that another follows.
        let spread =
            small & 0x7f | (small & 0x3f80) << 1 | (small & 0x1f_c000) << 2 | (small & 0xfe0_0000) << 3;
        let [a, b, c, d] = spread.to_le_bytes();
        return match (c, d) {
            (_, 1..) => out.put([variant, a | 0x80, b | 0x80, c | 0x80, d]),
            (1.., 0) => out.put([variant, a | 0x80, b | 0x80, c]),
            (0, 0) => out.put([variant, a | 0x80, b]),
        };
    }
    out.put([variant]);
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        out.put([low | 0x80]);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    out.put([low]);
}

#[inline(always)]
fn put_bytes(out: &mut impl Sink, variant: u8, bytes: &[u8]) {
    if let Ok(len @ 0..0x80) = u8::try_from(bytes.len()) {
        out.put([variant, len]);
        return out.put_slice(bytes);
    }
    put_long_bytes(out, variant, bytes);
}

#[inline(never)]
fn put_long_bytes(out: &mut impl Sink, variant: u8, bytes: &[u8]) {
    out.expect(bytes.len().saturating_add(VARINT + 1));
    put_number(out, variant, bytes.len() as u64);
    out.put_slice(bytes);
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
        if let Some(behind) = skip_short(bytes) {
            prop_assert!(matches!(skipped, Some(Outline::Leaf | Outline::Text)));
            prop_assert_eq!(behind, rest);
        }
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
