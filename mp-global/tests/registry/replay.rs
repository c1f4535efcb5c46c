//! Our registry in the place of either side of recorded conversations between Perl nodes.
//!
//! Within a step the order of messages is not fixed, Perl's hashes being what they are. What else the application and
//! third nodes did while the recording was made stands here, in the steps.

use std::collections::{BTreeMap, VecDeque};

use mp_global::{Output, Query, QueryId};
use mp_proto::{Map, Message, Value};

use crate::support::{Node, deliver, node, value};

/// One side of a recording, played by us; the other is read from it.
struct Replay {
    me: Node,
    /// The recorded peer.
    peer: String,
    ours: &'static str,
    theirs: &'static str,
    steps: VecDeque<Map>,
    /// The ids of recorded questions, and those that we chose instead.
    ids: BTreeMap<String, QueryId>,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Connector,
    Listener,
}

impl Replay {
    /// Takes a side; `begin` makes our node, given its name and the address it had.
    fn new(recording: &str, side: Side, begin: impl FnOnce(&str, &str) -> Node) -> Self {
        let recording = value(recording);
        let recording = recording.as_map().expect("a map");
        let text = |key| recording.get(key).and_then(Value::as_str).expect("a string").into_owned();
        let steps = recording.get("steps").and_then(Value::as_list).expect("a list");
        let (connector, listener) = (text("connector"), text("listener"));
        let (name, peer, ours, theirs) = match side {
            Side::Connector => (connector, listener, "c2s", "s2c"),
            Side::Listener => (listener, connector, "s2c", "c2s"),
        };
        let address = address_of(&name, steps);
        let steps = steps.iter().filter_map(|step| step.as_map().cloned()).collect();
        Self { me: begin(&name, &address), peer, ours, theirs, steps, ids: BTreeMap::new() }
    }

    /// Plays one step: `act` does what is not in the recording; then the peer says what it said. Checks that we sent
    /// what was recorded, but for `without`, and in addition `beside`.
    fn step(&mut self, name: &str, without: &[&str], beside: &[&str], act: impl FnOnce(&mut Node)) {
        let step = self.steps.pop_front().expect("a step");
        assert_eq!(step.get("name"), Some(&Value::from(name)));
        act(&mut self.me);
        let mut sent = self.sent();
        for message in messages(&step, self.theirs) {
            let message = self.with_our_id(message);
            deliver(&mut self.me.registry, &node(&self.peer), message);
            sent.append(&mut self.sent());
        }
        let mut expected = messages(&step, self.ours);
        for json in without {
            let surplus: Message = serde_json::from_str(json).expect("JSON");
            let found = expected.iter().position(|message| *message == surplus).expect("a recorded message");
            expected.remove(found);
        }
        expected.extend(beside.iter().map(|json| serde_json::from_str::<Message>(json).expect("JSON")));
        expected = expected.into_iter().map(|message| self.with_our_id(message)).collect();
        for message in &sent {
            let found = expected.iter().position(|expected| expected == message);
            assert!(found.is_some(), "{name}: {message} is not among {expected:?}");
            expected.remove(found.unwrap_or_default());
        }
        assert!(expected.is_empty(), "{name}: not sent: {expected:?}");
    }

    /// Asks a question whose recorded id is `id`.
    fn ask(me: &mut Node, ids: &mut BTreeMap<String, QueryId>, id: &str, part: Query, family: &str) {
        ids.insert(id.to_owned(), me.registry.query(part, family).expect("room"));
    }

    /// What we sent to the peer.
    fn sent(&mut self) -> Vec<Message> {
        let mut sent = Vec::new();
        while let Some(output) = self.me.registry.poll_output() {
            match output {
                Output::Send { to, message } if to.as_str() == self.peer => sent.push(message),
                Output::Send { .. } => {}
                Output::Changed(change) => self.me.changes.push(change),
                other => self.me.others.push(other),
            }
        }
        sent
    }

    /// The message with the id of our question instead of the recorded one.
    fn with_our_id(&self, message: Message) -> Message {
        let position = match message.tag().as_deref() {
            Some("g_reply") => 1,
            Some("g_db_family" | "g_db_keys" | "g_db_values") => 2,
            _ => return message,
        };
        let mut values = message.into_values();
        let recorded = values[position].as_str().expect("an id").into_owned();
        if let Some(id) = self.ids.get(&recorded) {
            let digits: String = format!("{id:?}").chars().filter(char::is_ascii_digit).collect();
            values[position] = Value::from(digits);
        }
        Message::from(values)
    }

    fn end(mut self) -> Node {
        assert!(self.steps.is_empty());
        assert_eq!(self.sent(), []);
        self.me
    }
}

/// Where a recorded node listened: all recordings tell it somewhere.
fn address_of(name: &str, steps: &[Value]) -> String {
    let text = steps.iter().map(|step| step.to_string()).collect::<String>();
    let before = format!("{name:?}:[\"");
    let found = format!("\"g_found\",{name:?},[\"");
    let rest = text.split_once(&before).or_else(|| text.split_once(&found)).expect("an address").1;
    rest.split('"').next().expect("a string").to_owned()
}

fn messages(step: &Map, direction: &str) -> Vec<Message> {
    let list = step.get(direction).and_then(Value::as_list).expect("a list");
    list.iter().map(|message| Message::from(message.as_list().expect("a list").to_vec())).collect()
}

/// Perl sends the bare g_slave twice, from two hooks; we send it once.
const SECOND_BARE: &str = r#"["g_slave"]"#;

/// [GL-06], [GL-19]
#[test]
fn in_the_place_of_a_seed_that_is_not_global_yet() {
    let recording = include_str!("../vectors/firstjoin.json");
    let mut replay = Replay::new(recording, Side::Listener, Node::slave);
    replay.step("connect", &[], &[], |seed| seed.up("alice"));
    replay.step("query", &[], &[], |_| {});
    assert!(replay.end().others.contains(&Output::BecameGlobal));
}

/// [GL-07], [GL-13]
#[test]
fn in_the_place_of_the_first_joiner() {
    let recording = include_str!("../vectors/firstjoin.json");
    let mut replay = Replay::new(recording, Side::Connector, Node::slave);
    replay.step("connect", &[SECOND_BARE], &[], |alice| {
        alice.registry.find(&node("seed")).expect("room"); // something in Perl wants to know
        alice.seed_up("seed");
    });
    let mut ids = BTreeMap::new();
    Replay::ask(&mut replay.me, &mut ids, "b", Query::Keys, "'g");
    replay.ids = ids;
    replay.step("query", &[], &[], |_| {});
    let alice = replay.end();
    assert!(matches!(&alice.others[..], [Output::Found { .. }, Output::Reply { .. }]), "{:?}", alice.others);
}

/// [GL-11], [GL-12], [GL-13], [GL-14], [GL-15], [GL-19], [GL-21], [GL-23]
#[test]
fn in_the_place_of_a_global_seed() {
    let mut replay = Replay::new(include_str!("../vectors/pair.json"), Side::Listener, Node::global);
    replay.me.up("bob");
    replay.me.receive("bob", r#"["g_slave",{"'l":{"bob":["127.0.0.1:39091"]}}]"#);
    drop(replay.sent());
    replay.step("connect", &[], &[], |seed| seed.up("alice"));
    for quiet in ["db_set", "db_del", "db_mon"] {
        replay.step(quiet, &[], &[], |_| {});
    }
    replay.step("g_chg2", &[], &[], |seed| {
        seed.receive("bob", r#"["g_upd","fam",{"bk":{"x":1}}]"#);
        seed.receive("bob", r#"["g_upd","fam",{"k1":"bobs"}]"#);
        seed.receive("bob", r#"["g_upd","fam",null,["bk","k1"]]"#);
    });
    for asked in ["db_reg", "db_query", "g_mon0", "g_find", "g_find_unknown"] {
        replay.step(asked, &[], &[], |_| {});
    }
    replay.step("other_node_leaves", &[], &[], |seed| seed.down("bob"));
    replay.step("become_global", &[], &[], |_| {});
    replay.step("global_upd", &[], &[], |seed| seed.set("fam2", "onS", "2"));
    replay.step("global_del", &[], &[], |seed| seed.registry.delete("fam2", "onS"));
    replay.step("shutdown", &[], &[], |_| {});
    replay.end();
}

/// [GL-06], [GL-07], [GL-10], [GL-12], [GL-13], [GL-23]
#[test]
fn in_the_place_of_a_slave_that_becomes_global() {
    let mut replay = Replay::new(include_str!("../vectors/pair.json"), Side::Connector, Node::slave);
    replay.step("connect", &[SECOND_BARE], &[], |alice| {
        alice.registry.find(&node("seed")).expect("room");
        alice.seed_up("seed");
    });
    replay.step("db_set", &[], &[], |alice| {
        alice.set("fam", "k1", r#"[1,"two"]"#);
        alice.set("fam", "k2", "null");
        alice.set("fam", "k1", r#""new""#);
        alice.set("fam", "k1", r#""new""#);
    });
    replay.step("db_del", &[], &[], |alice| {
        alice.registry.delete("fam", "k2");
        alice.registry.delete("fam", "nokey");
    });
    replay.step("db_mon", &[], &[], |alice| {
        for family in ["fam", "fam", "nofam"] {
            alice.registry.monitor(family).expect("room");
        }
    });
    replay.step("g_chg2", &[], &[], |_| {});
    replay.step("db_reg", &[], &[], |alice| {
        alice.set("fam", "alice#YvTHoOqs8h", "null");
        alice.registry.delete("fam", "alice#YvTHoOqs8h");
    });
    let mut ids = BTreeMap::new();
    for (id, part, family) in [
        ("b", Query::Family, "fam"),
        ("c", Query::Keys, "fam"),
        ("d", Query::Values, "fam"),
        ("e", Query::Family, "nofam"),
        ("f", Query::Keys, "nofam"),
        ("g", Query::Family, "'l"),
        ("h", Query::Keys, "'g"),
    ] {
        Replay::ask(&mut replay.me, &mut ids, id, part, family);
    }
    replay.ids = ids;
    replay.step("db_query", &[], &[], |_| {});
    replay.step("g_mon0", &[], &[], |alice| {
        let monitor = alice.registry.monitor("tmpfam").expect("room");
        alice.registry.unmonitor(monitor);
    });
    replay.step("g_find", &[], &[], |alice| alice.registry.find(&node("bob")).expect("room"));
    replay.step("g_find_unknown", &[], &[], |alice| alice.registry.find(&node("ghost")).expect("room"));
    replay.step("other_node_leaves", &[], &[], |_| {});
    // Perl first tells its master, as if it were a slave still, what it is about to tell it as a global node; and it
    // lets the master go on reporting changes to it
    let as_slave = [
        r#"["g_upd","fam",{"k1":"new"},[]]"#,
        r#"["g_upd","'l",{"alice":["127.0.0.1:45123"]},[]]"#,
        r#"["g_upd","'g",{"alice":null},[]]"#,
    ];
    let resigning = [r#"["g_mon0","fam"]"#, r#"["g_mon0","nofam"]"#];
    replay.step("become_global", &as_slave, &resigning, |alice| alice.registry.become_global());
    replay.step("global_upd", &[], &[], |alice| alice.set("fam2", "onA", "1"));
    replay.step("global_del", &[], &[], |_| {});
    replay.step("shutdown", &[], &[], |alice| alice.registry.delete("fam", "k1"));

    let mut alice = replay.end();
    let replies = alice.others.iter().filter(|output| matches!(output, Output::Reply { .. })).count();
    assert_eq!(replies, 7);
    assert!(alice.others.contains(&Output::Found { node: node("ghost"), addresses: None }));
    let told = alice.told();
    for change in ["fam +bk", "fam ~k1", "fam ~k1 -bk"] {
        assert_eq!(told.iter().filter(|line| *line == change).count(), 2, "{change}: {told:?}");
    }
}

/// [GL-14], [GL-16], [GL-19], [GL-21], [GL-23]
#[test]
fn in_the_place_of_a_global_node_that_another_connects_to() {
    let mut replay = Replay::new(include_str!("../vectors/global.json"), Side::Listener, Node::global);
    replay.me.up("slave1");
    replay.me.receive("slave1", r#"["g_slave",{"'l":{"slave1":["127.0.0.1:46863"]},"fam":{"s1":"v1"}}]"#);
    drop(replay.sent());
    replay.step("connect", &[], &[], |g1| g1.up("g2"));
    replay.step("slave_set", &[], &[], |g1| g1.receive("slave1", r#"["g_upd","fam",{"s2":[1]}]"#));
    replay.step("global_conflict", &[], &[], |_| {});
    replay.step("conflict_del", &[], &[], |g1| g1.receive("slave1", r#"["g_upd","fam",null,["s2"]]"#));
    replay.step("new_slave", &[], &[], |_| {});
    replay.step("slave_leaves", &[], &[], |_| {});
    let mut g1 = replay.end();
    g1.registry.monitor("fam").expect("room");
    assert_eq!(g1.told(), ["fam +s1 +s2"]);
}

/// [GL-07], [GL-14], [GL-16], [GL-19], [GL-23]
#[test]
fn in_the_place_of_a_global_node_with_a_global_seed() {
    let mut replay = Replay::new(include_str!("../vectors/global.json"), Side::Connector, Node::global);
    replay.step("connect", &[], &[], |g2| g2.seed_up("g1"));
    replay.step("slave_set", &[], &[], |_| {});
    replay.step("global_conflict", &[], &[], |g2| g2.set("fam", "s2", r#""g2s""#));
    replay.step("conflict_del", &[], &[], |_| {});
    replay.step("new_slave", &[], &[], |g2| {
        g2.up("slave2");
        g2.receive("slave2", r#"["g_slave",{"'l":{"slave2":["127.0.0.1:37075"]}}]"#);
    });
    replay.step("slave_leaves", &[], &[], |g2| g2.down("slave2"));
    let mut g2 = replay.end();
    g2.registry.find(&node("slave1")).expect("room");
    let addresses = Some(vec!["127.0.0.1:46863".to_owned()]);
    assert!(g2.others().contains(&Output::Found { node: node("slave1"), addresses }));
}
