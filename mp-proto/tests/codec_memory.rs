//! How much a decoder allocates, whatever it is given: at most 40 bytes for each byte of input, and 64 KiB.
#![cfg(all(feature = "json", feature = "cbor", feature = "postcard"))]

use allocation_counter::measure;
use bytes::BytesMut;
use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::json::Json;
use mp_proto::codec::postcard::Postcard;
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::{TokenReader, TokenWriter};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

/// The bytes that are allocated, all in all, to look for a frame and to read all tokens, as if they were one.
fn allocated<C: Codec>(bytes: &[u8]) -> u64 {
    measure(|| {
        drop(C::Scanner::default().scan(bytes, 1 << 30));
        let mut reader = C::reader(bytes);
        while reader.next().is_ok() {}
    })
    .bytes_total
}

#[track_caller]
fn check(bytes: &[u8]) {
    let bound = 40 * bytes.len() as u64 + (64 << 10);
    for found in [allocated::<Json>(bytes), allocated::<Cbor>(bytes), allocated::<Postcard>(bytes)] {
        assert!(found <= bound, "{found} bytes for {}", bytes.len());
    }
}

/// One thing again and again, perhaps in the middle of another.
fn flood() -> impl Strategy<Value = Vec<u8>> {
    let unit = prop_oneof![
        vec(any::<u8>(), 1..12),
        Just(b"[".to_vec()),
        Just(b"{\"a\":".to_vec()),
        Just(b"\\n".to_vec()),
        Just(b"\"\\u0000\",".to_vec()),
        Just(b"\x81".to_vec()),
        Just(b"\x9f".to_vec()),
        Just(b"\x41a".to_vec()),
        Just(b"\xa1\xfb\x7f\xef\xff\xff\xff\xff\xff\xff".to_vec()),
        Just(b"\xa1\x61".to_vec()),
        Just(b"\x07\x01".to_vec()),
    ];
    let opening = prop_oneof![
        vec(any::<u8>(), 0..8),
        Just(b"[\"".to_vec()),
        Just(b"\x9f\x5f".to_vec()),
        Just(b"\x9f\x7f".to_vec()),
        Just(b"\xbf".to_vec())
    ];
    (opening, unit, 1..3000_usize).prop_map(|(opening, unit, times)| [opening, unit.repeat(times)].concat())
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..500)) {
        check(&bytes);
    }

    #[test]
    fn floods(bytes in flood()) {
        check(&bytes);
    }
}

#[test]
fn lengths_without_the_bytes() {
    for initial in [0x5b, 0x7b, 0x9b, 0xbb] {
        for number in [1_u64 << 20, 1 << 32, 1 << 40, 1 << 62, 1 << 63, u64::MAX] {
            for opening in [&b""[..], b"\x81", b"\x9f", b"\xa1\x61a", b"\xbf"] {
                check(&[opening, &[initial], &number.to_be_bytes()].concat());
            }
        }
    }
    for kind in 5..=8 {
        check(&[&[kind][..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"].concat());
        check(&[&[kind][..], b"\xff\xff\xff\xff\x0f"].concat());
    }
}

#[test]
fn a_million_of_the_same() {
    for unit in [
        &b"["[..],
        b"[],",
        b"{\"\":",
        b"\x81",
        b"\x9f",
        b"\xbf\x60",
        b"\x07\x01",
        b"\x08\x01\x05\x00",
        b"0",
        b"\"",
        b"\\n",
    ] {
        for opening in [&b""[..], b"[", b"[\"", b"\x9f", b"\x9f\x7f", b"\x9f\x5f"] {
            check(&[opening, &unit.repeat(1_000_000 / unit.len())].concat());
        }
    }
}

/// Strings of a megabyte, with and without escapes, in one piece and in many.
#[test]
fn long_strings() {
    check(&[b"[\"".to_vec(), vec![b'x'; 1 << 20], b"\"]".to_vec()].concat());
    check(&[b"[\"\\n".to_vec(), vec![b'x'; 1 << 20], b"\"]".to_vec()].concat());
    check(&[b"[\"".to_vec(), b"\\n".repeat(1 << 19), b"\"]".to_vec()].concat());
    check(&[b"\x81\x7a\x00\x10\x00\x00".to_vec(), vec![b'x'; 1 << 20]].concat());
    check(&[b"\x81\x5f".to_vec(), b"\x41x".repeat(1 << 19), b"\xff".to_vec()].concat());
    check(&[b"\x81\x7f".to_vec(), b"\x61x".repeat(1 << 19), b"\xff".to_vec()].concat());
}

fn write_all_kinds(writer: &mut impl TokenWriter) {
    writer.list(5);
    writer.text("port \"quoted\" \n");
    writer.int(-42);
    writer.float(1.25);
    writer.bytes(b"\xff\x00abc");
    writer.map(1);
    writer.key("key");
    writer.uint(u64::MAX);
    writer.end_map();
    writer.end_list();
}

fn write_plain(writer: &mut impl TokenWriter) {
    writer.list(2);
    writer.text("port");
    writer.list(1);
    writer.map(1);
    writer.key("key");
    writer.text("☺");
    writer.end_map();
    writer.end_list();
    writer.end_list();
}

fn frame<C: Codec>(out: &mut BytesMut, write: impl FnOnce(&mut C::Writer<'_>)) {
    C::open(out);
    write(&mut C::writer(out));
    C::close(out, 0);
}

/// Reading strings without escapes, and writing anything into a buffer with room, allocates nothing.
#[test]
fn the_common_case_allocates_nothing() {
    fn nothing<C: Codec>() {
        let mut out = BytesMut::with_capacity(200);
        let writing = measure(|| frame::<C>(&mut out, |writer| write_all_kinds(writer)));
        assert_eq!(writing.count_total, 0, "{} allocates while writing", C::FRAMING);

        let mut out = BytesMut::new();
        frame::<C>(&mut out, |writer| write_plain(writer));
        let reading = measure(|| {
            let span = C::Scanner::default().scan(&out, 1000).expect("well-formed").expect("whole");
            let mut reader = C::reader(&out[span.skip..]);
            while reader.next().is_ok() {}
        });
        assert_eq!(reading.count_total, 0, "{} allocates while reading", C::FRAMING);
    }
    nothing::<Json>();
    nothing::<Cbor>();
    nothing::<Postcard>();
}

/// A message read as values takes no more than 150 bytes for each of them, growing lists included, in whatever shape: so
/// [`max_values`](mp_proto::Limits::max_values) bounds it. [FR-19]
#[test]
fn values_take_so_much_and_no_more() {
    use mp_proto::{Frame, Framing, Value};
    let zero = || Value::from(0);
    let one = |value: Value| Value::Map([("", value)].into_iter().collect());
    let shapes: [(&str, Vec<Value>, usize); 6] = [
        ("flat", vec![zero(); 70_000], 1),
        ("empty lists", vec![Value::List(vec![]); 70_000], 1),
        ("lists of one", vec![Value::List(vec![zero()]); 70_000], 2),
        ("maps of one", vec![one(zero()); 70_000], 3),
        ("empty texts", vec![Value::from(""); 70_000], 1),
        ("maps in lists", vec![Value::List(vec![one(Value::Null)]); 70_000], 4),
    ];
    for (what, values, each) in shapes {
        let count = (values.len() * each) as u64;
        for framing in [Framing::Json, Framing::Cbor, Framing::Postcard] {
            let mut out = BytesMut::new();
            Frame::write(framing, "p", &values, None, usize::MAX, &mut out).unwrap();
            let mut scanner = mp_proto::codec::FrameScanner::new(framing).unwrap();
            let frame = scanner.next(&mut out, usize::MAX).unwrap().unwrap();
            let most = measure(|| drop(frame.message().unwrap())).bytes_max;
            assert!(most <= 150 * count, "{what} as {framing}: {} bytes for each value", most / count);
        }
    }
}
