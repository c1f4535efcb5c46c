//! The length before a frame; recordings of AnyEvent::Handle.

use bytes::BytesMut;
use mp_proto::codec::storable::{Storable, StorableScanner};
use mp_proto::codec::{Codec, Scanner, Span};
use mp_proto::token::{TokenReader, TokenWriter};
use mp_proto::{DecodeError, Frame, Framing, Map, Message, Value};

use crate::support::unhex;
use crate::tokens::{Ending, cut, exact, frame, item, read};

/// What AnyEvent::Handle reads, and what of it we do.
#[test]
fn frames_that_perl_reads() {
    let one = Value::List(vec![1.into()]);
    for (name, stream, expected, ending) in [
        ("one message", "09050b02000000010881", 1, Ending::Waiting(0)),
        ("two messages", "09050b0200000001088109050b02000000010881", 2, Ending::Waiting(0)),
        ("length 0", "00", 0, Ending::Broken),
        ("length 0, then a good one", "0009050b02000000010881", 0, Ending::Broken),
        ("a longer length than need be", "8009050b02000000010881", 0, Ending::Broken),
        ("three bytes of a length", "ffffff", 0, Ending::Waiting(3)),
        ("a length of ten bytes", "ffffffffffffffffffff", 0, Ending::Broken),
        ("2^63", "8180808080808080800000", 0, Ending::Broken),
        ("2^70", "818080808080808080800000", 0, Ending::Broken),
        ("the end in the middle", "09050b02", 0, Ending::Waiting(4)),
    ] {
        let stream = unhex(stream);
        for piece in [1, 2, stream.len()] {
            let (frames, found) = cut::<Storable>(&stream, &[piece], 1 << 26);
            assert_eq!((frames.len(), &found), (expected, &ending), "{name}");
            assert!(frames.iter().all(|(_, bytes)| read::<Storable>(bytes).unwrap() == one), "{name}");
        }
    }
}

/// Frames that are whole, with images that are not: `None` where AnyEvent calls back all the same.
#[test]
fn images_in_frames() {
    let native = "040b08313233343536373804080808020200000006701101000000000007000000000000f83f";
    assert_eq!(read::<Storable>(&unhex(native)).unwrap(), Value::List(vec![70_000.into(), 1.5.into()]));
    assert_eq!(read::<Storable>(&unhex("050b020000000122")).unwrap(), Value::List(vec![true.into()]));
    let malformed = |offset, what| DecodeError::Malformed { framing: Framing::Storable, offset, what };
    for (image, error) in [
        ("050b020000000108", DecodeError::Truncated { framing: Framing::Storable }),
        ("68656c6c6f", malformed(0, "an unknown major version")),
        ("050b02000000010881abcd", malformed(9, "something behind the value")), // Perl ignores it [ST-18]
        ("050b02000000012200", malformed(8, "something behind the value")),
        ("050b1103466f6f02000000010881", malformed(2, "an object of a class")),
        ("050b0200000001040000000000", malformed(8, "a cycle")),
    ] {
        assert_eq!(read::<Storable>(&unhex(image)), Err(error), "{image}");
    }
}

/// [ST-02]: what is wrong at the end of a frame is said before its first token.
#[test]
fn errors_come_first() {
    for image in ["050b02000000020881", "050b0200000002088120", "050b0200000001088105"] {
        let image = unhex(image);
        let mut reader = Storable::reader(&image);
        assert!(reader.next().is_err() && reader.next().is_err(), "{image:x?}");
    }
}

/// [ST-09]: as an element an array or hash stands behind a reference; also one that comes again.
#[test]
fn arrays_and_hashes_stand_behind_references() {
    for (image, taken) in [
        ("050b0200000001040200000000", true),
        ("050b02000000010200000000", false),
        ("050b02000000010300000000", false),
        ("050b030000000104030000000000000000", true),
        ("050b0300000001030000000000000000", false),
        ("050b0200000002040200000000040000000002", true),
        ("050b02000000020402000000000000000002", false),
    ] {
        assert_eq!(read::<Storable>(&unhex(image)).is_ok(), taken, "{image}");
    }
}

/// [ST-03]: a frame's root is the array itself.
#[test]
fn a_reference_to_a_message_is_none() {
    let found = read::<Storable>(&unhex("050b0402000000010881"));
    assert!(matches!(found, Err(DecodeError::Malformed { offset: 3, .. })), "{found:?}");
    assert_eq!(read::<Storable>(&unhex("050b040881")).unwrap(), 1.into(), "but a reference to a scalar is");
}

/// What AnyEvent::Handle writes, we write: lengths of 1 to 4 bytes, on both sides of each bound.
#[test]
fn frames_that_perl_writes() {
    let string = |byte: &str, len: usize| Value::List(vec![byte.repeat(len).into()]);
    for (value, prefix, image) in [
        (Value::List(vec![]), "07", 7),
        (Value::from("hello"), "09", 9),
        (string("x", 127 - 9), "7f", 127),
        (string("x", 128 - 9), "8100", 128),
        (string("x", 129 - 9), "8101", 129),
        (string("y", 300), "8238", 312),
        (string("z", 16383 - 12), "ff7f", 16383),
        (string("z", 16384 - 12), "818000", 16384),
        (string("z", 2_100_000), "8180962c", 2_100_012),
    ] {
        let bytes = frame::<Storable>(&value);
        assert_eq!(bytes[..prefix.len() / 2], unhex(prefix));
        assert_eq!(bytes[prefix.len() / 2..], item::<Storable>(&value));
        assert_eq!(bytes.len(), prefix.len() / 2 + image);
        let (frames, ending) = cut::<Storable>(&bytes, &[bytes.len()], image);
        assert_eq!((frames.len(), ending), (1, Ending::Waiting(0)));
    }
    let hash: Value = Value::Map([("b", Value::from("x")), ("a", 1.into())].into_iter().collect::<Map>());
    assert_eq!(frame::<Storable>(&hash), unhex("16050b03000000020a0178000000016208810000000161"));
}

/// [ST-01]: a frame of `max` bytes is cut, one more byte is refused, before it comes.
#[test]
fn lengths_at_the_bound() {
    for max in [1, 126, 127, 128, 16_383, 16_384, 1 << 21] {
        let mut out = BytesMut::new();
        Storable::open(&mut out);
        out.extend_from_slice(&vec![0; max]);
        Storable::close(&mut out, 0);
        let skip = out.len() - max;
        assert_eq!(StorableScanner.scan(&out, max), Ok(Some(Span { skip, len: max })));
        assert_eq!(StorableScanner.scan(&out[..out.len() - 1], max), Ok(None));
        assert_eq!(StorableScanner.scan(&out[..skip], max - 1), Err(DecodeError::TooLong { max: max - 1 }));
    }
    assert_eq!(StorableScanner.scan(&[0xff; 20], usize::MAX), Err(DecodeError::TooLong { max: usize::MAX }));
}

/// A frame is appended to what the buffer has, and nothing of it is left when it is too long.
#[test]
fn frames_behind_one_another() {
    let mut out = BytesMut::new();
    let message = Message::from(["hello".into(), Value::from("x".repeat(200))]);
    Frame::write(Framing::Storable, "port", &message, None, 1000, &mut out).unwrap();
    let one = out.len();
    assert!(Frame::write(Framing::Storable, "port", &message, None, 100, &mut out).is_err());
    assert_eq!(out.len(), one);
    Frame::write(Framing::Storable, "", &Message::default(), None, 1000, &mut out).unwrap();
    let (frames, ending) = cut::<Storable>(&out, &[3], 1000);
    assert_eq!((frames.len(), ending), (2, Ending::Waiting(0)));
    let frame = Frame::new(Framing::Storable, frames[0].1.clone().into());
    assert_eq!(frame.check().unwrap(), "port");
    assert_eq!(frame.message().unwrap(), message);
    assert_eq!(frame.decode::<(String, String)>().unwrap().0, "hello");
    assert_eq!(frames[1].1, unhex("050b02000000010a00"));
}

/// An item that is no frame's, alone.
#[test]
fn a_writer_behind_other_bytes() {
    let mut out = BytesMut::from(&b"before"[..]);
    let mut writer = Storable::writer(&mut out);
    writer.map(2);
    writer.key("a");
    writer.null();
    writer.key("☺");
    writer.null();
    writer.end_map();
    let found = read::<Storable>(&out[6..]).unwrap();
    assert_eq!(exact(&found), r#"{"a": null, "☺": null}"#);
}
