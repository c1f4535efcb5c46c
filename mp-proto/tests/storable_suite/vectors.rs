//! 197 values as perl 5.36 and 5.40 froze them, `vectors/storable.json`.

use mp_proto::Value;
use mp_proto::codec::storable::{StorableError, freeze};
use serde_json::Value as Recorded;

use crate::support::{thawed, unhex, value};
use crate::tokens::exact;

fn vectors() -> Recorded {
    serde_json::from_str(include_str!("../vectors/storable.json")).unwrap()
}

/// Each case with its images.
fn each(mut check: impl FnMut(&Recorded, &[u8])) {
    for case in vectors()["cases"].as_array().unwrap() {
        for image in case["images"].as_array().unwrap() {
            check(case, &unhex(image.as_str().unwrap()));
        }
    }
}

/// [ST-10] [ST-11] [ST-13] [ST-15]: plain data is read as what it is, in network and in native order; the rest is
/// refused for what it is.
#[test]
fn images_of_perl_are_read_or_refused_for_what_they_are() {
    let (mut read, mut refused) = (0, 0);
    each(|case, image| {
        let name = &case["name"];
        match (thawed(image), case["refused"].as_str()) {
            (Ok(found), None) => {
                assert_eq!(found, value(&case["value"]), "{name}");
                read += 1;
            }
            (Err(StorableError::Refused { what, offset }), Some(why)) => {
                assert_eq!(what, why, "{name}");
                assert!(offset >= 2 && offset < image.len(), "{name}: {offset}");
                refused += 1;
            }
            (Err(StorableError::Object { class, offset }), Some(why)) => {
                let why = why.strip_prefix("class ").unwrap();
                let name_in_image: String = why.bytes().take(100).map(char::from).collect();
                assert_eq!(class, name_in_image, "{name}");
                assert_eq!(image[offset], 0x11, "{name}");
                refused += 1;
            }
            (found, _) => panic!("{name}: {found:?}"),
        }
    });
    assert_eq!((read, refused), (READ, REFUSED));
}

/// Images in the vectors' file.
const READ: usize = 298;
const REFUSED: usize = 100;

/// [ST-20]: of what is read most is what we would write, to the byte; the others have their hash's keys in another order,
/// share, or are in a form that we do not write.
#[test]
fn we_write_what_perl_writes() {
    let mut different = Vec::new();
    let mut equal = 0;
    each(|case, image| {
        if image.starts_with(&[0x05, 0x0b])
            && let Ok(value) = thawed(image)
        {
            if freeze(&value).unwrap() == image {
                equal += 1;
            } else {
                different.push(case["name"].as_str().unwrap().to_owned());
            }
        }
    });
    assert_eq!((equal, different.len()), (102, 47), "{different:#?}");
}

/// What was read is written so that it is read as the same again.
#[test]
fn what_was_read_can_be_written() {
    each(|case, image| {
        if let Ok(value) = thawed(image) {
            let again = thawed(&freeze(&value).unwrap()).unwrap();
            assert_eq!(exact(&again), exact(&crate::support::as_storable(&value)), "{}", case["name"]);
        }
    });
}

/// [ST-14]: a character that Unicode has not spoils its string and no more.
#[test]
fn what_is_not_unicode_is_replaced() {
    let image = unhex("050b02000000021703eda0800a0161");
    assert_eq!(thawed(&image).unwrap(), Value::List(vec!["\u{fffd}\u{fffd}\u{fffd}".into(), "a".into()]));
    let image = unhex("050b1900000000010881010000000361ff62");
    assert_eq!(thawed(&image).unwrap().as_map().unwrap().get("a\u{fffd}b"), Some(&1.into()));
}

/// [ST-13]
#[test]
fn truth_values_of_classes() {
    for (image, expected) in [
        ("050b11114a534f4e3a3a50503a3a426f6f6c65616e0881", Some(true)),
        ("050b141107626f6f6c65616e0a0130", Some(false)),
        ("050b04118000000007626f6f6c65616e0880", Some(false)),
        ("050b1107626f6f6c65616e0200000000", None),
        ("050b1107626f6f6c65616e040881", None),
        ("050b11036e6f74050881", None),
    ] {
        assert_eq!(thawed(&unhex(image)).ok(), expected.map(Value::from), "{image}");
    }
}

/// [ST-04] [ST-05]: the header's variants that are taken.
#[test]
fn headers() {
    let element = "020200000006fbffffffffffffff0884";
    for (header, taken) in [
        ("040b08313233343536373804080808", true), // 64 bits
        ("040b08313233343536373804040808", true), // Windows: long has 32
        ("040b08313233343536373804040408", true), // 32 bits, Perl's integers have 64
        ("0401083132333435363738040808", true),   // an old minor version
        ("04ff08313233343536373804080808", true), // one that is to come
        ("040b08383736353433323104080808", false),
        ("040b08313233343536373808080808", false),
        ("040b08313233343536373804080810", false),
        ("040b08313233343536373804080208", false),
        ("060b08313233343536373804080808", false),
        ("020b08313233343536373804080808", false),
    ] {
        let found = thawed(&unhex(&format!("{header}{element}")));
        assert_eq!(found.is_ok(), taken, "{header}: {found:?}");
        assert!(found.is_err() || found == Ok(Value::List(vec![(-5).into(), 4.into()])), "{header}");
    }
    let narrow = unhex("040b043132333404040408020100000006fbffffff");
    assert_eq!(thawed(&narrow), Ok(Value::List(vec![(-5).into()])));
}
