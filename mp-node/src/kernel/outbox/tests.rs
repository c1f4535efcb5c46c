//! What waits for a peer, step by step, and beside a model.

use super::*;

#[path = "tests/lanes.rs"]
mod lanes;
#[path = "tests/model.rs"]
mod model;

/// A box for a peer that does not take pieces.
fn whole(framing: Framing) -> Outbox {
    Outbox::with(framing, false, 1024)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.outbox_bytes = 100;
    limits.outbox_control_bytes = 50;
    limits.max_message = 1000;
    limits
}

/// [ND-10]
#[test]
fn data_waits_at_the_bound_and_control_does_not() {
    let (limits, mut outbox) = (limits(), whole(Framing::Postcard));
    let mut taken = 0;
    while outbox.offer("p", &("x", 1), None, Lane::Data, &limits).expect("encodes") == Offer::Taken {
        taken += 1;
    }
    assert!(outbox.data_bytes() >= 100 && outbox.data_bytes() < 120, "{}", outbox.data_bytes());
    assert_eq!(outbox.offer("", &"kil1", None, Lane::Control, &limits).expect("encodes"), Offer::Taken);
    assert_eq!(outbox.messages(), taken + 1);
    let mut out = BytesMut::new();
    outbox.take(&mut out, 1);
    assert!(outbox.is_empty() && !out.is_empty());
    assert_eq!(outbox.offer("p", &("x", 1), None, Lane::Data, &limits).expect("encodes"), Offer::Taken);
}

#[test]
fn control_has_a_bound_too() {
    let (limits, mut outbox) = (limits(), whole(Framing::Postcard));
    let flooded = (0..100).any(|_| {
        outbox.offer("", &("kil1", "port"), None, Lane::Control, &limits).expect("encodes") == Offer::Flooded
    });
    assert!(flooded);
}

/// [ND-11]
#[test]
fn one_large_control_message_is_no_flood() {
    let (limits, mut outbox) = (limits(), whole(Framing::Postcard));
    let mut offer = |text: &str| outbox.offer("", &text, None, Lane::Control, &limits).expect("encodes");
    assert_eq!(offer(&"x".repeat(500)), Offer::Taken);
    assert_eq!(offer("small"), Offer::Taken);
    assert_eq!(offer(&"x".repeat(500)), Offer::Taken);
    assert_eq!(offer("small"), Offer::Flooded);
}

#[test]
fn one_message_larger_than_the_bound_goes_alone() {
    let (limits, mut outbox) = (limits(), whole(Framing::Postcard));
    let large = "x".repeat(500);
    assert_eq!(outbox.offer("p", &large, None, Lane::Data, &limits).expect("encodes"), Offer::Taken);
    assert_eq!(
        outbox.offer("p", &large, None, Lane::Data, &limits).expect("encodes"),
        Offer::Full(Room::Small)
    );
}

#[test]
fn a_failed_message_leaves_nothing_behind() {
    let (limits, mut outbox) = (limits(), whole(Framing::Postcard));
    let error = outbox.offer("p", &"x".repeat(2000), None, Lane::Data, &limits);
    assert!(matches!(error, Err(EncodeError::TooLong { max: 1000, .. })), "{error:?}");
    assert!(outbox.is_empty());
}

#[cfg(feature = "json")]
#[test]
fn a_queue_is_written_again_in_the_framing_of_its_connection() {
    let (limits, mut outbox) = (limits(), whole(Framing::Postcard));
    outbox.offer("p", &("x", 1), None, Lane::Data, &limits).expect("encodes");
    outbox.offer("", &("mon1", "q"), None, Lane::Control, &limits).expect("encodes");
    let mut json = whole(Framing::Json);
    json.append(&outbox, &limits).expect("both fit");
    assert_eq!(json.messages(), 2);
    let mut out = BytesMut::new();
    json.take(&mut out, 1);
    assert_eq!(&out[..], br#"["p","x",1]["","mon1","q"]"#);
}

#[cfg(feature = "json")]
#[test]
fn a_queue_that_cannot_be_written_again_stays_as_it_is() {
    let (limits, mut outbox) = (limits(), whole(Framing::Postcard));
    outbox.offer("p", &"fits", None, Lane::Data, &limits).expect("encodes");
    outbox.offer("p", &"\u{1}".repeat(900), None, Lane::Data, &limits).expect("fits in postcard");
    let mut json = whole(Framing::Json);
    assert!(matches!(json.append(&outbox, &limits), Err(EncodeError::TooLong { .. })));
    assert_eq!(outbox.messages(), 2);
}
