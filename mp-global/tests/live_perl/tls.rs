//! TLS with Perl nodes, whose TLS is OpenSSL's.

use std::process::Command;

use mp_global::Global;
use mp_node::tls::TlsError;
use mp_node::{DialError, Framing, Node};
use serde_json::{Value as Json, json};

use super::nodes::{SECRET, has, id, log, next, soon};
use super::perl::Perl;

/// RSA and EC, each self-signed by `openssl req -x509`; they are CAs and have no names of hosts. And one of `aemp gencert`.
const OWN: [(&str, &str); 3] = [
    ("stock", include_str!("../../../mp-transport/tests/pem/stock.pem")),
    ("ec-p256", include_str!("../../../mp-transport/tests/pem/ec-p256.pem")),
    ("gencert", include_str!("../../../mp-transport/tests/pem/gencert.pem")),
];
const STOCK: &str = OWN[0].1;
const OTHER: &str = include_str!("../../../mp-transport/tests/pem/stock-other.pem");
const LEAF_ONE: &str = include_str!("../../../mp-transport/tests/pem/leaf-one.pem");
const LEAF_CA: &str = include_str!("../../../mp-transport/tests/pem/leaf-ca.pem");

/// Perl's part in TLS, and what its nonce has to begin with for that: `++++` stands before all that base64 has, `zzzz`
/// behind it.
const ROLES: [(&str, &str); 2] = [("connect", "fbefbe"), ("accept", "cf3cf3")];

async fn rust(name: &str, framing: Framing, pem: &str) -> Node {
    log();
    let builder = Node::builder("test").without_file().node_id(name).framings(&[framing]).cert(pem);
    builder.bind("127.0.0.1:0").start().await.expect("starts")
}

async fn perl(name: &str, framing: Framing, pem: &str, nonce: &str) -> Perl {
    let settings = json!({"secret": null, "tls": pem, "nonce": nonce});
    Perl::start_with(name, framing, &[], &settings).await
}

/// Our node with the PEM `ours` and a Perl node with `theirs` talk over TLS, whoever dials, and whoever is its client.
async fn talk(framing: Framing, what: &str, ours: &str, theirs: &str) {
    for perl_dials in [true, false] {
        for (role, nonce) in ROLES {
            let node = rust("rust", framing, ours).await;
            let mut perl = perl("pearl", framing, theirs, nonce).await;
            if perl_dials {
                perl.ask(json!({"cmd": "dial", "address": node.addresses()[0].to_string()})).await;
            } else {
                soon(node.dial(&perl.address.parse().expect("an address"))).await.expect("meets");
            }
            let up = perl.event("up").await;
            let secured = &up["tls"];
            assert_eq!((&up["node"], &secured["role"]), (&json!("rust"), &json!(role)), "{what}: {up}");
            assert_eq!(secured["version"], "TLSv1.3", "{what}: {up}");

            let (mut port, theirs) = (node.port(), perl.port("report").await);
            let long = "0123456789".repeat(20_000);
            node.send(&theirs, ("hello", &long)).await.expect("sent");
            assert_eq!(perl.message(&theirs).await[0], "hello");
            perl.ask(json!({"cmd": "snd_long", "to": port.id().as_str(), "len": 200_000})).await;
            assert_eq!(next(&mut port).await[1].as_str().map(str::len), Some(200_000), "{what}");
            perl.quiet(&["closed", "down", "exception", "warning"]).await;
            node.shutdown().await;
            perl.event("down").await;
        }
    }
}

/// [TLS-04], [TLS-05], [TLS-10], [TLS-15]
pub(crate) async fn certificates_of_every_kind_in_both_roles(framing: Framing) {
    for (name, pem) in OWN {
        talk(framing, name, pem, pem).await;
    }
}

/// [TLS-10]: `openssl req -x509` as it is on this machine, as Perl's `aemp gencert` calls it.
pub(crate) async fn a_certificate_made_by_openssl_just_now(framing: Framing) {
    for key in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-new", "-x509", "-nodes", "-subj", "/CN=AnyEvent::MP", "-days", "30"]);
        openssl.args(["-keyout", "-", "-out", "-", "-newkey"]).args(key);
        let made = match openssl.output() {
            Ok(made) => made,
            Err(error) => {
                assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{error}; see .ci/packages");
                return println!("skipped: there is no openssl program here");
            }
        };
        assert!(made.status.success(), "{made:?}");
        let pem = String::from_utf8(made.stdout).expect("PEM is ASCII");
        talk(framing, key[0], &pem, &pem).await;
    }
}

/// [TLS-10]: each has its own certificate, and the CA of both.
pub(crate) async fn leaves_of_one_ca(framing: Framing) {
    talk(framing, "leaf and CA", LEAF_ONE, LEAF_CA).await;
    talk(framing, "CA and leaf", LEAF_CA, LEAF_ONE).await;
}

/// [TLS-05], [GL-33]: the directory works over TLS as it does without, with a seed of either kind. Perl nodes that have a
/// secret besides use the certificate alone.
pub(crate) async fn members_of_one_network(framing: Framing) {
    let node = rust("seed", framing, STOCK).await;
    let global = Global::start(&node).expect("starts");
    let address = node.addresses()[0].to_string();
    let settings = json!({"tls": STOCK, "secret": SECRET});
    let mut perl = Perl::start_with("pearl", framing, &[&address], &settings).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    let (port, theirs) = (node.port(), perl.port("report").await);
    let _member = global.group("g").register(&port).expect("room");
    perl.ask(json!({"cmd": "db_mon", "family": "g"})).await;
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": theirs.as_str()})).await;
    let mut monitor = global.group("g").monitor().expect("room");
    has(&mut monitor, &[port.id(), &theirs]).await;
    perl.event_with("chg", |told| told["all"].get(port.id().as_str()).is_some()).await;

    let member = rust("member", framing, STOCK).await;
    let at_member = Global::builder(&member).seed(&perl.address).start().expect("starts");
    soon(at_member.joined()).await.expect("joins");
    assert_eq!(at_member.standing().master, Some(id("pearl")));
    perl.kill();
    has(&mut monitor, &[port.id()]).await;
}

/// Who refuses whom, and in which part of TLS the Perl node is.
async fn refused(framing: Framing, ours: &str, theirs: &str, nonce: &str) -> (DialError, Json, String) {
    let name = format!("stranger-{framing}-{nonce}-{}-{}", ours.len(), theirs.len());
    let node = rust("careful", framing, ours).await;
    let mut perl = perl(&name, framing, theirs, nonce).await;
    perl.ask(json!({"cmd": "dial", "address": node.addresses()[0].to_string()})).await;
    let closed = perl.event("closed").await;
    let error = soon(node.dial(&perl.address.parse().expect("an address"))).await.expect_err("refused");
    perl.event("closed").await;
    perl.quiet(&["up"]).await;
    assert_eq!(node.nodes(), []);
    let text = log();
    let mut lines = text.lines().filter(|line| line.contains(&format!("claims={name}")));
    let line = lines.next().unwrap_or_else(|| panic!("nothing is said of {name}: {text}"));
    (error, closed, line.to_owned())
}

/// [TLS-10], [TLS-14]: another certificate with the same subject, at either end or both, in each part of TLS: both close,
/// and our log says why.
pub(crate) async fn a_stranger_is_refused_in_both_roles(framing: Framing) {
    let both = format!("{STOCK}{OTHER}");
    for (_, nonce) in ROLES {
        // Whoever sees the other's certificate first refuses it; Perl does so without a word.
        let (error, closed, line) = refused(framing, STOCK, OTHER, nonce).await;
        let known = matches!(error, DialError::Tls { error: TlsError::Untrusted | TlsError::Closed, .. });
        assert!(known, "{error}");
        assert!(closed["text"].as_str().is_some_and(|text| !text.is_empty()), "{closed}");
        assert!(line.contains("certificate"), "{line}");

        // Perl would trust us; we do not trust it.
        let (error, _, line) = refused(framing, STOCK, &format!("{OTHER}{STOCK}"), nonce).await;
        assert!(matches!(error, DialError::Tls { error: TlsError::Untrusted, .. }), "{error}");
        assert!(line.contains("the peer's certificate is not in our PEM"), "{line}");

        // We would trust Perl; it does not trust us. It says so as TLS does, or just closes.
        let (error, closed, line) = refused(framing, &both, OTHER, nonce).await;
        let hears = matches!(error, DialError::Tls { error: TlsError::Refused(_) | TlsError::Closed, .. })
            || matches!(error, DialError::Handshake { .. });
        assert!(hears, "{error}");
        assert!(closed["text"].as_str().is_some_and(|text| text.contains("verify failed")), "{closed}");
        assert!(line.contains("trust our certificate") || line.contains("refuses our certificate"), "{line}");
    }
}

/// [TLS-06]: with a secret on both sides it is used, else both close; whoever dials.
pub(crate) async fn a_node_without_a_certificate(framing: Framing) {
    let node = {
        let builder = Node::builder("test").without_file().node_id("rust").framings(&[framing]);
        builder.cert(STOCK).secret(SECRET).bind("127.0.0.1:0").start().await.expect("starts")
    };
    let mut perl = Perl::start_with("plain", framing, &[], &json!({})).await;
    perl.ask(json!({"cmd": "dial", "address": node.addresses()[0].to_string()})).await;
    let up = perl.event("up").await;
    assert_eq!(up["tls"], json!({}), "{up}");

    let strict = rust("strict", framing, STOCK).await;
    perl.ask(json!({"cmd": "dial", "address": strict.addresses()[0].to_string()})).await;
    perl.event_with("closed", |told| told["peer"] == "strict").await;
    let error = soon(strict.dial(&perl.address.parse().expect("an address"))).await.expect_err("refused");
    assert!(error.to_string().contains("the peer offers no TLS"), "{error}");
    assert_eq!(strict.nodes(), []);
}
