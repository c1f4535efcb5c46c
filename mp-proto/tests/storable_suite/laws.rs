//! What is written is what is read.

use mp_proto::codec::storable::{Storable, freeze};
use mp_proto::{Value, adaptor};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::TestCaseError;

use crate::strategy::{long_message, message, value};
use crate::support::{as_storable, thawed};
use crate::tokens::{Ending, as_json, cut, exact, frame, item, read};

/// Written, cut and read again, it is what Perl's kinds of values leave of it.
fn survives(written: &Value) -> Result<(), TestCaseError> {
    let bytes = frame::<Storable>(written);
    let (frames, ending) = cut::<Storable>(&bytes, &[bytes.len()], bytes.len());
    prop_assert_eq!(ending, Ending::Waiting(0));
    prop_assert_eq!(frames.len(), 1);
    let found = read::<Storable>(&frames[0].1).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(exact(&found), exact(&as_storable(written)));
    Ok(())
}

proptest! {
    /// [ST-20] [ST-21] [ST-22] [ST-23]
    #[test]
    fn what_was_written_is_read(message in message()) {
        survives(&message)?;
    }

    /// [ST-24]: the same as an image by itself, with any root.
    #[test]
    fn freeze_and_thaw(value in value()) {
        let image = freeze(&value).unwrap();
        prop_assert_eq!(&image[..], item::<Storable>(&value));
        let found = thawed(&image).unwrap();
        prop_assert_eq!(exact(&found), exact(&as_storable(&value)));
        prop_assert_eq!(&freeze(&found).unwrap(), &image, "and once more");
        prop_assert_eq!(as_json(&found), found, "JSON takes nothing more away");
    }

    /// Numbers that became texts are still read as numbers: no digit is lost.
    #[test]
    fn numbers_are_read_by_their_types(int: i64, uint: u64, float in proptest::num::f64::ANY, truth: bool) {
        let sent = adaptor::to_message(&(int, uint, float, truth)).unwrap();
        let image = freeze(&Value::List(sent.values().to_vec())).unwrap();
        let found = thawed(&image).unwrap().as_list().unwrap().to_vec();
        let found: (i64, u64, f64, bool) = adaptor::from_message(&mp_proto::Message::from(found)).unwrap();
        prop_assert_eq!((found.0, found.1, found.3), (int, uint, truth));
        prop_assert!(found.2.to_bits() == float.to_bits() || float.is_nan() && found.2.is_nan());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn long_strings_and_lists(message in long_message()) {
        survives(&message)?;
    }
}
