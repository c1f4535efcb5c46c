//! Two nodes dial each other at the same instant.

use mp_proto::{HandshakeError, Stage};

use super::pair::{Pair, config};

/// [HS-15]: alpha decides for the one that is authenticated first; beta does as it is told. Neither could send a message
/// on the other one.
#[test]
fn simultaneous_dials_end_with_one_connection() {
    for first in [0, 1] {
        let mut dials =
            [Pair::of(config("alpha"), config("beta")), Pair::of(config("alpha"), config("beta"))];
        for dial in &mut dials {
            dial.a.admits = false;
            dial.run(usize::MAX);
            assert_eq!(dial.b.handshake.stage(), Some(Stage::Go), "beta waits on both");
        }
        let [chosen, other] = &mut dials;
        let (chosen, other) = if first == 0 { (chosen, other) } else { (other, chosen) };

        assert!(chosen.a.handshake.admit());
        chosen.a.poll(chosen.now);
        assert!(chosen.run(1).both_established());

        other.b.hear_eof();
        let error = other.b.error.clone().unwrap();
        assert_eq!(error, HandshakeError::Closed { stage: Stage::Go });
        assert!(error.to_string().contains("it prefers another connection"), "{error}");
        assert!(!error.is_permanent());
        assert!(other.a.session().is_none() && other.b.session().is_none());
    }
}

/// [HS-15]: also when each side finishes the two handshakes in another order.
#[test]
fn the_order_of_events_at_the_other_side_does_not_matter() {
    let mut one = Pair::of(config("alpha"), config("beta"));
    let mut two = Pair::of(config("alpha"), config("beta"));
    two.a.admits = false;
    two.run(usize::MAX);
    one.run(usize::MAX);
    assert!(
        one.both_established(),
        "beta took the one that alpha admitted, though it was authenticated last"
    );
    two.b.hear_eof();
    assert!(two.b.session().is_none());
}
