//! What is written is what is read.

use mp_proto::Value;
use mp_proto::codec::Codec;
use mp_proto::codec::cbor::Cbor;
use mp_proto::codec::json::Json;
use mp_proto::codec::postcard::Postcard;
use proptest::prelude::{ProptestConfig, proptest};
use proptest::test_runner::TestCaseError;

use crate::strategy::{long_message, message, value};
use crate::tokens::{Ending, as_json, cut, exact, frame, item, read};

/// Written, cut and read again, it is `expected`.
fn survives<C: Codec>(written: &Value, expected: &Value) -> Result<(), TestCaseError> {
    let bytes = frame::<C>(written);
    let (frames, ending) = cut::<C>(&bytes, &[bytes.len()], bytes.len());
    proptest::prop_assert_eq!(ending, Ending::Waiting(0));
    proptest::prop_assert_eq!(frames.len(), 1);
    let found = read::<C>(&frames[0].1).map_err(|error| TestCaseError::fail(error.to_string()))?;
    proptest::prop_assert_eq!(&found, expected);
    proptest::prop_assert_eq!(exact(&found), exact(expected));
    Ok(())
}

/// An item that is not a list is one that a reader takes, too.
fn survives_alone<C: Codec>(written: &Value, expected: &Value) -> Result<(), TestCaseError> {
    let found = read::<C>(&item::<C>(written)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    proptest::prop_assert_eq!(exact(&found), exact(expected));
    Ok(())
}

proptest! {
    /// All framings carry the same values `[FR-16]` `[FR-17]` `[FR-24]` `[FR-31]`: CBOR and postcard exactly, JSON
    /// with byte strings and what is no number as texts.
    #[test]
    fn each_codec_reads_what_it_wrote(message in message()) {
        survives::<Cbor>(&message, &message)?;
        survives::<Postcard>(&message, &message)?;
        survives::<Json>(&message, &as_json(&message))?;
    }

    #[test]
    fn also_what_is_no_message(value in value()) {
        survives_alone::<Cbor>(&value, &value)?;
        survives_alone::<Postcard>(&value, &value)?;
        survives_alone::<Json>(&value, &as_json(&value))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn long_strings_and_lists(message in long_message()) {
        survives::<Cbor>(&message, &message)?;
        survives::<Postcard>(&message, &message)?;
        survives::<Json>(&message, &as_json(&message))?;
    }
}

/// JSON blurs no more than it says: the values that come back are equal to those sent, but for what is no number.
#[test]
fn a_byte_string_equals_the_text_it_becomes() {
    let all = Value::from(bytes::Bytes::from_iter(0..=u8::MAX));
    assert_eq!(read::<Json>(&item::<Json>(&all)).unwrap(), all);
}
