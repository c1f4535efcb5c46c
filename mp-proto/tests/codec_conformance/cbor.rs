//! CBOR, case by case; most are from appendix A of RFC 8949.

use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::{Token, TokenReader};
use mp_proto::{DecodeError, Framing, Value};

use crate::tokens::{exact, item, read};

fn read_bytes(bytes: &[u8]) -> Result<String, DecodeError> {
    read::<Cbor>(bytes).map(|value| exact(&value))
}

/// `[FR-21]`
#[test]
fn what_is_taken() {
    let cases: &[(&[u8], &str)] = &[
        (b"\x00", "0"),
        (b"\x17", "23"),
        (b"\x18\x17", "23"),
        (b"\x1b\x00\x00\x00\x00\x00\x00\x00\x01", "1"),
        (b"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807"),
        (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\x20", "-1"),
        (b"\x39\x03\xe7", "-1000"),
        (b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", "-9223372036854775808"),
        (b"\x3b\x80\x00\x00\x00\x00\x00\x00\x00", "-9.223372036854776e18"),
        (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "-1.8446744073709552e19"),
        (b"\xf4", "false"),
        (b"\xf5", "true"),
        (b"\xf6", "null"),
        (b"\xf9\x00\x00", "0.0"),
        (b"\xf9\x80\x00", "-0.0"),
        (b"\xf9\x3c\x00", "1.0"),
        (b"\xf9\x3e\x00", "1.5"),
        (b"\xf9\x7b\xff", "65504.0"),
        (b"\xf9\x00\x01", "5.960464477539063e-8"),
        (b"\xf9\x04\x00", "6.103515625e-5"),
        (b"\xf9\xc4\x00", "-4.0"),
        (b"\xf9\x7c\x00", "inf"),
        (b"\xf9\x7e\x00", "NaN"),
        (b"\xf9\xfc\x00", "-inf"),
        (b"\xfa\x47\xc3\x50\x00", "100000.0"),
        (b"\xfa\xff\x80\x00\x00", "-inf"),
        (b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", "1.1"),
        (b"\x43\x01\x02\xff", r#"b"\x01\x02\xff""#),
        (b"\x62\xc3\xbc", "\"ü\""),
        (b"\x5f\x42\x01\x02\x40\x41\x03\xff", r#"b"\x01\x02\x03""#),
        (b"\x7f\x65strea\x64ming\xff", r#""streaming""#),
        (b"\x5f\xff", r#"b"""#),
        (b"\x7f\xff", r#""""#),
        (b"\x83\x01\x82\x02\x03\x80", "[1, [2, 3], []]"),
        (b"\x9f\x01\x82\x02\x03\x9f\xff\xff", "[1, [2, 3], []]"),
        (b"\xa1\x61a\x9f\x01\xff", r#"{"a": [1]}"#),
        (b"\xbf\x61a\x01\x61b\xbf\xff\xff", r#"{"a": 1, "b": {}}"#),
        (b"\xd9\xd9\xf7\x81\xd9\xd9\xf7\x01", "[1]"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read_bytes(bytes).as_deref(), Ok(*expected), "{bytes:x?}");
    }
}

/// `[FR-22]`
#[test]
fn what_is_refused() {
    let cases: &[(&[u8], &str)] = &[
        (b"\xf7", "undefined"),
        (b"\xe0", "unassigned"),
        (b"\xf3", "unassigned"),
        (b"\xf8\x14", "unassigned"),
        (b"\xf8\xff", "unassigned"),
        (b"\xc0\x60", "a tag"),
        (b"\xc1\x00", "a tag"),
        (b"\xc2\x41\x01", "a tag"),
        (b"\xd8\x20\x61a", "a tag"),
        (b"\xd9\xd9\xf7\xc0\x60", "a tag"),
        (b"\x1c", "begins with"),
        (b"\x1f", "begins with"),
        (b"\x3f", "begins with"),
        (b"\xdf\x00", "begins with"),
        (b"\xfc", "begins with"),
        (b"\xff", "break"),
        (b"\x81\xff", "break"),
        (b"\x9f\xd9\xd9\xf7\xff", "break"),
        (b"\xbf\x61a\xff", "between a key and its value"),
        (b"\x5f\x61a\xff", "chunk"),
        (b"\x7f\x41a\xff", "chunk"),
        (b"\x5f\x5f\x41a\xff\xff", "chunk"),
        (b"\x5f\xd9\xd9\xf7\x41a\xff", "chunk"),
        (b"\x61\xff", "UTF-8"),
        (b"\x62\xc3\x28", "UTF-8"),
        (b"\x7f\x61\xc3\x61\xbc\xff", "UTF-8"),
        (b"\xa1\x80\x00", "key"),
        (b"\xa1\xa0\x00", "key"),
        (b"\xa1\xf7\x00", "undefined"),
        (b"\x00\x00", "behind"),
        (b"\x80\x00", "behind"),
    ];
    for (bytes, expected) in cases {
        let error = read_bytes(bytes).expect_err("refused");
        assert!(error.to_string().contains(expected), "{bytes:x?}: {error}");
    }
}

/// `[FR-23]`
#[test]
fn keys_become_text() {
    let cases: &[(&[u8], &str)] = &[
        (b"\x61a", "a"),
        (b"\x62\xc3\xa9", "é"),
        (b"\x41a", "a"),
        (b"\x41\xe9", "é"),
        (b"\x42\xc3\xa9", "Ã©"),
        (b"\x5f\x41\xe9\x41a\xff", "éa"),
        (b"\x7f\x61a\x61b\xff", "ab"),
        (b"\x18\x2a", "42"),
        (b"\x20", "-1"),
        (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xf9\x3e\x00", "1.5"),
        (b"\xf9\x7e\x00", "NaN"),
        (b"\xf9\x7c\x00", "Inf"),
        (b"\xf9\xfc\x00", "-Inf"),
        (b"\xf4", "false"),
        (b"\xf5", "true"),
        (b"\xf6", "null"),
    ];
    for (key, expected) in cases {
        let bytes = [b"\xa1", *key, b"\x00"].concat();
        let expected = Value::Map([(*expected, 0)].into_iter().collect());
        assert_eq!(read::<Cbor>(&bytes).unwrap(), expected, "{key:x?}");
    }
}

/// `[FR-24]`
#[test]
fn what_is_written() {
    let written = |value: Value| item::<Cbor>(&value);
    for (number, bytes) in [
        (0, &b"\x00"[..]),
        (23, b"\x17"),
        (24, b"\x18\x18"),
        (255, b"\x18\xff"),
        (256, b"\x19\x01\x00"),
        (65_536, b"\x1a\x00\x01\x00\x00"),
        (1 << 32, b"\x1b\x00\x00\x00\x01\x00\x00\x00\x00"),
        (-1, b"\x20"),
        (-24, b"\x37"),
        (-25, b"\x38\x18"),
        (i64::MIN, b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        assert_eq!(written(number.into()), bytes, "{number}");
    }
    assert_eq!(written(u64::MAX.into()), b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(written(1.0.into()), b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00");
    assert_eq!(written("ü".into()), b"\x62\xc3\xbc");
    assert_eq!(written(bytes::Bytes::from_static(b"\xfc").into()), b"\x41\xfc");
    assert_eq!(
        written(Value::Map([("a", Value::List(vec![Value::Null, true.into()]))].into_iter().collect())),
        b"\xa1\x61a\x82\xf6\xf5"
    );
}

/// More than there is room for is no reason to wait: the frame is cut already `[FR-25]`.
#[test]
fn declared_counts_beyond_the_frame() {
    for bytes in [
        &b"\x82\x01"[..],
        b"\xa1\x01",
        b"\x42a",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xbb\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\x7b\xff\xff\xff\xff\xff\xff\xff\xffa",
    ] {
        assert_eq!(read_bytes(bytes), Err(DecodeError::Truncated { framing: Framing::Cbor }), "{bytes:x?}");
    }
    for bytes in [&b"\x82\x01"[..], b"\xa1\x01", b"\xbb\x80\x00\x00\x00\x00\x00\x00\x00"] {
        assert!(Cbor::reader(bytes).next().is_err(), "the head alone is enough to see it: {bytes:x?}");
    }
    let mut reader = Cbor::reader(b"\x9a\x00\x00\x00\x03\x00\x00\x00");
    assert_eq!(reader.next(), Ok(Token::List(3)));
}

#[test]
fn errors_say_where() {
    for (bytes, expected) in
        [(&b"\x82\x01\xf7"[..], 2), (b"\x81\x63ab\xff", 4), (b"\x9f\xc0\x00\xff", 1), (b"\x80\x00", 1)]
    {
        let Err(DecodeError::Malformed { offset, .. }) = read_bytes(bytes) else { panic!("{bytes:x?}") };
        assert_eq!(offset, expected, "{bytes:x?}");
    }
}

/// `[FR-11]`: the scanner refuses what cannot become an array.
#[test]
fn the_scanner_refuses() {
    for bytes in [
        &b"\x00"[..],
        b"\xa0",
        b"\x41",
        b"\xf6",
        b"\xff",
        b"\xc0",
        b"\x5f",
        b"\x1c",
        b"\x81\xff",
        b"\x9f\x5f\x61",
        b"\x9f\x5f\x5f",
        b"\x81\x1f",
    ] {
        assert!(<Cbor as Codec>::Scanner::default().scan(bytes, 100).is_err(), "{bytes:x?}");
    }
    for bytes in
        [&b""[..], b"\x81", b"\x9f", b"\xd9\xd9\xf7", b"\x81\x18", b"\x81\x42a", b"\x9f\x5f\x41a\xff"]
    {
        assert_eq!(<Cbor as Codec>::Scanner::default().scan(bytes, 100), Ok(None), "{bytes:x?}");
    }
    let tagged = b"\xd9\xd9\xf7\x81\x42ab\x00";
    let span = <Cbor as Codec>::Scanner::default().scan(tagged, 100).unwrap().unwrap();
    assert_eq!((span.skip, span.len), (0, 7));
}
