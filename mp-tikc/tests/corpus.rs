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
fn tikc_exchange() {
    replay("tikc_exchange", tikc::tikc_exchange);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// [TK-32]: whatever happens, each link has been told what follows from the table, and nothing twice.
    #[test]
    fn any_operations_leave_everybody_told(data in prop::collection::vec(any::<u8>(), 0..200)) {
        tikc::tikc_exchange(&data);
    }
}
