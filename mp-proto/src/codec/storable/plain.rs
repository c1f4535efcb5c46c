//! Images by themselves, without a connection.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::error::StorableError;
use super::read::StorableReader;
use super::simple::{read_value, write_value};
use super::write::StorableWriter;
use crate::adaptor::{ValueReader, ValueWriter};
use crate::token::{Token, TokenReader, TokenWriter};
use crate::{EncodeError, Value};

/// How deeply lists and maps may be nested in what [`freeze`] writes: Perl reads more, but could not write it again.
pub const MAX_FREEZE_DEPTH: usize = 255;

/// The bounds of [`thaw`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThawLimits {
    /// The longest image, in bytes. Default 64 MiB. No more than 2 GiB are ever read.
    pub max_image: usize,
    /// What the copies of shared values may come to in any image, however short: the bytes of their strings and keys,
    /// and 16 for each value, key and reference `[ST-12]`. Default 1 MiB.
    pub copies: usize,
    /// What the copies may come to for each byte of the image, if that is more. Default 8.
    pub copies_per_byte: usize,
    /// How many values an image may have, references counted `[ST-26]`. One may be a single byte of the image, and 40 in
    /// memory. Default: no bound but that of the image's length.
    pub values: usize,
}

impl Default for ThawLimits {
    fn default() -> Self {
        Self { max_image: 64 << 20, copies: 1 << 20, copies_per_byte: 8, values: usize::MAX }
    }
}

/// The image that Perl's `nfreeze` makes of a reference to `value` `[ST-24]`: of an array or hash the container itself,
/// of anything else the scalar.
///
/// ```
/// use mp_proto::Value;
/// use mp_proto::codec::storable::{ThawLimits, freeze, thaw};
///
/// let post: Value = Value::List(vec!["add".into(), 1.into()]);
/// let image = freeze(&post)?;
/// assert_eq!(&image[..], b"\x05\x0b\x02\0\0\0\x02\x0a\x03add\x08\x81");
/// assert_eq!(thaw(&image, &ThawLimits::default())?, post);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`EncodeError::TooDeep`] beyond [`MAX_FREEZE_DEPTH`] levels, [`EncodeError::TooLong`] beyond 2 GiB.
pub fn freeze(value: &Value) -> Result<Bytes, EncodeError> {
    const MAX: usize = i32::MAX.cast_unsigned() as usize;
    let mut out = BytesMut::with_capacity(64);
    if !write_value(value, &mut out) {
        freeze_tokens(value, &mut out)?;
    }
    if out.len() > MAX {
        return Err(EncodeError::TooLong { len: out.len(), max: MAX });
    }
    Ok(out.freeze())
}

/// Appends the image of any value.
pub(super) fn freeze_tokens(value: &Value, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut reader = ValueReader::new(value);
    let next = || reader.next().map_err(|_| EncodeError::TooDeep);
    copy(next, &mut StorableWriter::new(out), MAX_FREEZE_DEPTH, || EncodeError::TooDeep)
}

/// The value that Perl's `thaw` would give a reference to, from an image of `freeze` or `nfreeze` with any root, by the
/// rules of [this module](super).
///
/// # Errors
///
/// [`StorableError`] says what was wrong or not taken, and where.
pub fn thaw(image: &[u8], limits: &ThawLimits) -> Result<Value, StorableError> {
    if image.len() > limits.max_image {
        return Err(StorableError::TooLong { max: limits.max_image });
    }
    // No value is less than a byte.
    if limits.values >= image.len()
        && let Some(value) = read_value(image)
    {
        return Ok(value);
    }
    thaw_tokens(image, limits)
}

/// The value of any image.
pub(super) fn thaw_tokens(image: &[u8], limits: &ThawLimits) -> Result<Value, StorableError> {
    let mut reader = StorableReader::any(image, limits);
    let mut writer = ValueWriter::default();
    copy(|| reader.token(), &mut writer, usize::MAX, || StorableError::TooDeep)?;
    writer.finish().ok_or(StorableError::Truncated)
}

/// Writes the tokens of one item, which has at most `depth` levels.
pub(super) fn copy<'a, E>(
    mut next: impl FnMut() -> Result<Token<'a>, E>,
    writer: &mut impl TokenWriter,
    depth: usize,
    too_deep: impl Fn() -> E,
) -> Result<(), E> {
    /// Whether it is a map, for each level.
    type Levels = SmallVec<[bool; 32]>;
    let mut levels = Levels::new();
    loop {
        match next()? {
            Token::Null => writer.null(),
            Token::Bool(value) => writer.bool(value),
            Token::Int(number) => writer.int(number),
            Token::UInt(number) => writer.uint(number),
            Token::Float(number) => writer.float(number),
            Token::Text(text) => writer.text(&text),
            Token::Bytes(bytes) => writer.bytes(&bytes),
            Token::Key(key) => writer.key(&key),
            Token::List(len) => {
                levels.push(false);
                writer.list(len);
            }
            Token::Map(len) => {
                levels.push(true);
                writer.map(len);
            }
            Token::End => match levels.pop() {
                Some(true) => writer.end_map(),
                _ => writer.end_list(),
            },
        }
        if levels.len() > depth {
            return Err(too_deep());
        }
        if levels.is_empty() {
            return Ok(());
        }
    }
}
