//! A frame that lies in several places.

use bytes::{Bytes, BytesMut};

/// Bytes that lie in several places, one part behind the other: what was written, and between it payloads where they lie
/// `[MSG-17]`. Mostly it is one part.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    first: Bytes,
    /// The last one comes first. None of them is empty.
    rest: Vec<Bytes>,
    len: usize,
    memory: usize,
}

impl Parts {
    /// How many bytes these are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first part: the memory that was written to, if anything was.
    #[must_use]
    pub fn first(&self) -> &Bytes {
        &self.first
    }

    /// How many bytes of memory were there to be written to, more than were needed perhaps.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Takes out the first ones, no more than `most` and no more than lie in one place; nothing if none are left.
    pub fn take(&mut self, most: usize) -> Bytes {
        let part = self.first.split_to(most.min(self.first.len()));
        self.len = self.len.saturating_sub(part.len());
        if self.first.is_empty() {
            self.first = self.rest.pop().unwrap_or_default();
        }
        part
    }

    /// Drops the first ones, so many, or all.
    pub fn advance(&mut self, count: usize) {
        let left = self.len.saturating_sub(count);
        while self.len > left {
            self.take(self.len.saturating_sub(left));
        }
    }

    /// All of them in one place, copied if they are not.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        if self.rest.is_empty() {
            return self.first.clone();
        }
        let mut all = BytesMut::with_capacity(self.len);
        all.extend_from_slice(&self.first);
        self.rest.iter().rev().for_each(|part| all.extend_from_slice(part));
        all.freeze()
    }
}

/// Parts in their order.
impl FromIterator<Bytes> for Parts {
    fn from_iter<I: IntoIterator<Item = Bytes>>(parts: I) -> Self {
        let mut rest: Vec<Bytes> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        rest.reverse();
        let len = rest.iter().map(Bytes::len).fold(0, usize::saturating_add);
        let first = rest.pop().unwrap_or_default();
        Self { memory: first.len(), first, rest, len }
    }
}

impl From<Bytes> for Parts {
    fn from(bytes: Bytes) -> Self {
        Self { len: bytes.len(), memory: bytes.len(), first: bytes, rest: Vec::new() }
    }
}

#[cfg(feature = "postcard")]
mod writer {
    use bytes::{Bytes, BytesMut};
    use serde::Serialize;

    use super::Parts;
    use crate::codec::copies::Copies;
    use crate::codec::frame::has_more_values;
    use crate::codec::postcard::{Postcard, PostcardWriter};
    use crate::codec::{Codec, EncodeError, Frame, Framing};
    use crate::token::TokenWriter;
    use crate::{Limits, PortId, adaptor, payload};

    impl Frame {
        /// Writes a message in postcard, as [`write_within`](Self::write_within) does, but leaves payloads where they lie
        /// `[MSG-17]`. The rest of it goes into `memory`, which is empty.
        ///
        /// # Errors
        ///
        /// As there.
        pub fn write_in_parts<M: Serialize + ?Sized>(
            port: &str,
            message: &M,
            reply: Option<&PortId>,
            limits: &Limits,
            mut memory: BytesMut,
        ) -> Result<Parts, EncodeError> {
            Postcard::open(&mut memory);
            let before = memory.len();
            let mut writer = PartsWriter { inner: Postcard::writer(&mut memory), kept: Vec::new(), bytes: 0 };
            adaptor::write_frame(&mut writer, port, message, reply)?;
            let PartsWriter { kept, bytes, .. } = writer;
            let written = memory.len().saturating_sub(before);
            let len = written.saturating_add(bytes);
            if len > limits.max_message {
                return Err(EncodeError::TooLong { len, max: limits.max_message });
            }
            // No value that was written has less than one byte.
            if written.saturating_add(kept.len()) > limits.max_values {
                if !kept.is_empty() {
                    memory.clear();
                    Self::write_within(Framing::Postcard, port, message, reply, limits, &mut memory)?;
                    return Ok(memory.freeze().into());
                }
                let frame = memory.get(before..).unwrap_or_default();
                if has_more_values::<Postcard>(frame, limits.max_values) {
                    return Err(EncodeError::TooManyValues { max: limits.max_values });
                }
            }
            Ok(closed(memory, kept, len))
        }
    }

    impl Copies {
        /// The frame for a port, as it goes over the wire, in postcard: the message is not copied `[MSG-17]`. What stands before
        /// it goes into `memory`, which is empty.
        ///
        /// # Errors
        ///
        /// It would have more than [`Limits::max_message`] bytes; or these copies are not in postcard.
        pub fn write_in_parts(
            &mut self,
            port: &str,
            limits: &Limits,
            mut memory: BytesMut,
        ) -> Result<Parts, EncodeError> {
            if self.framing() != Framing::Postcard {
                return Err(EncodeError::Unavailable(self.framing()));
            }
            let (before, behind) = self.around_name();
            Postcard::open(&mut memory);
            let start = memory.len();
            memory.extend_from_slice(before);
            Postcard::writer(&mut memory).text(port);
            let len = memory.len().saturating_sub(start).saturating_add(behind.len());
            if len > limits.max_message {
                return Err(EncodeError::TooLong { len, max: limits.max_message });
            }
            let kept = vec![(memory.len(), behind)];
            Ok(closed(memory, kept, len))
        }
    }

    /// Fills in the length.
    fn closed(mut memory: BytesMut, kept: Vec<(usize, Bytes)>, len: usize) -> Parts {
        Postcard::close_with(&mut memory, len);
        let size = memory.capacity();
        let written = memory.freeze();
        Parts { memory: size, ..joined(written, kept) }
    }

    /// What was written, and what was kept in between: each behind so many bytes of it.
    fn joined(mut written: Bytes, kept: Vec<(usize, Bytes)>) -> Parts {
        let mut gone = 0;
        let mut parts = Vec::with_capacity(kept.len().saturating_mul(2).saturating_add(1));
        for (at, bytes) in kept {
            let before = at.saturating_sub(std::mem::replace(&mut gone, at)).min(written.len());
            parts.push(written.split_to(before));
            parts.push(bytes);
        }
        parts.push(written);
        parts.into_iter().collect()
    }

    /// Writes all but long payloads that can be kept.
    struct PartsWriter<'a> {
        inner: PostcardWriter<'a>,
        kept: Vec<(usize, Bytes)>,
        /// How many bytes these have.
        bytes: usize,
    }

    impl TokenWriter for PartsWriter<'_> {
        fn null(&mut self) {
            self.inner.null();
        }

        fn bool(&mut self, value: bool) {
            self.inner.bool(value);
        }

        fn int(&mut self, number: i64) {
            self.inner.int(number);
        }

        fn uint(&mut self, number: u64) {
            self.inner.uint(number);
        }

        fn float(&mut self, number: f64) {
            self.inner.float(number);
        }

        fn text(&mut self, text: &str) {
            self.inner.text(text);
        }

        fn bytes(&mut self, bytes: &[u8]) {
            let lent = if bytes.len() < payload::KEPT { None } else { payload::lent(bytes) };
            let Some(lent) = lent else { return self.inner.bytes(bytes) };
            let at = self.inner.bytes_apart(lent.len());
            self.bytes = self.bytes.saturating_add(lent.len());
            self.kept.push((at, lent));
        }

        fn list(&mut self, len: usize) {
            self.inner.list(len);
        }

        fn list_of_text(&mut self, len: usize, first: &str) {
            self.inner.list_of_text(len, first);
        }

        fn end_list(&mut self) {
            self.inner.end_list();
        }

        fn map(&mut self, len: usize) {
            self.inner.map(len);
        }

        fn key(&mut self, key: &str) {
            self.inner.key(key);
        }

        fn end_map(&mut self) {
            self.inner.end_map();
        }
    }
}
