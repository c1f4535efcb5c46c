//! Whether a frame is well-formed, without making tokens of it.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::PREFIX;
use super::item::{self, Outline, split_list_of_text};
use super::read::PostcardReader;
use crate::DecodeError;
use crate::codec::Framing;
use crate::codec::frame;
use crate::text::{is_utf8, strip_head};
use crate::token::MAX_DEPTH;

/// The port's name of a frame that is well-formed. What this shortcut finds wrong, or too rare to deal with, is left to the
/// reader, so that there is one who says what is wrong.
#[inline]
pub(super) fn check(frame: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    match name_of_sound(frame) {
        Some(name) => Ok(Cow::Borrowed(name)),
        None => frame::check(Framing::Postcard, PostcardReader::new(frame)),
    }
}

/// What is left of a list or map: keys and values count alike, so in a map a key comes next when this is even.
#[derive(Clone, Copy)]
struct Level {
    map: bool,
    left: u64,
}

#[inline]
fn name_of_sound(frame: &[u8]) -> Option<&[u8]> {
    let (left, name, rest) = split_list_of_text(frame).filter(|(_, name, _)| is_utf8(name))?;
    is_sound(rest, u64::from(left)).then_some(name)
}

/// See [`Codec::find_alike`](crate::codec::Codec::find_alike).
#[inline(always)]
pub(super) fn find_alike(
    mut input: &[u8],
    head: &[u8],
    max: usize,
    mut found: impl FnMut(Range<usize>) -> bool,
) {
    // A longer count is rare.
    let [item::LIST, count @ 1..0x80, ..] = *head else { return };
    let left = u32::from(count.wrapping_sub(1));
    // What the last frame began with up to the end of its tag, and how many elements came behind that.
    let (mut tagged, mut behind_tag) = (head, left);
    let mut at = 0_usize;
    while let Some((prefix, rest)) = input.split_first_chunk::<PREFIX>()
        && let len = u32::from_le_bytes(*prefix) as usize
        && len <= max
        && let Some((frame, behind)) = rest.split_at_checked(len)
    {
        if let Some(rest) = strip_head(frame, tagged)
            && tagged.len() > head.len()
        {
            if !is_sound_short(rest, behind_tag) {
                return;
            }
        } else {
            if !strip_head(frame, head).is_some_and(|rest| is_sound_short(rest, left)) {
                return;
            }
            (tagged, behind_tag) = with_tag(frame, head.len(), left);
        }
        let start = at.saturating_add(PREFIX);
        at = start.saturating_add(len);
        if !found(start..at) {
            return;
        }
        input = behind;
    }
}

/// What a sound frame begins with up to the end of its first element, if that is a short text, and how many come behind it; else up
/// to where that element begins, with all that come.
#[inline(always)]
fn with_tag(frame: &[u8], begin: usize, left: u32) -> (&[u8], u32) {
    let end = match frame.get(begin..) {
        Some([item::TEXT, len @ 0..0x80, ..]) if left > 0 => {
            begin.saturating_add(2).saturating_add(usize::from(*len))
        }
        _ => begin,
    };
    let left = if end > begin { left.saturating_sub(1) } else { left };
    (frame.get(..end).unwrap_or_default(), left)
}

/// Whether these are so many elements of a list, and nothing else: here for those that most messages are made of, numbers and
/// short strings.
#[inline(always)]
fn is_sound_short(mut rest: &[u8], mut left: u32) -> bool {
    while let Some(behind) = left.checked_sub(1) {
        match item::skip_short(rest) {
            Some(after) => (rest, left) = (after, behind),
            None => return is_sound(rest, u64::from(left)),
        }
    }
    rest.is_empty()
}

/// The same for all elements.
#[inline(never)]
fn is_sound(mut rest: &[u8], mut left: u64) -> bool {
    while let Some(behind) = left.checked_sub(1) {
        left = behind;
        let level = match Outline::skip(&mut rest) {
            None => return false,
            Some(Outline::Leaf | Outline::Text) => continue,
            Some(Outline::List(count)) => Level::new(false, count, rest),
            Some(Outline::Map(count)) => Level::new(true, count, rest),
        };
        // The rest of the frame is looked at there, too.
        return level.is_some_and(|level| is_nested_sound(rest, level, Level { map: false, left }));
    }
    rest.is_empty()
}

impl Level {
    /// A list or map begins before `rest`, with so many elements or entries.
    #[inline]
    fn new(map: bool, count: u64, rest: &[u8]) -> Option<Self> {
        let (left, least) = if map { (count.checked_mul(2)?, count.checked_mul(3)?) } else { (count, count) };
        (least <= rest.len() as u64).then_some(Self { map, left })
    }
}

/// Whether what is left of `top`, which is in the list `frame`, and of that, is well-formed.
fn is_nested_sound(rest: &[u8], top: Level, frame: Level) -> bool {
    let mut outer: SmallVec<[Level; 8]> = SmallVec::new();
    outer.push(frame);
    walk(rest, top, &mut outer).is_some_and(<[u8]>::is_empty)
}

fn walk<'a>(mut rest: &'a [u8], mut top: Level, outer: &mut SmallVec<[Level; 8]>) -> Option<&'a [u8]> {
    loop {
        let Some(left) = top.left.checked_sub(1) else {
            match outer.pop() {
                Some(level) => top = level,
                None => return Some(rest),
            }
            continue;
        };
        let is_key = top.map && top.left.is_multiple_of(2);
        top.left = left;
        let level = match Outline::skip(&mut rest)? {
            Outline::Text => continue,
            _ if is_key => return None,
            Outline::Leaf => continue,
            Outline::List(count) => Level::new(false, count, rest)?,
            Outline::Map(count) => Level::new(true, count, rest)?,
        };
        // The list that the frame is counts as a level, too.
        if outer.len().saturating_add(2) > MAX_DEPTH {
            return None;
        }
        outer.push(top);
        top = level;
    }
}
