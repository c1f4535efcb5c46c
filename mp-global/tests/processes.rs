//! Nodes of ours in processes of their own, one after the other or side by side under one name.

#[path = "support/process.rs"]
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mp_global::{Global, GroupMonitor};
use mp_node::{Framing, Node, NodeId, Port, PortId};

use process::{ECHOES, Process};

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
    let expected: BTreeSet<PortId> = members.iter().map(|&port| port.clone()).collect();
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

/// Waits until a group has so many members; who they are.
async fn members(monitor: &mut GroupMonitor, count: usize) -> Vec<PortId> {
    let reach = async {
        while monitor.members().len() != count {
            monitor.next().await.expect("the node lives");
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(30), reach).await;
    assert!(reached.is_ok(), "{:?} are not {count}", monitor.members());
    monitor.members().iter().cloned().collect()
}

/// Each of these ports has given back these numbers, in their order; nothing else has come from anybody.
async fn come_back(answers: &mut Port, ports: &[PortId], numbers: &[u64]) {
    let mut next: BTreeMap<&PortId, usize> = ports.iter().map(|port| (port, 0)).collect();
    for _ in 0..ports.len() * numbers.len() {
        let answer = tokio::time::timeout(Duration::from_secs(30), answers.recv_as::<(PortId, u64)>()).await;
        let (from, number) = answer.expect("it comes").expect("the port lives");
        let place = next.get_mut(&from).expect("one of those that were sent to");
        assert_eq!(numbers.get(*place), Some(&number), "{from}");
        *place += 1;
    }
    assert_eq!(answers.waiting(), 0);
}

/// [ND-31], [ND-32], [ND-34]: the members of a group in two processes, of which one takes requests for many ports, and the other,
/// which writes JSON, gets a message for each of them. Whether a message is for one or for many, each port gets all in their
/// order; and when a process dies, monitors tell, and the others go on.
#[tokio::test]
async fn messages_to_one_and_to_all_keep_their_order_in_each_process() {
    let builder = Node::builder("test").without_file().node_id("hub").secret("s3kr1t");
    let builder = builder.framings(&[Framing::Postcard, Framing::Json]).bind("127.0.0.1:0");
    let hub = builder.start().await.expect("starts");
    let global = Global::builder(&hub).global(true).start().expect("starts");
    let (group, seed) = (global.group("echoes"), hub.addresses()[0].to_string());
    let mut monitor = group.monitor().expect("room");
    let start =
        |name, framing| Process::start("node_of_this_process", name, framing, "127.0.0.1:0", &[&seed]);
    let (_whole, mut many) = (start("json", Framing::Json), start("many", Framing::Postcard));
    let all = members(&mut monitor, 2 * ECHOES).await;
    let mut answers = hub.port();
    let reply = answers.id().clone();
    let numbers: Vec<u64> = (0..600).collect();
    for number in &numbers {
        match number % 3 {
            0 => assert_eq!(group.send((&reply, number)).await, Ok(2 * ECHOES)),
            1 => hub.send_all(&all, (&reply, number)).await.expect("sent"),
            _ => {
                for port in &all {
                    hub.send(port, (&reply, number)).await.expect("sent");
                }
            }
        }
    }
    come_back(&mut answers, &all, &numbers).await;

    let (dead, living): (Vec<_>, Vec<_>) =
        all.iter().cloned().partition(|port| port.node_str() == many.port.node_str());
    assert_eq!(dead.len(), ECHOES);
    let ends: Vec<_> = dead.iter().map(|port| hub.monitor(port)).collect();
    let others: Vec<_> = living.iter().map(|port| hub.monitor(port)).collect();
    hub.send_all(&all, (&reply, 600)).await.expect("sent");
    come_back(&mut answers, &all, &[600]).await;
    many.kill();
    for end in ends {
        let reason = tokio::time::timeout(Duration::from_secs(30), end).await.expect("it is told");
        assert_eq!(reason.word(), "transport_error");
    }
    for number in 601..700 {
        hub.send_all(&all, (&reply, number)).await.expect("that some are dead is no error");
    }
    come_back(&mut answers, &living, &(601..700).collect::<Vec<_>>()).await;
    assert!(others.iter().all(|monitor| monitor.fired().is_none()));
    assert_eq!(members(&mut monitor, ECHOES).await, living);
    assert_eq!(group.send((&reply, 700)).await, Ok(ECHOES));
    come_back(&mut answers, &living, &[700]).await;
}
