//! Simple images from values, and values from them, without tokens in between.

use bytes::{BufMut, Bytes, BytesMut};

use super::super::header::NETWORK;
use super::super::item::{
    ARRAY, BYTES, HASH, INTEGER, LONG_BYTES, LONG_UTF8, REFERENCE, SMALL_BIAS, SMALL_INTEGER, UNDEF, UTF8,
};
use super::{Item, Key, MAX_LEVELS, Simple};
use crate::text::latin1;
use crate::{Map, Text, Value};

/// How many elements are allocated ahead at the most: an announced number alone is not worth more.
const CAUTIOUS: usize = 64;

/// The value of a simple image, whose root is an array or hash; nothing if it is not simple.
pub(in super::super) fn read_value(image: &[u8]) -> Option<Value> {
    let mut simple = Simple::image(image)?;
    let root = simple.container()?;
    let value = read(&mut simple, root, MAX_LEVELS)?;
    (simple.left() == 0).then_some(value)
}

fn read(simple: &mut Simple<'_>, item: Item<'_>, levels: usize) -> Option<Value> {
    Some(match item {
        Item::Null => Value::Null,
        Item::Int(number) => Value::Int(number),
        Item::Bytes(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
        Item::Text(text) => Value::from(text),
        Item::Array(count) => {
            let levels = levels.checked_sub(1)?;
            let mut items = Vec::with_capacity(CAUTIOUS.min(usize::try_from(count).ok()?));
            for _ in 0..count {
                let item = simple.item()?;
                items.push(read(simple, item, levels)?);
            }
            Value::List(items)
        }
        Item::Hash { flagged, count } => {
            let levels = levels.checked_sub(1)?;
            let mut entries = Vec::with_capacity(CAUTIOUS.min(usize::try_from(count).ok()?));
            for _ in 0..count {
                let item = simple.item()?;
                let value = read(simple, item, levels)?;
                let key = match simple.key(flagged)? {
                    Key::Bytes(bytes) => Text::from(latin1(bytes)),
                    Key::Text(text) => Text::from(text),
                };
                entries.push((key, value));
            }
            Value::Map(Map::from_entries(entries))
        }
    })
}

/// Appends the image of an array or hash that can be written simply; false if it cannot, and `out` is as it was.
pub(in super::super) fn write_value(value: &Value, out: &mut BytesMut) -> bool {
    let before = out.len();
    out.put_slice(&NETWORK);
    let root = matches!(value, Value::List(_) | Value::Map(_));
    let written = root && write_container(value, out, MAX_LEVELS).is_some();
    if !written {
        out.truncate(before);
    }
    written
}

fn write_container(value: &Value, out: &mut BytesMut, levels: usize) -> Option<()> {
    let levels = levels.checked_sub(1)?;
    match value {
        Value::List(items) => {
            out.put_u8(ARRAY);
            out.put_i32(i32::try_from(items.len()).ok()?);
            items.iter().try_for_each(|item| write(item, out, levels))
        }
        Value::Map(map) => {
            out.put_u8(HASH);
            out.put_i32(i32::try_from(map.len()).ok()?);
            map.iter().try_for_each(|(key, item)| {
                // Others need flags, which the hashes around would have, too.
                key.is_ascii().then_some(())?;
                write(item, out, levels)?;
                out.put_i32(i32::try_from(key.len()).ok()?);
                out.put_slice(key.as_bytes());
                Some(())
            })
        }
        _ => None,
    }
}

fn write(value: &Value, out: &mut BytesMut, levels: usize) -> Option<()> {
    match value {
        Value::Null => out.put_u8(UNDEF),
        Value::Int(number) => {
            if let Ok(small) = i8::try_from(*number) {
                out.put_slice(&[SMALL_INTEGER, small.cast_unsigned().wrapping_add(SMALL_BIAS)]);
            } else {
                let [a, b, c, d] = i32::try_from(*number).ok()?.to_be_bytes();
                out.put_slice(&[INTEGER, a, b, c, d]);
            }
        }
        Value::Text(text) if text.is_ascii() => string(BYTES, LONG_BYTES, text.as_bytes(), out)?,
        Value::Text(text) => string(UTF8, LONG_UTF8, text.as_bytes(), out)?,
        Value::Bytes(bytes) => string(BYTES, LONG_BYTES, bytes, out)?,
        Value::List(_) | Value::Map(_) => {
            out.put_u8(REFERENCE);
            write_container(value, out, levels)?;
        }
        // Others become strings.
        _ => return None,
    }
    Some(())
}

#[inline]
fn string(short: u8, long: u8, bytes: &[u8], out: &mut BytesMut) -> Option<()> {
    if let Ok(len) = u8::try_from(bytes.len()) {
        out.put_slice(&[short, len]);
    } else {
        out.put_u8(long);
        out.put_i32(i32::try_from(bytes.len()).ok()?);
    }
    out.put_slice(bytes);
    Some(())
}
