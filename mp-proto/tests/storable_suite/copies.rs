//! What is shared is copied, within a bound.

use mp_proto::codec::storable::{StorableError, ThawLimits, thaw};
use mp_proto::{Map, Value};

use crate::support::{thawed, unhex};

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect())
}

/// [ST-11]: hashes within shared hashes, keys and all; after the copy reading goes on where it was.
#[test]
fn shared_hashes() {
    // my $x = {i => {j => 1}}; [$x, {o => $x, p => 2}, $x, 3]
    let inner = "0403000000010403000000010881000000016a0000000169";
    let image =
        format!("050b0200000004{inner}040300000002040000000002000000016f088200000001700400000000020883");
    let x = || Value::Map([("i", Value::Map([("j", 1)].into_iter().collect()))].into_iter().collect::<Map>());
    let hash = Value::Map([("o", x()), ("p", 2.into())].into_iter().collect());
    assert_eq!(thawed(&unhex(&image)), Ok(list([x(), hash, x(), 3.into()])));
}

/// [ST-11]: places of a restricted hash that are empty, with something in them and behind them.
#[test]
fn empty_places() {
    let place = "1901000000020404030000000108810000000161";
    let place = format!("{place}10000000017a0882000000000162");
    assert!(thawed(&unhex(&format!("050b{}", place.replacen("0404", "04", 1)))).is_ok());
    let image = format!("050b020000000204{}04030000000108830000000163", place.replacen("0404", "04", 1));
    let (b, c) = ([("b", 2)], [("c", 3)]);
    let expected = [b, c].map(|entries| Value::Map(entries.into_iter().collect::<Map>()));
    assert_eq!(thawed(&unhex(&image)), Ok(list(expected)));
}

/// [ST-15]: what has not ended cannot be copied.
#[test]
fn cycles_are_refused() {
    for image in [
        "050b040000000000",                       // a reference to itself
        "050b0200000001040000000000",             // an array in itself
        "050b0200000001040200000001040000000000", // around the corner
        "050b0200000001040200000001040000000001", // to the reference that leads to it
        "050b020000000104040000000001",
        "050b0300000001040000000000000000016b",
    ] {
        let image = unhex(image);
        assert!(matches!(thawed(&image), Err(StorableError::Refused { what: "a cycle", .. })), "{image:x?}");
    }
}

/// Billion laughs: each list is ten times the one before it.
fn laughs(levels: u32) -> Vec<u8> {
    let mut image = b"\x05\x0b\x02".to_vec();
    image.extend((levels + 1).to_be_bytes());
    image.extend(b"\x04\x0a\x03lol");
    let mut last = 2_u32;
    let mut next = 3_u32;
    for _ in 0..levels {
        image.extend(b"\x04\x02\0\0\0\x0a");
        for _ in 0..10 {
            image.extend(b"\x04\x00");
            image.extend(last.to_be_bytes());
        }
        last = next + 1;
        next += 12;
    }
    image
}

/// [ST-12]
#[test]
fn a_billion_laughs() {
    let found = thawed(&laughs(3)).unwrap();
    let thousand = &found.as_list().unwrap()[3];
    assert_eq!(thousand.as_list().unwrap().len(), 10);
    for levels in [5, 9, 100] {
        assert_eq!(thawed(&laughs(levels)), Err(StorableError::TooManyCopies { max: 1 << 20 }));
    }
}

/// [ST-12]: the bound counts the strings, and 16 for each step; on both sides of it.
#[test]
fn copies_at_the_bound() {
    let mut limits = ThawLimits::default();
    limits.copies_per_byte = 0;
    // ["four", \$_[0], \$_[0]], each copy a string of four bytes
    let image = unhex("050b02000000030a04666f7572040000000001040000000001");
    let four = || Value::from("four");
    for (copies, taken) in [(39, false), (40, true), (0, false)] {
        limits.copies = copies;
        let found = thaw(&image, &limits);
        assert_eq!(
            found,
            if taken {
                Ok(list([four(), four(), four()]))
            } else {
                Err(StorableError::TooManyCopies { max: copies })
            }
        );
    }
    limits.copies = 0;
    limits.copies_per_byte = 2;
    assert!(thaw(&image, &limits).is_ok(), "{} bytes", image.len());
    // A long image may have as many copies again.
    let many =
        [b"\x05\x0b\x02\0\x02\0\x01\x0a\x10".to_vec(), vec![b'x'; 16], b"\0\0\0\0\x01".repeat(0x2_0000)];
    assert!(thawed(&many.concat()).is_ok());
}

/// What refers to nothing, or to what comes later.
#[test]
fn numbers_out_of_range() {
    for image in ["050b0000000000", "050b020000000200000000020881", "050b020000000100ffffffff"] {
        assert!(matches!(thawed(&unhex(image)), Err(StorableError::Malformed { .. })), "{image}");
    }
}
