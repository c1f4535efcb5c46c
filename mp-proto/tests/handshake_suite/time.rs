//! Deadlines.

use std::time::Duration;

use mp_proto::{HandshakeError, Protocol, Stage};

use super::pair::{Pair, config, start};

const TIME: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_nanos(1);

/// [HS-09]
#[test]
fn a_silent_peer_is_given_up_at_the_deadline_and_not_before() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    let now = pair.now;
    let deadline = pair.a.handshake.poll_timeout().unwrap();
    assert!(deadline <= start() + TIME);
    assert_eq!(pair.a.handshake.handle_timeout(deadline - TICK), Ok(()));
    assert_eq!(pair.a.handshake.stage(), Some(Stage::Greeting));
    let error = pair.a.handshake.handle_timeout(deadline).unwrap_err();
    assert_eq!(error, HandshakeError::Timeout { stage: Stage::Greeting });
    assert!(!error.is_permanent());
    assert_eq!(pair.a.handshake.poll_timeout(), None, "spent");
    pair.a.hear(now, b"aemp;1;x;hmac_sha3_512;json\n\n");
    assert!(pair.a.events.is_empty(), "spent");
}

/// [HS-09]: Perl's clock starts anew with each byte; ours does not.
#[test]
fn drip_feeding_does_not_extend_the_time() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    let deadline = pair.a.handshake.poll_timeout().unwrap();
    let drip = TIME / 50;
    while pair.a.error.is_none() {
        assert_eq!(pair.a.handshake.poll_timeout(), Some(deadline));
        assert!(pair.now < deadline + drip);
        let byte = pair.b.unsent(1);
        pair.a.hear(pair.now, &byte);
        pair.pass(drip);
    }
    assert_eq!(pair.a.error, Some(HandshakeError::Timeout { stage: Stage::Greeting }));
}

/// [HS-09]: bytes that come at the deadline come too late.
#[test]
fn the_deadline_holds_for_input_too() {
    for (late, established) in [(TICK, true), (Duration::ZERO, false)] {
        let mut pair = Pair::of(config("alpha"), config("beta"));
        let deadline = pair.b.handshake.poll_timeout().unwrap().min(pair.a.handshake.poll_timeout().unwrap());
        pair.now = deadline - late;
        pair.run(usize::MAX);
        assert_eq!(pair.both_established(), established);
    }
}

/// [HS-09]: an owner that never decides does not hold a connection for ever.
#[test]
fn the_deadline_holds_for_our_own_decision() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    pair.a.admits = false;
    pair.run(usize::MAX);
    let late = pair.a.handshake.poll_timeout().unwrap();
    assert_eq!(pair.a.handshake.handle_timeout(late), Err(HandshakeError::Timeout { stage: Stage::Admit }));
    assert!(!pair.a.handshake.admit());
    let late = pair.b.handshake.poll_timeout().unwrap();
    assert_eq!(pair.b.handshake.handle_timeout(late), Err(HandshakeError::Timeout { stage: Stage::Go }));
}

#[test]
fn a_time_beyond_all_times_is_no_deadline() {
    let mut patient = config("alpha");
    patient.time = Duration::MAX;
    let mut pair = Pair::of(patient, config("beta"));
    assert_eq!(pair.a.handshake.poll_timeout(), None);
    assert!(pair.run(1).both_established());
}
