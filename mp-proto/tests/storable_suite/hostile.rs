//! 161 odd and hostile images, `vectors/storable-hostile.json`: what perl makes of each stands there, too.

use mp_proto::codec::Codec;
use mp_proto::codec::storable::Storable;
use mp_proto::token::TokenReader;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;
use serde_json::Value as Recorded;

use crate::strategy::message;
use crate::support::{parts, thawed, value};
use crate::tokens::{cut, frame, item, read};

fn cases() -> Vec<Recorded> {
    let all: Recorded = serde_json::from_str(include_str!("../vectors/storable-hostile.json")).unwrap();
    all["cases"].as_array().unwrap().clone()
}

/// [ST-15] [ST-16] [ST-17]: each is read as what it says, or refused with the reason that is written there.
#[test]
fn hostile_images_are_read_or_refused_as_written() {
    let cases = cases();
    for case in &cases {
        let found = thawed(&parts(&case["image"]));
        match (case["error"].as_str(), found) {
            (Some(error), Err(found)) => assert_eq!(found.to_string(), error, "{}", case["name"]),
            (None, Ok(found)) if case["value"] == "skipped" => assert!(found.as_list().is_some()),
            (None, Ok(found)) => assert_eq!(found, value(&case["value"]), "{}", case["name"]),
            (_, found) => panic!("{}: {found:?}", case["name"]),
        }
    }
    assert_eq!(cases.len(), 161);
}

/// Nothing that ends a Perl process does anything to us.
#[test]
fn what_ends_perl_is_refused() {
    let deadly = cases()
        .into_iter()
        .filter(|case| matches!(case["perl"].as_str(), Some("process_exit" | "process_killed")));
    let names: Vec<_> =
        deadly.filter(|case| case["error"].is_null()).map(|case| case["name"].clone()).collect();
    assert_eq!(names, Vec::<Recorded>::new());
}

/// An image that is cut anywhere is refused; Perl takes it for undef `[ST-19]`.
#[test]
fn cut_images_are_refused() {
    for case in cases().iter().filter(|case| case["error"].is_null()) {
        let image = parts(&case["image"]);
        for end in (0..image.len()).step_by(1 + image.len() / 200) {
            assert!(thawed(&image[..end]).is_err(), "{} at {end}", case["name"]);
        }
    }
}

/// Reads on after errors and behind the end; cuts in one piece and in many.
fn survives(bytes: &[u8], pieces: &[usize]) -> Result<(), TestCaseError> {
    let mut reader = Storable::reader(bytes);
    let mut left = 1 << 20;
    while reader.next().is_ok() {
        left -= 1;
        prop_assert!(left > 0, "endless");
    }
    for _ in 0..3 {
        prop_assert!(reader.next().is_err(), "goes on behind an error");
    }
    drop(thawed(bytes));
    let whole = cut::<Storable>(bytes, &[bytes.len()], 200);
    prop_assert!(cut::<Storable>(bytes, pieces, 200) == whole, "cut otherwise");
    Ok(())
}

/// Bytes that mean something.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0..0x24_u8, 1 => select(b"\x7f\x80\x81\xff".to_vec()), 1 => any::<u8>()]
}

fn mutate(mut bytes: Vec<u8>, changes: Vec<(Index, u8, u8)>) -> Vec<u8> {
    for (place, byte, kind) in changes {
        let place = place.index(bytes.len() + 1);
        match kind {
            0 | 4 if place < bytes.len() => bytes[place] = byte,
            1 if place < bytes.len() => drop(bytes.remove(place)),
            2 => bytes.truncate(place),
            _ => bytes.insert(place, byte),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(Index, u8, u8)>> {
    vec((any::<Index>(), byte(), 0..6_u8), 0..6)
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(byte(), 0..80), pieces in vec(1..9_usize, 1..20)) {
        survives(&bytes, &pieces)?;
        survives(&[b"\x05\x0b\x02\0\0\0\x04", &bytes[..]].concat(), &pieces)?;
        survives(&[b"\x05\x0b\x03\0\0\0\x02\x04", &bytes[..]].concat(), &pieces)?;
    }

    #[test]
    fn spoilt_messages(message in message(), changes in changes(), pieces in vec(1..40_usize, 1..20)) {
        survives(&mutate(frame::<Storable>(&message), changes.clone()), &pieces)?;
        survives(&mutate(item::<Storable>(&message), changes), &pieces)?;
    }

    #[test]
    fn spoilt_recordings(case in any::<Index>(), changes in changes()) {
        let cases = cases();
        let image = parts(&cases[case.index(cases.len())]["image"]);
        survives(&mutate(image[..image.len().min(1000)].to_vec(), changes), &[7])?;
    }

    /// [ST-18]
    #[test]
    fn bytes_behind_the_item(message in message(), more in byte()) {
        prop_assert!(read::<Storable>(&[item::<Storable>(&message), vec![more]].concat()).is_err());
    }

    #[test]
    fn prefixes(message in message(), end in any::<Index>()) {
        let bytes = item::<Storable>(&message);
        prop_assert!(read::<Storable>(&bytes[..end.index(bytes.len())]).is_err());
    }
}
