//! The corpora of the fuzz targets, and every input that once broke one, through the same functions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mp_checks::fuzz;
use proptest::prelude::{ProptestConfig, any, prop, proptest};

fn dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(name)
}

/// Names and contents of the files of a directory, in order.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.expect("readable").path());
    let paths: BTreeSet<_> = entries.collect();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a file"))).collect()
}

fn replay(target: &str) {
    let (_, body) = fuzz::TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target");
    let corpus = files(&dir("corpus").join(target));
    assert!(!corpus.is_empty(), "{target} has no corpus");
    for (path, input) in corpus.into_iter().chain(files(&dir("regressions").join(target))) {
        // Shown only if the test fails: the last one is the culprit.
        println!("{}", path.display());
        body(&input);
    }
}

macro_rules! replays {
    ($($target:ident),*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        const REPLAYED: &[&str] = &[$(stringify!($target)),*];
    };
}
replays!(
    json_frame,
    cbor_frame,
    postcard_frame,
    storable_frame,
    codecs_agree,
    greeting,
    handshake_pair,
    connection,
    node_request,
    auth_line,
    kernel_ports,
    kernel_relay,
    kernel_route,
    relay_pipes,
    registry,
    config_file,
    tls_certificates
);

#[test]
fn every_target_is_replayed_and_every_corpus_has_a_target() {
    assert_eq!(fuzz::TARGETS.map(|(name, _)| name), REPLAYED);
    for parent in ["corpus", "regressions"] {
        for path in fs::read_dir(dir(parent)).into_iter().flatten() {
            let name = path.expect("readable").file_name().into_string().expect("a name in ASCII");
            // Those of mp-tikc are replayed there.
            let elsewhere = name == "README.md" || name.starts_with("tikc_");
            assert!(elsewhere || REPLAYED.contains(&name.as_str()), "{parent}/{name} has no target");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Operations made of random bytes: a fuzzer's first steps, with which a plain test finds much.
    #[test]
    fn random_operations(data in prop::collection::vec(any::<u8>(), 0..600)) {
        for body in [
            fuzz::auth_line,
            fuzz::kernel_ports,
            fuzz::kernel_relay,
            fuzz::kernel_route,
            fuzz::registry,
            fuzz::relay_pipes,
            fuzz::tls_certificates,
        ] {
            body(&data);
        }
    }
}
