//! Both sides of each bound.

use mp_proto::codec::storable::{Storable, StorableError, ThawLimits, thaw};
use mp_proto::token::MAX_DEPTH;
use mp_proto::{DecodeError, Value};

use crate::support::thawed;
use crate::tokens::{frame, item, read};

fn nested(depth: usize, map: bool) -> Value {
    (1..depth).fold(Value::List(Vec::new()), |inner, level| match map && level + 1 < depth {
        true => Value::Map([("k", inner)].into_iter().collect()),
        false => Value::List(vec![inner]),
    })
}

/// [ST-16]: 512 levels are read, 513 are not.
#[test]
fn depth_512_and_513() {
    for map in [false, true] {
        assert_eq!(
            read::<Storable>(&item::<Storable>(&nested(MAX_DEPTH, map))).unwrap(),
            nested(MAX_DEPTH, map)
        );
        assert_eq!(
            read::<Storable>(&item::<Storable>(&nested(MAX_DEPTH + 1, map))),
            Err(DecodeError::TooDeep)
        );
        assert_eq!(thawed(&item::<Storable>(&nested(MAX_DEPTH, map))).unwrap(), nested(MAX_DEPTH, map));
    }
    assert!(!frame::<Storable>(&nested(MAX_DEPTH + 1, true)).is_empty());
}

/// [ST-16]: a chain of references has 512 links, not 513.
#[test]
fn references_512_and_513() {
    let chain = |len: usize| [b"\x05\x0b".to_vec(), vec![4; len], b"\x08\x81".to_vec()].concat();
    assert_eq!(thawed(&chain(MAX_DEPTH)), Ok(1.into()));
    assert_eq!(thawed(&chain(MAX_DEPTH + 1)), Err(StorableError::TooDeep));
}

/// With any number of copies.
fn copied(image: &[u8]) -> Result<Value, StorableError> {
    let mut limits = ThawLimits::default();
    limits.copies = usize::MAX;
    thaw(image, &limits)
}

/// [ST-16]: what is deep by referring back counts as well.
#[test]
fn depth_by_references() {
    // Each element is a list of the one before it.
    let image = |elements: u32| {
        let mut image = b"\x05\x0b\x02".to_vec();
        image.extend(elements.to_be_bytes());
        image.extend(b"\x04\x02\0\0\0\0");
        let mut inner = 2_u32;
        for _ in 1..elements {
            image.extend(b"\x04\x02\0\0\0\x01\x04\x00");
            image.extend(inner.to_be_bytes());
            // The reference, the list, and the reference within.
            inner = if inner == 2 { 4 } else { inner + 3 };
        }
        image
    };
    let max = u32::try_from(MAX_DEPTH).unwrap();
    assert!(copied(&image(max - 1)).is_ok(), "the root is one level, too");
    assert_eq!(copied(&image(max)), Err(StorableError::TooDeep));
}

/// [ST-16]: also references that lead to one another only by referring back.
#[test]
fn chains_by_references() {
    let image = |elements: u32| {
        let mut image = b"\x05\x0b\x02".to_vec();
        image.extend(elements.to_be_bytes());
        image.extend(b"\x04\x08\x81");
        for element in 1..elements {
            image.extend(b"\x04\x00");
            image.extend(if element == 1 { 1_u32 } else { element + 1 }.to_be_bytes());
        }
        image
    };
    // The element's reference and those to which it leads.
    let max = MAX_DEPTH / 2;
    for (elements, taken) in [(max, true), (max + 2, false)] {
        let expected =
            if taken { Ok(Value::List(vec![1.into(); elements])) } else { Err(StorableError::TooDeep) };
        assert_eq!(copied(&image(u32::try_from(elements).unwrap())), expected);
    }
}

#[test]
fn images_at_the_bound() {
    let mut limits = ThawLimits::default();
    limits.max_image = 4;
    assert_eq!(thaw(b"\x05\x0b\x08\x81", &limits), Ok(1.into()));
    assert_eq!(thaw(b"\x05\x0b\x0a\x01x", &limits), Err(StorableError::TooLong { max: 4 }));
}

/// [ST-26]
#[test]
fn values_at_the_bound() {
    let image = |elements: u8| {
        let elements_of_a_byte = vec![0x05; elements.into()];
        [&[0x05, 0x0b, 0x02, 0, 0, 0, elements][..], &elements_of_a_byte].concat()
    };
    let mut limits = ThawLimits::default();
    limits.values = 11;
    assert!(thaw(&image(10), &limits).is_ok(), "the array is one, too");
    assert_eq!(thaw(&image(200), &limits), Err(StorableError::TooManyValues { max: 11 }));
}

/// [ST-17]: counts and lengths that there is room for, and one more.
#[test]
fn counts_at_the_bound() {
    for (count, rest, taken) in [
        (&b"\x02\0\0\0\x02"[..], &b"\x05\x05"[..], true),
        (b"\x02\0\0\0\x03", b"\x05\x05", false),
        (b"\x03\0\0\0\x01", b"\x05\0\0\0\0", true),
        (b"\x03\0\0\0\x02", b"\x05\0\0\0\0", false),
        (b"\x19\0\0\0\0\x01", b"\x05\0\0\0\0\0", true),
        (b"\x19\0\0\0\0\x02", b"\x05\0\0\0\0\0", false),
        (b"\x02\x80\0\0\0", b"", false),
        (b"\x03\xff\xff\xff\xff", b"", false),
        (b"\x0a\x02", b"ab", true),
        (b"\x0a\x03", b"ab", false),
        (b"\x01\xff\xff\xff\xff", b"ab", false),
    ] {
        let found = thawed(&[b"\x05\x0b", count, rest].concat());
        assert_eq!(found.is_ok(), taken, "{count:x?} {rest:x?}: {found:?}");
    }
}
