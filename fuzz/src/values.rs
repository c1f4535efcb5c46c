//! Values made of a fuzzer's bytes.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use mp_proto::{Map, Message, Value};

/// How deeply values branch; beyond that they may only be wrapped.
const BRANCHING: u32 = 5;
/// Elements of a list or map.
const WIDTH: usize = 8;
/// Lists around a value, one by one: more than may be nested.
const WRAPPINGS: usize = 600;
const SHORT: usize = 40;
const MEDIUM: usize = 300;
const LONG: usize = 70_000;

const INTEGERS: [i64; 12] =
    [0, -1, 23, 24, 255, 256, 65_535, 65_536, 0xffff_ffff, 0x1_0000_0000, i64::MAX, i64::MIN];
const FLOATS: [f64; 10] =
    [0.0, -0.0, 1.0, 0.1, 1e15, 1e-7, 5e-324, f64::MAX, f64::INFINITY, f64::NEG_INFINITY];
const TEXTS: [&str; 12] = [
    "",
    "0",
    "1",
    "-0",
    "1e5",
    "NaN",
    "Inf",
    "true",
    "null",
    "\0\"\\/\u{1f}\u{7f}",
    "caf\u{e9}\u{ff}",
    "☺😀\u{feff}",
];

/// A message.
///
/// # Errors
///
/// None: when the bytes are used up, what is left is zero.
pub fn message(u: &mut Unstructured<'_>) -> Result<Message> {
    let count = u.int_in_range(0..=WIDTH)?;
    (0..count).map(|_| value(u, BRANCHING)).collect()
}

/// A value that branches `depth` times at the most.
///
/// # Errors
///
/// None, as above.
pub fn value(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    Ok(match u.int_in_range(0..=if depth == 0 { 9 } else { 12 })? {
        0 => Value::Null,
        1 => Value::from(u.arbitrary::<bool>()?),
        2 => Value::from(*u.choose(&INTEGERS)?),
        3 => Value::from(u.arbitrary::<i64>()?),
        4 => Value::from(u.arbitrary::<u64>()?),
        5 => Value::from(*u.choose(&FLOATS)?),
        6 => Value::from(f64::from_bits(u.arbitrary()?)),
        7 => Value::from(text(u)?),
        8 => Value::from(Bytes::copy_from_slice(bytes(u)?)),
        9 => {
            let filler = if u.arbitrary()? { "x" } else { "\u{e9}" };
            let most = if u.ratio(31, 32)? { MEDIUM } else { LONG };
            Value::from(filler.repeat(u.int_in_range(0..=most)?))
        }
        10 => list(u, depth)?,
        11 => map(u, depth)?,
        _ => {
            let count = u.int_in_range(1..=WRAPPINGS)?;
            let inner = value(u, depth - 1)?;
            (0..count).fold(inner, |inner, _| Value::List(vec![inner]))
        }
    })
}

fn list(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    let count = u.int_in_range(0..=WIDTH)?;
    (0..count).map(|_| value(u, depth - 1)).collect::<Result<_>>().map(Value::List)
}

fn map(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    let count = u.int_in_range(0..=WIDTH)?;
    let entries = (0..count).map(|_| Ok((text(u)?, value(u, depth - 1)?)));
    Ok(Value::Map(entries.collect::<Result<Vec<_>>>()?.into_iter().collect::<Map>()))
}

/// A text: one of those that are worth a look, or the characters of some bytes.
///
/// # Errors
///
/// None, as above.
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 3)? {
        return Ok((*u.choose(&TEXTS)?).to_owned());
    }
    let bytes = bytes(u)?;
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    })
}

/// A few bytes.
///
/// # Errors
///
/// None, as above.
pub fn bytes<'a>(u: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let len = u.int_in_range(0..=SHORT)?;
    u.bytes(len.min(u.len()))
}

/// What JSON makes of a value: byte strings and what is no number become texts.
#[must_use]
pub fn as_json(value: &Value) -> Value {
    match value {
        Value::Bytes(_) => Value::from(value.as_str().expect("a string").as_ref()),
        Value::Float(number) if number.is_nan() => Value::from("NaN"),
        Value::Float(number) if number.is_infinite() => {
            Value::from(if *number > 0.0 { "Inf" } else { "-Inf" })
        }
        Value::List(items) => Value::List(items.iter().map(as_json).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, item)| (key.clone(), as_json(item))).collect()),
        other => other.clone(),
    }
}

/// What JSON makes of a message.
#[must_use]
pub fn message_as_json(message: &Message) -> Message {
    message.values().iter().map(as_json).collect()
}
