//! A network that goes on when the node dies that its others lean on.

use std::collections::BTreeMap;

use mp_global::Global;
use mp_node::{Framing, Node, PortId};
use serde_json::{Value as Json, json};

use super::nodes::{has, id, member, next, node, plain_reason, seed, soon};
use super::perl::Perl;
use super::process::Process;

/// [GL-08], [GL-16]: a slave of ours, whose master, a Perl node, is killed, goes over to its other seed with all that it
/// owns and monitors. What the dead one knew of itself is gone everywhere.
pub(crate) async fn our_slave_outlives_its_perl_master(framing: Framing) {
    let mut perls = BTreeMap::new();
    for name in ["one", "two"] {
        let mut perl = Perl::start(name, framing, &[]).await;
        perl.ask(json!({"cmd": "become_global"})).await;
        perls.insert(name, perl);
    }
    // One connection: two Perl nodes that dial one another may lose both.
    let addresses: Vec<String> = perls.values().map(|perl| perl.address.clone()).collect();
    perls.get_mut("two").expect("it is there").ask(json!({"cmd": "dial", "address": addresses[0]})).await;
    let (rust, at_rust) = member("rust", framing, &[&addresses[0], &addresses[1]]).await;
    let master = at_rust.standing().master.expect("it has joined");
    let mut first = perls.remove(master.as_str()).expect("one of the two");
    let (name, mut second) = perls.pop_first().expect("the other one");
    second.up(&master).await;
    let mut perl = Perl::start("pearl", framing, &[&second.address]).await;
    perl.ask(json!({"cmd": "db_mon", "family": "g"})).await;
    perl.ask(json!({"cmd": "db_mon", "family": "'l"})).await;

    let (mut ours, theirs) = (rust.port(), perl.port("report").await);
    let _member = at_rust.group("g").register(&ours).expect("room");
    let mut monitor = at_rust.group("g").monitor().expect("room");
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": theirs.as_str()})).await;
    has(&mut monitor, &[ours.id(), &theirs]).await;
    perl.event_with("chg", |told| told["all"].get(ours.id().as_str()).is_some()).await;

    let watch = rust.monitor(master.port());
    first.kill();
    assert_eq!(plain_reason(&soon(watch).await)[1], json!(master.as_str()));
    reach(&at_rust, &id(name)).await;
    perl.event_with("chg", |told| told["family"] == "'l" && told["all"].get(master.as_str()).is_none()).await;
    // Whatever came and went meanwhile, this is how it ends; and what is new comes.
    let late = perl.port("report").await;
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": late.as_str()})).await;
    has(&mut monitor, &[ours.id(), &theirs, &late]).await;
    perl.event_with("chg", |told| {
        told["family"] == "g" && told["all"].as_object().is_some_and(|all| all.len() == 3)
    })
    .await;
    perl.ask(json!({"cmd": "snd", "to": ours.id().as_str(), "msg": ["still", "here"]})).await;
    assert_eq!(next(&mut ours).await, json!(["still", "here"]));
}

/// Waits until a node has another one for its master.
async fn reach(global: &Global, master: &mp_node::NodeId) {
    let reached = async {
        while global.standing().master.as_ref() != Some(master) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon(reached).await;
}

/// A global node of ours, with others of ours for seeds.
async fn global(name: &str, framing: Framing, seeds: &[&str]) -> (Node, Global, String) {
    let node = node(name, framing).await;
    let builder = seeds.iter().fold(Global::builder(&node).global(true), |builder, seed| builder.seed(seed));
    let global = builder.start().expect("starts");
    let address = node.addresses()[0].to_string();
    (node, global, address)
}

/// [GL-08], [GL-16], [GL-20]: the same the other way round: a Perl node is a slave of ours, which dies without a word, and
/// goes over to a second of ours.
pub(crate) async fn perl_outlives_our_master(framing: Framing) {
    let (one, at_one, at) = global("one", framing, &[]).await;
    let (two, at_two, second) = global("two", framing, &[&at]).await;
    let mut perl = Perl::start("pearl", framing, &[&at]).await;
    perl.event_with("master", |told| told["node"] == "one").await;
    perl.ask(json!({"cmd": "db_mon", "family": "g"})).await;
    let theirs = perl.port("report").await;
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": theirs.as_str()})).await;
    let ours = two.port();
    let _member = at_two.group("g").register(&ours).expect("room");
    let mut monitor = at_two.group("g").monitor().expect("room");
    has(&mut monitor, &[ours.id(), &theirs]).await;
    perl.event_with("chg", |told| told["all"].as_object().is_some_and(|all| all.len() == 2)).await;

    // Perl has a second seed from now on; it is connected with that, but stays with its master.
    perl.ask(json!({"cmd": "add_seed", "address": second})).await;
    perl.up(&id("two")).await;
    assert_eq!(perl.ask(json!({"cmd": "state"})).await["master"], "one");
    drop((one, at_one));
    perl.event_with("master", |told| told["node"] == "two").await;
    has(&mut monitor, &[ours.id(), &theirs]).await;
    let late = two.port();
    let _late = at_two.group("g").register(&late).expect("room");
    perl.event_with("chg", |told| told["all"].get(late.id().as_str()).is_some()).await;
    let all: Vec<PortId> = soon(at_two.group("g").members()).await.expect("answered");
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(at_two.globals(), [id("two")]);
    perl.kill();
    has(&mut monitor, &[ours.id(), late.id()]).await;
    let mut listeners: Vec<_> = soon(at_two.family("'l").keys()).await.expect("answered");
    listeners.sort();
    assert_eq!(listeners, ["two".into()], "what is dead listens nowhere");
}

/// [GL-08], [GL-16], [GL-20]: a global node of ours, in a process of its own, is killed, which says nothing to anybody. Its
/// slaves, one of Perl's and one of ours, go over to the other global node with all that they own; what the dead one knew
/// of itself is gone everywhere.
pub(crate) async fn slaves_of_both_kinds_outlive_our_process(framing: Framing) {
    let start =
        |name, seeds: &[&str]| Process::start("node_of_this_process", name, framing, "127.0.0.1:0", seeds);
    let one = start("one", &[]);
    let two = start("two", &[&one.address]);
    let (rust, at_rust) = member("rust", framing, &[&one.address, &two.address]).await;
    let dying = at_rust.standing().master.expect("it has joined");
    let (mut first, second) = if dying.as_str() == "one" { (one, two) } else { (two, one) };
    let living = second.port.node();
    let mut perl = Perl::start("pearl", framing, &[&first.address]).await;
    perl.event_with("master", |told| told["node"] == dying.as_str()).await;
    perl.ask(json!({"cmd": "add_seed", "address": second.address})).await;
    perl.up(&living).await;
    perl.ask(json!({"cmd": "db_mon", "family": "g"})).await;
    perl.ask(json!({"cmd": "db_mon", "family": "'l"})).await;

    let (mut ours, theirs) = (rust.port(), perl.port("report").await);
    let _member = at_rust.group("g").register(&ours).expect("room");
    let mut monitor = at_rust.group("g").monitor().expect("room");
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": theirs.as_str()})).await;
    has(&mut monitor, &[ours.id(), &theirs, &first.port, &second.port]).await;
    perl.event_with("chg", |told| told["family"] == "g" && count(&told["all"]) == 4).await;

    first.kill();
    perl.event_with("master", |told| told["node"] == living.as_str()).await;
    reach(&at_rust, &living).await;
    has(&mut monitor, &[ours.id(), &theirs, &second.port]).await;
    perl.event_with("chg", |told| told["family"] == "'l" && told["all"].get(dying.as_str()).is_none()).await;
    perl.event_with("chg", |told| {
        let all = &told["all"];
        let is_there = |port: &PortId| all.get(port.as_str()).is_some();
        told["family"] == "g"
            && count(all) == 3
            && [ours.id(), &theirs, &second.port].into_iter().all(is_there)
    })
    .await;
    // Somebody who comes now is told the same, by the one that is left.
    let (late, at_late) = member("late", framing, &[&second.address]).await;
    let mut seen = at_late.group("g").monitor().expect("room");
    has(&mut seen, &[ours.id(), &theirs, &second.port]).await;
    let mut listeners: Vec<_> = soon(at_late.family("'l").keys()).await.expect("answered");
    listeners.sort();
    let mut all = ["late", "pearl", "rust", living.as_str()].map(mp_global::Key::from);
    all.sort();
    assert_eq!(listeners, all);
    late.send(&theirs, ("still", "here")).await.expect("sent");
    assert_eq!(perl.message(&theirs).await, json!(["still", "here"]));
    perl.ask(json!({"cmd": "snd", "to": ours.id().as_str(), "msg": ["and", "there"]})).await;
    assert_eq!(next(&mut ours).await, json!(["and", "there"]));
}

fn count(all: &Json) -> usize {
    all.as_object().map_or(0, serde_json::Map::len)
}

/// [GL-07], [GL-25]: a Perl node that has us for a seed is left to come to us. If we dialled it first it would never
/// have a master (trap 14 of the description); so whatever happens, it is never dialled unless something is sent to it.
pub(crate) async fn a_perl_joiner_is_left_to_come(framing: Framing) {
    let (one, at_one, at) = global("one", framing, &[]).await;
    let (_two, at_two, _) = global("two", framing, &[&at]).await;
    let mut perl = Perl::start("pearl", framing, &[&at]).await;
    perl.event_with("master", |told| told["node"] == "one").await;
    let theirs = perl.port("report").await;
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": theirs.as_str()})).await;
    let mut monitor = at_two.group("g").monitor().expect("room");
    has(&mut monitor, &[&theirs]).await;
    one.send(&theirs, ("seen",)).await.expect("sent");
    assert_eq!(perl.message(&theirs).await, json!(["seen"]));

    // Our seed is gone and comes back, at the same address and under its name; the other one still remembers both.
    one.shutdown().await;
    drop((one, at_one));
    perl.event_with("master", |told| told["node"].is_null()).await;
    has(&mut monitor, &[]).await;
    let builder = Node::builder("test").without_file().node_id("one").secret(super::nodes::SECRET);
    let again = builder.framings(&[framing]).bind(&at).start().await.expect("starts");
    let _global = Global::builder(&again).global(true).start().expect("starts");
    perl.event_with("master", |told| told["node"] == "one").await;
    has(&mut monitor, &[&theirs]).await;
    let seen = perl.ask(json!({"cmd": "state"})).await["seen"].take();
    assert_eq!(seen["accepted"], 0, "it was dialled: {seen}");
}

/// [ND-07], [MON-05]: to monitor a Perl node itself connects to it, found by its name; it fires when that is gone.
pub(crate) async fn a_monitor_of_a_node_connects(framing: Framing) {
    let (_seed, _global, address) = seed("seed", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    let (rust, at_rust) = member("rust", framing, &[&address]).await;
    let mut listeners = at_rust.family("'l").monitor().expect("room");
    while !soon(listeners.next()).await.expect("it lives").added.contains_key("pearl") {}
    assert!(!rust.nodes().contains(&id("pearl")));
    let monitor = rust.monitor(id("pearl").port());
    perl.up(rust.id()).await;
    assert_eq!(monitor.fired(), None);
    perl.kill();
    let reason = plain_reason(&soon(monitor).await);
    assert_eq!((&reason[0], &reason[1]), (&json!("transport_error"), &json!("pearl")), "{reason}");
}
