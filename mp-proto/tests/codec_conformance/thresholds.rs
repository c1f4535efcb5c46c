//! Both sides of each bound.

use bytes::BytesMut;
use mp_proto::codec::FrameScanner;
use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::json::Json;
use mp_proto::codec::postcard::Postcard;
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::MAX_DEPTH;
use mp_proto::{DecodeError, EncodeError, Frame, Framing, Limits, Value};

use crate::tokens::{frame, item, read};

fn nested(depth: usize, map: bool) -> Value {
    let innermost = Value::List(Vec::new());
    (1..depth).fold(innermost, |inner, level| {
        if map && level + 1 < depth {
            Value::Map([("k", inner)].into_iter().collect())
        } else {
            Value::List(vec![inner])
        }
    })
}

/// 512 levels are read, 513 are not `[FR-06]`.
fn depth<C: Codec>(scans: bool) {
    for map in [false, true] {
        let deep = item::<C>(&nested(MAX_DEPTH, map));
        assert_eq!(read::<C>(&deep).unwrap(), nested(MAX_DEPTH, map));
        let deep = frame::<C>(&nested(MAX_DEPTH, map));
        assert!(C::Scanner::default().scan(&deep, deep.len()).unwrap().is_some());

        let deeper = item::<C>(&nested(MAX_DEPTH + 1, map));
        assert_eq!(read::<C>(&deeper), Err(DecodeError::TooDeep));
        if scans {
            assert_eq!(C::Scanner::default().scan(&deeper, deeper.len()), Err(DecodeError::TooDeep));
        }
    }
}

#[test]
fn depth_512_and_513() {
    depth::<Json>(true);
    depth::<Cbor>(true);
    depth::<Postcard>(false);
}

#[test]
fn lists_of_unknown_length_count_as_well() {
    let bytes = |depth: usize| [vec![0x9f; depth], vec![0xff; depth]].concat();
    assert!(read::<Cbor>(&bytes(MAX_DEPTH)).is_ok());
    assert_eq!(read::<Cbor>(&bytes(MAX_DEPTH + 1)), Err(DecodeError::TooDeep));
    assert!(<Cbor as Codec>::Scanner::default().scan(&bytes(MAX_DEPTH), 2000).unwrap().is_some());
    assert_eq!(
        <Cbor as Codec>::Scanner::default().scan(&bytes(MAX_DEPTH + 1), 2000),
        Err(DecodeError::TooDeep)
    );
}

/// A frame of `max` bytes is cut, one more byte is refused, in whatever pieces it comes `[FR-12]`.
fn length<C: Codec>(message: &Value) {
    let bytes = frame::<C>(message);
    let len = item::<C>(message).len();
    for piece in [1, 2, 3, bytes.len()] {
        let scan = |max| {
            let mut scanner = C::Scanner::default();
            let ends = (0..bytes.len()).step_by(piece).skip(1).chain([bytes.len()]);
            ends.map(|end| scanner.scan(&bytes[..end], max)).find(|found| !matches!(found, Ok(None)))
        };
        assert_eq!(scan(len).unwrap().unwrap().unwrap().len, len);
        assert_eq!(scan(len - 1), Some(Err(DecodeError::TooLong { max: len - 1 })));
    }
}

#[test]
fn frames_of_max_and_one_more() {
    let lists = (1..40).map(|len| Value::List(vec![Value::from("x"); len]));
    let strings = (0..300).step_by(7).map(|len| Value::List(vec![Value::from("x".repeat(len))]));
    let tails = [
        Value::Null,
        Value::from(1e100),
        Value::from(70_000),
        Value::List(vec![]),
        Value::List(vec![Value::Null]),
    ];
    for message in lists.chain(strings).chain(tails.map(|value| Value::List(vec![value]))) {
        length::<Json>(&message);
        length::<Cbor>(&message);
        length::<Postcard>(&message);
    }
}

/// A frame that follows another has the whole bound for itself.
#[test]
fn the_bound_is_for_each_frame() {
    let mut scanner = <Json as Codec>::Scanner::default();
    assert!(scanner.scan(b"   [1][2]", 3).unwrap().is_some());
    assert!(scanner.scan(b"[2]", 3).unwrap().is_some());
}

/// White space has a bound, too `[FR-10]`.
#[test]
fn a_flood_of_white_space_ends() {
    let mut scanner = <Json as Codec>::Scanner::default();
    assert_eq!(scanner.scan(&[b' '; 100], 100), Ok(None));
    assert_eq!(scanner.scan(&[b' '; 101], 100), Err(DecodeError::TooLong { max: 100 }));
}

/// A declared length that breaks the bound is refused before its bytes come `[FR-12]`.
#[test]
fn declared_lengths_are_refused_at_once() {
    for bytes in [
        &b"\x81\x5a\x00\x01\x00\x00"[..],            // a byte string of 64 KiB
        b"\x81\x7b\xff\xff\xff\xff\xff\xff\xff\xff", // a text of 2^64 - 1 bytes
        b"\x9a\x00\x01\x00\x00",                     // 65,536 elements
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\xbb\x80\x00\x00\x00\x00\x00\x00\x00", // 2^63 entries
        b"\x81\xb9\x80\x00",                         // 32,768 entries are 65,536 items
        b"\x81\x5f\x5a\x00\x01\x00\x00",
    ] {
        let max = 0xffff;
        assert_eq!(
            <Cbor as Codec>::Scanner::default().scan(bytes, max),
            Err(DecodeError::TooLong { max }),
            "{bytes:x?}"
        );
    }
    let mut scanner = <Postcard as Codec>::Scanner::default();
    assert_eq!(scanner.scan(&[0, 0, 1, 0], 0xffff), Err(DecodeError::TooLong { max: 0xffff }));
    assert_eq!(scanner.scan(&[0xff, 0xff, 0, 0], 0xffff), Ok(None));
    assert_eq!(scanner.scan(&[0xff; 4], 1 << 26), Err(DecodeError::TooLong { max: 1 << 26 }));
}

/// As many values as are allowed are written and read, one more is not: elements of lists, keys and values of maps, and
/// the port's name. `[FR-19]`
#[test]
fn values_at_the_bound_and_one_past_it() {
    let flat = Value::List(vec![Value::from(0); 1000]);
    let nested = Value::List(vec![Value::List(vec![Value::from(0)]); 500]);
    let maps = Value::List(vec![Value::Map([("", Value::from(0))].into_iter().collect()); 500]);
    // The port's name, the list, and what is in it.
    for (message, values) in [(flat, 1002), (nested, 1002), (maps, 1502)] {
        for &framing in Framing::available() {
            let mut limits = Limits::default();
            let write = |limits: &Limits| {
                let mut out = BytesMut::new();
                Frame::write_within(framing, "p", &[&message], None, limits, &mut out).map(|()| out)
            };
            limits.max_values = values;
            let mut bytes = write(&limits).expect("at the bound");
            limits.max_values = values - 1;
            assert_eq!(write(&limits), Err(EncodeError::TooManyValues { max: values - 1 }), "{framing}");
            let frame = FrameScanner::new(framing).unwrap().next(&mut bytes, usize::MAX).unwrap().unwrap();
            assert_eq!(frame.check_values(values), Ok(()), "{framing}");
            assert_eq!(frame.check_values(values - 1), Err(DecodeError::TooManyValues { max: values - 1 }));
        }
    }
}
