//! Who trusts whom.

use mp_proto::TlsRole;
use mp_transport::tls::{TlsError, upgrade};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Outcome, both, config, pipes, same_binding};

/// How the side that refuses puts it.
#[track_caller]
fn refusal(outcome: Outcome) -> String {
    outcome.expect_err("it should be refused").to_string()
}

pub(crate) const UNTRUSTED: &str = "the peer's certificate is not in our PEM nor signed by one of its CAs; give both nodes one PEM, or add the peer's to ours";

/// [TLS-10]: each pair of certificates that belong together, in both roles.
#[tokio::test]
async fn nodes_of_one_pem_or_one_ca_trust_each_other() {
    for (one, other) in [
        ("stock", "stock"),
        ("rsa-pkcs1", "rsa-pkcs1"),
        ("ec-p256", "ec-p256"),
        ("ec-p384", "ec-p384"),
        ("ec-sec1", "ec-sec1"),
        ("ed25519", "ed25519"),
        ("leaf-one", "leaf-one"),
        ("leaf-one", "leaf-two"),
        ("leaf-one", "leaf-ca"),
        ("leaf-two", "leaf-deep"),
    ] {
        for (client, server) in [(one, other), (other, one)] {
            let (near, far) = both(&config(client), &config(server)).await;
            let (near, far) = (near.unwrap(), far.unwrap());
            assert_eq!((near.version, far.version), ("TLS 1.3", "TLS 1.3"));
            assert!(same_binding(&near.binding, &far.binding));
        }
    }
}

/// [TLS-10]
#[tokio::test]
async fn strangers_are_refused() {
    for (ours, theirs) in [
        ("stock", "stock-other"),
        ("stock", "ec-p256"),
        ("stock", "leaf-one"),
        ("leaf-one", "stock"),
        ("leaf-one", "leaf-other-ca"),
        ("leaf-one", "leaf-of-leaf"),
        ("leaf-one", "leaf-too-deep"),
    ] {
        let (client, _) = both(&config(ours), &config(theirs)).await;
        assert_eq!(refusal(client), UNTRUSTED, "{ours} as client, {theirs} as server");
    }
}

/// [TLS-10]: a server that refuses tells the client so, at its first read.
#[tokio::test]
async fn a_client_hears_that_it_is_refused() {
    // The client trusts both; the server only its own.
    let stock = super::text("stock");
    let client = super::text("stock-other") + &stock;
    let client = mp_transport::TlsConfig::from_pem(&client).unwrap();
    let (near, far) = both(&client, &config("stock")).await;
    assert_eq!(refusal(far), UNTRUSTED);
    let error = near.unwrap().pipe.read_u8().await.unwrap_err();
    let error = error.downcast::<TlsError>().unwrap();
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "the peer refuses our certificate (unknown CA): it is not in its PEM nor signed by one of its CAs, or out of date; give both nodes one PEM, or add ours to the peer's"
    );
}

/// [TLS-10]
#[tokio::test]
async fn certificates_out_of_time_are_refused() {
    let (client, server) = both(&config("expired"), &config("expired")).await;
    assert_eq!(
        refusal(client),
        "the peer's certificate, or that of its CA, expired on 2001-02-03; make a new one, or set the clock"
    );
    assert!(matches!(server, Err(TlsError::Refused("expired"))), "{server:?}");
    let (_, server) = both(&config("leaf-expired"), &config("leaf-one")).await;
    assert!(matches!(server, Err(TlsError::Expired(_))), "{server:?}");
    let (client, _) = both(&config("not-yet"), &config("not-yet")).await;
    assert_eq!(
        refusal(client),
        "the peer's certificate, or that of its CA, is not valid before 2090-01-01; set the clock"
    );
}

/// [TLS-13]: an end without TLS's goodbye, as when a Perl process ends, is an end and no error.
#[tokio::test]
async fn the_end_needs_no_goodbye() {
    let (near, far) = both(&config("ec-p256"), &config("ec-p256")).await;
    let (mut near, mut far) = (near.unwrap().pipe, far.unwrap().pipe);
    far.write_all(b"last words").await.unwrap();
    far.flush().await.unwrap();
    drop(far);
    let mut heard = String::new();
    near.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "last words");
}

#[tokio::test]
async fn what_is_no_tls_is_named() {
    for role in [TlsRole::Client, TlsRole::Server] {
        let (near, mut far) = pipes();
        far.write_all(b"hmac_sha3_512;0123456789;json\n").await.unwrap();
        let error = upgrade(near, role, &config("ec-p256")).await.unwrap_err();
        assert!(matches!(error, TlsError::Misbehaved(_)), "{error}");
        let (near, far) = pipes();
        drop(far);
        let error = upgrade(near, role, &config("ec-p256")).await.unwrap_err();
        assert!(!error.is_permanent(), "{error}");
    }
}

/// [TLS-04]: two that take the same role do not come to an end, or to a wrong one; the deadline is the caller's.
#[tokio::test]
async fn equal_roles_fail() {
    let config = config("ec-p256");
    let (near, far) = pipes();
    let (one, other) =
        tokio::join!(upgrade(near, TlsRole::Client, &config), upgrade(far, TlsRole::Client, &config));
    assert!(one.is_err() && other.is_err());
}
