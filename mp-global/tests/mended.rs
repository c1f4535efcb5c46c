//! Differences that are planted in a network of real nodes, in virtual time: they are gone after one comparison.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mp_global::{COMPARE_EVERY, Global, Key};
use mp_node::memory::MemoryNet;
use mp_node::{Message, Node, NodeId, Value};

/// What a comparison takes on this network, beyond the time until it comes: a few round trips of 2 ms.
const BOUND: Duration = Duration::from_millis(50);

fn id(name: &str) -> NodeId {
    NodeId::new(name).expect("a name")
}

fn message(json: &str) -> Message {
    serde_json::from_str(json).expect("JSON")
}

async fn start(net: &MemoryNet, name: &str, seeds: &[&str], global: bool) -> (Node, Global) {
    let random = name.bytes().map(u64::from).sum();
    let builder = Node::builder("test").without_file().node_id(name).secret("s3kr1t").insecure_seed(random);
    let builder = builder.bind(&format!("{name}:4040")).transport(Arc::new(net.host(name)));
    let builder = seeds.iter().fold(builder, |builder, seed| builder.seed(&format!("{seed}:4040")));
    let node = builder.start().await.expect("starts");
    let global = Global::builder(&node).global(global).start().expect("starts");
    (node, global)
}

/// Two global nodes, and a slave of each.
async fn network() -> (MemoryNet, [(Node, Global); 4]) {
    let net = MemoryNet::new(7);
    net.everywhere().delay(Duration::from_millis(1), Duration::from_millis(1));
    let one = start(&net, "one", &["two"], true).await;
    let two = start(&net, "two", &["one"], true).await;
    let at_one = start(&net, "alice", &["one"], false).await;
    let at_two = start(&net, "bob", &["two"], false).await;
    let nodes = [one, two, at_one, at_two];
    for (_, global) in &nodes {
        global.joined().await.expect("joins");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    (net, nodes)
}

/// What a node's monitor of the family shows, once a global node vouches for it.
async fn seen(global: &Global) -> BTreeMap<Key, Value> {
    let mut monitor = global.family("f").monitor().expect("room");
    let mut seen = BTreeMap::new();
    loop {
        let change = monitor.next().await.expect("the node lives");
        seen.extend(change.added);
        seen.extend(change.changed);
        change.deleted.iter().for_each(|key| drop(seen.remove(key)));
        if change.synced {
            return seen;
        }
    }
}

/// Checks that within the time of one comparison all nodes, and those who monitored all the time, see the same again.
async fn mended(nodes: &[(Node, Global)], expected: &[(&str, Value)]) {
    tokio::time::sleep(COMPARE_EVERY + BOUND).await;
    let expected: BTreeMap<Key, Value> =
        expected.iter().map(|(key, value)| (Key::from(*key), value.clone())).collect();
    for (node, global) in nodes {
        assert_eq!(seen(global).await, expected, "{}", node.id());
        assert_eq!(global.family("f").entries().await.expect("answered"), expected, "{}", node.id());
    }
}

/// Sends what the sender's own directory knows nothing of.
#[track_caller]
fn plant(from: &Node, to: &str, json: &str) {
    assert!(from.request(&id(to), &message(json)), "{} is connected to {to}", from.id());
}

/// [GL-34], [GL-37]: a global node has less, more and something else of another one than that has.
#[tokio::test(start_paused = true)]
async fn between_global_nodes() {
    let (_net, nodes) = network().await;
    let family = |index: usize| nodes[index].1.family("f");
    family(0).set("of one", 1).expect("room");
    family(2).set("of alice", 2).expect("room");
    let monitors = nodes.iter().map(|(_, global)| global.family("f").monitor().expect("room"));
    let _monitors: Vec<_> = monitors.collect();
    let expected = [("of alice", Value::from(2)), ("of one", Value::from(1))];
    mended(&nodes, &expected).await;
    plant(&nodes[0].0, "two", r#"["g_upd","f",{"of alice":666,"ghost":1},["of one"]]"#);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(seen(&nodes[3].1).await.len(), 2, "the difference is there: {:?}", seen(&nodes[3].1).await);
    assert_eq!(seen(&nodes[3].1).await.get("ghost"), Some(&Value::from(1)));
    mended(&nodes, &expected).await;

    // as if all had been lost
    plant(&nodes[0].0, "two", r#"["g_set",{}]"#);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(seen(&nodes[3].1).await.len(), 0);
    mended(&nodes, &expected).await;
    assert_eq!(nodes[1].1.globals(), [id("one"), id("two")]);
}

/// [GL-34]: a master has something else of its slave than that has.
#[tokio::test(start_paused = true)]
async fn between_a_slave_and_its_master() {
    let (_net, nodes) = network().await;
    nodes[2].1.family("f").set("of alice", 2).expect("room");
    let expected = [("of alice", Value::from(2))];
    mended(&nodes, &expected).await;
    plant(&nodes[2].0, "one", r#"["g_upd","f",{"ghost":1},["of alice"]]"#);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(seen(&nodes[3].1).await.into_keys().collect::<Vec<_>>(), [Key::from("ghost")]);
    mended(&nodes, &expected).await;
    // what was withdrawn stays away
    nodes[2].1.family("f").delete("of alice");
    mended(&nodes, &[]).await;
    mended(&nodes, &[]).await;
}

/// [GL-38]: a slave sees something else of a family than its master, or is not told of changes any more.
#[tokio::test(start_paused = true)]
async fn between_a_master_and_who_monitors() {
    let (_net, nodes) = network().await;
    let _monitor = nodes[3].1.family("f").monitor().expect("room");
    nodes[2].1.family("f").set("of alice", 2).expect("room");
    let expected = [("of alice", Value::from(2))];
    mended(&nodes, &expected).await;
    plant(&nodes[1].0, "bob", r#"["g_chg2","f",{"ghost":1},["of alice"]]"#);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(seen(&nodes[3].1).await.into_keys().collect::<Vec<_>>(), [Key::from("ghost")]);
    mended(&nodes, &expected).await;

    plant(&nodes[3].0, "two", r#"["g_mon0","f"]"#);
    tokio::time::sleep(Duration::from_millis(10)).await;
    nodes[0].1.family("f").set("of one", 1).expect("room");
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(seen(&nodes[3].1).await.len(), 1, "it is not told");
    mended(&nodes, &[("of alice", Value::from(2)), ("of one", Value::from(1))]).await;
}

/// [GL-34], [GL-24]: links that are cut for shorter than anybody notices, and for longer, leave nothing behind.
#[tokio::test(start_paused = true)]
async fn short_cuts_leave_no_difference() {
    let (net, nodes) = network().await;
    let expected: Vec<(String, Value)> =
        (0..40).map(|number| (format!("k{number:02}"), number.into())).collect();
    for ((number, index), (key, value)) in (0u64..).zip(0usize..).zip(&expected) {
        let (from, to) = [("one", "two"), ("alice", "one"), ("bob", "two")][index % 3];
        net.link(from, to).cut();
        nodes[index % 4].1.family("f").set(key, value.clone()).expect("room");
        tokio::time::sleep(Duration::from_millis(1 + number * number % 500)).await;
        net.link(from, to).heal();
        tokio::time::sleep(Duration::from_millis(number * 7 % 40)).await;
    }
    let expected: Vec<(&str, Value)> =
        expected.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    mended(&nodes, &expected).await;
}
