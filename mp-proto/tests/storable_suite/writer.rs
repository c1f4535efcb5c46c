//! What is written, byte by byte.

use bytes::{Bytes, BytesMut};
use mp_proto::codec::Codec;
use mp_proto::codec::storable::{MAX_FREEZE_DEPTH, Storable, freeze};
use mp_proto::token::TokenWriter;
use mp_proto::{EncodeError, Map, Value};

use crate::support::{thawed, unhex};

fn image(value: impl Into<Value>) -> Vec<u8> {
    freeze(&value.into()).unwrap().to_vec()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().collect::<Map>())
}

/// [ST-21]
#[test]
fn numbers() {
    for (number, bytes) in [
        (Value::from(0), &b"\x08\x80"[..]),
        (127.into(), b"\x08\xff"),
        (128.into(), b"\x09\0\0\0\x80"),
        ((-128).into(), b"\x08\x00"),
        ((-129).into(), b"\x09\xff\xff\xff\x7f"),
        (i64::from(i32::MAX).into(), b"\x09\x7f\xff\xff\xff"),
        (i64::from(i32::MIN).into(), b"\x09\x80\0\0\0"),
        ((i64::from(i32::MAX) + 1).into(), b"\x0a\x0a2147483648"),
        ((i64::from(i32::MIN) - 1).into(), b"\x0a\x0b-2147483649"),
        (i64::MIN.into(), b"\x0a\x14-9223372036854775808"),
        (u64::MAX.into(), b"\x0a\x1418446744073709551615"),
        (3.0.into(), b"\x08\x83"),
        (2_147_483_647.0.into(), b"\x09\x7f\xff\xff\xff"),
        (1e10.into(), b"\x0a\x0b10000000000"),
        ((-0.0).into(), b"\x0a\x02-0"),
        (0.5.into(), b"\x0a\x030.5"),
        (0.1.into(), b"\x0a\x030.1"),
        ((1.0 / 3.0).into(), b"\x0a\x120.3333333333333333"),
        (1e300.into(), b"\x0a\x061e+300"),
        (f64::NAN.into(), b"\x0a\x03NaN"),
        (f64::INFINITY.into(), b"\x0a\x03Inf"),
        (f64::NEG_INFINITY.into(), b"\x0a\x04-Inf"),
    ] {
        assert_eq!(image(number.clone())[2..], *bytes, "{number:?}");
    }
    let mut out = BytesMut::new();
    Storable::writer(&mut out).uint(5);
    assert_eq!(out, image(5));
}

/// [ST-22]
#[test]
fn truth_values_and_strings() {
    assert_eq!(image(true), b"\x05\x0b\x0a\x011");
    assert_eq!(image(false), b"\x05\x0b\x0a\x00");
    assert_eq!(image(Value::Null), b"\x05\x0b\x05");
    assert_eq!(image("é"), b"\x05\x0b\x17\x02\xc3\xa9");
    assert_eq!(image(Bytes::from_static(b"\xe9")), b"\x05\x0b\x0a\x01\xe9");
    for (len, head) in [(255, &b"\x05\x0b\x0a\xff"[..]), (256, b"\x05\x0b\x01\0\0\x01\0")] {
        assert_eq!(image("x".repeat(len))[..head.len()], *head);
        assert_eq!(image("x".repeat(len)).len(), head.len() + len);
    }
    for (count, head) in [(127, &b"\x05\x0b\x17\xfe"[..]), (128, b"\x05\x0b\x18\0\0\x01\0")] {
        assert_eq!(image("é".repeat(count))[..head.len()], *head);
    }
}

/// References stand before all arrays and hashes but the root.
#[test]
fn nesting() {
    let inner = map([("k", Value::List(vec![1.into()])), ("l", Value::Null)]);
    let expected = "050b02000000020403000000020402000000010881000000016b05000000016c040200000000";
    assert_eq!(image(Value::List(vec![inner, Value::List(vec![])])), unhex(expected));
}

/// [ST-23]: a key that is not ASCII gives flags to its hash and to those around it.
#[test]
fn keys_that_are_not_ascii() {
    assert_eq!(image(map([("é", 1.into())])), unhex("050b19000000000108810100000002c3a9"));
    let late = map([("a", 1.into()), ("☺", 2.into()), ("b", 3.into())]);
    let late_bytes = "190000000003088100000000016108820100000003e298ba0883000000000162";
    assert_eq!(image(late.clone()), unhex(&format!("050b{late_bytes}")));

    let plain = map([("p", map([("q", 0.into())]))]);
    let plain_bytes = "0300000001040300000001088000000001710000000170";
    let flagged_bytes = "190000000001041900000000010880000000000171000000000170";
    let around = map([("x", plain.clone()), ("y", Value::List(vec![late, plain.clone()])), ("z", plain)]);
    let expected = [
        unhex("050b19000000000304"),
        unhex(plain_bytes),
        unhex("00000000017804020000000204"),
        unhex(late_bytes),
        unhex("04"),
        unhex(flagged_bytes),
        unhex("00000000017904"),
        unhex(flagged_bytes),
        unhex("00000000017a"),
    ];
    assert_eq!(image(around.clone()), expected.concat());
    assert_eq!(thawed(&image(around.clone())).unwrap(), around);
}

/// Perl could not write a deeper one again.
#[test]
fn freeze_255_levels_and_256() {
    let nested = |depth| (1..depth).fold(Value::List(vec![]), |inner, _| Value::List(vec![inner]));
    assert_eq!(thawed(&image(nested(MAX_FREEZE_DEPTH))).unwrap(), nested(MAX_FREEZE_DEPTH));
    for depth in [MAX_FREEZE_DEPTH + 1, 5000] {
        assert_eq!(freeze(&nested(depth)), Err(EncodeError::TooDeep));
    }
}
