//! The filter by itself: as recorded of POE::Filter::Reference, and its bounds.

#![expect(clippy::unwrap_used, reason = "what a test does that fails")]

use bytes::BytesMut;
use mp_proto::Value;
use mp_proto::codec::storable::{ThawLimits, freeze, thaw};
use mp_tikc::frame::{FrameError, FrameReader, Image, MAX_HEADER, write_frame};
use proptest::prelude::{any, prop, proptest};

fn hex(text: &str) -> BytesMut {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn read(reader: &mut FrameReader, input: &mut BytesMut) -> Result<Vec<Image>, FrameError> {
    let mut images = Vec::new();
    while let Some(image) = reader.next(input)? {
        images.push(image);
    }
    Ok(images)
}

fn one(bytes: impl AsRef<[u8]>, max: usize) -> Result<Vec<Image>, FrameError> {
    read(&mut FrameReader::new(max), &mut bytes.as_ref().into())
}

/// [TK-01]
#[test]
fn what_the_filter_wrote_is_read_and_written_alike() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/filter-reference.json");
    let recorded: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let case = |name: &str| {
        let cases = recorded["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        case["result"].clone()
    };
    let list = Value::List(vec![1.into()]);
    let written = hex(case("put [1]").as_str().unwrap());
    let mut ours = BytesMut::new();
    write_frame(&freeze(&list).unwrap(), false, &mut ours);
    assert_eq!(ours, written);
    // [TK-04]
    let packed = hex(case("put with Compression").as_str().unwrap());
    let images = one(packed, 100).unwrap();
    assert!(images[0].compressed);
    assert_eq!(thaw(&images[0].bytes, &ThawLimits::default()).unwrap(), list);
    let both = case("put two references in one call -> two frames");
    let both: BytesMut = both.as_array().unwrap().iter().flat_map(|one| hex(one.as_str().unwrap())).collect();
    assert_eq!(one(&both, 100).unwrap().len(), 2);
}

/// [TK-01]
#[test]
fn zeros_before_a_length_are_taken() {
    assert_eq!(one(b"0003\0abc", 3).unwrap()[0].bytes, "abc");
}

/// [TK-02]: where Perl's filter waits for ever.
#[test]
fn what_is_no_header_is_refused_at_its_first_byte() {
    for (bytes, bad) in
        [("abc", b'a'), ("+9\0", b'+'), (" 9\0", b' '), ("9\n\0", b'\n'), ("1e3\0", b'e'), ("\0", 0)]
    {
        assert_eq!(one(bytes, 100), Err(FrameError::Header(bad)), "{bytes:?}");
    }
    assert_eq!(one("0\0", 100), Err(FrameError::Empty));
    let digits = |count| "9".repeat(count);
    assert_eq!(one(digits(MAX_HEADER), 100), Ok(vec![]));
    assert_eq!(one(digits(MAX_HEADER + 1), 100), Err(FrameError::EndlessHeader));
    let zeros = format!("{}1\0x", "0".repeat(MAX_HEADER - 1));
    assert_eq!(one(zeros, 100).unwrap()[0].bytes, "x");
}

/// [TK-03]: at the bound, and one past it; nothing of the body has come.
#[test]
fn a_length_is_judged_before_its_bytes_come() {
    assert_eq!(one("100\0", 100), Ok(vec![]));
    assert_eq!(one("101\0", 100), Err(FrameError::TooLong { len: 101, max: 100 }));
    assert!(matches!(one("18446744073709551615\0", 100), Err(FrameError::TooLong { len: u64::MAX, .. })));
}

fn packed(image: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    write_frame(image, true, &mut out);
    out
}

/// [TK-04]: a zlib stream of 20 KB that unpacks to 20 MB; at the bound, and one past it.
#[test]
fn a_bomb_is_unpacked_to_the_bound_and_no_further() {
    let bomb = packed(&vec![0; 20 << 20]);
    assert!(bomb.len() < 30_000);
    assert_eq!(one(&bomb, 1 << 20), Err(FrameError::Bomb { max: 1 << 20 }));
    assert_eq!(one(packed(&[5; 100_000]), 100_000).unwrap()[0].bytes.len(), 100_000);
    assert_eq!(one(packed(&[5; 100_001]), 100_000), Err(FrameError::Bomb { max: 100_000 }));
}

/// [TK-04]
#[test]
fn a_broken_zlib_stream_is_refused() {
    let mut frame = BytesMut::new();
    write_frame(&[0x78, 0x9c, 1, 2, 3, 4], false, &mut frame);
    assert_eq!(one(&frame, 100), Err(FrameError::Zlib));
    let whole = packed(&[5; 1000]);
    let image = &whole[whole.iter().position(|byte| *byte == 0).unwrap() + 1..];
    let mut cut = BytesMut::new();
    write_frame(&image[..image.len() - 6], false, &mut cut);
    assert_eq!(one(&cut, 10_000), Err(FrameError::Zlib));
}

proptest! {
    /// [TK-01]: however a stream is cut, the frames are the same.
    #[test]
    fn frames_are_found_however_the_stream_is_cut(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        compressed: bool,
        cuts in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let bodies: Vec<Vec<u8>> = bodies.into_iter().map(|body| [vec![5], body].concat()).collect();
        let mut stream = BytesMut::new();
        for body in &bodies {
            write_frame(body, compressed, &mut stream);
        }
        let (mut reader, mut input, mut images) = (FrameReader::new(1000), BytesMut::new(), Vec::new());
        for cut in cuts.iter().cycle() {
            if stream.is_empty() {
                break;
            }
            input.extend_from_slice(&stream.split_to((*cut).min(stream.len())));
            images.extend(read(&mut reader, &mut input).unwrap());
        }
        assert_eq!(images.iter().map(|image| image.bytes.to_vec()).collect::<Vec<_>>(), bodies);
        assert!(images.iter().all(|image| image.compressed == compressed) && input.is_empty());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        drop(one(bytes, 1000));
    }
}
