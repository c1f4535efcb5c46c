//! How much is allocated, whatever the bytes are.

use allocation_counter::measure;
use bytes::BytesMut;
use mp_proto::codec::storable::Storable;
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::{TokenReader, TokenWriter};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use crate::support::thawed;

/// The same bound as for the other codecs: 40 bytes for each byte of input, and 64 KiB.
#[track_caller]
fn check(bytes: &[u8]) {
    let found = measure(|| {
        drop(<Storable as Codec>::Scanner::default().scan(bytes, 1 << 30));
        let mut reader = Storable::reader(bytes);
        while reader.next().is_ok() {}
    });
    let bound = 40 * bytes.len() as u64 + (64 << 10);
    assert!(found.bytes_total <= bound, "{} bytes for {}", found.bytes_total, bytes.len());
}

/// One thing again and again, in the middle of another.
fn flood() -> impl Strategy<Value = Vec<u8>> {
    let unit = prop_oneof![
        vec(any::<u8>(), 1..12),
        Just(b"\x04".to_vec()),
        Just(b"\x05".to_vec()),
        Just(b"\x04\x02\0\0\0\x01".to_vec()),
        Just(b"\x04\x03\0\0\0\0".to_vec()),
        Just(b"\x05\0\0\0\0".to_vec()),
        Just(b"\x17\x01\xff".to_vec()),
        Just(b"\x00\0\0\0\x01".to_vec()),
        Just(b"\x11\x07boolean\x05".to_vec()),
    ];
    let opening = prop_oneof![
        vec(any::<u8>(), 0..8),
        Just(b"\x05\x0b\x02\0\0\0\xff\x05".to_vec()),
        Just(b"\x05\x0b\x02\0\0\x0b\xb8\x05".to_vec()),
        Just(b"\x05\x0b\x03\0\0\x01\0".to_vec()),
    ];
    (opening, unit, 1..3000_usize).prop_map(|(opening, unit, times)| [opening, unit.repeat(times)].concat())
}

proptest! {
    #[test]
    fn floods_allocate_little(bytes in flood()) {
        check(&bytes);
    }
}

#[test]
fn a_million_of_the_same() {
    for (unit, least) in [
        (&b"\x05"[..], 1),
        (b"\x04\x05", 2),
        (b"\x04\x02\0\0\0\0", 6),
        (b"\x05\0\0\0\0", 5),
        (b"\x17\x01\xff", 3),
        (b"\x04\x03\0\0\0\x01\x05\0\0\0\0", 11),
    ] {
        for root in [2, 3] {
            let count = u32::try_from(1_000_000 / least).unwrap().to_be_bytes();
            check(&[b"\x05\x0b", &[root][..], &count, &unit.repeat(1_000_000 / least)].concat());
        }
    }
    check(&b"\x04".repeat(1_000_000));
}

/// [ST-17]: lengths are not believed.
#[test]
fn lengths_without_the_bytes() {
    for opcode in [0x01, 0x02, 0x03, 0x11, 0x12, 0x18, 0x19, 0x1e, 0x20, 0x21] {
        for len in [&b"\x7f\xff\xff\xff"[..], b"\x80\x7f\xff\xff\xff", b"\xff\xff\xff\xff\xff", b"\0\x01\0\0"]
        {
            check(&[b"\x05\x0b", &[opcode][..], len].concat());
            check(&[b"\x05\x0b\x02\0\0\0\x01\x04", &[opcode][..], len].concat());
        }
    }
}

/// [ST-12]: the value that comes of many copies is in proportion to the bound on them.
#[test]
fn copies_allocate_within_their_bound() {
    let shared = [b"\x04\x02\0\0\x01\0".to_vec(), b"\x05".repeat(256)].concat();
    for times in [10_u32, 100, 300, 10_000] {
        let count = (times + 1).to_be_bytes();
        let image = [
            b"\x05\x0b\x02".to_vec(),
            count.to_vec(),
            shared.clone(),
            b"\x04\0\0\0\0\x02".repeat(times as usize),
        ];
        let image = image.concat();
        let found = measure(|| drop(thawed(&image)));
        let bound = 10 * (1 << 20) + 200 * image.len() as u64;
        assert!(found.bytes_total <= bound, "{} bytes for {times} copies", found.bytes_total);
    }
}

/// Writing into a buffer with room, and reading what is no larger than most messages, allocates nothing.
#[test]
fn the_common_case_allocates_nothing() {
    let mut out = BytesMut::with_capacity(500);
    let writing = measure(|| {
        Storable::open(&mut out);
        write(&mut Storable::writer(&mut out));
        Storable::close(&mut out, 0);
    });
    assert_eq!(writing.count_total, 0, "allocates while writing");
    let reading = measure(|| {
        let span = <Storable as Codec>::Scanner::default().scan(&out, 1000).unwrap().unwrap();
        let mut reader = Storable::reader(&out[span.skip..]);
        while reader.next().is_ok() {}
    });
    assert_eq!(reading.count_total, 0, "allocates while reading");
}

fn write(writer: &mut impl TokenWriter) {
    writer.list(4);
    writer.text("port");
    writer.float(1.25);
    writer.uint(u64::MAX);
    writer.map(2);
    writer.key("key");
    writer.text("☺");
    writer.key("ké");
    writer.list(1);
    writer.bytes(b"\xff");
    writer.end_list();
    writer.end_map();
    writer.end_list();
}
