//! Nodes that tell how they do, on a simulated network, in virtual time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mp_global::Global;
use mp_global::status::{self, NAME, StatusClient};
use mp_node::memory::MemoryNet;
use mp_node::{Message, Node, Value};

async fn start(net: &MemoryNet, name: &str, seeds: &[&str]) -> (Node, Global) {
    let random = name.bytes().map(u64::from).sum();
    let builder = Node::builder("test").without_file().node_id(name).secret("s3kr1t").insecure_seed(random);
    let builder = builder.bind(&format!("{name}:4040")).transport(Arc::new(net.host(name)));
    let builder = seeds.iter().fold(builder, |builder, seed| builder.seed(&format!("{seed}:4040")));
    let node = builder.start().await.expect("starts");
    let global = Global::start(&node).expect("starts");
    global.joined().await.expect("joins");
    (node, global)
}

/// A seed and three nodes that serve their status, and one that does not.
async fn network() -> (MemoryNet, Vec<(Node, Global)>) {
    let net = MemoryNet::new(7);
    let mut nodes = vec![start(&net, "seed", &[]).await];
    for name in ["a", "b", "c"] {
        nodes.push(start(&net, name, &["seed"]).await);
    }
    for (node, global) in &nodes {
        status::serve(node, global).expect("room");
    }
    nodes.push(start(&net, "quiet", &["seed"]).await);
    tokio::time::sleep(Duration::from_secs(5)).await;
    (net, nodes)
}

/// [SV-04] [SV-05]
#[tokio::test(start_paused = true)]
async fn any_node_asks_all_nodes_how_they_do() {
    let (_net, nodes) = network().await;
    let (asking, directory) = &nodes[4];
    let ports = directory.group(NAME).members().await.expect("a master");
    assert_eq!(ports.len(), 4, "{ports:?}");
    let client = StatusClient::new(asking);
    for port in &ports {
        let summary = client.summary(port).await.expect("answers");
        assert_eq!(summary.node, port.node_str());
        assert_eq!(summary.global, summary.node == "seed");
        assert_eq!(summary.master.as_deref(), (!summary.global).then_some("seed"));
        assert!(summary.connected >= 1 && summary.messages_in > 0 && summary.bytes_out > 0, "{summary:?}");
        assert!(summary.uptime >= 5.0 && summary.ports >= 1 && summary.names == 1);
        assert!(summary.own_keys >= 2 && summary.keys >= summary.own_keys && summary.key_bytes > 0);
    }
    let by_name = client.port_of(nodes[1].0.id()).await.expect("reached");
    assert!(by_name.is_some_and(|port| ports.contains(&port)));
    assert_eq!(client.port_of(nodes[4].0.id()).await.expect("itself"), None);
}

/// [SV-04] [SV-05] A long list comes in pieces, which together are all.
#[tokio::test(start_paused = true)]
async fn connections_and_ports_come_in_pieces() {
    let (_net, nodes) = network().await;
    let (seed, client) = (&nodes[0].0, StatusClient::new(&nodes[1].0));
    let port = client.port_of(seed.id()).await.expect("reached").expect("serves");
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = client.connections(&port, 3, after).await.expect("answers");
        assert!(page.connections.len() <= 3);
        names.extend(page.connections.iter().map(|connection| connection.node.clone()));
        assert!(page.connections.iter().all(|one| one.own_kind && one.messages_in > 0));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c", "quiet"]);
    let held: Vec<_> = (0..10).map(|_| seed.port()).collect();
    let (mut found, mut from) = (BTreeSet::new(), None);
    loop {
        let page = client.ports(&port, 4, from).await.expect("answers");
        found.extend(page.ports.into_iter().map(|state| state.port));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert!(held.iter().all(|port| found.contains(port.id().as_str())), "{found:?}");
}

/// [SV-04] A global node knows all families, another one those that it has keys of.
#[tokio::test(start_paused = true)]
async fn families_come_in_pieces() {
    let (_net, nodes) = network().await;
    for (family, (_, global)) in ["f", "g", "h"].iter().zip(&nodes) {
        global.family(family).set("x", 1).expect("room");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let client = StatusClient::new(&nodes[4].0);
    let of = async |index: usize| {
        let port = client.port_of(nodes[index].0.id()).await.expect("reached").expect("serves");
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = client.families(&port, 2, after).await.expect("answers");
            assert!(page.families.len() <= 2);
            all.extend(page.families.into_iter().map(|one| format!("{} {}", one.family, one.keys)));
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    };
    assert_eq!(of(0).await, ["'g 1", "'l 5", "f 1", "g 1", "h 1", "mp::status 4"]);
    assert_eq!(of(1).await, ["'l 1", "g 1", "mp::status 1"]);
}

/// [SV-04] What a Perl or Python program would write; and what is no question does no harm.
#[tokio::test(start_paused = true)]
async fn plain_values_are_enough() {
    let (_net, nodes) = network().await;
    let asking = &nodes[4].0;
    let port = StatusClient::new(asking).port_of(nodes[0].0.id()).await.expect("reached").expect("serves");
    let ask = async |question: Vec<Value>| -> Message {
        let limit = Duration::from_secs(5);
        asking.call(&port, Message::from(question)).timeout(limit).await.expect("answers")
    };
    let answer = ask(vec!["summary".into()]).await;
    assert_eq!(answer.tag().as_deref(), Some("ok"));
    let map = answer.args()[0].as_map().expect("a map");
    assert_eq!(map.get("node").and_then(|node| node.as_str().map(Into::into)), Some("seed".to_owned()));
    // Perl's numbers may come as texts, and a limit may be anything.
    for limit in [Value::Null, "2".into(), (-5).into(), i64::MAX.into(), "many".into(), Value::List(vec![])] {
        for question in ["connections", "ports"] {
            let answer = ask(vec![question.into(), limit.clone(), Value::Null]).await;
            let list = answer.args()[0].as_map().expect("a map").get(question).cloned();
            let list = list.expect("the list");
            assert!(!list.as_list().expect("a list").is_empty(), "{question} {limit:?}");
        }
    }
    assert_eq!(ask(vec!["shutdown".into()]).await.tag().as_deref(), Some("error"));
    assert_eq!(ask(vec![]).await.tag().as_deref(), Some("error"));
    asking.send(&port, ("summary",)).await.expect("room");
    asking.send(&port, ("summary", nodes[0].0.id().port())).await.expect("room");
    assert_eq!(ask(vec!["summary".into()]).await.tag().as_deref(), Some("ok"), "it goes on");
}
