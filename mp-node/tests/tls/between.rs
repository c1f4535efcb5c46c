//! One who stands between two nodes gets nowhere.

use mp_node::tls::TlsError;
use mp_node::{DialError, Node};

use super::relay::Relay;
use super::{LEAF_CA, LEAF_ONE, LEAF_TWO, STOCK, STOCK_OTHER, node, soon};

async fn refused(a: &Node, relay: &Relay) -> DialError {
    let error = soon(a.dial(&relay.at)).await.expect_err("refused");
    assert!(a.nodes().is_empty());
    error
}

/// [TLS-10]: one who ends TLS with a certificate of its own is not trusted by either.
#[tokio::test]
async fn a_stranger_between_is_refused() {
    let (a, b) = (node("a", STOCK, true).await, node("b", STOCK, true).await);
    let relay = Relay::within(&b, STOCK_OTHER).await;
    let error = refused(&a, &relay).await;
    assert!(
        matches!(error, DialError::Tls { error: TlsError::Untrusted | TlsError::Refused(_), .. }),
        "{error}"
    );
    assert!(relay.ended().await.is_err());
    assert!(b.nodes().is_empty());
}

/// [TLS-07]: nor is one that has a certificate of the same CA, and so could have TLS with either; it carries the proofs,
/// but they are for another channel.
#[tokio::test]
async fn a_member_without_the_secret_cannot_stand_between() {
    for (secret, part) in [(true, "the secret of node b differs"), (false, "somebody is between us")] {
        let (a, b) = (node("a", LEAF_ONE, secret).await, node("b", LEAF_TWO, secret).await);
        let relay = Relay::within(&b, LEAF_CA).await;
        let error = refused(&a, &relay).await.to_string();
        assert!(error.contains(part), "{error}");
        let [there, _] = relay.seen();
        assert!(there.starts_with(b"tls_sha3_512;"), "it has seen the proof: {there:?}");
        assert!(b.nodes().is_empty());
    }
}

/// [TLS-10] [TLS-07]: one whose certificate one side trusts gets no further than that side's TLS: the other side refuses
/// it, in either role, and what the first one proves is for its channel only.
#[tokio::test]
async fn one_whom_one_side_trusts_is_refused_by_the_other() {
    let both = format!("{STOCK}{STOCK_OTHER}");
    for secret in [true, false] {
        for (near, far) in [(both.as_str(), STOCK), (STOCK, both.as_str())] {
            let (a, b) = (node("a", near, secret).await, node("b", far, secret).await);
            let relay = Relay::within(&b, STOCK_OTHER).await;
            refused(&a, &relay).await;
            let error = relay.ended().await.expect_err("one side has no TLS with it");
            assert!(!matches!(error, TlsError::Misbehaved(_) | TlsError::Incompatible(_)), "{error}");
            assert!(b.nodes().is_empty());
        }
    }
}

/// [TLS-08]: one without any certificate takes TLS out of the greetings: with a secret the proofs no longer fit them,
/// and without one there is nothing to go by.
#[tokio::test]
async fn one_without_a_certificate_cannot_take_tls_away() {
    for (secret, part) in [(true, "the secret of node b differs"), (false, "the peer offers no TLS")] {
        let (a, b) = (node("a", STOCK, secret).await, node("b", STOCK, secret).await);
        let relay = Relay::stripping(&b).await;
        let error = refused(&a, &relay).await.to_string();
        assert!(error.contains(part), "{error}");
        assert!(b.nodes().is_empty());
    }
}

/// The control: the same relay, without TLS of its own, is carried through.
#[tokio::test]
async fn one_who_only_carries_is_no_harm() {
    let (a, b) = (node("a", LEAF_ONE, true).await, node("b", LEAF_TWO, true).await);
    let relay = Relay::looking(&b).await;
    soon(a.dial(&relay.at)).await.expect("meets");
}
