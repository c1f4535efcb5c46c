//! Values and frames of all kinds.

use bytes::Bytes;
use mp_proto::Value;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

const INTEGERS: [i64; 18] = [
    0,
    1,
    -1,
    23,
    24,
    -24,
    -25,
    255,
    256,
    -256,
    -257,
    65535,
    65536,
    -65537,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX,
    i64::MIN,
];

const FLOATS: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e15,
    1e16,
    1e17,
    1e-7,
    1e300,
    5e-324,
    2.2250738585072014e-308,
    f64::MAX,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

const NASTY: &str = "\0\u{1}\t\n\u{8}\u{c}\r\u{1f} !\"\\/'[]{},:09aeu\u{7f}\u{80}\u{ff}\u{100}\u{2028}\u{d7ff}\u{e000}\u{feff}\u{fffd}☺😀\u{10ffff}";

fn character() -> impl Strategy<Value = char> {
    prop_oneof![4 => select(NASTY.chars().collect::<Vec<_>>()), 4 => proptest::char::range(' ', '~'), 1 => any::<char>()]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => vec(character(), 0..12),
        1 => vec(character(), 0..300),
        2 => select(vec!["NaN", "1", "-0", "1e5", "null", "\\u0000", "\\", "Inf"]).prop_map(|text| text.chars().collect()),
    ]
    .prop_map(String::from_iter)
}

/// Everything but lists and maps.
pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(INTEGERS.to_vec()).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        select(FLOATS.to_vec()).prop_map(Value::from),
        proptest::num::f64::ANY.prop_map(Value::from),
        any::<f32>().prop_map(|number| Value::from(f64::from(number))),
        text().prop_map(Value::from),
        vec(any::<u8>(), 0..40).prop_map(|bytes| Value::from(Bytes::from(bytes))),
        vec(any::<u8>(), 0..600).prop_map(|bytes| Value::from(Bytes::from(bytes))),
    ]
}

/// Any value.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 60, 10, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..10).prop_map(Value::List),
            vec((text(), inner), 0..10).prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

/// What a frame holds: a list, its first element as often as not a port's name.
pub(crate) fn message() -> impl Strategy<Value = Value> {
    vec(value(), 0..8).prop_map(Value::List)
}

/// Messages that are long enough for lengths of two and four bytes.
pub(crate) fn long_message() -> impl Strategy<Value = Value> {
    (0..80_000_usize, scalar()).prop_map(|(len, filler)| {
        let filler = if matches!(&filler, Value::Text(_) | Value::Bytes(_)) { Value::Null } else { filler };
        Value::List(vec![Value::from("x".repeat(len)), Value::List(vec![filler; len])])
    })
}
