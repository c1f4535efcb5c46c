//! The corpora of the fuzz targets, and every input that once broke one, through the same functions; and random ones.

#[path = "../../fuzz/src/tikc.rs"]
#[expect(unreachable_pub, reason = "elsewhere it is a library")]
#[expect(clippy::panic, reason = "a broken law is to be seen as a panic")]
mod tikc;

use std::fs;
use std::path::Path;

use proptest::prelude::{ProptestConfig, any, prop, proptest};

fn replay(target: &str, body: fn(&[u8])) {
    let mut count = 0;
    for parent in ["corpus", "regressions"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(parent).join(target);
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.expect("readable").path();
            // Shown only if the test fails: the last one is the culprit.
            println!("{}", path.display());
            body(&fs::read(path).expect("a file"));
            count += 1;
        }
    }
    assert!(count > 0, "{target} has no corpus");
}

#[test]
fn tikc_frame() {
    replay("tikc_frame", tikc::tikc_frame);
}

#[test]
fn tikc_storable() {
    replay("tikc_storable", tikc::tikc_storable);
}

#[test]
fn tikc_exchange() {
    replay("tikc_exchange", tikc::tikc_exchange);
}

/// What images are made of, so that many of those put together at random are nearly sound.
const PARTS: &[&[u8]] = &[
    b"\x03\0\0\0\x01",
    b"\x02\0\0\0\x01",
    b"\x04\x02\0\0\0\x02",
    b"\x04\x03\0\0\0\x01",
    b"\x19\0\0\0\0\x01",
    b"\x0a\x01x",
    b"\x17\x02\xc3\xa9",
    b"\x08\x81",
    b"\x09\0\0\x01\0",
    b"\x05",
    b"\0\0\0\x01k",
    b"\x01\0\0\0\x02\xc3\xa9",
    b"\x00\0\0\0\x01",
    b"\x11\x11JSON::PP::Boolean",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// [TK-32]: whatever happens, each link has been told what follows from the table, and nothing twice.
    #[test]
    fn any_operations_leave_everybody_told(data in prop::collection::vec(any::<u8>(), 0..200)) {
        tikc::tikc_exchange(&data);
    }

    /// [ST-02]: whatever is spoilt in an image, it is read or refused.
    #[test]
    fn spoilt_images_are_read_or_refused(
        parts in prop::collection::vec(prop::sample::select(PARTS), 1..20),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2),
    ) {
        let mut image = [b"\x05\x0b".as_slice()].into_iter().chain(parts).collect::<Vec<_>>().concat();
        for (index, byte) in spoilt {
            let at = index.index(image.len());
            image[at] = byte;
        }
        tikc::tikc_storable(&image);
    }
}
