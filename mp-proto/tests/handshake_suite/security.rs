//! What an attacker on the wire, or at the other end, may try.

use std::sync::Arc;

use mp_proto::{Handshake, HandshakeError, Side, Stage};

use super::pair::{End, Pair, config, nonce, start};

const LIMIT: usize = mp_proto::greeting::MAX_LINE;

fn alone(name: &str, number: u8) -> End {
    End::new(Handshake::new(Arc::new(config(name)), Side::Accepted, nonce(number), "x:1", start()))
}

/// All that each side sends in a handshake that succeeds.
fn recorded() -> [Vec<u8>; 2] {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    assert!(pair.run(usize::MAX).both_established());
    [pair.a.sent, pair.b.sent]
}

/// Carries bytes between the two, with one bit of what `alpha` (or else `beta`) sends turned.
fn flipped(alpha: bool, at: usize, bit: u8) -> Pair {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    let mut seen = 0;
    for _ in 0..4 {
        let mut pieces = [pair.a.unsent(usize::MAX), pair.b.unsent(usize::MAX)];
        let piece = &mut pieces[usize::from(!alpha)];
        if let Some(byte) = at.checked_sub(seen).and_then(|offset| piece.get_mut(offset)) {
            *byte ^= 1 << bit;
        }
        seen += piece.len();
        pair.b.hear(pair.now, &pieces[0]);
        pair.a.hear(pair.now, &pieces[1]);
    }
    pair
}

/// [HS-11]: both greetings are under both proofs, so a changed bit in either keeps both sides from establishing. A
/// changed bit in a proof keeps its receiver from it. In the `go`, too.
#[test]
fn any_changed_bit_is_found() {
    assert!(flipped(true, usize::MAX, 0).both_established());
    for (alpha, sent) in [(true, &recorded()[0]), (false, &recorded()[1])] {
        let text = String::from_utf8(sent.clone()).unwrap();
        let greeting: usize = text.lines().take(2).map(|line| line.len() + 1).sum();
        for at in 0..sent.len() {
            let bit = u8::try_from(at % 8).unwrap();
            let pair = flipped(alpha, at, bit);
            let (sender, receiver) = if alpha { (&pair.a, &pair.b) } else { (&pair.b, &pair.a) };
            assert!(receiver.session().is_none(), "byte {at}, bit {bit} of {text:?}");
            assert!(at >= greeting || sender.session().is_none(), "byte {at}, bit {bit} of {text:?}");
        }
    }
}

/// [HS-11]: an attacker who changes the list of framings, to a better liking, breaks both proofs.
#[test]
fn lists_cannot_be_edited() {
    let mut pair = Pair::of(config("alpha"), config("beta"));
    let edited = String::from_utf8(pair.a.unsent(usize::MAX)).unwrap().replace("mproto=1;", "");
    pair.b.hear(pair.now, edited.as_bytes());
    pair.run(usize::MAX);
    assert!(matches!(pair.a.error, Some(HandshakeError::BadToken { .. })));
    assert!(matches!(pair.b.error, Some(HandshakeError::BadToken { .. })));
}

/// [HS-03]: the nonce of the second time is another one.
#[test]
fn a_recorded_handshake_cannot_be_replayed() {
    let [alpha, beta] = recorded();
    for (name, replayed) in [("beta", &alpha), ("alpha", &beta)] {
        let mut victim = alone(name, 3);
        victim.hear(start(), replayed);
        assert!(matches!(victim.error, Some(HandshakeError::BadToken { .. })), "{:?}", victim.error);
        assert_eq!(victim.events.len(), 1, "greeted, not authenticated");
    }
    let mut same = alone("nobody", 2);
    same.hear(start(), &alpha);
    assert!(matches!(same.error, Some(HandshakeError::BadToken { .. })), "same nonce, other name");
}

/// [HS-08] [HS-11]: a node does not take its own proof from someone else, in any arrangement.
#[test]
fn a_reflected_proof_is_refused() {
    let mut victim = alone("alpha", 1);
    let own = String::from_utf8(victim.sent.clone()).unwrap();
    let nonce = own.lines().nth(1).unwrap().to_owned();
    let greeting = own.lines().next().unwrap().replace(";alpha;", ";omega;").replace("inst=0", "inst=1");
    victim.hear(start(), format!("{greeting}\nother{nonce}\n").as_bytes());
    let proof = victim.lines()[2].to_owned();
    victim.hear(start(), format!("{proof}\n").as_bytes());
    assert!(matches!(victim.error, Some(HandshakeError::BadToken { .. })), "{:?}", victim.error);
}

/// [HS-11]: the proof of one handshake does not serve another one that goes on at the same time.
#[test]
fn a_proof_from_another_handshake_of_the_same_nodes_is_refused() {
    let (mut victim, mut oracle) = (alone("alpha", 1), alone("alpha", 2));
    let theirs = alone("beta", 3).sent;
    victim.hear(start(), &theirs);
    oracle.hear(start(), &theirs);
    let proof = format!("{}\n", oracle.lines()[2]);
    victim.hear(start(), proof.as_bytes());
    assert!(matches!(victim.error, Some(HandshakeError::BadToken { .. })));
}

/// [HS-17]: however much a stranger sends, no more is kept than one line.
#[test]
fn a_stranger_cannot_fill_our_memory() {
    let streams: [&[u8]; 4] =
        [b"aemp;1;x;hmac_sha3_512;json;", b"x", b"\n", b"aemp;1;x;hmac_sha3_512;json\nnonce\nhmac_sha3_512;"];
    for stream in streams {
        let mut victim = alone("alpha", 1);
        for chunk in std::iter::once(stream).chain(std::iter::repeat(&[b'y'; 100][..])).take(1000) {
            victim.hear(start(), chunk);
            assert!(victim.error.is_some() || victim.input.len() < LIMIT);
        }
        assert!(victim.error.is_some());
        assert!(victim.sent.len() < LIMIT);
        assert!(victim.input.len() < LIMIT + 100);
    }
}

/// [HS-17]: before its proof, a stranger gives rise to one event, which says that it is only a claim.
#[test]
fn a_claimed_name_is_only_a_claim() {
    let mut victim = alone("alpha", 1);
    victim.hear(start(), b"aemp;1;beta;hmac_sha3_512;json\nx\n");
    assert_eq!(victim.events.len(), 1);
    assert_eq!(victim.handshake.stage(), Some(Stage::Auth));
    assert!(!victim.handshake.admit());
}
