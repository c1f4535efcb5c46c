//! Nodes of ours in processes of their own, one after the other or side by side under one name.

#[path = "support/process.rs"]
mod process;

use std::time::Duration;

use mp_global::{Global, GroupMonitor};
use mp_node::{Framing, Node, NodeId, PortId};

use process::Process;

/// Where the program runs itself again.
#[tokio::test]
async fn node_of_this_process() {
    process::node_of_this_process().await;
}

fn start(name: &str, bind: &str, seeds: &[&str]) -> Process {
    Process::start("node_of_this_process", name, Framing::Json, bind, seeds)
}

/// Stops a process: it is there, and does nothing.
fn freeze(node: &Process) {
    let number = node.process.id().to_string();
    let stopped = std::process::Command::new("kill").args(["-STOP", &number]).status();
    assert!(stopped.expect("there is kill").success());
}

/// The node that all talk to. By its name it decides among connections with `m`, or does not.
async fn hub(name: &str) -> (Node, Global, String) {
    let builder = Node::builder("test").without_file().node_id(name).secret("s3kr1t");
    let node = builder.framings(&[Framing::Json]).bind("127.0.0.1:0").start().await.expect("starts");
    let global = Global::builder(&node).global(true).start().expect("starts");
    let address = node.addresses()[0].to_string();
    (node, global, address)
}

async fn has(monitor: &mut GroupMonitor, members: &[&PortId]) {
    let expected: std::collections::BTreeSet<PortId> = members.iter().map(|&port| port.clone()).collect();
    let reach = async {
        while *monitor.members() != expected {
            monitor.next().await.expect("the node lives");
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(30), reach).await;
    assert!(reached.is_ok(), "{:?} is not {expected:?}", monitor.members());
}

/// [ND-19], [GL-16]: a process that was killed, and one that is stopped, are replaced by a new one of the same name, and so is
/// what they owned.
#[tokio::test]
async fn a_new_process_takes_the_place_of_a_dead_or_frozen_one() {
    for name in ["a", "z"] {
        let (_hub, global, address) = hub(name).await;
        let mut monitor = global.group("g").monitor().expect("room");
        let mut first = start("m", "127.0.0.1:0", &[&address]);
        has(&mut monitor, &[&first.port]).await;
        first.kill();
        let second = start("m", "127.0.0.1:0", &[&address]);
        has(&mut monitor, &[&second.port]).await;
        freeze(&second);
        let third = start("m", "127.0.0.1:0", &[&address]);
        has(&mut monitor, &[&third.port]).await;
    }
}

/// [ND-20]: of two processes of one name that live the first stays, and what the second one owns is seen by nobody; when the
/// first one goes, the second is there.
#[tokio::test]
async fn a_twin_has_to_wait() {
    for name in ["a", "z"] {
        let (hub, global, address) = hub(name).await;
        let mut monitor = global.group("g").monitor().expect("room");
        let mut first = start("m", "127.0.0.1:0", &[&address]);
        has(&mut monitor, &[&first.port]).await;
        let watch = hub.monitor(NodeId::new("m").expect("a name").port());
        let twin = start("m", "127.0.0.1:0", &[&address]);
        // It has been refused by then, once at least: a third node that comes later has been seen.
        let other = start("n", "127.0.0.1:0", &[&address, &twin.address]);
        has(&mut monitor, &[&first.port, &other.port]).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(watch.fired(), None);
        has(&mut monitor, &[&first.port, &other.port]).await;
        drop(other);
        first.kill();
        has(&mut monitor, &[&twin.port]).await;
        assert!(watch.fired().is_some());
    }
}
