//! Frames that are to be small: how soon one that is not is noticed.

#![cfg(feature = "postcard")]

use std::cell::Cell;

use bytes::BytesMut;
use mp_proto::{EncodeError, Frame, Framing, Limits};
use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, sample};
use serde::ser::{Serialize, Serializer};

/// Numbers that count how many of them are written.
struct Counted<'a>(u32, &'a Cell<u32>);

impl Serialize for Counted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.0).inspect(|_| self.1.set(self.1.get() + 1)))
    }
}

fn capped<M: Serialize>(message: &M, cap: usize, out: &mut BytesMut) -> Result<bool, EncodeError> {
    Frame::write_capped(Framing::Postcard, "p", message, None, &Limits::default(), cap, out)
}

/// [LN-06]
#[test]
fn a_long_list_is_left_off_at_the_cap() {
    let (written, mut out) = (Cell::new(0), BytesMut::from(&b"before"[..]));
    assert_eq!(capped(&("tag", Counted(1_000_000, &written)), 1000, &mut out), Ok(false));
    assert_eq!(&out[..], b"before", "nothing is added");
    assert!(written.get() < 1000, "{} numbers for 1000 bytes", written.get());
}

/// [LN-06]
#[test]
fn a_long_text_is_not_copied() {
    let mut out = BytesMut::new();
    let text = "x".repeat(1 << 20);
    assert_eq!(capped(&("tag", &text), 1000, &mut out), Ok(false));
    assert!(out.is_empty() && out.capacity() < 2000, "{}", out.capacity());
    assert_eq!(capped(&text, 1000, &mut out), Ok(false), "a message that is one text");
}

/// A type's own error counts, if the message was not longer than the cap before.
#[test]
fn an_error_within_the_cap_is_an_error() {
    let mut out = BytesMut::new();
    assert!(matches!(capped(&(1, u128::MAX), 1000, &mut out), Err(EncodeError::Integer(_))));
    assert!(out.is_empty());
}

fn message() -> impl Strategy<Value = Vec<(String, Vec<u64>)>> {
    let text = prop_oneof!["x{0,30}", "x{0,300}"];
    collection::vec((text, collection::vec(any::<u64>(), 0..20)), 0..20)
}

proptest! {
    /// Within the cap a frame is what it is without one; beyond it nothing is written. [LN-06]
    #[test]
    fn the_cap_is_the_frames_length(message in message(), cap in any::<sample::Index>(), exact in any::<bool>()) {
        let mut plain = BytesMut::new();
        Frame::write(Framing::Postcard, "p", &message, None, usize::MAX, &mut plain).expect("small");
        let len = plain.len() - 4;
        let cap = if exact { len } else { cap.index(2 * len) };
        let mut out = BytesMut::new();
        prop_assert_eq!(capped(&message, cap, &mut out), Ok(len <= cap));
        prop_assert_eq!(&out[..], if len <= cap { &plain[..] } else { &[][..] });
    }
}
