//! What two Perl nodes said to one another, `vectors/perl-*.json`.

use mp_proto::Value;
use mp_proto::codec::Codec;
use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::json::Json;
use serde_json::Value as Recorded;

use crate::tokens::{Ending, cut, item, read};

struct Conversation {
    /// Where the first frame begins, behind the handshake's lines.
    start: usize,
    frames: Vec<RecordedFrame>,
}

struct RecordedFrame {
    offset: usize,
    bytes: Vec<u8>,
    message: Value,
}

impl Conversation {
    /// One direction of a recording.
    fn load(recording: &str, direction: &str) -> Self {
        let recording: Recorded = serde_json::from_str(recording).unwrap();
        let number = |value: &Recorded| usize::try_from(value.as_u64().unwrap()).unwrap();
        let frames = recording["frames"].as_array().unwrap().iter().filter(|frame| frame["dir"] == direction);
        let frames: Vec<_> = frames
            .map(|frame| RecordedFrame {
                offset: number(&frame["offset"]),
                bytes: frame["bytes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|part| unhex(&part[0]).repeat(number(&part[1])))
                    .collect(),
                message: message(&frame["message"]),
            })
            .collect();
        let end = frames.last().map(|frame| frame.offset + frame.bytes.len());
        assert_eq!(end, Some(number(&recording["total"][direction])), "the recording is complete");
        Self { start: number(&recording["handshake"][direction]), frames }
    }

    fn json() -> [Self; 2] {
        ["c2s", "s2c"].map(|direction| Self::load(include_str!("../vectors/perl-json.json"), direction))
    }

    fn cbor() -> [Self; 2] {
        ["c2s", "s2c"].map(|direction| Self::load(include_str!("../vectors/perl-cbor.json"), direction))
    }
}

fn unhex(hex: &Recorded) -> Vec<u8> {
    let digits: Vec<_> = hex.as_str().unwrap().chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn message(value: &Recorded) -> Value {
    if let (Some(cycle), Some(len)) = (value["$cycle"].as_str(), value["len"].as_u64()) {
        return Value::from(cycle.chars().cycle().take(usize::try_from(len).unwrap()).collect::<String>());
    }
    match value {
        Recorded::Null => Value::Null,
        Recorded::Bool(value) => Value::from(*value),
        Recorded::Number(number) if number.is_i64() => Value::from(number.as_i64().unwrap()),
        Recorded::Number(number) if number.is_u64() => Value::from(number.as_u64().unwrap()),
        Recorded::Number(number) => Value::from(number.as_f64().unwrap()),
        Recorded::String(text) => Value::from(text.as_str()),
        Recorded::Array(items) => Value::List(items.iter().map(message).collect()),
        Recorded::Object(map) => {
            Value::Map(map.iter().map(|(key, item)| (key.as_str(), message(item))).collect())
        }
    }
}

/// Each frame is the message that was recorded, and again after we have written it ourselves.
fn frames_are_understood<C: Codec>(conversations: [Conversation; 2]) {
    for frame in conversations.into_iter().flat_map(|conversation| conversation.frames) {
        let found = read::<C>(&frame.bytes).unwrap();
        assert_eq!(found, frame.message, "at {}", frame.offset);
        assert_eq!(read::<C>(&item::<C>(&found)).unwrap(), frame.message, "at {}", frame.offset);
    }
}

/// The stream is cut where the frames were `[FR-10]` `[FR-20]`.
fn streams_are_cut<C: Codec>(conversations: [Conversation; 2]) {
    for Conversation { start, frames } in conversations {
        let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
        for piece in [1, 7, stream.len()] {
            let (found, ending) = cut::<C>(&stream, &[piece], 1 << 20);
            assert_eq!(ending, Ending::Waiting(0));
            assert_eq!(found.len(), frames.len());
            for ((offset, bytes), frame) in found.iter().zip(&frames) {
                assert_eq!((start + offset, bytes), (frame.offset, &frame.bytes));
            }
        }
    }
}

#[test]
fn perl_frames_in_json_are_understood() {
    frames_are_understood::<Json>(Conversation::json());
}

#[test]
fn perl_frames_in_cbor_are_understood() {
    frames_are_understood::<Cbor>(Conversation::cbor());
}

#[test]
fn a_perl_stream_in_json_is_cut_into_its_frames() {
    streams_are_cut::<Json>(Conversation::json());
}

#[test]
fn a_perl_stream_in_cbor_is_cut_into_its_frames() {
    streams_are_cut::<Cbor>(Conversation::cbor());
}

/// Of the 105 JSON frames we would write 103 to the byte as Perl did. In the other two 1e15 and 1e-7 look different,
/// and nothing else `[FR-15]`.
#[test]
fn we_write_the_json_that_perl_writes() {
    let (mut equal, mut different) = (0, 0);
    for frame in Conversation::json().into_iter().flat_map(|conversation| conversation.frames) {
        let ours = item::<Json>(&read::<Json>(&frame.bytes).unwrap());
        if ours == frame.bytes {
            equal += 1;
        } else {
            let ours = String::from_utf8(ours).unwrap();
            let perls = ours.replace("1e-7,1,1000000000000000.0,", "1e-07,1,1e+15,");
            assert!(perls.as_bytes() == frame.bytes, "at {}: {}", frame.offset, &ours[..500]);
            different += 1;
        }
    }
    assert_eq!((equal, different), (103, 2));
}

/// Of the CBOR frames we would write to the byte all that have neither a map, whose keys Perl writes as byte strings,
/// nor a float, which Perl writes with 32 bits where they suffice.
#[test]
fn we_write_the_cbor_that_perl_writes() {
    fn plain(value: &Value) -> bool {
        match value {
            Value::Float(_) => false,
            Value::List(items) => items.iter().all(plain),
            Value::Map(map) => map.is_empty(),
            _ => true,
        }
    }
    let mut compared = 0;
    for frame in Conversation::cbor().into_iter().flat_map(|conversation| conversation.frames) {
        let value = read::<Cbor>(&frame.bytes).unwrap();
        if plain(&value) {
            assert_eq!(item::<Cbor>(&value), frame.bytes, "at {}", frame.offset);
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}
