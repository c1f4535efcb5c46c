//! Every combination of the proofs that one side may give and that the other one takes.

use mp_proto::{AuthMethod, HandshakeConfig, HandshakeError as E};

use super::pair::{Pair, config, secret};

const ALL: [AuthMethod; 4] =
    [AuthMethod::TlsSha3_512, AuthMethod::HmacSha3_512, AuthMethod::TlsAnon, AuthMethod::Cleartext];

/// The methods that the bits of `set` stand for, in this order or the other one.
fn list(set: usize, reversed: bool) -> Vec<AuthMethod> {
    let mut list: Vec<_> = ALL
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| set >> bit & 1 == 1)
        .map(|(_, method)| method)
        .collect();
    if reversed {
        list.reverse();
    }
    list
}

/// The proof that alpha should give to beta: the first of beta's list that alpha may give, and that the two have what it
/// takes for. Written down a second time here, on purpose.
fn expected(offer: &[AuthMethod], accept: &[AuthMethod], tls: bool, secrets: bool) -> Option<AuthMethod> {
    let possible = |method: &AuthMethod| match method {
        AuthMethod::TlsSha3_512 | AuthMethod::TlsAnon => tls,
        AuthMethod::HmacSha3_512 | AuthMethod::Cleartext => secrets,
        _ => false,
    };
    accept.iter().find(|method| offer.contains(method) && possible(method)).copied()
}

fn end(name: &str, tls: bool, secrets: bool) -> HandshakeConfig {
    let mut config = config(name);
    config.tls = tls;
    config.secret = secret().filter(|_| secrets);
    config.auth_offer = ALL.to_vec();
    config.auth_accept = ALL.to_vec();
    config
}

/// [TLS-02] [TLS-03]: for each set that alpha offers and each that beta accepts, in either order, with and without TLS
/// and secrets: they meet if and only if there is a proof in both, and it is the first of beta's list; never another one.
#[test]
fn a_proof_is_given_only_if_both_sides_name_it() {
    let mut met = 0;
    for (tls, secrets) in [(false, true), (true, false), (true, true)] {
        for (offer, accept, reversed) in (0..512).map(|bits| (bits & 15, bits >> 4 & 15, bits >> 8 == 1)) {
            let (mut alpha, mut beta) = (end("alpha", tls, secrets), end("beta", tls, secrets));
            alpha.auth_offer = list(offer, false);
            beta.auth_accept = list(accept, reversed);
            let proof = expected(&alpha.auth_offer, &beta.auth_accept, tls, secrets);
            let what = format!("{:?} to {:?}, {tls} {secrets}", alpha.auth_offer, beta.auth_accept);
            let mut pair = Pair::of(alpha, beta);
            pair.run(usize::MAX);
            assert_eq!(
                pair.both_established(),
                proof.is_some(),
                "{what}: {:?} {:?}",
                pair.a.error,
                pair.b.error
            );
            if proof.is_some() {
                assert_eq!(pair.b.handshake.proof(), proof, "{what}");
                assert_eq!(pair.b.handshake.is_within_tls(), tls, "{what}");
                met += 1;
            }
        }
    }
    assert!(met > 600, "{met}");
}

/// [TLS-03] [HS-13]: whatever is asked of it, a node of the usual configuration neither lists, gives nor takes the two
/// proofs that have to be named.
#[test]
fn nothing_weak_is_used_by_default() {
    for tls in [false, true] {
        for weak in [AuthMethod::TlsAnon, AuthMethod::Cleartext] {
            for (offer, accept) in
                [(vec![weak], ALL.to_vec()), (ALL.to_vec(), vec![weak]), (vec![weak], vec![weak])]
            {
                let mut usual = config("usual");
                usual.tls = tls;
                let mut other = end("other", tls, true);
                (other.auth_offer, other.auth_accept) = (offer, accept);
                let mut pair = Pair::of(usual, other);
                pair.run(usize::MAX);
                assert!(!pair.both_established(), "{weak}");
                let said = &pair.a.sent;
                let names = |bytes: &[u8]| said.windows(bytes.len()).any(|window| window == bytes);
                assert!(!names(weak.name().as_bytes()), "{weak}");
            }
        }
    }
}

/// [TLS-08]: somebody in between who takes the strong proofs out of both lists, so that a weak one that both allow is
/// left, changes what the strong ones are about; and where none is left but the weak ones, only those who chose them meet.
#[test]
fn a_list_cannot_be_cut_down_unnoticed() {
    let sides = |tls| {
        let both = [end("alpha", tls, true), end("beta", tls, true)];
        both.map(|mut config| {
            config.auth_accept = AuthMethod::DEFAULT.to_vec();
            config.auth_offer = AuthMethod::DEFAULT.to_vec();
            config
        })
    };
    for (tls, from, to) in [
        (true, "tls_sha3_512,hmac_sha3_512", "hmac_sha3_512"),
        (true, "tls_sha3_512,hmac_sha3_512", "cleartext"),
        (false, "hmac_sha3_512", "cleartext"),
        (false, "hmac_sha3_512", "cleartext,hmac_sha3_512"),
        (true, "tls_sha3_512,hmac_sha3_512", "tls_anon"),
    ] {
        let [alpha, beta] = sides(tls);
        let mut pair = Pair::of(alpha, beta);
        let mut cut = |from_a: bool| {
            let sent = if from_a { pair.a.unsent(usize::MAX) } else { pair.b.unsent(usize::MAX) };
            let text = String::from_utf8(sent).expect("ASCII");
            assert!(text.contains(from));
            text.replacen(from, to, 1).into_bytes()
        };
        let (to_b, to_a) = (cut(true), cut(false));
        pair.a.hear(pair.now, &to_a);
        pair.b.hear(pair.now, &to_b);
        pair.run(usize::MAX);
        for error in [&pair.a.error, &pair.b.error] {
            assert!(matches!(error, Some(E::BadToken { .. } | E::NoCommonAuth { .. })), "{to}: {error:?}");
        }
        assert!(
            !pair
                .a
                .lines()
                .iter()
                .any(|line| line.starts_with("cleartext;") || line.starts_with("tls_anon;"))
        );
    }
}
