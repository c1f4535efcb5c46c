//! Transcripts of an ordinary node.

use mp_global::{Answer, Output, Query, RegistryError};

use crate::support::{Node, node, value};

/// A slave with a master, and nothing to say.
fn joined() -> Node {
    let mut alice = Node::slave("alice", "10.0.0.1:1");
    alice.seed_up("seed");
    alice.sends(&["seed: [\"g_slave\"]", "seed: [\"g_slave\",{\"'l\":{\"alice\":[\"10.0.0.1:1\"]}}]"]);
    alice
}

/// [GL-07]
#[test]
fn the_first_seed_becomes_master_and_every_seed_is_asked_to_be_global() {
    let mut alice = Node::slave("alice", "10.0.0.1:1");
    alice.up("bob");
    alice.sends(&[]);
    alice.set("fam", "k", "1");
    alice.seed_up("seed");
    assert_eq!(
        alice.sent(),
        [
            "seed: [\"g_slave\"]",
            "seed: [\"g_slave\",{\"'l\":{\"alice\":[\"10.0.0.1:1\"]},\"fam\":{\"k\":1}}]"
        ]
    );
    alice.seed_up("seed2");
    alice.sends(&["seed2: [\"g_slave\"]"]);
    assert_eq!(alice.registry.master(), Some(&node("seed")));
}

/// [GL-07]: a node that dialled us before our own dial told us that it is a seed.
#[test]
fn a_connected_node_that_turns_out_to_be_a_seed_becomes_master() {
    let mut alice = Node::slave("alice", "10.0.0.1:1");
    alice.up("seed");
    alice.sends(&[]);
    alice.seed_up("seed");
    assert_eq!(alice.sent().len(), 2);
    alice.seed_up("seed");
    alice.sends(&[]);
    assert_eq!(alice.registry.master(), Some(&node("seed")));
}

/// [RL-06]: a master of another kind does not relay, so it is not the only one that is asked.
#[test]
fn a_slave_has_all_the_global_nodes_that_it_knows_for_relays() {
    let mut alice = joined();
    assert_eq!(alice.registry.relays_to(&node("bob")), [node("seed")]);
    alice.up("carol");
    alice.up("dave");
    alice.receive("carol", r#"["g_global"]"#);
    assert_eq!(alice.registry.relays_to(&node("bob")), [node("seed"), node("carol")]);
    assert_eq!(alice.registry.relays_to(&node("carol")), [node("seed")]);
    alice.down("carol");
    assert_eq!(alice.registry.relays_to(&node("bob")), [node("seed")]);
}

/// [GL-08]
#[test]
fn a_new_master_is_told_everything_and_asked_again() {
    let mut alice = joined();
    alice.seed_up("other");
    alice.set("fam", "mine", "1");
    let monitor = alice.registry.monitor("fam").expect("room");
    let second = alice.registry.monitor("fam").expect("room");
    let query = alice.registry.query(Query::Keys, "fam").expect("room");
    alice.registry.find(&node("bob")).expect("room");
    alice.registry.find(&node("bob")).expect("room");
    alice.sends(&[
        "other: [\"g_slave\"]",
        "seed: [\"g_upd\",\"fam\",{\"mine\":1}]",
        "seed: [\"g_mon1\",\"fam\"]",
        "seed: [\"g_db_keys\",\"fam\",\"1\"]",
        "seed: [\"g_find\",\"bob\"]",
    ]);

    alice.down("seed");
    alice.sends(&[
        "other: [\"g_slave\",{\"'l\":{\"alice\":[\"10.0.0.1:1\"]},\"fam\":{\"mine\":1}}]",
        "other: [\"g_mon1\",\"fam\"]",
        "other: [\"g_db_keys\",\"fam\",\"1\"]",
        "other: [\"g_find\",\"bob\"]",
    ]);
    alice.receive("other", r#"["g_reply",1,["mine",2]]"#);
    alice.receive("other", r#"["g_found","bob",["10.0.0.2:1"]]"#);
    let answer = Answer::Keys(vec!["mine".into(), "2".into()]);
    let addresses = Some(vec!["10.0.0.2:1".to_owned()]);
    assert_eq!(
        alice.others(),
        [Output::Reply { query, answer }, Output::Found { node: node("bob"), addresses }]
    );

    // what is answered is not asked again, and what nobody monitors any more is not monitored again
    alice.registry.unmonitor(monitor);
    alice.sends(&[]);
    alice.down("other");
    alice.registry.unmonitor(second);
    alice.seed_up("seed");
    alice.sends(&[
        "seed: [\"g_slave\"]",
        "seed: [\"g_slave\",{\"'l\":{\"alice\":[\"10.0.0.1:1\"]},\"fam\":{\"mine\":1}}]",
    ]);
}

/// [GL-09]
#[test]
fn only_the_master_is_believed() {
    let mut alice = joined();
    alice.up("mallory");
    alice.registry.monitor("fam").expect("room");
    alice.registry.find(&node("bob")).expect("room");
    alice.registry.query(Query::Family, "fam").expect("room");
    assert_eq!(alice.told(), ["fam?"]);
    for json in [
        r#"["g_chg1","fam",{"evil":1}]"#,
        r#"["g_chg2","fam",{"evil":1},[]]"#,
        r#"["g_found","bob",["6.6.6.6:6"]]"#,
        r#"["g_reply","1",{"evil":1}]"#,
    ] {
        alice.receive("mallory", json);
    }
    // nor is an answer that does not fit its question
    alice.receive("seed", r#"["g_reply","1",["a list"]]"#);
    alice.receive("seed", r#"["g_reply","7",{}]"#);
    assert_eq!(alice.told(), [""; 0]);
    assert_eq!(alice.others(), []);
}

/// [GL-12]
#[test]
fn a_family_is_monitored_once_however_many_monitors_it_has() {
    let mut alice = joined();
    let first = alice.registry.monitor("fam").expect("room");
    let second = alice.registry.monitor("fam").expect("room");
    alice.sends(&["seed: [\"g_mon1\",\"fam\"]"]);
    alice.receive("seed", r#"["g_chg1","fam",{"a":1}]"#);
    assert_eq!(alice.told(), ["fam?", "fam?", "fam +a", "fam +a"]);
    alice.receive("seed", r#"["g_chg2","fam",{"a":2,"b":3},["q"]]"#);
    assert_eq!(alice.told(), ["fam +b ~a", "fam +b ~a"]);
    alice.registry.unmonitor(first);
    alice.sends(&[]);
    alice.registry.unmonitor(second);
    alice.registry.unmonitor(second);
    alice.sends(&["seed: [\"g_mon0\",\"fam\"]"]);
    alice.receive("seed", r#"["g_chg2","fam",{"late":1},[]]"#);
    assert_eq!(alice.told(), [""; 0]);
}

/// [GL-12]: as observed of a Perl node.
#[test]
fn a_whole_family_is_compared_with_what_was_known() {
    let mut alice = joined();
    alice.registry.monitor("fam").expect("room");
    alice.receive("seed", r#"["g_chg1","fam",{"a":1}]"#);
    alice.receive("seed", r#"["g_chg2","fam",{"a":2,"c":3},["q"]]"#);
    alice.receive("seed", r#"["g_chg2","fam",{"a":2},["nokey"]]"#);
    alice.receive("seed", r#"["g_chg1","fam",null]"#);
    assert_eq!(alice.told(), ["fam?", "fam +a", "fam +c ~a", "fam -a -c"]);
}

/// [GL-12]: the first word of a master is told even if there is nothing in it, and again after a change of masters.
#[test]
fn that_a_master_vouches_for_a_family_is_news() {
    let mut alice = joined();
    alice.registry.monitor("none").expect("room");
    alice.receive("seed", r#"["g_chg1","none",null]"#);
    alice.receive("seed", r#"["g_chg1","none",null]"#);
    assert_eq!(alice.told(), ["none?", "none"]);
    alice.down("seed");
    alice.seed_up("seed");
    alice.receive("seed", r#"["g_chg1","none",null]"#);
    assert_eq!(alice.told(), ["none"]);
}

/// [GL-11]
#[test]
fn what_we_do_ourselves_our_monitors_see_at_once() {
    let mut alice = Node::slave("alice", "10.0.0.1:1");
    alice.set("fam", "old", "1");
    alice.registry.monitor("fam").expect("room");
    alice.set("fam", "k", "1");
    alice.registry.delete("fam", "old");
    assert_eq!(alice.told(), ["fam? +old", "fam? +k", "fam? -old"]);

    // the master has not heard of k2 yet when it answers: k2 stays
    alice.seed_up("seed");
    alice.set("fam", "k2", "2");
    alice.receive("seed", r#"["g_chg1","fam",{"k":1,"theirs":1}]"#);
    alice.receive("seed", r#"["g_chg2","fam",{"k2":2},[]]"#);
    assert_eq!(alice.told(), ["fam? +k2", "fam +theirs"]);

    // the master repeats that k2 was deleted, having not heard yet that it was set again
    alice.registry.delete("fam", "k2");
    alice.set("fam", "k2", "2");
    assert_eq!(alice.told(), ["fam -k2", "fam +k2"]);
    alice.receive("seed", r#"["g_chg2","fam",{},["k2"]]"#);
    assert_eq!(alice.told(), [""; 0]);

    // another's value wins
    alice.set("fam", "theirs", "2");
    alice.receive("seed", r#"["g_chg2","fam",{"theirs":1},[]]"#);
    assert_eq!(alice.told(), ["fam ~theirs", "fam ~theirs"]);
}

/// [GL-10]
#[test]
fn only_changes_are_sent() {
    let mut alice = joined();
    alice.set("fam", "k", "[1,\"two\"]");
    alice.set("fam", "k", "[1,\"two\"]");
    alice.set("fam", "n", "null");
    alice.registry.delete("fam", "nokey");
    alice.registry.delete("fam", "n");
    alice.registry.delete("fam", "n");
    assert_eq!(
        alice.sent(),
        [
            "seed: [\"g_upd\",\"fam\",{\"k\":[1,\"two\"]}]",
            "seed: [\"g_upd\",\"fam\",{\"n\":null}]",
            "seed: [\"g_upd\",\"fam\",null,[\"n\"]]",
        ]
    );
    assert_eq!(alice.registry.get_own("fam", "k"), Some(&value("[1,\"two\"]")));
}

/// [GL-02]
#[test]
fn the_registrys_own_families_are_not_the_applications() {
    let mut alice = joined();
    for family in ["'l", "'g", "'mine", ""] {
        assert_eq!(alice.registry.set(family, "k", value("1")), Err(RegistryError::Internal), "{family:?}");
    }
    alice.registry.delete("'l", "alice");
    alice.sends(&[]);
    alice.registry.monitor("'l").expect("may be looked at");
}

/// [GL-13]
#[test]
fn answers_to_questions_about_a_missing_family_are_empty() {
    let mut alice = Node::slave("alice", "10.0.0.1:1");
    let parts = [Query::Family, Query::Keys, Query::Values];
    let queries = parts.map(|part| alice.registry.query(part, "nofam").expect("room"));
    let cancelled = alice.registry.query(Query::Keys, "fam").expect("room");
    alice.registry.cancel_query(cancelled);
    alice.sends(&[]);
    alice.seed_up("seed");
    assert_eq!(alice.sent().len(), 2 + 3);
    for json in [r#"["g_reply","1",{}]"#, r#"["g_reply","2",[]]"#, r#"["g_reply","3",null]"#] {
        alice.receive("seed", json);
    }
    alice.receive("seed", r#"["g_reply","4",[]]"#);
    let answers = [Answer::Family(Default::default()), Answer::Keys(vec![]), Answer::Values(vec![])];
    let replies: Vec<Output> =
        queries.into_iter().zip(answers).map(|(query, answer)| Output::Reply { query, answer }).collect();
    assert_eq!(alice.others(), replies);
}

/// [GL-05]: a slave is no help to others; a request that needs a global node is dropped.
#[test]
fn a_slave_answers_nobody() {
    let mut alice = joined();
    alice.up("bob");
    for json in [
        r#"["g_find","seed"]"#,
        r#"["g_db_keys","'g","b"]"#,
        r#"["g_mon1","fam"]"#,
        r#"["g_upd","fam",{"k":1}]"#,
        r#"["g_set",{"fam":{"k":1}}]"#,
        r#"["g_global"]"#,
    ] {
        alice.receive("bob", json);
    }
    alice.sends(&[]);
    assert!(!alice.registry.is_global());
    assert_eq!(alice.registry.globals(), [node("bob")]);
}

/// [GL-06]
#[test]
fn any_g_slave_makes_a_node_global() {
    let mut alice = joined();
    alice.up("bob");
    alice.receive("seed", r#"["g_global"]"#);
    alice.set("fam", "mine", "1");
    alice.registry.monitor("fam").expect("room");
    alice.receive("seed", r#"["g_chg1","fam",{"mine":1,"theirs":2}]"#);
    alice.registry.find(&node("alice")).expect("room");
    let query = alice.registry.query(Query::Keys, "'g").expect("room");
    drop(alice.sent());
    alice.changes.clear();

    alice.receive("bob", r#"["g_slave"]"#);
    assert!(alice.registry.is_global());
    assert_eq!(alice.registry.master(), None);
    alice.sends(&[
        "seed: [\"g_mon0\",\"fam\"]",
        "bob: [\"g_global\"]",
        "seed: [\"g_global\"]",
        "seed: [\"g_upd\",\"'g\",{\"seed\":null},[]]",
        "seed: [\"g_set\",{\"'g\":{\"alice\":null,\"seed\":null},\"'l\":{\"alice\":[\"10.0.0.1:1\"]},\"fam\":{\"mine\":1}}]",
    ]);
    assert_eq!(alice.told(), ["fam -theirs"]);
    let connect = Output::Connect { node: node("seed"), addresses: vec![] };
    let reply = Output::Reply { query, answer: Answer::Keys(vec!["alice".into(), "seed".into()]) };
    let found = Output::Found { node: node("alice"), addresses: Some(vec!["10.0.0.1:1".into()]) };
    assert_eq!(alice.others(), [Output::BecameGlobal, connect, reply, found]);

    alice.receive("bob", r#"["g_slave"]"#);
    alice.registry.become_global();
    alice.sends(&[]);
    assert_eq!(alice.others(), []);
}
