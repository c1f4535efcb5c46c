//! Postcard, case by case.

use mp_proto::codec::postcard::Postcard;
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::{Token, TokenReader};
use mp_proto::{DecodeError, Framing, Value};

use crate::tokens::{exact, frame, item, read};

fn read_bytes(bytes: &[u8]) -> Result<String, DecodeError> {
    read::<Postcard>(bytes).map(|value| exact(&value))
}

/// The bytes are a promise to nodes of other versions `[FR-30]` `[FR-31]`.
#[test]
fn the_form_on_the_wire() {
    let map = Value::Map([("k", Value::from(-1))].into_iter().collect());
    let values = vec![
        Value::from("p"),
        Value::Null,
        true.into(),
        u64::MAX.into(),
        1.5.into(),
        bytes::Bytes::from_static(b"\xff").into(),
        map,
    ];
    let expected = [
        &b"\x26\0\0\0"[..],
        b"\x07\x07",
        b"\x05\x01p",
        b"\x00",
        b"\x01\x01",
        b"\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x04\0\0\0\0\0\0\xf8\x3f",
        b"\x06\x01\xff",
        b"\x08\x01",
        b"\x05\x01k",
        b"\x02\x01",
    ];
    assert_eq!(frame::<Postcard>(&Value::List(values)), expected.concat());
}

#[test]
fn an_integer_is_written_in_one_way() {
    let mut out = bytes::BytesMut::new();
    mp_proto::token::TokenWriter::uint(&mut Postcard::writer(&mut out), 5);
    assert_eq!(&out[..], item::<Postcard>(&Value::from(5)));
    assert_eq!(read_bytes(b"\x03\x05").as_deref(), Ok("5"));
    assert_eq!(Postcard::reader(b"\x03\x05").next(), Ok(Token::Int(5)));
}

/// `[FR-32]`
#[test]
fn declared_counts_beyond_the_frame() {
    for bytes in [
        &b"\x07\x01"[..],
        b"\x07\x02\x00",
        b"\x08\x01\x05\x00",
        b"\x05\x02a",
        b"\x06\xff\xff\xff\xff\x0f",
        b"\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    ] {
        assert_eq!(
            read_bytes(bytes),
            Err(DecodeError::Truncated { framing: Framing::Postcard }),
            "{bytes:x?}"
        );
    }
    for bytes in [&b"\x07\x02\x00"[..], b"\x08\x01\x05\x00"] {
        assert!(Postcard::reader(bytes).next().is_err(), "the head alone is enough to see it: {bytes:x?}");
    }
    assert_eq!(Postcard::reader(b"\x08\x01\x05\x00\x00").next(), Ok(Token::Map(1)));
}

#[test]
fn what_is_refused() {
    for (bytes, expected, at) in [
        (&b"\x07\x01\x09"[..], "not an item", 2),
        (b"\x01\x02", "not an item", 0),
        (b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "not an item", 0),
        (b"\x07\x01\x05\x01\xff", "UTF-8", 2),
        (b"\x08\x01\x00\x00\x00", "key", 2),
        (b"\x00\x00", "behind", 1),
    ] {
        let error = read_bytes(bytes).expect_err("refused");
        assert!(error.to_string().contains(expected), "{bytes:x?}: {error}");
        assert!(matches!(error, DecodeError::Malformed { offset, .. } if offset == at), "{error}");
    }
    assert!(<Postcard as Codec>::Scanner::default().scan(&[0; 4], 100).is_err());
}
