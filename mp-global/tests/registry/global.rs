//! Transcripts of a global node; most repeat what was observed of a Perl one.

use mp_global::{Answer, Output, Query};

use crate::support::{Node, node};

const SLAVE: &str = r#"["g_slave",{"'l":{"slv":["10.0.0.9:9"]},"fam":{"k":"v"}}]"#;

/// The global node `edge` with the slave `slv`, which monitors `fam`.
fn edge() -> Node {
    let mut edge = Node::global("edge", "10.0.0.1:1");
    edge.up("slv");
    edge.sends(&["slv: [\"g_global\"]"]);
    edge.receive("slv", r#"["g_slave"]"#);
    edge.sends(&[]);
    edge.receive("slv", SLAVE);
    edge.sends(&[]);
    edge.receive("slv", r#"["g_mon1","fam"]"#);
    edge.sends(&["slv: [\"g_chg1\",\"fam\",{\"k\":\"v\"}]"]);
    edge
}

/// `edge` and the other global node `peer`.
fn mesh() -> Node {
    let mut edge = edge();
    edge.up("peer");
    edge.receive("peer", r#"["g_global"]"#);
    edge.receive(
        "peer",
        r#"["g_set",{"'l":{"peer":["10.0.0.2:1"],"far":["10.0.0.3:1"]},"'g":{"peer":null}}]"#,
    );
    drop(edge.sent());
    edge.others.clear();
    edge
}

/// [GL-19]
#[test]
fn every_node_is_told_that_we_are_global() {
    let mut edge = Node::global("edge", "10.0.0.1:1");
    edge.up("a");
    edge.sends(&["a: [\"g_global\"]"]);
    edge.seed_up("b");
    edge.sends(&["b: [\"g_global\"]", "b: [\"g_slave\"]"]);
    edge.up("edge");
    edge.sends(&[]);
}

/// [GL-13]
#[test]
fn questions_are_answered_from_what_all_hold() {
    let mut edge = edge();
    for (question, answer) in [
        (r#"["g_find","slv"]"#, r#"slv: ["g_found","slv",["10.0.0.9:9"]]"#),
        (r#"["g_find","nope"]"#, r#"slv: ["g_found","nope",null]"#),
        (r#"["g_find","edge"]"#, r#"slv: ["g_found","edge",["10.0.0.1:1"]]"#),
        (r#"["g_db_family","fam","x"]"#, r#"slv: ["g_reply","x",{"k":"v"}]"#),
        (r#"["g_db_keys","fam",5]"#, r#"slv: ["g_reply",5,["k"]]"#),
        (r#"["g_db_values","fam","x"]"#, r#"slv: ["g_reply","x",["v"]]"#),
        (r#"["g_db_family","no","x"]"#, r#"slv: ["g_reply","x",{}]"#),
        (r#"["g_db_keys","no","x"]"#, r#"slv: ["g_reply","x",[]]"#),
        (r#"["g_db_keys","'g","x"]"#, r#"slv: ["g_reply","x",["edge"]]"#),
        (r#"["g_mon1","empty"]"#, r#"slv: ["g_chg1","empty",null]"#),
    ] {
        edge.receive("slv", question);
        edge.sends(&[answer]);
    }
    let query = edge.registry.query(Query::Keys, "'g").expect("room");
    let answer = Answer::Keys(vec!["edge".into()]);
    assert_eq!(edge.others(), [Output::Reply { query, answer }]);
}

/// [GL-11]
#[test]
fn a_slave_is_told_what_became_of_its_own_updates() {
    let mut edge = edge();
    for (update, change) in [
        (r#"["g_upd","fam",{"k2":[1,{"a":null}]}]"#, r#"slv: ["g_chg2","fam",{"k2":[1,{"a":null}]},[]]"#),
        (r#"["g_upd","fam",{"k2":"v3"}]"#, r#"slv: ["g_chg2","fam",{"k2":"v3"},[]]"#),
        (r#"["g_upd","fam",{"k2":"v3"}]"#, r#"slv: ["g_chg2","fam",{"k2":"v3"},[]]"#),
        (r#"["g_upd","fam",null,["k2"]]"#, r#"slv: ["g_chg2","fam",{},["k2"]]"#),
        (r#"["g_upd","fam",null,["nokey"]]"#, r#"slv: ["g_chg2","fam",{},["nokey"]]"#),
        (r#"["g_upd","fam",{"x":1},["k"]]"#, r#"slv: ["g_chg2","fam",{"x":1},["k"]]"#),
    ] {
        edge.receive("slv", update);
        edge.sends(&[change]);
    }
    edge.receive("slv", r#"["g_upd","fam",{},[]]"#);
    edge.receive("slv", r#"["g_upd","fam"]"#);
    edge.receive("slv", r#"["g_mon0","fam"]"#);
    edge.receive("slv", r#"["g_upd","fam",null,["x"]]"#);
    edge.sends(&[]);
}

/// [GL-14], [GL-15]
#[test]
fn a_deleted_key_keeps_another_owners_value() {
    let mut edge = edge();
    edge.up("slv2");
    edge.receive("slv2", r#"["g_slave",{"fam":{"k":2,"z":3}}]"#);
    edge.receive("slv2", r#"["g_upd","fam",null,["k"]]"#);
    edge.sends(&[
        "slv2: [\"g_global\"]",
        "slv: [\"g_chg2\",\"fam\",{\"k\":2,\"z\":3},[]]",
        "slv: [\"g_chg2\",\"fam\",{\"k\":\"v\"},[]]",
    ]);
    edge.down("slv2");
    edge.sends(&["slv: [\"g_chg2\",\"fam\",{},[\"z\"]]"]);
}

/// [GL-16]
#[test]
fn with_a_node_goes_all_that_it_held_and_asked_for() {
    let mut edge = mesh();
    edge.registry.monitor("fam").expect("room");
    edge.down("slv");
    edge.sends(&["peer: [\"g_upd\",\"'l\",{},[\"slv\"]]", "peer: [\"g_upd\",\"fam\",{},[\"k\"]]"]);
    assert_eq!(edge.told(), ["fam +k", "fam -k"]);
    edge.set("fam", "own", "1");
    edge.sends(&["peer: [\"g_upd\",\"fam\",{\"own\":1},[]]"]);
    edge.down("peer");
    edge.sends(&[]);
    assert_eq!(edge.others(), [Output::Release(node("peer"))]);
    edge.registry.find(&node("far")).expect("room");
    edge.registry.find(&node("peer")).expect("room");
    let unknown = |name| Output::Found { node: node(name), addresses: None };
    assert_eq!(edge.others(), [unknown("far"), unknown("peer")]);
}

/// [GL-18]
#[test]
fn a_node_that_never_called_us_master_is_seen_by_us_and_our_slaves_alone() {
    let mut edge = mesh();
    edge.up("guest");
    edge.receive("guest", r#"["g_upd","fam",{"k":"guest","r":1}]"#);
    edge.sends(&["guest: [\"g_global\"]", "slv: [\"g_chg2\",\"fam\",{\"r\":1},[]]"]);
    edge.receive("guest", r#"["g_find","guest"]"#);
    edge.sends(&["guest: [\"g_found\",\"guest\",null]"]);

    // as a slave it counts
    edge.receive("guest", r#"["g_slave",{"'l":{"guest":["10.0.0.7:7"]}}]"#);
    edge.sends(&[
        "peer: [\"g_upd\",\"fam\",{\"k\":\"guest\",\"r\":1},[]]",
        "peer: [\"g_upd\",\"'l\",{\"guest\":[\"10.0.0.7:7\"]},[]]",
        "slv: [\"g_chg2\",\"fam\",{\"k\":\"guest\"},[]]",
    ]);
    edge.down("guest");
    edge.sends(&[
        "peer: [\"g_upd\",\"'l\",{},[\"guest\"]]",
        "peer: [\"g_upd\",\"fam\",{\"k\":\"v\"},[\"r\"]]",
        "slv: [\"g_chg2\",\"fam\",{\"k\":\"v\"},[\"r\"]]",
    ]);
}

/// [GL-20]
#[test]
fn a_second_g_slave_adds_to_the_first() {
    let mut edge = edge();
    edge.receive("slv", r#"["g_slave",{"'l":{"slv":["1.2.3.4:6"]},"fam":{"b":1}}]"#);
    edge.sends(&["slv: [\"g_chg2\",\"fam\",{\"b\":1},[]]"]);
    edge.receive("slv", r#"["g_db_family","fam",1]"#);
    edge.receive("slv", r#"["g_find","slv"]"#);
    edge.sends(&["slv: [\"g_reply\",1,{\"b\":1,\"k\":\"v\"}]", "slv: [\"g_found\",\"slv\",[\"1.2.3.4:6\"]]"]);
}

/// [GL-19], [GL-21], [GL-22], [GL-23], [GL-24]
#[test]
fn two_global_nodes_tell_each_other_all_they_have() {
    let mut edge = edge();
    edge.receive("slv", r#"["g_mon1","'l"]"#);
    drop(edge.sent());
    edge.up("peer");
    edge.receive("peer", r#"["g_global"]"#);
    edge.sends(&[
        "peer: [\"g_global\"]",
        "peer: [\"g_upd\",\"'g\",{\"peer\":null},[]]",
        "peer: [\"g_set\",{\"'g\":{\"edge\":null,\"peer\":null},\"'l\":{\"edge\":[\"10.0.0.1:1\"],\"slv\":[\"10.0.0.9:9\"]},\"fam\":{\"k\":\"v\"}}]",
    ]);
    edge.receive(
        "peer",
        r#"["g_set",{"'g":{"peer":null},"'l":{"peer":["10.0.0.2:1"],"far":["10.0.0.3:1"]},"fam":{"gk":"gv"}}]"#,
    );
    edge.sends(&[
        "slv: [\"g_chg2\",\"'l\",{\"far\":[\"10.0.0.3:1\"],\"peer\":[\"10.0.0.2:1\"]},[]]",
        "slv: [\"g_chg2\",\"fam\",{\"gk\":\"gv\"},[]]",
        "peer: [\"g_upd\",\"'l\",{\"peer\":[\"10.0.0.2:1\"]},[]]",
    ]);
    let connect = |addresses: &[&str]| Output::Connect {
        node: node("peer"),
        addresses: addresses.iter().map(|&a| a.into()).collect(),
    };
    assert_eq!(edge.others(), [connect(&[]), connect(&["10.0.0.2:1"])]);

    // a second g_global changes nothing, a second g_set replaces the first
    edge.receive("peer", r#"["g_global"]"#);
    assert_eq!(edge.sent().len(), 1);
    edge.receive("peer", r#"["g_set",{"'g":{"peer":null},"'l":{"peer":["10.0.0.2:1"]},"fam":{"g2":1}}]"#);
    edge.sends(&["slv: [\"g_chg2\",\"'l\",{},[\"far\"]]", "slv: [\"g_chg2\",\"fam\",{\"g2\":1},[\"gk\"]]"]);
}

/// [GL-23]: Perl takes null for the address here, and hands it on.
#[test]
fn a_global_node_that_does_not_say_where_it_listens_has_no_address() {
    let mut edge = edge();
    edge.up("odd");
    edge.receive("odd", r#"["g_global"]"#);
    drop(edge.sent());
    edge.receive("odd", r#"["g_set",{"'g":{"odd":null}}]"#);
    edge.receive("slv", r#"["g_find","odd"]"#);
    edge.sends(&["slv: [\"g_found\",\"odd\",null]"]);
}

/// [GL-14]
#[test]
fn changes_go_one_hop_between_global_nodes() {
    let mut edge = mesh();
    edge.up("third");
    edge.receive("third", r#"["g_global"]"#);
    drop(edge.sent());
    edge.receive("slv", r#"["g_upd","fam",{"fromslave":1}]"#);
    edge.sends(&[
        "peer: [\"g_upd\",\"fam\",{\"fromslave\":1},[]]",
        "third: [\"g_upd\",\"fam\",{\"fromslave\":1},[]]",
        "slv: [\"g_chg2\",\"fam\",{\"fromslave\":1},[]]",
    ]);
    edge.receive("peer", r#"["g_upd","fam",{"theirs":1},[]]"#);
    edge.sends(&["slv: [\"g_chg2\",\"fam\",{\"theirs\":1},[]]"]);
}

/// [GL-15]: `edge` is smaller than `peer`, `aaa` is smaller still.
#[test]
fn the_smallest_global_nodes_word_is_taken_everywhere() {
    let mut edge = mesh();
    edge.receive("peer", r#"["g_upd","fam",{"x":"peer"},[]]"#);
    edge.receive("slv", r#"["g_upd","fam",{"x":"slave"}]"#);
    edge.sends(&[
        "slv: [\"g_chg2\",\"fam\",{\"x\":\"peer\"},[]]",
        "peer: [\"g_upd\",\"fam\",{\"x\":\"slave\"},[]]",
        "slv: [\"g_chg2\",\"fam\",{\"x\":\"slave\"},[]]",
    ]);
    edge.receive("peer", r#"["g_upd","fam",{"x":"again"},[]]"#);
    edge.sends(&[]);
    edge.receive("slv", r#"["g_upd","fam",null,["x"]]"#);
    edge.sends(&["peer: [\"g_upd\",\"fam\",{},[\"x\"]]", "slv: [\"g_chg2\",\"fam\",{\"x\":\"again\"},[]]"]);
    edge.up("aaa");
    edge.receive("aaa", r#"["g_global"]"#);
    drop(edge.sent());
    edge.receive("aaa", r#"["g_upd","fam",{"k":"first"},[]]"#);
    edge.sends(&["slv: [\"g_chg2\",\"fam\",{\"k\":\"first\"},[]]"]);
    edge.receive("slv", r#"["g_upd","fam",{"k":"mine"}]"#);
    edge.sends(&[
        "aaa: [\"g_upd\",\"fam\",{\"k\":\"mine\"},[]]",
        "peer: [\"g_upd\",\"fam\",{\"k\":\"mine\"},[]]",
        "slv: [\"g_chg2\",\"fam\",{\"k\":\"first\"},[]]",
    ]);
}

/// [GL-24]
#[test]
fn global_nodes_that_others_know_are_to_be_connected_to() {
    let mut edge = mesh();
    edge.receive("peer", r#"["g_upd","'g",{"third":null},[]]"#);
    edge.receive("peer", r#"["g_upd","'l",{"third":["10.0.0.4:1"]},[]]"#);
    edge.receive("peer", r#"["g_upd","'g",{"not a node":null},[]]"#);
    edge.receive("peer", r#"["g_upd","'g",{"edge":null},[]]"#);
    let connect = |addresses: &[&str]| Output::Connect {
        node: node("third"),
        addresses: addresses.iter().map(|&a| a.into()).collect(),
    };
    assert_eq!(edge.others(), [connect(&[]), connect(&["10.0.0.4:1"])]);
    assert_eq!(edge.registry.globals(), [node("edge"), node("peer"), node("third")]);
    edge.receive("peer", r#"["g_upd","'g",{},["third"]]"#);
    assert_eq!(edge.others(), [Output::Release(node("third"))]);
}

/// [GL-16]: a request that arrives after its node is gone has no effect.
#[test]
fn who_is_not_up_is_not_heard() {
    let mut edge = mesh();
    edge.down("slv");
    drop(edge.sent());
    edge.receive("slv", SLAVE);
    edge.receive("slv", r#"["g_find","edge"]"#);
    edge.receive("ghost", r#"["g_global"]"#);
    edge.receive("edge", r#"["g_global"]"#);
    edge.sends(&[]);
}
