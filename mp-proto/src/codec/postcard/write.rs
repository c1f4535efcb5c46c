//! Tokens as postcard.

use bytes::BytesMut;

use super::PREFIX;
use super::item::{Item, Sink, put_bytes_head, put_list_of_text};
use crate::token::TokenWriter;

/// Writes one item, token by token, straight to the end of the buffer `[FR-31]`.
#[derive(Debug)]
pub struct PostcardWriter<'a> {
    out: &'a mut BytesMut,
    /// How long the buffer may become.
    end: usize,
}

/// Writes the same; what it has written is in the buffer when it is dropped. Short tokens gather before, as a buffer has to be asked for
/// room for each thing that is put there, which takes more steps than to write a number. For who writes one message after the
/// other: all of it is inline, so that there is one for each type of messages.
#[derive(Debug)]
pub(in crate::codec) struct GatheringWriter<'a> {
    out: Gathered<'a>,
    end: usize,
}

/// A buffer, and what comes behind that.
#[derive(Debug)]
struct Gathered<'a> {
    out: &'a mut BytesMut,
    gathered: [u8; GATHERED],
    /// So much of it.
    filled: usize,
}

/// So many bytes gather: most small messages have no more.
const GATHERED: usize = 128;

impl<'a> PostcardWriter<'a> {
    #[inline]
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Self { out, end: usize::MAX }
    }

    /// A writer that is full when the item has more than `cap` bytes.
    #[inline]
    pub(super) fn capped(out: &'a mut BytesMut, cap: usize) -> Self {
        let end = out.len().saturating_add(cap);
        Self { out, end }
    }

    /// Puts what stands before a byte string of this length, which is to come behind it: the place is given back.
    pub(in crate::codec) fn bytes_apart(&mut self, len: usize) -> usize {
        put_bytes_head(self.out, len);
        self.out.len()
    }
}

impl<'a> GatheringWriter<'a> {
    /// A writer behind an empty length, that is full when the item has more than `cap` bytes.
    #[inline(always)]
    pub(in crate::codec) fn opened(out: &'a mut BytesMut, cap: usize) -> Self {
        let end = out.len().saturating_add(PREFIX).saturating_add(cap);
        Self { out: Gathered { out, gathered: [0; GATHERED], filled: PREFIX }, end }
    }
}

impl Gathered<'_> {
    /// Gives the buffer what has gathered, and `more`.
    #[inline(never)]
    fn flush(&mut self, more: &[u8]) {
        let gathered = self.gathered.get(..self.filled).unwrap_or_default();
        self.out.reserve(gathered.len().saturating_add(more.len()));
        self.out.extend_from_slice(gathered);
        self.out.extend_from_slice(more);
        self.filled = 0;
    }
}

// Not always inline: in programs that are not optimised values that are nested deeply would need a large stack.
impl Sink for Gathered<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.out.len().wrapping_add(self.filled)
    }

    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        match self.gathered.get_mut(self.filled..).and_then(<[u8]>::first_chunk_mut) {
            Some(place) => {
                *place = bytes;
                self.filled = self.filled.wrapping_add(N);
            }
            None => self.flush(&bytes),
        }
    }

    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        match self.gathered.get_mut(self.filled..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(place) => {
                copy_short(place, bytes);
                self.filled = self.filled.wrapping_add(bytes.len());
            }
            None => self.flush(bytes),
        }
    }

    #[inline]
    fn expect(&mut self, bytes: usize) {
        self.out.reserve(self.filled.saturating_add(bytes));
    }
}

impl Drop for Gathered<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let gathered = self.gathered.get(..self.filled).unwrap_or_default();
        self.out.extend_from_slice(gathered);
    }
}

/// Copies a string to a place of the same length: as in the standard library, with fewer steps for short ones. Chunks from both ends
/// overlap in the middle.
#[inline]
fn copy_short(place: &mut [u8], bytes: &[u8]) {
    match bytes.len() {
        32..=64 => copy_ends::<32>(place, bytes),
        16..32 => copy_ends::<16>(place, bytes),
        8..16 => copy_ends::<8>(place, bytes),
        _ => place.copy_from_slice(bytes),
    }
}

#[inline(always)]
fn copy_ends<const N: usize>(place: &mut [u8], bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        if let Some(place) = place.first_chunk_mut() {
            *place = *first;
        }
        if let Some(place) = place.last_chunk_mut() {
            *place = *last;
        }
    }
}

/// What both writers do alike.
macro_rules! writes_tokens {
    ($writer:ident, $out:ident => $sink:expr) => {
        impl $writer<'_> {
            /// Puts a string, unless the writer is full by it: then it is not copied, as it may be long.
            #[inline(always)]
            fn string(&mut self, item: Item<'_>, len: usize) {
                if len > self.end.saturating_sub(self.out.len()) {
                    self.end = 0;
                } else {
                    self.item(item);
                }
            }

            #[inline(always)]
            fn item(&mut self, item: Item<'_>) {
                let $out = &mut self.out;
                item.put($sink);
            }
        }

        impl TokenWriter for $writer<'_> {
            #[inline]
            fn null(&mut self) {
                self.item(Item::Null);
            }

            #[inline]
            fn bool(&mut self, value: bool) {
                self.item(Item::Bool(value));
            }

            #[inline(always)]
            fn int(&mut self, number: i64) {
                self.item(Item::Int(number));
            }

            #[inline(always)]
            fn uint(&mut self, number: u64) {
                self.item(i64::try_from(number).map_or(Item::UInt(number), Item::Int));
            }

            #[inline]
            fn float(&mut self, number: f64) {
                self.item(Item::Float(number));
            }

            #[inline(always)]
            fn text(&mut self, text: &str) {
                self.string(Item::Text(text), text.len());
            }

            #[inline(always)]
            fn bytes(&mut self, bytes: &[u8]) {
                self.string(Item::Bytes(bytes), bytes.len());
            }

            #[inline]
            fn list(&mut self, len: usize) {
                self.item(Item::List(len as u64));
            }

            #[inline(always)]
            fn list_of_text(&mut self, len: usize, first: &str) {
                let $out = &mut self.out;
                put_list_of_text($sink, len as u64, first);
            }

            #[inline]
            fn end_list(&mut self) {}

            #[inline]
            fn map(&mut self, len: usize) {
                self.item(Item::Map(len as u64));
            }

            #[inline]
            fn key(&mut self, key: &str) {
                self.string(Item::Text(key), key.len());
            }

            #[inline]
            fn end_map(&mut self) {}

            #[inline(always)]
            fn is_full(&self) -> bool {
                self.out.len() > self.end
            }
        }
    };
}

writes_tokens!(PostcardWriter, out => &mut **out);
writes_tokens!(GatheringWriter, out => out);
