//! Becoming part of one network.

use mp_global::Global;
use mp_node::{DialError, Framing};
use serde_json::json;

use super::nodes::{id, log, member, next, node, seed, soon};
use super::perl::Perl;

/// [HS-02], [GL-06], [GL-07], [GL-19]: our node, an ordinary one so far, is made global by its first slave and serves it.
pub(crate) async fn perl_joins_our_seed(framing: Framing) {
    let node = node("seed", framing).await;
    let global = Global::builder(&node).global(false).start().expect("starts");
    let address = node.addresses()[0].to_string();
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    for (family, keys) in [("'l", json!(["pearl", "seed"])), ("'g", json!(["seed"])), ("none", json!([]))] {
        perl.ask(json!({"cmd": "db_query", "part": "keys", "family": family, "tag": family})).await;
        let mut result = perl.event_with("result", |told| told["tag"] == family).await["result"].take();
        result.as_array_mut().expect("a list").sort_by_key(ToString::to_string);
        assert_eq!(result, keys, "{family}");
    }
    perl.ask(json!({"cmd": "db_query", "part": "family", "family": "'l", "tag": "where"})).await;
    let result = perl.event_with("result", |told| told["tag"] == "where").await;
    assert_eq!(result["result"], json!({"pearl": [perl.address], "seed": [address]}));
    assert!(global.standing().is_global);
    assert_eq!(node.nodes(), [id("pearl")]);
    let state = perl.ask(json!({"cmd": "state"})).await;
    assert_eq!((&state["master"], &state["global"]), (&json!("seed"), &json!(0)));
    perl.quiet(&["down", "exception"]).await;
}

/// [GL-07], [GL-08]: a Perl node becomes global because we have it for a seed, and is our master.
pub(crate) async fn we_join_a_perl_seed(framing: Framing) {
    let mut perl = Perl::start("pearl", framing, &[]).await;
    let (node, global) = member("rust", framing, &[&perl.address]).await;
    assert_eq!(global.standing().master, Some(id("pearl")));
    perl.event("global").await;
    perl.up(node.id()).await;
    let mut keys = soon(global.family("'l").keys()).await.expect("answered");
    keys.sort();
    assert_eq!(keys.iter().map(|key| &**key).collect::<Vec<_>>(), ["pearl", "rust"]);
    assert_eq!(soon(global.family("none").entries()).await.expect("answered").len(), 0);
    perl.quiet(&["exception"]).await;
}

/// [GL-08], [GL-25]: Perl's node dials a seed of ours until that is back, and tells it all that it told the old one.
pub(crate) async fn a_restarted_seed_is_told_anew(framing: Framing) {
    let (node, global, address) = seed("seed", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    perl.ask(json!({"cmd": "db_set", "family": "f", "key": "k", "value": "v"})).await;
    node.shutdown().await;
    drop((node, global));
    perl.event_with("master", |told| told["node"].is_null()).await;

    let builder = mp_node::Node::builder("test").without_file().node_id("seed").secret(super::nodes::SECRET);
    let again = builder.framings(&[framing]).bind(&address).start().await.expect("starts");
    let global = Global::start(&again).expect("starts");
    let mut monitor = global.family("f").monitor().expect("room");
    perl.event_with("master", |told| told["node"] == "seed").await;
    let mut seen = Vec::new();
    while seen.is_empty() {
        let change = soon(monitor.next()).await.expect("the node lives");
        seen.extend(change.added);
    }
    assert_eq!(seen, [("k".into(), "v".into())]);
    let (mut port, at) = (again.port(), json!("seed"));
    perl.ask(json!({"cmd": "snd", "to": at, "msg": ["snd", port.id().as_str(), "hi"]})).await;
    assert_eq!(next(&mut port).await, json!(["hi"]));
}

/// [HS-11], [HS-17]: both close, whoever dials; ours says why.
pub(crate) async fn a_wrong_secret_is_refused_by_both(framing: Framing) {
    let name = format!("mallory-{framing}");
    let node = node("careful", framing).await;
    let mut perl = Perl::start_with(&name, framing, &[], &json!({"secret": "0ther"})).await;
    let ours = node.addresses()[0].to_string();
    perl.ask(json!({"cmd": "dial", "address": ours})).await;
    let closed = perl.event("closed").await;
    assert_eq!((&closed["peer"], &closed["greeted"]), (&json!("careful"), &json!(1)), "{closed}");

    let error = soon(node.dial(&perl.address.parse().expect("an address"))).await.expect_err("refused");
    assert!(matches!(error, DialError::Handshake { .. }), "{error}");
    assert!(error.is_permanent(), "{error}");
    assert!(error.to_string().contains("secret"), "{error}");
    perl.event("closed").await;
    perl.quiet(&["up"]).await;
    assert_eq!(node.nodes(), []);

    let log = log();
    for what in ["connection refused", &perl.address] {
        let said = log.lines().find(|line| line.contains(what) && line.contains(&name));
        let said = said.unwrap_or_else(|| panic!("nothing is said of {what} and {name}: {log}"));
        assert!(said.contains("secret"), "{said}");
    }
}
