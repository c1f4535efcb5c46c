//! Tokens as an image.

use bytes::{BufMut, BytesMut};
use smallvec::SmallVec;

use super::cursor::KEY_IS_UTF8;
use super::header::NETWORK;
use super::item::{
    ARRAY, BYTES, FLAG_HASH, HASH, INTEGER, LONG_BYTES, LONG_UTF8, REFERENCE, SMALL_BIAS, SMALL_INTEGER,
    UNDEF, UTF8,
};
use crate::token::TokenWriter;

/// Writes one item as a network image, with its header, that every Perl since 5.8 reads `[ST-20]`: references before
/// arrays and hashes but the root, no other reference, no object of a class.
///
/// A length that its 31 bits cannot hold becomes the largest that they can, which no reader takes.
#[derive(Debug)]
pub struct StorableWriter<'a> {
    out: &'a mut BytesMut,
    levels: SmallVec<[Level; 8]>,
    /// The keys whose values are being written, one behind the other: a hash has the value first.
    keys: SmallVec<[u8; 64]>,
    /// What has to change in the open hashes if they are to get flags.
    marks: SmallVec<[Mark; 16]>,
    /// Whether hashes get flags from now on: a key has needed one `[ST-23]`.
    flagged: bool,
    /// The most levels that were open at once.
    deepest: usize,
}

/// An array or hash that has begun.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// For a hash, how many of the last bytes of `keys` are the key of its open entry.
    key: Option<usize>,
    /// Marks of what is around it.
    marks: usize,
}

/// A place in the output.
#[derive(Debug, Clone, Copy)]
enum Mark {
    /// The opcode of a hash without flags.
    Hash(usize),
    /// The length of a key without flags.
    Key(usize),
}

impl<'a> StorableWriter<'a> {
    /// A writer of one image, behind what is in `out` already.
    #[must_use]
    pub fn new(out: &'a mut BytesMut) -> Self {
        out.put_slice(&NETWORK);
        Self::bare(out)
    }

    /// A writer of one item without a header.
    pub(super) fn bare(out: &'a mut BytesMut) -> Self {
        Self {
            out,
            levels: SmallVec::new(),
            keys: SmallVec::new(),
            marks: SmallVec::new(),
            flagged: false,
            deepest: 0,
        }
    }

    /// The most arrays and hashes that were open at once.
    pub(super) fn deepest(&self) -> usize {
        self.deepest
    }

    fn len(&mut self, len: usize) {
        self.out.put_i32(i32::try_from(len).unwrap_or(i32::MAX));
    }

    /// A string in the form for so few bytes or the one for more.
    fn string(&mut self, short: u8, long: u8, bytes: &[u8]) {
        if let Ok(len) = u8::try_from(bytes.len()) {
            self.out.put_slice(&[short, len]);
        } else {
            self.out.put_u8(long);
            self.len(bytes.len());
        }
        self.out.put_slice(bytes);
    }

    fn plain(&mut self, text: &str) {
        self.string(BYTES, LONG_BYTES, text.as_bytes());
        self.complete();
    }

    fn begin(&mut self, key: Option<usize>) {
        if !self.levels.is_empty() {
            self.out.put_u8(REFERENCE);
        }
        self.levels.push(Level { key, marks: self.marks.len() });
        self.deepest = self.deepest.max(self.levels.len());
    }

    fn end(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.marks.truncate(level.marks);
        }
        self.complete();
    }

    /// A value is complete; in a hash its key follows.
    #[inline]
    fn complete(&mut self) {
        let Some(&Level { key: Some(len), .. }) = self.levels.last() else { return };
        let start = self.keys.len().saturating_sub(len);
        let flag = if self.keys.get(start..).is_some_and(<[u8]>::is_ascii) { 0 } else { KEY_IS_UTF8 };
        if self.flagged {
            self.out.put_u8(flag);
        } else {
            self.marks.push(Mark::Key(self.out.len()));
        }
        self.len(len);
        self.out.put_slice(self.keys.get(start..).unwrap_or_default());
        self.keys.truncate(start);
    }

    /// From here on, and in what is open, hashes have flags. Happens once at the most, so that it takes no more time
    /// than writing.
    #[cold]
    fn flag(&mut self) {
        self.flagged = true;
        let mut from = self.out.len();
        let hashes = self.marks.len();
        // Each mark makes one byte more; from the end backwards, each piece moves at once to where it stays.
        self.out.resize(from.saturating_add(hashes), 0);
        let mut to = self.out.len();
        while let Some(mark) = self.marks.pop() {
            // The byte that is new comes before a key's length, and behind a hash's opcode.
            let (Mark::Hash(at) | Mark::Key(at)) = mark;
            let behind = match mark {
                Mark::Hash(at) => at.saturating_add(1),
                Mark::Key(at) => at,
            };
            let len = from.saturating_sub(behind);
            to = to.saturating_sub(len);
            self.out.copy_within(behind..from, to);
            to = to.saturating_sub(1);
            from = behind;
            if let Some(flags) = self.out.get_mut(to) {
                *flags = 0;
            }
            if matches!(mark, Mark::Hash(_))
                && let Some(opcode) = self.out.get_mut(at)
            {
                *opcode = FLAG_HASH;
            }
        }
        for level in &mut self.levels {
            level.marks = 0;
        }
    }
}

impl TokenWriter for StorableWriter<'_> {
    fn null(&mut self) {
        self.out.put_u8(UNDEF);
        self.complete();
    }

    /// What Perl's own truth values are in an image: its `1` and its empty string `[ST-22]`.
    fn bool(&mut self, value: bool) {
        self.plain(if value { "1" } else { "" });
    }

    fn int(&mut self, number: i64) {
        if let Ok(small) = i8::try_from(number) {
            self.out.put_slice(&[SMALL_INTEGER, small.cast_unsigned().wrapping_add(SMALL_BIAS)]);
            self.complete();
        } else if let Ok(number) = i32::try_from(number) {
            self.out.put_u8(INTEGER);
            self.out.put_i32(number);
            self.complete();
        } else {
            self.plain(itoa::Buffer::new().format(number));
        }
    }

    fn uint(&mut self, number: u64) {
        match i64::try_from(number) {
            Ok(number) => self.int(number),
            Err(_) => self.plain(itoa::Buffer::new().format(number)),
        }
    }

    /// As an integer if it is one of 32 bits, as Perl does; otherwise as the shortest text that is this number, without
    /// a fraction if it has none `[ST-21]`.
    fn float(&mut self, number: f64) {
        if let Some(integer) = integral(number) {
            self.int(integer.into());
        } else if number.is_finite() {
            let mut buffer = zmij::Buffer::new();
            let text = buffer.format_finite(number);
            self.plain(text.strip_suffix(".0").unwrap_or(text));
        } else if number.is_nan() {
            self.plain("NaN");
        } else {
            self.plain(if number > 0.0 { "Inf" } else { "-Inf" });
        }
    }

    fn text(&mut self, text: &str) {
        if text.is_ascii() {
            self.plain(text);
        } else {
            self.string(UTF8, LONG_UTF8, text.as_bytes());
            self.complete();
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.string(BYTES, LONG_BYTES, bytes);
        self.complete();
    }

    fn list(&mut self, len: usize) {
        self.begin(None);
        self.out.put_u8(ARRAY);
        self.len(len);
    }

    fn end_list(&mut self) {
        self.end();
    }

    fn map(&mut self, len: usize) {
        self.begin(Some(0));
        if self.flagged {
            self.out.put_slice(&[FLAG_HASH, 0]);
        } else {
            self.marks.push(Mark::Hash(self.out.len()));
            self.out.put_u8(HASH);
        }
        self.len(len);
    }

    fn key(&mut self, key: &str) {
        if !self.flagged && !key.is_ascii() {
            self.flag();
        }
        self.keys.extend_from_slice(key.as_bytes());
        if let Some(level) = self.levels.last_mut() {
            level.key = Some(key.len());
        }
    }

    fn end_map(&mut self) {
        self.end();
    }
}

/// The integer of 32 bits that the number is; not for −0, which is none.
fn integral(number: f64) -> Option<i32> {
    #[expect(clippy::cast_possible_truncation, reason = "it is compared with what it was")]
    let integer = number as i32;
    (f64::from(integer).to_bits() == number.to_bits()).then_some(integer)
}
