//! A network's secret is changed while Perl nodes have either one.

use mp_node::{Framing, Node};
use serde_json::json;

use super::nodes::{log, next, soon};
use super::perl::Perl;

/// [HS-20]: our node has both, Perl's one of them; whoever dials, it is answered with the secret that it has. Who has
/// neither is refused.
pub(crate) async fn a_perl_node_with_either_secret(framing: Framing) {
    log();
    let builder =
        Node::builder("test").without_file().node_id("rust").bind("127.0.0.1:0").framings(&[framing]);
    let node = builder.secret("n3w").old_secret("0ld").start().await.expect("starts");
    let mut port = node.port();
    for (name, secret) in [("late", "0ld"), ("early", "n3w")] {
        for perl_dials in [true, false] {
            let name = format!("{name}-{framing}-{perl_dials}");
            let mut perl = Perl::start_with(&name, framing, &[], &json!({"secret": secret})).await;
            if perl_dials {
                perl.ask(json!({"cmd": "dial", "address": node.addresses()[0].to_string()})).await;
            } else {
                let dialled = soon(node.dial(&perl.address.parse().expect("an address"))).await;
                assert_eq!(dialled.expect("meets").as_str(), name);
            }
            perl.up(node.id()).await;
            perl.ask(json!({"cmd": "snd", "to": port.id().as_str(), "msg": [name.as_str()]})).await;
            assert_eq!(next(&mut port).await, json!([name.as_str()]));
            perl.quiet(&["closed", "down"]).await;
            let told =
                log().lines().any(|line| line.contains(&name) && line.contains("still has the old secret"));
            assert_eq!(told, secret == "0ld", "{name}");
        }
    }
    let mut perl = Perl::start_with("neither", framing, &[], &json!({"secret": "0ther"})).await;
    perl.ask(json!({"cmd": "dial", "address": node.addresses()[0].to_string()})).await;
    perl.event("closed").await;
    let error = soon(node.dial(&perl.address.parse().expect("an address"))).await.expect_err("refused");
    assert!(error.to_string().contains("the secret of node neither differs"), "{error}");
}
