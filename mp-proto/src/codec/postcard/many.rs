//! The request by which one message goes to many ports `[ND-31]`: `["", "many", [name, …], frame]`. The frame is a byte string, so
//! that it nests no deeper and has no more values than by itself, and can be given to each port as it lies there.

use std::ops::Range;

use bytes::BytesMut;

use super::item::{Item, LIST, TEXT};
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

/// Where the parts of a request stand.
pub(in crate::codec) struct Parts {
    pub(in crate::codec) names: Range<usize>,
    pub(in crate::codec) count: usize,
    pub(in crate::codec) message: Range<usize>,
}

/// Takes a request apart, if it is in order.
pub(in crate::codec) fn take(frame: &[u8]) -> Option<Parts> {
    let mut rest = frame.get(BEGIN.len()..)?;
    let Ok(Item::List(count)) = Item::take(&mut rest) else { return None };
    let count = usize::try_from(count).ok().filter(|count| (1..=ForMany::MOST).contains(count))?;
    let place = |rest: &[u8]| frame.len().saturating_sub(rest.len());
    let begin = place(rest);
    for _ in 0..count {
        let Ok(Item::Text(_)) = Item::take(&mut rest) else { return None };
    }
    let names = begin..place(rest);
    let Ok(Item::Bytes(message)) = Item::take(&mut rest) else { return None };
    let message = frame.len().checked_sub(message.len())?..frame.len();
    rest.is_empty().then_some(Parts { names, count, message })
}

/// The names in a part that was taken.
pub(in crate::codec) fn names(mut names: &[u8]) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || match Item::take(&mut names) {
        Ok(Item::Text(name)) => Some(name),
        _ => None,
    })
}
