//! Tokens as JSON.

use bytes::{BufMut, BytesMut};

use super::plain::plain_len;
use crate::token::TokenWriter;

/// Writes one item as JSON without white space, escaping as Perl's JSON::XS does `[FR-15]`.
#[derive(Debug)]
pub struct JsonWriter<'a> {
    out: &'a mut BytesMut,
    /// Whether a value has been written on this level, so that a comma comes before the next.
    comma: bool,
}

impl<'a> JsonWriter<'a> {
    #[inline]
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Self { out, comma: false }
    }

    /// Prepares for a value.
    #[inline]
    fn value(&mut self) {
        if self.comma {
            self.out.put_u8(b',');
        }
        self.comma = true;
    }

    #[inline]
    fn open(&mut self, bracket: u8) {
        self.value();
        self.out.put_u8(bracket);
        self.comma = false;
    }

    #[inline]
    fn close(&mut self, bracket: u8) {
        self.out.put_u8(bracket);
        self.comma = true;
    }

    #[inline]
    fn quoted(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        self.out.reserve(rest.len().saturating_add(2));
        self.out.put_u8(b'"');
        while let Some((plain, after)) = rest.split_at_checked(plain_len(rest)) {
            self.out.put_slice(plain);
            let Some((&special, after)) = after.split_first() else { break };
            self.escape(special);
            rest = after;
        }
        self.out.put_u8(b'"');
    }

    #[cold]
    fn escape(&mut self, special: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let short = match special {
            b'"' | b'\\' => special,
            b'\n' => b'n',
            b'\t' => b't',
            b'\r' => b'r',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                let digit = |nibble: u8| HEX.get(usize::from(nibble & 15)).copied().unwrap_or(b'0');
                self.out.put_slice(&[b'\\', b'u', b'0', b'0', digit(special >> 4), digit(special)]);
                return;
            }
        };
        self.out.put_slice(&[b'\\', short]);
    }
}

impl TokenWriter for JsonWriter<'_> {
    #[inline]
    fn null(&mut self) {
        self.value();
        self.out.put_slice(b"null");
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.value();
        self.out.put_slice(if value { b"true" } else { b"false" });
    }

    #[inline]
    fn int(&mut self, number: i64) {
        self.value();
        self.out.put_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    #[inline]
    fn uint(&mut self, number: u64) {
        self.value();
        self.out.put_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// The shortest digits that read back as the same float, always with a fraction or an exponent `[FR-16]`.
    #[inline]
    fn float(&mut self, number: f64) {
        self.value();
        let text = if number.is_finite() {
            return self.out.put_slice(zmij::Buffer::new().format_finite(number).as_bytes());
        } else if number.is_nan() {
            b"\"NaN\"".as_slice()
        } else if number > 0.0 {
            b"\"Inf\"".as_slice()
        } else {
            b"\"-Inf\"".as_slice()
        };
        self.out.put_slice(text);
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.value();
        self.quoted(text);
    }

    /// The characters of the bytes' numbers, as Perl writes its byte strings `[FR-17]`.
    fn bytes(&mut self, bytes: &[u8]) {
        self.value();
        self.out.reserve(bytes.len().saturating_add(2));
        self.out.put_u8(b'"');
        for &byte in bytes {
            match byte {
                b'"' | b'\\' | ..0x20 => self.escape(byte),
                ..0x80 => self.out.put_u8(byte),
                _ => self.out.put_slice(&[0xc0 | byte >> 6, 0x80 | byte & 0x3f]),
            }
        }
        self.out.put_u8(b'"');
    }

    #[inline]
    fn list(&mut self, _len: usize) {
        self.open(b'[');
    }

    #[inline]
    fn end_list(&mut self) {
        self.close(b']');
    }

    #[inline]
    fn map(&mut self, _len: usize) {
        self.open(b'{');
    }

    #[inline]
    fn key(&mut self, key: &str) {
        self.value();
        self.quoted(key);
        self.out.put_u8(b':');
        self.comma = false;
    }

    #[inline]
    fn end_map(&mut self) {
        self.close(b'}');
    }
}
