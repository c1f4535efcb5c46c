//! Tokens as CBOR.

use bytes::{BufMut, BytesMut};

use super::head::{BYTES, LIST, MAP, NEGATIVE, SIMPLE, TEXT, UNSIGNED};
use crate::token::TokenWriter;

/// Writes one item as CBOR: heads as short as they can be, lengths known, floats of 64 bits, no tags `[FR-24]`.
#[derive(Debug)]
pub struct CborWriter<'a> {
    out: &'a mut BytesMut,
}

impl<'a> CborWriter<'a> {
    #[inline]
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }

    #[inline]
    fn head(&mut self, major: u8, number: u64) {
        let major = major << 5;
        let [_, _, _, _, b3, b2, b1, b0] = number.to_be_bytes();
        match number {
            ..24 => self.out.put_u8(major | b0),
            24..=0xff => self.out.put_slice(&[major | 24, b0]),
            0x100..=0xffff => self.out.put_slice(&[major | 25, b1, b0]),
            0x1_0000..=0xffff_ffff => self.out.put_slice(&[major | 26, b3, b2, b1, b0]),
            _ => self.wide(major | 27, number),
        }
    }

    /// Writes an initial byte and eight more.
    #[inline]
    fn wide(&mut self, initial: u8, number: u64) {
        self.out.put_u8(initial);
        self.out.put_u64(number);
    }

    #[inline]
    fn string(&mut self, major: u8, bytes: &[u8]) {
        self.head(major, bytes.len() as u64);
        self.out.put_slice(bytes);
    }
}

impl TokenWriter for CborWriter<'_> {
    #[inline]
    fn null(&mut self) {
        self.out.put_u8(SIMPLE << 5 | 22);
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.out.put_u8(SIMPLE << 5 | if value { 21 } else { 20 });
    }

    #[inline]
    fn int(&mut self, number: i64) {
        // −1−n has the bits of n, inverted.
        match u64::try_from(number) {
            Ok(number) => self.head(UNSIGNED, number),
            Err(_) => self.head(NEGATIVE, (!number).cast_unsigned()),
        }
    }

    #[inline]
    fn uint(&mut self, number: u64) {
        self.head(UNSIGNED, number);
    }

    #[inline]
    fn float(&mut self, number: f64) {
        self.wide(SIMPLE << 5 | 27, number.to_bits());
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.string(TEXT, text.as_bytes());
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.string(BYTES, bytes);
    }

    #[inline]
    fn list(&mut self, len: usize) {
        self.head(LIST, len as u64);
    }

    #[inline]
    fn end_list(&mut self) {}

    #[inline]
    fn map(&mut self, len: usize) {
        self.head(MAP, len as u64);
    }

    #[inline]
    fn key(&mut self, key: &str) {
        self.text(key);
    }

    #[inline]
    fn end_map(&mut self) {}
}
