//! Groups and families of a network of both kinds.

use mp_global::{Global, Key};
use mp_node::{Framing, Node, PortId, Text, Value};
use serde_json::{Value as Json, json};

use super::nodes::{has, id, member, next, seed, soon};
use super::perl::Perl;
use super::values::truth;

/// [GL-13], [GL-33]: two slaves of ours, one in Perl.
pub(crate) async fn members_find_one_another_through_our_seed(framing: Framing) {
    let (seed, global, address) = seed("seed", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    let (rust, at_rust) = member("rust", framing, &[&address]).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    meet(&mut perl, &rust, &at_rust).await;
    let port = seed.port();
    let _member = global.group("g").register(&port).expect("room");
    await_member(&mut perl, port.id()).await;
}

/// The same, where a Perl node is the seed.
pub(crate) async fn members_find_one_another_through_a_perl_seed(framing: Framing) {
    let seed = Perl::start("seed", framing, &[]).await;
    let mut perl = Perl::start("pearl", framing, &[&seed.address]).await;
    let (rust, at_rust) = member("rust", framing, &[&seed.address]).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    meet(&mut perl, &rust, &at_rust).await;
}

/// Each registers a port, sees the other's, and sends to it, for which it connects.
async fn meet(perl: &mut Perl, rust: &Node, at_rust: &Global) {
    let (mut ours, theirs) = (rust.port(), perl.port("report").await);
    let mut monitor = at_rust.group("g").monitor().expect("room");
    perl.ask(json!({"cmd": "db_mon", "family": "g"})).await;
    let _member = at_rust.group("g").register(&ours).expect("room");
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": theirs.as_str()})).await;
    has(&mut monitor, &[ours.id(), &theirs]).await;
    await_member(perl, ours.id()).await;
    let mut members = soon(at_rust.group("g").members()).await.expect("answered");
    members.sort();
    assert_eq!(members, monitor.members().iter().cloned().collect::<Vec<_>>());

    assert!(!rust.nodes().contains(&id("pearl")), "they know one another by name only");
    rust.send(&theirs, ("hello", ours.id())).await.expect("sent");
    assert_eq!(perl.message(&theirs).await, json!(["hello", ours.id().as_str()]));
    perl.ask(json!({"cmd": "snd", "to": ours.id().as_str(), "msg": ["and", "back"]})).await;
    assert_eq!(next(&mut ours).await, json!(["and", "back"]));
    assert!(rust.nodes().contains(&id("pearl")));

    perl.ask(json!({"cmd": "kil", "port": theirs.as_str()})).await;
    has(&mut monitor, &[ours.id()]).await;
    drop(ours);
    perl.event_with("chg", |told| told["all"].as_object().is_some_and(serde_json::Map::is_empty)).await;
    perl.quiet(&["exception", "warning"]).await;
}

/// Waits until Perl sees a port in the group.
async fn await_member(perl: &mut Perl, port: &PortId) {
    perl.event_with("chg", |told| told["all"].get(port.as_str()).is_some()).await;
}

/// [GL-10], [GL-11], [GL-12], [GL-14], [GL-15]: values, changes, deletions, and keys that several own.
pub(crate) async fn a_family_is_the_same_on_both_sides(framing: Framing) {
    let (_seed, at_seed, address) = seed("seed", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    let (_rust, at_rust) = member("rust", framing, &[&address]).await;
    let family = at_rust.family("fam");
    family.set("ours", "here").expect("room");
    perl.event_with("master", |told| told["node"] == "seed").await;
    perl.ask(json!({"cmd": "db_set", "family": "fam", "key": "k1", "value": [1, "two"]})).await;
    perl.ask(json!({"cmd": "db_set", "family": "fam", "key": "k2", "value": null})).await;
    perl.ask(json!({"cmd": "db_mon", "family": "fam"})).await;
    reach(&mut perl, json!({"ours": "here", "k1": [1, "two"], "k2": null})).await;
    settle(
        &at_rust,
        &[("k1", Value::List(vec![1.into(), "two".into()])), ("k2", Value::Null), ("ours", "here".into())],
    )
    .await;

    perl.ask(json!({"cmd": "db_set", "family": "fam", "key": "k1", "value": "new"})).await;
    perl.ask(json!({"cmd": "db_del", "family": "fam", "keys": ["k2", "nokey"]})).await;
    settle(&at_rust, &[("k1", "new".into()), ("ours", "here".into())]).await;
    at_seed.family("fam").set("k1", "the seed's").expect("room");
    family.set("ours", nested()).expect("room");
    let nested = json!({"a": [null, truth(framing, true)]});
    reach(&mut perl, json!({"k1": "the seed's", "ours": nested})).await;
    at_seed.family("fam").delete("k1");
    reach(&mut perl, json!({"k1": "new", "ours": nested})).await;
    family.delete("ours");
    perl.ask(json!({"cmd": "db_del", "family": "fam", "keys": ["k1"]})).await;
    reach(&mut perl, json!({})).await;
    settle(&at_rust, &[]).await;
    for (part, result) in [("family", json!({})), ("keys", json!([])), ("values", json!([]))] {
        perl.ask(json!({"cmd": "db_query", "part": part, "family": "fam", "tag": part})).await;
        assert_eq!(perl.event("result").await["result"], result);
    }
}

/// A value with a map, a list, null and a truth value in it.
fn nested() -> Value {
    Value::Map([(Text::from("a"), Value::List(vec![Value::Null, Value::Bool(true)]))].into_iter().collect())
}

/// Waits until Perl's monitor shows this.
async fn reach(perl: &mut Perl, expected: Json) {
    perl.event_with("chg", |told| told["all"] == expected).await;
}

/// Waits until our node sees exactly these entries.
async fn settle(global: &Global, expected: &[(&str, Value)]) {
    let mut monitor = global.family("fam").monitor().expect("room");
    let mut seen = std::collections::BTreeMap::new();
    let reach = async {
        loop {
            let same = seen.iter().map(|(key, value): (&Key, &Value)| (&**key, value));
            if same.eq(expected.iter().map(|(key, value)| (*key, value))) {
                return;
            }
            let change = monitor.next().await.expect("the node lives");
            seen.extend(change.added);
            seen.extend(change.changed);
            change.deleted.iter().for_each(|key| drop(seen.remove(key)));
        }
    };
    let reached = tokio::time::timeout(super::perl::PATIENCE, reach).await;
    assert!(reached.is_ok(), "{seen:?} is not {expected:?}");
    assert_eq!(soon(global.family("fam").entries()).await.expect("answered"), seen);
}

/// [GL-16]: a Perl process that is killed, and a node of ours that is dropped, with either kind of seed.
pub(crate) async fn what_a_node_registered_goes_with_it(framing: Framing) {
    let ours = seed("seed", framing).await;
    vanish(framing, &ours.2).await;
    let theirs = Perl::start("seed", framing, &[]).await;
    vanish(framing, &theirs.address).await;
}

async fn vanish(framing: Framing, seed: &str) {
    let (_watcher, at_watcher) = member("watcher", framing, &[seed]).await;
    let mut monitor = at_watcher.group("g").monitor().expect("room");
    let mut doomed = Perl::start("doomed", framing, &[seed]).await;
    let mut perl = Perl::start("pearl", framing, &[seed]).await;
    perl.ask(json!({"cmd": "db_mon", "family": "g"})).await;
    let port = doomed.port("report").await;
    doomed.ask(json!({"cmd": "db_reg", "family": "g", "port": port.as_str()})).await;
    let (rust, at_rust) = member("rust", framing, &[seed]).await;
    let own = rust.port();
    at_rust.group("g").register(&own).expect("room").detach();
    has(&mut monitor, &[&port, own.id()]).await;
    perl.event_with("chg", |told| told["all"].as_object().is_some_and(|all| all.len() == 2)).await;

    doomed.kill();
    has(&mut monitor, &[own.id()]).await;
    perl.event_with("chg", |told| told["deleted"] == json!([port.as_str()])).await;
    let id = own.id().clone();
    drop((at_rust, rust));
    has(&mut monitor, &[]).await;
    perl.event_with("chg", |told| told["deleted"] == json!([id.as_str()])).await;
}
