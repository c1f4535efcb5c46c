//! Values as tokens and back, without the crate's serde adaptor.

use bytes::{Bytes, BytesMut};
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::{Token, TokenReader, TokenWriter};
use mp_proto::{DecodeError, Map, Text, Value};

/// The bytes of a frame that holds `value`, as they go over the wire.
pub(crate) fn frame<C: Codec>(value: &Value) -> Vec<u8> {
    let mut out = BytesMut::new();
    C::open(&mut out);
    write_value(&mut C::writer(&mut out), value);
    C::close(&mut out, 0);
    out.to_vec()
}

/// The bytes of an item, without what stands before a frame.
pub(crate) fn item<C: Codec>(value: &Value) -> Vec<u8> {
    let mut out = BytesMut::new();
    write_value(&mut C::writer(&mut out), value);
    out.to_vec()
}

pub(crate) fn write_value(writer: &mut impl TokenWriter, value: &Value) {
    match value {
        Value::Null => writer.null(),
        Value::Bool(value) => writer.bool(*value),
        Value::Int(number) => writer.int(*number),
        Value::UInt(number) => writer.uint(*number),
        Value::Float(number) => writer.float(*number),
        Value::Text(text) => writer.text(text),
        Value::Bytes(bytes) => writer.bytes(bytes),
        Value::List(items) => {
            writer.list(items.len());
            for item in items {
                write_value(writer, item);
            }
            writer.end_list();
        }
        Value::Map(map) => {
            writer.map(map.len());
            for (key, item) in map.iter() {
                writer.key(key);
                write_value(writer, item);
            }
            writer.end_map();
        }
    }
}

/// A list or map that is being read.
enum Open {
    List(Vec<Value>),
    Map(Vec<(Text, Value)>, Option<Text>),
}

/// Reads an item, and sees that the reader then refuses to go on.
pub(crate) fn read<C: Codec>(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = C::reader(bytes);
    let mut open = Vec::new();
    loop {
        let value = match reader.next()? {
            Token::Null => Value::Null,
            Token::Bool(value) => Value::Bool(value),
            Token::Int(number) => Value::Int(number),
            Token::UInt(number) => Value::UInt(number),
            Token::Float(number) => Value::Float(number),
            Token::Text(text) => Value::Text(text.into()),
            Token::Bytes(bytes) => Value::Bytes(Bytes::from(bytes.into_owned())),
            Token::List(_) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Token::Map(_) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Token::Key(key) => {
                let Some(Open::Map(_, pending)) = open.last_mut() else { panic!("a key outside of a map") };
                assert_eq!(pending.replace(key.into()), None, "two keys in a row");
                continue;
            }
            Token::End => match open.pop().expect("more ends than begins") {
                Open::List(items) => Value::List(items),
                Open::Map(entries, pending) => {
                    assert_eq!(pending, None, "a key without a value");
                    Value::Map(entries.into_iter().collect::<Map>())
                }
            },
        };
        match open.last_mut() {
            None => {
                assert!(reader.next().is_err(), "tokens behind the last");
                return Ok(value);
            }
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(entries, key)) => {
                entries.push((key.take().expect("a value without a key"), value));
            }
        }
    }
}

/// How the last frame of a stream was followed.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    /// With so many bytes that are no whole frame yet.
    Waiting(usize),
    /// With an error.
    Broken,
}

/// Cuts `stream`, which comes in pieces of these sizes (the last one again and again), into frames: where each begins,
/// and its bytes.
pub(crate) fn cut<C: Codec>(stream: &[u8], pieces: &[usize], max: usize) -> (Vec<(usize, Vec<u8>)>, Ending) {
    let mut scanner = C::Scanner::default();
    let (mut frames, mut taken, mut there) = (Vec::new(), 0, 0);
    let mut pieces = pieces.iter().copied().chain(std::iter::repeat(pieces.last().copied().unwrap_or(1)));
    loop {
        loop {
            match scanner.scan(&stream[taken..there], max) {
                Ok(Some(span)) => {
                    assert!(taken + span.skip + span.len <= there, "a frame beyond the input");
                    taken += span.skip;
                    frames.push((taken, stream[taken..taken + span.len].to_vec()));
                    taken += span.len;
                }
                Ok(None) => break,
                Err(_) => return (frames, Ending::Broken),
            }
        }
        if there == stream.len() {
            return (frames, Ending::Waiting(there - taken));
        }
        there = stream.len().min(there + pieces.next().expect("it is endless").max(1));
    }
}

/// What sees the difference between a float and an integer, or a text and a byte string, which `==` does not.
pub(crate) fn exact(value: &Value) -> String {
    format!("{value:?}")
}

/// What JSON makes of a value: byte strings and what is no number become texts.
pub(crate) fn as_json(value: &Value) -> Value {
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
