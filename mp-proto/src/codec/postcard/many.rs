//! The request by which one message goes to many ports `[ND-31]`: `["", "many", [name, …], frame]`. The frame is a byte string, so
//! that it nests no deeper and has no more values than by itself, and can be given to each port as it lies there.

use bytes::BytesMut;

use super::item::{Item, LIST, TEXT, take_octets};
use super::{PREFIX, Postcard};
use crate::codec::Codec;
use crate::codec::copies::ForMany;

/// How such a request begins: a list of four, the node port, and its tag.
const BEGIN: [u8; 10] = [LIST, 4, TEXT, 0, TEXT, 4, b'm', b'a', b'n', b'y'];
/// No name takes more bytes than its own and these.
pub(in crate::codec) const PER_NAME: usize = 3;
/// What stands around names and frame takes no more.
pub(in crate::codec) const AROUND: usize = PREFIX + BEGIN.len() + 2 * 11;

/// Writes a request for `count` ports.
pub(in crate::codec) fn put<'a>(
    names: impl Iterator<Item = &'a str>,
    count: usize,
    frame: &[u8],
    out: &mut BytesMut,
) {
    let start = out.len();
    out.reserve(frame.len().saturating_add(count.saturating_mul(16)));
    Postcard::open(out);
    out.extend_from_slice(&BEGIN);
    Item::List(count as u64).put(out);
    for name in names {
        Item::Text(name).put(out);
    }
    Item::Bytes(frame).put(out);
    Postcard::close(out, start);
}

/// Whether a frame begins as such a request does.
#[inline]
pub(in crate::codec) fn is(frame: &[u8]) -> bool {
    frame.starts_with(&BEGIN)
}

/// The parts of a request.
pub(in crate::codec) struct Parts<'a> {
    /// All that stands before the message.
    pub(in crate::codec) head: &'a [u8],
    pub(in crate::codec) names: &'a [u8],
    pub(in crate::codec) count: usize,
    pub(in crate::codec) message: &'a [u8],
}

/// Takes a request apart, if it is in order.
pub(in crate::codec) fn take(frame: &[u8]) -> Option<Parts<'_>> {
    let mut rest = frame.get(BEGIN.len()..)?;
    let Ok(Item::List(count)) = Item::take(&mut rest) else { return None };
    let count = usize::try_from(count).ok().filter(|count| (1..=ForMany::MOST).contains(count))?;
    let before = |rest: &[u8]| frame.get(..frame.len().checked_sub(rest.len())?);
    let begin = before(rest)?.len();
    for _ in 0..count {
        let Ok(Item::Text(_)) = Item::take(&mut rest) else { return None };
    }
    let head = before(rest)?;
    Some(Parts { head, names: head.get(begin..)?, count, message: message(rest)? })
}

/// The message, from where it begins in the request.
#[inline]
pub(in crate::codec) fn message(mut rest: &[u8]) -> Option<&[u8]> {
    take_octets(&mut rest).filter(|_| rest.is_empty())
}

/// The names in a part that was taken.
pub(in crate::codec) fn names(mut names: &[u8]) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || match Item::take(&mut names) {
        Ok(Item::Text(name)) => Some(name),
        _ => None,
    })
}
