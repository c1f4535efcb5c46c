//! Whether a frame is well-formed, if it is as expected.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{Passed, QuickReader};
use crate::codec::{Codec, DecodeError, frame};
use crate::text::is_utf8;
use crate::token::MAX_DEPTH;

/// A list or map around the one that is being walked over, and whether it is a map.
type Outer<L> = SmallVec<[(bool, L); 8]>;

/// [`Codec::check`] of a frame that is as expected, most often; who knows all forms sees to the others, and says what is wrong.
#[inline]
pub(in crate::codec) fn check<C: Codec>(frame: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    match walk::<C>(frame) {
        Some((name, 0)) => Ok(Cow::Borrowed(name)),
        _ => frame::check(C::FRAMING, C::reader(frame)),
    }
}

/// [`Codec::quick_cut`].
#[inline]
pub(in crate::codec) fn cut<C: Codec>(input: &[u8]) -> Option<(&[u8], usize)> {
    walk::<C>(input).map(|(name, left)| (name, input.len().saturating_sub(left)))
}

/// The port's name of the frame that `input` begins with, if it is well-formed and as expected, and how many bytes come
/// behind it.
fn walk<C: Codec>(input: &[u8]) -> Option<(&[u8], usize)> {
    let entrance = C::quick(input)?;
    let name = entrance.name?;
    let (mut reader, mut level) = (entrance.reader, entrance.level);
    while reader.more(&mut level)? {
        match reader.pass()? {
            Passed::Scalar => {}
            Passed::List(inner) => reader = nested(reader, inner, false)?,
            Passed::Map(inner) => reader = nested(reader, inner, true)?,
        }
    }
    Some((name, reader.left()))
}

/// Walks over what is left of a list or map within the message.
fn nested<'a, Q: QuickReader<'a>>(mut reader: Q, mut top: Q::Level, mut map: bool) -> Option<Q> {
    let mut outer = Outer::<Q::Level>::new();
    loop {
        let more = match map {
            false => reader.more(&mut top)?,
            true => match reader.key(&mut top)? {
                Some(key) if !is_utf8(key) => return None,
                key => key.is_some(),
            },
        };
        if more {
            let (inner_is_map, inner) = match reader.pass()? {
                Passed::List(inner) => (false, inner),
                Passed::Map(inner) => (true, inner),
                Passed::Scalar if map => {
                    reader.value_ended(&top)?;
                    continue;
                }
                Passed::Scalar => continue,
            };
            outer.push((std::mem::replace(&mut map, inner_is_map), std::mem::replace(&mut top, inner)));
            // The message and the innermost count as levels, too.
            if outer.len().saturating_add(2) > MAX_DEPTH {
                return None;
            }
            continue;
        }
        let Some((outer_is_map, level)) = outer.pop() else { return Some(reader) };
        (map, top) = (outer_is_map, level);
        if map {
            reader.value_ended(&top)?;
        }
    }
}
