//! Tokens as postcard.

use bytes::BytesMut;

use super::item::{Item, put_bytes_head, put_list_of_text};
use crate::token::TokenWriter;

/// Writes one item, token by token, straight to the end of the buffer `[FR-31]`.
#[derive(Debug)]
pub struct PostcardWriter<'a> {
    out: &'a mut BytesMut,
    /// How long the buffer may become.
    end: usize,
}

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

    /// Puts a string, unless the writer is full by it: then it is not copied, as it may be long.
    #[inline(always)]
    fn string(&mut self, item: Item<'_>, len: usize) {
        if len > self.end.saturating_sub(self.out.len()) {
            self.end = 0;
        } else {
            self.item(item);
        }
    }

    /// Puts what stands before a byte string of this length, which is to come behind it: the place is given back.
    pub(in crate::codec) fn bytes_apart(&mut self, len: usize) -> usize {
        put_bytes_head(self.out, len);
        self.out.len()
    }

    #[inline(always)]
    fn item(&mut self, item: Item<'_>) {
        item.put(self.out);
    }
}

impl TokenWriter for PostcardWriter<'_> {
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
        put_list_of_text(self.out, len as u64, first);
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
