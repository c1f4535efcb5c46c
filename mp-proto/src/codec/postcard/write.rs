//! Tokens as postcard.

use bytes::BytesMut;

use super::item::{Item, put_list_of_text};
use crate::token::TokenWriter;

/// Writes one item, token by token, straight to the end of the buffer `[FR-31]`.
#[derive(Debug)]
pub struct PostcardWriter<'a> {
    out: &'a mut BytesMut,
}

impl<'a> PostcardWriter<'a> {
    #[inline]
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }

    #[inline]
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

    #[inline]
    fn int(&mut self, number: i64) {
        self.item(Item::Int(number));
    }

    #[inline]
    fn uint(&mut self, number: u64) {
        self.item(i64::try_from(number).map_or(Item::UInt(number), Item::Int));
    }

    #[inline]
    fn float(&mut self, number: f64) {
        self.item(Item::Float(number));
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.item(Item::Text(text));
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.item(Item::Bytes(bytes));
    }

    #[inline]
    fn list(&mut self, len: usize) {
        self.item(Item::List(len as u64));
    }

    #[inline]
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
        self.item(Item::Text(key));
    }

    #[inline]
    fn end_map(&mut self) {}
}
