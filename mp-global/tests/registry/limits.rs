//! Each limit of a registry: at the bound, and one past it `[GL-32]`.

use mp_global::{Excess, Output, Query, RegistryError};

use crate::support::{Node, node, value};

fn expelled(edge: &mut Node, excess: Excess) -> bool {
    edge.others().contains(&Output::Expel { node: node("slv"), excess })
}

/// [GL-32]
#[test]
fn a_slave_with_too_many_keys_is_expelled_and_not_heard() {
    let mut edge = Node::limited("edge", |limits| limits.keys = 3);
    edge.up("slv");
    edge.receive("slv", r#"["g_slave",{"fam":{"a":1,"b":1,"c":1}}]"#);
    edge.receive("slv", r#"["g_upd","fam",{"c":2}]"#);
    edge.registry.monitor("fam").expect("room");
    assert_eq!(edge.told(), ["fam +a +b +c"]);
    edge.receive("slv", r#"["g_upd","fam",{"d":1}]"#);
    assert!(expelled(&mut edge, Excess::Keys));
    assert_eq!(edge.told(), ["fam -a -b -c"]);
    edge.receive("slv", r#"["g_find","edge"]"#);
    edge.sends(&[]);

    edge.down("slv");
    edge.up("slv");
    edge.receive("slv", r#"["g_slave",{"fam":{"a":1}}]"#);
    assert_eq!(edge.told(), ["fam +a"]);
}

/// [GL-32]
#[test]
fn families_and_bytes_of_a_slave_are_bounded() {
    let mut edge = Node::limited("edge", |limits| limits.families = 2);
    edge.up("slv");
    edge.receive("slv", r#"["g_slave",{"a":{"k":1},"b":{"k":1}}]"#);
    assert!(!expelled(&mut edge, Excess::Families));
    edge.receive("slv", r#"["g_upd","c",{"k":1}]"#);
    assert!(expelled(&mut edge, Excess::Families));

    let mut edge = Node::limited("edge", |limits| limits.bytes = 1000);
    edge.up("slv");
    let update = |len: usize| format!("[\"g_upd\",\"fam\",{{\"k\":\"{}\"}}]", "x".repeat(len));
    edge.receive("slv", &update(1000 - 1 - 64));
    assert!(!expelled(&mut edge, Excess::Bytes));
    edge.receive("slv", &update(1000 - 64));
    assert!(expelled(&mut edge, Excess::Bytes));
}

/// [GL-32]
#[test]
fn a_global_node_may_hold_more_but_not_all() {
    let mut edge = Node::limited("edge", |limits| {
        limits.keys = 1;
        limits.global_keys = 3;
    });
    edge.up("slv");
    edge.receive("slv", r#"["g_global"]"#);
    edge.receive("slv", r#"["g_set",{"fam":{"a":1,"b":1,"c":1}}]"#);
    edge.receive("slv", r#"["g_set",{"fam":{"d":1,"e":1,"f":1}}]"#);
    assert!(!expelled(&mut edge, Excess::Keys));
    edge.receive("slv", r#"["g_upd","fam",{"g":1},[]]"#);
    assert!(expelled(&mut edge, Excess::Keys));
    assert_eq!(edge.registry.globals(), [node("edge")]);
}

/// [GL-32]
#[test]
fn monitors_are_bounded() {
    let mut edge = Node::limited("edge", |limits| limits.monitors = 2);
    edge.up("slv");
    for family in ["a", "b", "a"] {
        edge.receive("slv", &format!("[\"g_mon1\",\"{family}\"]"));
    }
    assert!(!expelled(&mut edge, Excess::Monitors));
    edge.receive("slv", r#"["g_mon0","a"]"#);
    edge.receive("slv", r#"["g_mon1","c"]"#);
    assert!(!expelled(&mut edge, Excess::Monitors));
    edge.receive("slv", r#"["g_mon1","d"]"#);
    assert!(expelled(&mut edge, Excess::Monitors));

    let first = edge.registry.monitor("a").expect("room");
    edge.registry.monitor("a").expect("room");
    assert_eq!(edge.registry.monitor("a"), Err(RegistryError::Full(Excess::Monitors)));
    edge.registry.unmonitor(first);
    edge.registry.monitor("a").expect("room again");
}

/// [GL-32]
#[test]
fn questions_are_bounded() {
    let mut alice = Node::with("alice", "10.0.0.1:1", |config| config.limits.questions = 1);
    let full = Err(RegistryError::Full(Excess::Questions));
    let query = alice.registry.query(Query::Keys, "fam").expect("room");
    assert_eq!(alice.registry.query(Query::Keys, "fam").map(|_| ()), full);
    alice.registry.cancel_query(query);
    alice.registry.query(Query::Keys, "fam").expect("room again");

    alice.registry.find(&node("bob")).expect("room");
    alice.registry.find(&node("bob")).expect("the same search");
    assert_eq!(alice.registry.find(&node("eve")), full);
    alice.registry.cancel_find(&node("bob"));
    alice.registry.find(&node("eve")).expect("room again");
}

/// [GL-32]
#[test]
fn our_own_keys_are_bounded_too() {
    let mut alice = Node::with("alice", "10.0.0.1:1", |config| config.limits.keys = 3);
    alice.set("fam", "a", "1");
    alice.set("fam", "b", "1");
    let full = Err(RegistryError::Full(Excess::Keys));
    assert_eq!(alice.registry.set("fam", "c", value("1")), full, "our address is a key as well");
    alice.set("fam", "b", "2");
    alice.registry.delete("fam", "a");
    alice.set("fam", "c", "1");
}

/// [GL-32]: a master that reports without end is given up for another one.
#[test]
fn what_a_master_reports_is_bounded() {
    let mut alice = Node::with("alice", "10.0.0.1:1", |config| config.limits.global_keys = 2);
    alice.seed_up("slv");
    alice.seed_up("seed2");
    alice.registry.monitor("fam").expect("room");
    alice.receive("slv", r#"["g_chg1","fam",{"a":1,"b":1}]"#);
    alice.receive("slv", r#"["g_chg2","fam",{"c":1},["a"]]"#);
    assert!(!expelled(&mut alice, Excess::Keys));
    alice.receive("slv", r#"["g_chg2","fam",{"d":1},[]]"#);
    assert!(expelled(&mut alice, Excess::Keys));
    assert_eq!(alice.registry.master(), Some(&node("seed2")));
}
