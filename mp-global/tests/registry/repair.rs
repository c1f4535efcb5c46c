//! How differences that should not be there are found and mended: transcripts of one registry, and two that talk until
//! they have nothing to say.

use mp_global::{Output, Registry, RegistryConfig, Sum};
use mp_proto::{Message, Value};
use proptest::prelude::*;

use crate::support::{Node, deliver, message, node};

/// The sum over entries, written as `family/key: value`.
fn sum(entries: &[(&str, &str, &str)]) -> String {
    let sums = entries
        .iter()
        .map(|(family, key, json)| Sum::of(family, key, &serde_json::from_str(json).expect("JSON")));
    sums.fold(Sum::default(), Sum::with).to_string()
}

const ME: &str = r#"["127.0.0.1:1"]"#;
const FRIEND: &str = r#"["127.0.0.1:2"]"#;

/// A global node `me` with another one, `friend`, of our own kind, which owns one key.
fn friends() -> Node {
    let mut me = Node::global("me", "127.0.0.1:1");
    me.up("friend");
    me.registry.is_kin(&node("friend"));
    me.receive("friend", r#"["g_global"]"#);
    drop(me.sent());
    me.receive("friend", r#"["g_set",{"'l":{"friend":["127.0.0.1:2"]},"f":{"k":1}}]"#);
    me
}

fn own_sum(me: &str) -> String {
    let null = "null";
    sum(&[("'l", "me", me), ("'l", "friend", FRIEND), ("'g", "me", null), ("'g", "friend", null)])
}

/// [GL-34]: after it was told all, and then every 30 s, a global node of our own kind is told the sum. One of another
/// kind never is.
#[test]
fn sums_are_told_among_our_own_kind() {
    let mut me = friends();
    let told = format!(r#"friend: ["g_sum","{}",true]"#, own_sum(ME));
    let set = me.sent();
    assert_eq!(set.last(), Some(&told), "{set:?}");
    me.registry.compare();
    me.sends(&[&told]);
    me.up("pearl");
    me.receive("pearl", r#"["g_global"]"#);
    me.receive("pearl", r#"["g_set",{"'l":{"pearl":["127.0.0.1:3"]}}]"#);
    drop(me.sent());
    me.registry.compare();
    assert!(me.sent().iter().all(|line| line.starts_with("friend: ")), "nothing for pearl");

    let mut slave = Node::slave("me", "127.0.0.1:1");
    slave.seed_up("seed");
    drop(slave.sent());
    slave.registry.compare();
    slave.sends(&[]);
    slave.registry.is_kin(&node("seed"));
    slave.registry.compare();
    slave.sends(&[&format!(r#"seed: ["g_sum","{}",false]"#, sum(&[("'l", "me", ME)]))]);
}

/// [GL-36], [GL-37]: the whole conversation, as the one who lacks something has it; and what is not asked for is not
/// taken.
#[test]
fn what_is_missing_is_asked_for_step_by_step() {
    let mut me = friends();
    drop(me.sent());
    let theirs = [("'l", "friend", FRIEND), ("f", "k", "1")];
    me.receive("friend", &format!(r#"["g_sum","{}",true]"#, sum(&theirs)));
    me.sends(&[]);

    let now = sum(&[("'l", "friend", FRIEND), ("f", "k", "2"), ("new", "n", "3")]);
    me.receive("friend", &format!(r#"["g_sum","{now}",true]"#));
    let have =
        format!(r#"friend: ["g_have","",null,{{"'l":"{}","f":"{}"}}]"#, sum(&theirs[..1]), sum(&theirs[1..]));
    me.sends(&[&have]);
    me.receive("friend", r#"["g_told","f","",null,{"k":666}]"#);
    me.sends(&[]);
    me.receive("friend", r#"["g_differ","",null,["f","new"]]"#);
    me.sends(&[r#"friend: ["g_tell","f",""]"#]);
    me.receive("friend", r#"["g_told","f","x",null,{"y":666}]"#);
    me.sends(&[]);
    me.receive("friend", r#"["g_told","f","","l",{"k":2,"z":666}]"#);
    me.sends(&[r#"friend: ["g_tell","f","l"]"#]);
    me.receive("friend", r#"["g_told","f","l",null,{}]"#);
    me.sends(&[r#"friend: ["g_tell","new",""]"#]);
    me.receive("friend", r#"["g_told","new","",null,{"n":3}]"#);
    me.sends(&[]);
    me.receive("friend", &format!(r#"["g_sum","{now}",true]"#));
    me.sends(&[]);
    me.receive("friend", r#"["g_db_family","f",1]"#);
    me.sends(&[r#"friend: ["g_reply",1,{"k":2}]"#]);
}

/// [GL-36]: a question that is not answered is asked anew at the second sum behind it, and not before.
#[test]
fn a_lost_answer_is_asked_for_again() {
    let mut me = friends();
    drop(me.sent());
    let other = format!(r#"["g_sum","{}",true]"#, sum(&[("f", "k", "9")]));
    me.receive("friend", &other);
    let question = me.sent();
    assert_eq!(question.len(), 1, "{question:?}");
    me.receive("friend", &other);
    me.sends(&[]);
    me.receive("friend", &other);
    assert_eq!(me.sent(), question);
}

/// [GL-36]: the other side. Only those are answered who should have what we own.
#[test]
fn questions_are_answered_from_what_we_own() {
    let mut me = friends();
    me.set("a", "x", "1");
    me.set("b", "x", "1");
    drop(me.sent());
    let same = sum(&[("a", "x", "1")]);
    me.receive("friend", &format!(r#"["g_have","a","c",{{"a":"{same}","bb":"{same}"}}]"#));
    me.sends(&[r#"friend: ["g_differ","a","c",["b","bb"]]"#]);
    me.receive("friend", r#"["g_tell","b",""]"#);
    me.sends(&[r#"friend: ["g_told","b","",null,{"x":1}]"#]);
    me.receive("friend", r#"["g_tell","f",""]"#);
    me.sends(&[r#"friend: ["g_told","f","",null,{}]"#]);
    me.up("stranger");
    drop(me.sent());
    me.receive("stranger", r#"["g_tell","b",""]"#);
    me.receive("stranger", r#"["g_have","",null,{}]"#);
    me.sends(&[]);
}

/// [GL-36]: answers that make no sense end the questions.
#[test]
fn answers_that_make_no_sense_lead_nowhere() {
    let many: Vec<String> = (0..1_001).map(|number| format!(r#""f{number:04}""#)).collect();
    let too_many = format!(r#"["g_differ","",null,[{}]]"#, many.join(","));
    for answer in [
        r#"["g_differ","","",["f"]]"#,
        r#"["g_differ","","f",["g"]]"#,
        r#"["g_differ","",null,[]]"#,
        &too_many,
    ] {
        let mut me = friends();
        me.receive("friend", &format!(r#"["g_sum","{}",true]"#, sum(&[("f", "k", "9")])));
        drop(me.sent());
        me.receive("friend", answer);
        me.sends(&[]);
        me.receive("friend", r#"["g_told","f","",null,{"k":9}]"#);
        me.sends(&[]);
    }
    let mut me = friends();
    me.receive("friend", r#"["g_have","z","a",{}]"#);
    let answer = me.sent();
    assert_eq!(answer.last().map(String::as_str), Some(r#"friend: ["g_differ","z","a",[]]"#), "{answer:?}");
}

/// [GL-38]: a slave is told the sums of what it monitors, and asks anew for what is other; it ends what it does not
/// monitor.
#[test]
fn a_slave_compares_what_it_monitors() {
    let mut master = Node::global("me", "127.0.0.1:1");
    master.up("slave");
    master.registry.is_kin(&node("slave"));
    master.receive("slave", r#"["g_slave",{"f":{"k":1}}]"#);
    drop(master.sent());
    master.registry.compare();
    master.sends(&[r#"slave: ["g_view","",null,{}]"#]);
    master.receive("slave", r#"["g_mon1","f"]"#);
    master.receive("slave", r#"["g_mon1","none"]"#);
    drop(master.sent());
    master.registry.compare();
    let zero = "0".repeat(32);
    let (f, none) = (sum(&[("f", "k", "1")]), zero.as_str());
    master.sends(&[&format!(r#"slave: ["g_view","",null,{{"f":"{f}","none":"{none}"}}]"#)]);

    let mut slave = Node::slave("me", "127.0.0.1:1");
    slave.seed_up("seed");
    for family in ["f", "none"] {
        slave.registry.monitor(family).expect("room");
    }
    slave.receive("seed", r#"["g_chg1","f",{"k":1}]"#);
    drop(slave.sent());
    let view = |sums: &str| format!(r#"["g_view","",null,{{{sums}}}]"#);
    slave.receive("seed", &view(&format!(r#""f":"{f}","none":"{none}""#)));
    slave.sends(&[]);
    slave.receive("seed", &view(&format!(r#""f":"{none}","none":"{none}","x":"{f}""#)));
    slave.sends(&[r#"seed: ["g_mon1","f"]"#, r#"seed: ["g_mon0","x"]"#]);
    slave.receive("seed", &view(&format!(r#""f":"{f}""#)));
    slave.sends(&[r#"seed: ["g_mon1","none"]"#]);
    slave.receive("seed", &format!(r#"["g_view","g",null,{{"none":"{none}"}}]"#));
    slave.sends(&[]);
    slave.receive("other", &view(""));
    slave.sends(&[]);
}

/// [GL-39]: a master's first word on a family that is empty may be lost; then the sum, which is that of nothing, says it.
#[test]
fn a_sum_that_is_the_same_is_the_masters_word() {
    let mut slave = Node::slave("me", "127.0.0.1:1");
    slave.seed_up("seed");
    slave.registry.monitor("empty").expect("room");
    slave.set("mine", "k", "1");
    slave.registry.monitor("mine").expect("room");
    assert_eq!(slave.told(), ["empty?", "mine? +k"]);
    let (zero, mine) = ("0".repeat(32), sum(&[("mine", "k", "1")]));
    let view = format!(r#"["g_view","",null,{{"empty":"{zero}","mine":"{mine}"}}]"#);
    slave.receive("other", &view);
    assert_eq!(slave.told(), [""; 0], "only the master is believed");
    slave.receive("seed", &view);
    slave.sends(&[]);
    assert_eq!(slave.told(), ["empty", "mine"]);
    slave.receive("seed", &view);
    slave.sends(&[]);
    assert_eq!(slave.told(), [""; 0], "and once");
}

/// [GL-32]: what is told in answers counts like what is told at once.
#[test]
fn limits_hold_for_answers() {
    let mut me = Node::limited("me", |limits| limits.global_keys = 3);
    me.up("friend");
    me.receive("friend", r#"["g_global"]"#);
    me.receive("friend", r#"["g_set",{"f":{"k":1,"l":2}}]"#);
    me.receive("friend", &format!(r#"["g_sum","{}",true]"#, "1".repeat(32)));
    me.receive("friend", r#"["g_differ","",null,["f"]]"#);
    drop(me.sent());
    me.receive("friend", r#"["g_told","f","",null,{"a":1,"b":2}]"#);
    let others = me.others();
    assert!(others.iter().any(|output| matches!(output, Output::Expel { .. })), "{others:?}");
}

/// Two global nodes of our own kind, whose messages arrive at once, but for some that are lost.
struct Pair([Registry; 2], usize);

impl Pair {
    fn new() -> Self {
        let start = |name: &str| {
            let mut config = RegistryConfig::new(node(name));
            config.global = true;
            Registry::new(config)
        };
        let mut pair = Self([start("n0"), start("n1")], 0);
        for side in 0..2 {
            pair.0[side].node_up(&node(&format!("n{}", 1 - side)), false);
            pair.0[side].is_kin(&node(&format!("n{}", 1 - side)));
        }
        pair.talk(false);
        pair
    }

    /// Delivers what is sent; with `is_lost` it is not.
    fn talk(&mut self, is_lost: bool) {
        loop {
            let mut sent = Vec::new();
            for side in 0..2 {
                while let Some(output) = self.0[side].poll_output() {
                    if let Output::Send { message, .. } = output {
                        sent.push((side, message));
                    }
                }
            }
            if sent.is_empty() {
                return;
            }
            for (side, message) in sent.into_iter().filter(|_| !is_lost) {
                self.1 += 1;
                assert!(weight(&message) < 400_000, "an answer is bounded");
                deliver(&mut self.0[1 - side], &node(&format!("n{side}")), message);
            }
        }
    }

    fn same(&mut self, family: &str) -> usize {
        let mut seen = [0, 1].map(|side| {
            let monitor = self.0[side].monitor(family).expect("room");
            let Some(Output::Changed(change)) = self.0[side].poll_output() else { unreachable!("not told") };
            self.0[side].unmonitor(monitor);
            change.whole
        });
        seen.sort_by_key(|entries| entries.len());
        assert_eq!(seen[0], seen[1], "{family}");
        seen[0].len()
    }
}

fn weight(message: &Message) -> usize {
    message.to_string().len()
}

/// [GL-36]: more than fits into an answer, in many families and in one, goes in several.
#[test]
fn much_is_mended_in_pieces() {
    let mut pair = Pair::new();
    for number in 0..2_500 {
        pair.0[0].set(&format!("f{number:05}"), "k", Value::from(number)).expect("room");
        pair.0[0].set("many", &format!("k{number:05}"), Value::from(number)).expect("room");
    }
    for number in 0..10 {
        pair.0[0].set("long", &format!("k{number}"), Value::from("x".repeat(100_000))).expect("room");
    }
    pair.talk(true);
    pair.1 = 0;
    pair.0[0].compare();
    pair.talk(false);
    assert_eq!((pair.same("f02499"), pair.same("many"), pair.same("long")), (1, 2_500, 10));
    // a question and an answer for each family, for more keys or bytes than fit, and for each thousand families
    assert!(pair.1 < 2 * (2_502 + 3 + 5 + 3) + 10, "{}", pair.1);

    for number in 0..2_400 {
        pair.0[0].delete(&format!("f{number:05}"), "k");
        pair.0[0].delete("many", &format!("k{number:05}"));
    }
    pair.talk(true);
    pair.0[0].compare();
    pair.talk(false);
    assert_eq!((pair.same("f00000"), pair.same("f02499"), pair.same("many")), (0, 1, 100));
    assert_eq!(pair.same("'l") + pair.same("'g"), 4);
}

proptest! {
    /// [GL-34], [GL-37]: whatever is lost, comparing once makes both the same when nothing else goes on, with the one's
    /// word on what is the one's; and while something goes on, nothing that was withdrawn comes back.
    #[test]
    fn one_comparison_mends_what_was_lost(
        edits in proptest::collection::vec(
            (0..2usize, 0..3usize, 0..6usize, proptest::option::of(0..4i64), any::<bool>(), any::<bool>()), 0..80),
    ) {
        let mut pair = Pair::new();
        for (side, family, key, value, is_lost, is_compared) in edits {
            let (family, key) = (format!("f{family}"), format!("k{key}"));
            match value {
                Some(value) => pair.0[side].set(&family, &key, Value::from(value)).expect("room"),
                None => pair.0[side].delete(&family, &key),
            }
            pair.talk(is_lost);
            if is_compared {
                pair.0[side].compare();
                pair.talk(false);
            }
        }
        for side in 0..2 {
            pair.0[side].compare();
        }
        pair.talk(false);
        for family in ["f0", "f1", "f2", "'l", "'g"] {
            pair.same(family);
        }
        for family in ["f0", "f1", "f2"] {
            let keys = pair.same(family);
            let owned = (0..6).map(|key| format!("k{key}")).filter(|key| {
                (0..2).any(|side| pair.0[side].get_own(family, key).is_some())
            });
            prop_assert_eq!(owned.count(), keys);
        }
    }
}

/// [GL-34]: that a node is global, or a slave of ours, is learned from its sum if the word for it was lost.
#[test]
fn a_sum_says_what_the_sender_is() {
    let mut me = Node::global("me", "127.0.0.1:1");
    me.up("friend");
    me.registry.is_kin(&node("friend"));
    drop(me.sent());
    me.receive("friend", &format!(r#"["g_sum","{}",true]"#, sum(&[("f", "k", "1")])));
    let sent = me.sent();
    assert!(sent.iter().any(|line| line.starts_with(r#"friend: ["g_set""#)), "{sent:?}");
    assert_eq!(sent.last().map(String::as_str), Some(r#"friend: ["g_have","",null,{}]"#));

    let mut slave = Node::slave("me", "127.0.0.1:1");
    slave.up("other");
    deliver(
        &mut slave.registry,
        &node("other"),
        message(&format!(r#"["g_sum","{}",false]"#, "0".repeat(32))),
    );
    assert!(slave.registry.is_global(), "it is taken for a master");
}
