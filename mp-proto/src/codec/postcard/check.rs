//! Whether a frame is well-formed, without making tokens of it.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::item::{Outline, is_text, list_of_text};
use super::read::PostcardReader;
use crate::DecodeError;
use crate::codec::Framing;
use crate::codec::frame;
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

fn name_of_sound(frame: &[u8]) -> Option<&[u8]> {
    let mut rest = frame;
    let (count, name) = list_of_text(&mut rest)?;
    let mut top = Level { map: false, left: count.checked_sub(1).filter(|_| is_text(name))? };
    let mut outer: SmallVec<[Level; 8]> = SmallVec::new();
    loop {
        let Some(left) = top.left.checked_sub(1) else {
            match outer.pop() {
                Some(level) => top = level,
                None => return rest.is_empty().then_some(name),
            }
            continue;
        };
        let is_key = top.map && top.left.is_multiple_of(2);
        top.left = left;
        let (map, count, least) = match Outline::skip(&mut rest)? {
            Outline::Text => continue,
            _ if is_key => return None,
            Outline::Leaf => continue,
            Outline::List(count) => (false, count, count),
            Outline::Map(count) => (true, count.checked_mul(2)?, count.checked_mul(3)?),
        };
        // The list that the frame is counts as a level, too.
        if least > rest.len() as u64 || outer.len().saturating_add(2) > MAX_DEPTH {
            return None;
        }
        outer.push(top);
        top = Level { map, left: count };
    }
}
