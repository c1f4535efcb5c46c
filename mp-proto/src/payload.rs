//! Bytes that are not copied on their way.

use std::borrow::Borrow;
use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// Shorter payloads are copied when they are read: up to between one and two KiB that costs less than to count handles of
/// memory that several threads use, and it holds nothing else.
pub(crate) const SLICED: usize = 2048;

/// Payloads of fewer bytes are copied when they are written `[MSG-17]`: as a part of their own they would cost more.
pub(crate) const KEPT: usize = 16 * 1024;

/// A byte string that is shared instead of copied: the type to take for what is large in a message.
///
/// On the wire it is a byte string, as that of any other type. It differs in what happens in memory:
///
/// - **Received**, it is a slice of the buffer that the system's bytes were read into, if it has 2 KiB or more `[MSG-16]`.
///   So it holds as long as it lives what was read with it: up to 128 KiB, or its own message if that is larger. That is what
///   one wants of bytes that are looked at, written to a file or sent on. Of those that are stored for long among many others,
///   keep a [detached](Self::detached) copy, or take a type that owns its bytes, such as `serde_bytes::ByteBuf`.
/// - **Sent** to another node in a message that goes in pieces (of more than
///   [`Limits::large_message`](crate::Limits::large_message) bytes, between nodes of our kind), it goes to the socket from
///   where it lies, if it has 16 KiB or more `[MSG-17]`. To clone one
///   of 2 KiB or more costs a counter.
///
/// A message to a typed port of the same node is moved, whatever it is made of.
///
/// ```
/// use bytes::BytesMut;
/// use mp_proto::{Frame, Framing, Payload};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(rename_all = "snake_case")]
/// enum Store {
///     Put(String, Payload),
/// }
///
/// # if Framing::Postcard.is_available() {
/// let message = Store::Put("key".into(), Payload::from(vec![7; 3000]));
/// let mut frame = BytesMut::new();
/// Frame::write(Framing::Postcard, "store", &message, None, 4000, &mut frame)?;
/// let frame = Frame::new(Framing::Postcard, frame.freeze().slice(4..));
/// let Store::Put(_, value) = frame.decode()?;
/// assert_eq!(value, [7; 3000]);
/// assert!(frame.bytes().as_ptr_range().contains(&value.as_ptr()), "it lies in the frame");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In types that look at the data first (`#[serde(untagged)]`, `#[serde(flatten)]`) it is copied when it is read. With serialisers of others it is what `Vec<u8>` is to `serde_bytes`.
#[derive(Clone)]
pub struct Payload(Held);

#[derive(Clone)]
enum Held {
    /// Short ones have memory of their own, for which a counter would be ado.
    Own(Vec<u8>),
    Shared(Bytes),
}

impl Payload {
    /// The same bytes in memory of their own, so that nothing else is held.
    #[must_use]
    pub fn detached(&self) -> Self {
        self.to_vec().into()
    }

    /// The handle of the bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Held::Own(bytes) => bytes.into(),
            Held::Shared(bytes) => bytes,
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self(Held::Own(Vec::new()))
    }
}

impl Deref for Payload {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Own(bytes) => bytes,
            Held::Shared(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Payload {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Compared, ordered and hashed as a slice is.
impl Borrow<[u8]> for Payload {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// With whatever is bytes.
impl<B: AsRef<[u8]> + ?Sized> PartialEq<B> for Payload {
    fn eq(&self, other: &B) -> bool {
        **self == *other.as_ref()
    }
}

impl Eq for Payload {}

impl PartialOrd for Payload {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Payload {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl Hash for Payload {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(Held::Shared(bytes))
    }
}

/// Without copying them.
impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(if bytes.len() < SLICED { Held::Own(bytes) } else { Held::Shared(bytes.into()) })
    }
}

/// Without copying them, if nobody else has them.
impl From<Payload> for Vec<u8> {
    fn from(payload: Payload) -> Self {
        match payload.0 {
            Held::Own(bytes) => bytes,
            Held::Shared(bytes) => bytes.into(),
        }
    }
}

impl From<Payload> for Bytes {
    fn from(payload: Payload) -> Self {
        payload.into_bytes()
    }
}

/// By this name the adaptor tells a `Payload` from other types that are bytes.
pub(crate) const NAME: &str = "$mp_proto::Payload";

impl Serialize for Payload {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Held::Own(bytes) => serializer.serialize_newtype_struct(NAME, &Octets(bytes)),
            Held::Shared(bytes) => serialize_shared(bytes, serializer),
        }
    }
}

#[inline(never)]
fn serialize_shared<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    lend_long(bytes, || serializer.serialize_newtype_struct(NAME, &Octets(bytes)))
}

struct Octets<'a>(&'a [u8]);

impl Serialize for Octets<'_> {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    #[inline(always)]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, PayloadVisitor)
    }
}

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Payload, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }

    #[inline(always)]
    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Payload, E> {
        if bytes.len() < SLICED {
            return Ok(Payload(Held::Own(bytes.to_vec())));
        }
        Ok(shared(bytes, SLICED).into())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Payload, E> {
        Ok(bytes.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Payload, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_string<E>(self, text: String) -> Result<Payload, E> {
        Ok(text.into_bytes().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Payload, A::Error> {
        let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(SLICED));
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}

thread_local! {
    /// serde has no way to hand on a counted handle of bytes: it knows slices. So it lies here, while a slice of it is handed on.
    static LENT: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// Does something while slices of `bytes` can be [shared], or [taken](lent) for `bytes` themselves.
#[inline]
pub(crate) fn lend<R>(bytes: Bytes, work: impl FnOnce() -> R) -> R {
    let _back = Back(LENT.try_with(|lent| lent.replace(Some(bytes))).ok().flatten());
    work()
}

/// The same with what a message of `len` bytes lies in, unless nothing in it is long enough: a handle of memory that nobody else has
/// costs an allocation.
#[inline]
pub(crate) fn lend_home<R>(home: Option<&Bytes>, len: usize, work: impl FnOnce() -> R) -> R {
    match home {
        Some(home) if len >= SLICED => lend(home.clone(), work),
        _ => work(),
    }
}

/// The same, if the bytes are worth a part of their own where they are written `[MSG-17]`.
#[inline]
pub(crate) fn lend_long<R>(bytes: &Bytes, work: impl FnOnce() -> R) -> R {
    if bytes.len() < KEPT { work() } else { lend(bytes.clone(), work) }
}

/// Puts what was lent before back to its place, also when a user's code panics.
struct Back(Option<Bytes>);

impl Drop for Back {
    #[inline]
    fn drop(&mut self) {
        let before = self.0.take();
        // A thread that is at its end has nothing to put it into.
        drop(LENT.try_with(|lent| lent.replace(before)));
    }
}

/// The handle that is lent, of these bytes and no others.
#[inline]
pub(crate) fn lent(bytes: &[u8]) -> Option<Bytes> {
    let lent = LENT.try_with(|place| {
        let lent = place.take()?;
        if lent.as_ptr() == bytes.as_ptr() && lent.len() == bytes.len() {
            return Some(lent);
        }
        place.set(Some(lent));
        None
    });
    lent.ok().flatten()
}

/// The bytes, not copied if they are a slice of what is lent, of `least` bytes or more.
#[inline(never)]
pub(crate) fn shared(bytes: &[u8], least: usize) -> Bytes {
    if bytes.len() < least {
        return Bytes::copy_from_slice(bytes);
    }
    let slice = LENT.try_with(|lent| {
        let home = lent.take()?;
        if home.len() == bytes.len() && home.as_ptr() == bytes.as_ptr() {
            return Some(home);
        }
        let slice = slice_of(&home, bytes);
        lent.set(Some(home));
        slice
    });
    slice.ok().flatten().unwrap_or_else(|| Bytes::copy_from_slice(bytes))
}

/// A handle of `part`, if it lies in `home`.
#[inline]
pub(crate) fn slice_of(home: &Bytes, part: &[u8]) -> Option<Bytes> {
    let start = part.as_ptr().addr().checked_sub(home.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= home.len()).then(|| home.slice(start..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_found_in_what_is_lent_and_nowhere_else() {
        let home = Bytes::from(vec![1; 5000]);
        let other = Bytes::from(vec![1; 5000]);
        let part = &home[100..3100];
        assert_ne!(shared(part, SLICED).as_ptr(), part.as_ptr(), "nothing is lent");
        lend(home.clone(), || {
            assert_eq!(shared(part, SLICED).as_ptr(), part.as_ptr());
            assert_eq!(shared(part, SLICED).as_ptr(), part.as_ptr(), "more than once");
            assert_ne!(shared(&home[..100], SLICED).as_ptr(), home.as_ptr(), "too short");
            assert_ne!(shared(&other, SLICED).as_ptr(), other.as_ptr());
            lend(other.clone(), || assert_eq!(shared(&other, SLICED).as_ptr(), other.as_ptr()));
            assert_eq!(shared(part, SLICED).as_ptr(), part.as_ptr(), "it is lent again");
            assert_eq!(lent(&home[1..]), None, "a part is not the whole");
        });
        assert_ne!(shared(part, SLICED).as_ptr(), part.as_ptr());
        assert!(home.try_into_mut().is_ok(), "nobody holds it any more");
    }

    #[test]
    fn what_is_lent_comes_back_from_a_panic() {
        let home = Bytes::from(vec![1; 5000]);
        std::panic::catch_unwind(|| lend(home.clone(), || panic!("a user's type"))).unwrap_err();
        assert!(home.is_unique());
    }

    #[test]
    fn the_handle_itself_is_taken_once() {
        let home = Bytes::from(vec![1; 5000]);
        lend(home.clone(), || {
            assert_eq!(lent(&home).map(|bytes| bytes.as_ptr()), Some(home.as_ptr()));
            assert_eq!(lent(&home), None);
        });
    }
}
