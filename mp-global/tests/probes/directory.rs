//! Groups edge4 and edge5: the database of a global node, as one slave sees it.

use serde_json::{Value as Json, json};

use super::raw::{Edge, Raw};

/// What a global node answers to the last of these lines, when a slave has sent the others before.
async fn answers(lines: &[&str]) -> Vec<Json> {
    let edge = Edge::start(true).await;
    let mut raw = Raw::join(&edge, "slv", "json").await;
    assert_eq!(
        raw.alive().await,
        Some(vec![json!(["", "g_global"])]),
        "connect to a global node: first frames"
    );
    let mut answers = Vec::new();
    for line in [r#"["","g_slave",{"'l":{"slv":["127.0.0.1:9"]},"fam":{"k":"v"}}]"#].iter().chain(lines) {
        answers = raw.answers(&line.replace("EDGE", &edge.address())).await;
    }
    assert!(edge.global.standing().is_global);
    answers
}

macro_rules! answers {
    ($($name:ident: [$($line:literal),*] => [$($answers:tt)*];)*) => {
        $(#[tokio::test]
        async fn $name() {
            let expected: Vec<Json> = serde_json::from_value(json!([$($answers)*])).expect("a list");
            assert_eq!(answers(&[$($line),*]).await, expected);
        })*
    };
}

// [GL-01], [GL-03], [GL-04], [GL-11], [GL-13], [GL-19], [GL-20]
answers! {
    g_slave_without_args: [r#"["","g_slave"]"#] => [];
    g_slave_with_db: [] => [];
    g_find_slave_and_unknown: [r#"["","g_find","slv"]["","g_find","nope"]"#] =>
        [["", "g_found", "slv", ["127.0.0.1:9"]], ["", "g_found", "nope", null]];
    g_mon1_existing_and_nonexisting: [r#"["","g_mon1","fam"]["","g_mon1","empty"]"#] =>
        [["", "g_chg1", "fam", {"k": "v"}], ["", "g_chg1", "empty", null]];
    g_upd_set: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",{"k2":[1,{"a":null}]}]"#] =>
        [["", "g_chg2", "fam", {"k2": [1, {"a": null}]}, []]];
    g_upd_change: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",{"k":"v3"}]"#] =>
        [["", "g_chg2", "fam", {"k": "v3"}, []]];
    g_upd_same_value_again: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",{"k":"v"}]"#] =>
        [["", "g_chg2", "fam", {"k": "v"}, []]];
    g_upd_delete: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",null,["k"]]"#] => [["", "g_chg2", "fam", {}, ["k"]]];
    g_upd_delete_nonexistent: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",null,["nokey"]]"#] =>
        [["", "g_chg2", "fam", {}, ["nokey"]]];
    g_upd_set_and_delete: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",{"x":1},["k"]]"#] =>
        [["", "g_chg2", "fam", {"x": 1}, ["k"]]];
    g_upd_no_op: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam"]"#] => [];
    g_upd_set_undef: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",{"c":null}]"#] =>
        [["", "g_chg2", "fam", {"c": null}, []]];
    g_upd_with_array_instead_of_hash: [r#"["","g_mon1","fam"]"#, r#"["","g_upd","fam",[1,2]]"#] => [];
    g_slave_with_malformed_family: [r#"["","g_slave",{"fam":5}]"#] => [];
    g_slave_twice_is_merged: [r#"["","g_mon1","f"]"#, r#"["","g_slave",{"f":{"b":1}}]"#] =>
        [["", "g_chg2", "f", {"b": 1}, []]];
    g_db: [r#"["","g_db_family","none","id1"]["","g_db_keys","none","id2"]["","g_db_values","fam","id3"]"#] =>
        [["", "g_reply", "id1", {}], ["", "g_reply", "id2", []], ["", "g_reply", "id3", ["v"]]];
    g_mon0_then_g_upd: [r#"["","g_mon1","fam"]["","g_mon0","fam"]"#, r#"["","g_upd","fam",{"k":1}]"#] => [];
}

/// [GL-11], [GL-14], [GL-15], [GL-16]: `slv sees 'l change`, `conflicting key y`, `slv2 deletes its y`, `slv2 disconnects`.
#[tokio::test]
async fn what_others_do_is_told() {
    let edge = Edge::start(true).await;
    let mut slv = Raw::join(&edge, "slv", "json").await;
    let begin =
        r#"["","g_slave",{"'l":{"slv":["127.0.0.1:9"]},"fam":{"y":1}}]["","g_mon1","fam"]["","g_mon1","'l"]"#;
    assert_eq!(slv.answers(begin).await.len(), 3, "g_global, and what the families hold");
    let mut other = Raw::join(&edge, "slv2", "json").await;
    other.answers(r#"["","g_slave",{"'l":{"slv2":["127.0.0.1:10"]},"fam":{"y":2,"z":3}}]"#).await;
    let told = slv.alive().await.expect("it lives");
    let listens = json!(["", "g_chg2", "'l", {"slv2": ["127.0.0.1:10"]}, []]);
    assert_eq!(told, [listens, json!(["", "g_chg2", "fam", {"y": 2, "z": 3}, []])]);
    other.answers(r#"["","g_upd","fam",null,["y"]]"#).await;
    assert_eq!(slv.alive().await, Some(vec![json!(["", "g_chg2", "fam", {"y": 1}, []])]));
    let mut events = edge.node.events();
    drop(other);
    super::raw::soon(events.next()).await.expect("it is down");
    let told = slv.alive().await.expect("it lives");
    assert_eq!(told, [json!(["", "g_chg2", "'l", {}, ["slv2"]]), json!(["", "g_chg2", "fam", {}, ["z"]])]);
}

/// [GL-21], [GL-22], [GL-23]: `python global: on connect`, `after we send g_global`, `after our g_set`, and
/// `g_set without own 'l entry`, after which Perl tells all that the node listens at null.
#[tokio::test]
async fn another_global_node() {
    let edge = Edge::start(true).await;
    let mut raw = Raw::join(&edge, "pyglobal", "json").await;
    assert_eq!(raw.alive().await, Some(vec![json!(["", "g_global"])]));
    let told = raw.answers(r#"["","g_global"]"#).await;
    let address = edge.address();
    let set = json!({"'g": {"edge": null, "pyglobal": null}, "'l": {"edge": [address]}});
    assert_eq!(told, [json!(["", "g_upd", "'g", {"pyglobal": null}, []]), json!(["", "g_set", set])]);
    assert!(raw.answers(r#"["","g_set",{"fam":{"gk":"gv"}}]"#).await.is_empty(), "no address is told");
    let told = raw.answers(r#"["","g_set",{"'l":{"pyglobal":["127.0.0.1:11"]}}]"#).await;
    assert_eq!(told, [json!(["", "g_upd", "'l", {"pyglobal": ["127.0.0.1:11"]}, []])]);
    edge.global.family("own").set("k", "v").expect("room");
    assert_eq!(raw.alive().await, Some(vec![json!(["", "g_upd", "own", {"k": "v"}, []])]));
}
