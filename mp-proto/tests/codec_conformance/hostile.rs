//! Bytes that no honest peer sends.

use mp_proto::Value;
use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::json::Json;
use mp_proto::codec::postcard::Postcard;
use mp_proto::codec::{Codec, Scanner};
use mp_proto::token::TokenReader;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;

use crate::strategy::message;
use crate::tokens::{cut, exact, frame, item, read};

/// Reads on after errors and behind the end; cuts in one piece and in many.
fn survives<C: Codec>(bytes: &[u8], pieces: &[usize]) -> Result<(), TestCaseError> {
    let mut reader = C::reader(bytes);
    let mut errors = 0;
    // Each token but the ends of lists takes a byte, and each list has one end.
    for _ in 0..bytes.len() * 2 + 4 {
        errors += u32::from(reader.next().is_err());
    }
    prop_assert!(errors > 0, "more tokens than bytes");

    let (whole, end) = cut::<C>(bytes, &[bytes.len()], 200);
    let (frames, ending) = cut::<C>(bytes, pieces, 200);
    prop_assert_eq!(&frames, &whole);
    prop_assert_eq!(ending, end);
    for (_, bytes) in frames {
        if let Ok(value) = read::<C>(&bytes) {
            means_one_thing::<C>(&value)?;
        }
    }
    Ok(())
}

/// What was read from strange bytes can be written, and is the same again.
fn means_one_thing<C: Codec>(value: &Value) -> Result<(), TestCaseError> {
    let again = read::<C>(&item::<C>(value)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(exact(&again), exact(value));
    Ok(())
}

/// If the reader takes the bytes as a list, the scanner finds its end where the bytes end.
fn scanner_and_reader_agree<C: Codec>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if matches!(read::<C>(bytes), Ok(Value::List(_))) {
        let span = C::Scanner::default().scan(bytes, bytes.len());
        let white =
            if C::FRAMING == mp_proto::Framing::Json { bytes.trim_ascii_end().len() } else { bytes.len() };
        let end = span.ok().flatten().map(|span| span.skip + span.len);
        prop_assert_eq!(end, Some(white));
    }
    Ok(())
}

/// Bytes that mean something in one of the framings.
fn byte() -> impl Strategy<Value = u8> {
    let json = br#"[]{}",:\u09aefn-+.E null"#.to_vec();
    let cbor =
        b"\x00\x18\x20\x3b\x40\x41\x5f\x60\x61\x7f\x80\x81\x9f\xa0\xa1\xbf\xd9\xf4\xf6\xf7\xf9\xfb\xff"
            .to_vec();
    prop_oneof![select(json), select(cbor), 0..10_u8, any::<u8>()]
}

fn mutate(mut bytes: Vec<u8>, changes: Vec<(Index, u8, u8)>) -> Vec<u8> {
    for (place, byte, kind) in changes {
        let place = place.index(bytes.len() + 1);
        match kind {
            0 if place < bytes.len() => bytes[place] = byte,
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
        survives::<Json>(&bytes, &pieces)?;
        survives::<Cbor>(&bytes, &pieces)?;
        survives::<Postcard>(&bytes, &pieces)?;
        scanner_and_reader_agree::<Json>(&bytes)?;
        scanner_and_reader_agree::<Cbor>(&bytes)?;
    }

    #[test]
    fn spoilt_messages(message in message(), changes in changes(), pieces in vec(1..40_usize, 1..20)) {
        survives::<Json>(&mutate(frame::<Json>(&message), changes.clone()), &pieces)?;
        survives::<Cbor>(&mutate(frame::<Cbor>(&message), changes.clone()), &pieces)?;
        survives::<Postcard>(&mutate(frame::<Postcard>(&message), changes.clone()), &pieces)?;
        scanner_and_reader_agree::<Json>(&mutate(item::<Json>(&message), changes.clone()))?;
        scanner_and_reader_agree::<Cbor>(&mutate(item::<Cbor>(&message), changes))?;
    }

    /// Nothing may stand behind an item in its frame `[FR-18]`.
    #[test]
    fn bytes_behind_the_item(message in message(), more in byte()) {
        prop_assert!(read::<Cbor>(&[item::<Cbor>(&message), vec![more]].concat()).is_err());
        prop_assert!(read::<Postcard>(&[item::<Postcard>(&message), vec![more]].concat()).is_err());
        let json = read::<Json>(&[item::<Json>(&message), vec![more]].concat());
        prop_assert_eq!(json.is_ok(), matches!(more, b' ' | b'\t' | b'\r' | b'\n'));
    }
}
