//! Laws that hold for all handshakes.

use std::sync::Arc;

use mp_proto::{Framing, Greeting, Handshake, HandshakeConfig, Side};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, sample};

use super::pair::{End, Pair, config, nonce, start};

fn framings() -> impl Strategy<Value = Vec<Framing>> {
    let all = Framing::available().to_vec();
    let count = all.len();
    sample::subsequence(all, 1..=count).prop_shuffle()
}

fn node(name: &str, framings: Vec<Framing>) -> HandshakeConfig {
    let mut config = config(name);
    config.framings = framings;
    config
}

/// The pieces of a peer's conversation, in any order and number.
fn scraps() -> impl Strategy<Value = Vec<u8>> {
    let line = |text: &'static str| sample::select(vec![text.as_bytes().to_vec()]);
    let scrap = prop_oneof![
        line("aemp;1;x;hmac_sha3_512;json,cbor"),
        line(";mp=1;inst=00000000000000000000000000000001"),
        line("\n"),
        line("\r"),
        line("hmac_sha3_512;"),
        line(";json\n"),
        line("go\n"),
        collection::vec(any::<u8>(), 0..20),
    ];
    collection::vec(scrap, 0..30).prop_map(|scraps| scraps.concat())
}

proptest! {
    /// [HS-06] [HS-15]: however the bytes are cut, two nodes with a common secret and framing establish and agree.
    #[test]
    fn two_nodes_agree(
        names in ("[a-c/:.]{1,3}", "[a-c/:.]{1,3}"),
        framings in (framings(), framings()),
        cuts in collection::vec(1..200_usize, 1..40),
    ) {
        let (name_a, name_b) = (names.0.as_str(), names.1.as_str());
        let common = framings.0.iter().any(|framing| framings.1.contains(framing));
        let mut pair = Pair::of(node(name_a, framings.0.clone()), node(name_b, framings.1.clone()));
        for cut in cuts {
            let (to_b, to_a) = (pair.a.unsent(cut), pair.b.unsent(cut));
            pair.b.hear(pair.now, &to_b);
            pair.a.hear(pair.now, &to_a);
        }
        pair.run(usize::MAX);
        prop_assert_eq!(pair.both_established(), common && name_a != name_b);
        prop_assert_eq!(pair.a.session().is_some(), pair.b.session().is_some());
        if let (Some(a), Some(b)) = (pair.a.session(), pair.b.session()) {
            prop_assert_eq!((a.send, a.receive), (b.receive, b.send));
            prop_assert_eq!(framings.1.iter().find(|framing| framings.0.contains(framing)), Some(&a.send));
            prop_assert_eq!((a.peer.as_str(), b.peer.as_str()), (name_b, name_a));
            prop_assert!(a.decider(&b.peer) != b.decider(&a.peer));
        }
    }

    /// [HS-17]: no input makes a node panic, keep more than a line, or believe a stranger.
    #[test]
    fn strangers_do_no_harm(input in scraps(), cut in 1..100_usize) {
        let handshake = Handshake::new(Arc::new(config("alpha")), Side::Accepted, nonce(1), "x", start());
        let mut end = End::new(handshake);
        for piece in input.chunks(cut) {
            end.hear(start(), piece);
            prop_assert!(end.events.len() <= 1);
            prop_assert!(end.input.len() < mp_proto::greeting::MAX_LINE + cut);
        }
        end.hear_eof();
        prop_assert!(end.error.is_some());
        let text = end.error.map(|error| error.to_string()).unwrap_or_default();
        prop_assert!(text.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{}", text);
    }

    /// [HS-02]: a greeting that is read is written back as it was.
    #[test]
    fn greetings_survive(
        head in "aemp;(1|01|1\\.0);[a-z]{1,5}",
        tail in "(;[a-z=,\\x{80}-\\x{ff}]{0,20}){2,8}",
    ) {
        let line: Vec<u8> = format!("{head}{tail}").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        prop_assert_eq!(Greeting::parse(&line).unwrap().to_line(), line);
    }
}
