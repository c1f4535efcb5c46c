//! Whole networks of nodes on a simulated network, in virtual time.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mp_global::{Excess, Global, GlobalError, GroupMonitor, Key, RegistryError, RegistryLimits};
use mp_node::memory::{Death, MemoryNet};
use mp_node::{Node, NodeId, PortId, Reason, Value};
use mp_transport::clock;

/// A network, and the randomness of the next node on it.
struct Net(MemoryNet, Cell<u64>);

impl Net {
    fn new() -> Self {
        let net = Self(MemoryNet::new(7), Cell::new(1));
        net.0.everywhere().delay(Duration::from_millis(1), Duration::from_millis(1));
        net
    }

    async fn node(&self, name: &str, seeds: &[&str]) -> Node {
        let random = self.1.replace(self.1.get() + 1);
        let builder =
            Node::builder("test").without_file().node_id(name).secret("s3kr1t").insecure_seed(random);
        let builder = builder.bind(&format!("{name}:4040")).transport(Arc::new(self.0.host(name)));
        let builder = seeds.iter().fold(builder, |builder, seed| builder.seed(&format!("{seed}:4040")));
        builder.start().await.expect("starts")
    }

    async fn start(&self, name: &str, seeds: &[&str]) -> (Node, Global) {
        let node = self.node(name, seeds).await;
        let global = Global::start(&node).expect("starts");
        (node, global)
    }
}

/// What should come, within a time that is long for a network and short in virtual time.
async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), future.into_future())
        .await
        .expect("it should have happened by now")
}

fn id(name: &str) -> NodeId {
    NodeId::new(name).expect("a name")
}

/// Waits until a group has exactly these members.
async fn has(monitor: &mut GroupMonitor, members: &[&PortId]) {
    let expected: BTreeSet<PortId> = members.iter().map(|&port| port.clone()).collect();
    let reach = async {
        while *monitor.members() != expected {
            monitor.next().await.expect("the node lives");
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(120), reach).await;
    assert!(reached.is_ok(), "{:?} is not {expected:?}", monitor.members());
}

/// Wherever its members are. [ND-32]
#[tokio::test(start_paused = true)]
async fn a_group_is_sent_to() {
    let net = Net::new();
    let (_seed, at_seed) = net.start("seed", &[]).await;
    let (alice, at_alice) = net.start("alice", &["seed"]).await;
    let (bob, at_bob) = net.start("bob", &["seed"]).await;
    let mut monitor = at_bob.group("chat").monitor().expect("room");
    assert_eq!(soon(at_bob.group("chat").send("nobody")).await, Ok(0));
    let (mut one, mut two, mut three) = (alice.port(), alice.port(), bob.port());
    let _members = [
        at_alice.group("chat").register(&one).expect("fits"),
        at_alice.group("chat").register(&two).expect("fits"),
        at_bob.group("chat").register(&three).expect("fits"),
    ];
    has(&mut monitor, &[one.id(), two.id(), three.id()]).await;
    assert_eq!(soon(at_bob.group("chat").send(("hello", 1))).await, Ok(3));
    soon(bob.send_all(monitor.members(), ("hello", 2))).await.expect("room");
    for port in [&mut one, &mut two, &mut three] {
        for number in 1..3 {
            assert_eq!(soon(port.recv_as::<(String, u32)>()).await, Some(("hello".to_owned(), number)));
        }
    }
    soon(bob.shutdown()).await;
    assert_eq!(soon(at_bob.group("chat").send(1)).await, Err(GlobalError::ShutDown));
    drop(at_seed);
}

/// [GL-33], [GL-07], [GL-29]
#[tokio::test(start_paused = true)]
async fn groups_are_seen_by_all_who_share_a_seed() {
    let net = Net::new();
    let (_seed, at_seed) = net.start("seed", &[]).await;
    let (alice, at_alice) = net.start("alice", &["seed"]).await;
    let (bob, at_bob) = net.start("bob", &["seed"]).await;
    assert!(at_seed.standing().is_global, "nobody else is there to be asked");
    let mut monitor = at_bob.group("chat").monitor().expect("room");
    soon(at_bob.joined()).await.expect("joins");
    assert_eq!(at_bob.standing().master, Some(id("seed")));

    let (one, two) = (alice.port(), alice.port());
    let member = at_alice.group("chat").register(&one).expect("room");
    at_alice.group("chat").register_with(&two, "a value").expect("room").detach();
    let own = bob.port();
    let _own = at_bob.group("chat").register(&own).expect("room");
    has(&mut monitor, &[one.id(), two.id(), own.id()]).await;
    let mut members = soon(at_seed.group("chat").members()).await.expect("answered");
    members.sort();
    assert_eq!(members, monitor.members().iter().cloned().collect::<Vec<_>>());
    let entries = soon(at_bob.family("chat").entries()).await.expect("answered");
    assert_eq!(entries[two.id().as_str()], Value::from("a value"));

    drop(member);
    has(&mut monitor, &[two.id(), own.id()]).await;
    alice.kill(&two, Reason::normal());
    has(&mut monitor, &[own.id()]).await;
}

/// [GL-33]
#[tokio::test(start_paused = true)]
async fn a_port_is_a_member_as_long_as_it_has_a_membership() {
    let net = Net::new();
    let (node, global) = net.start("alone", &[]).await;
    let (group, port) = (global.group("g"), node.port());
    let mut monitor = group.monitor().expect("room");
    let (first, second) = (group.register(&port).expect("room"), group.register(&port).expect("room"));
    drop(first);
    assert_eq!(soon(group.members()).await, Ok(vec![port.id().clone()]));
    drop(second);
    assert_eq!(soon(group.members()).await, Ok(vec![]));
    let third = group.register(&port).expect("room");
    let id = port.id().clone();
    has(&mut monitor, &[&id]).await;
    port.kill(&Reason::normal());
    has(&mut monitor, &[]).await;
    drop(third);
    let late = group.register(&id).expect("room");
    has(&mut monitor, &[]).await;
    drop(late);
    assert_eq!(soon(group.members()).await, Ok(vec![]));
}

/// [GL-13]: a node finds another one's listeners through its seed.
#[tokio::test(start_paused = true)]
async fn messages_find_their_way_to_nodes_known_by_name_alone() {
    let net = Net::new();
    let (_seed, _global) = net.start("seed", &[]).await;
    let (alice, at_alice) = net.start("alice", &["seed"]).await;
    let (bob, _at_bob) = net.start("bob", &["seed"]).await;
    let mut port = bob.port();
    alice.send(&port, ("early", 1)).await.expect("queued");
    assert_eq!(soon(port.recv_as::<(String, u32)>()).await, Some(("early".into(), 1)));
    soon(at_alice.joined()).await.expect("joined");
    let ghost: PortId = "ghost#x".parse().expect("valid");
    let reason = soon(alice.monitor(&ghost)).await;
    assert_eq!(reason.values()[2], Value::from("no known address"), "{reason}");
}

/// [GL-16]
#[tokio::test(start_paused = true)]
async fn with_a_node_go_its_members() {
    let net = Net::new();
    let (_seed, _global) = net.start("seed", &[]).await;
    let (alice, at_alice) = net.start("alice", &["seed"]).await;
    let (_bob, at_bob) = net.start("bob", &["seed"]).await;
    let port = alice.port();
    let _member = at_alice.group("g").register(&port).expect("room");
    let mut monitor = at_bob.group("g").monitor().expect("room");
    has(&mut monitor, &[port.id()]).await;
    net.0.kill_host("alice", Death::Silent);
    has(&mut monitor, &[]).await;
}

/// [GL-08], [GL-25]
#[tokio::test(start_paused = true)]
async fn a_seed_that_is_restarted_learns_all_anew() {
    let net = Net::new();
    let (seed, _) = net.start("seed", &[]).await;
    let (alice, at_alice) = net.start("alice", &["seed"]).await;
    let (_bob, at_bob) = net.start("bob", &["seed"]).await;
    let port = alice.port();
    let _member = at_alice.group("g").register(&port).expect("room");
    let mut monitor = at_bob.group("g").monitor().expect("room");
    has(&mut monitor, &[port.id()]).await;

    net.0.kill_host("seed", Death::Reset);
    seed.shutdown().await;
    let other = alice.port();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(at_alice.standing().master, None);
    let _other = at_alice.group("g").register(&other).expect("room");
    let (_seed, at_seed) = net.start("seed", &[]).await;
    has(&mut monitor, &[port.id(), other.id()]).await;
    assert_eq!(soon(at_seed.group("g").members()).await.expect("answered").len(), 2);
}

/// [GL-06], [GL-24]: four seeds that know one another as seeds, each with a slave.
#[tokio::test(start_paused = true)]
async fn a_partition_of_the_global_nodes_heals() {
    let net = Net::new();
    let names = ["s1", "s2", "s3", "s4"];
    let mut seeds = Vec::new();
    for name in names {
        seeds.push(net.start(name, &["s1", "s2", "s3", "s4"]).await);
    }
    let mut slaves = Vec::new();
    for name in names {
        let (node, global) = net.start(&format!("of-{name}"), &[name]).await;
        let port = node.port();
        let member = global.group("g").register(&port).expect("room");
        let monitor = global.group("g").monitor().expect("room");
        slaves.push((node, port.id().clone(), port, member, monitor));
    }
    let ids: Vec<PortId> = slaves.iter().map(|slave| slave.1.clone()).collect();
    let all: Vec<&PortId> = ids.iter().collect();
    for slave in &mut slaves {
        has(&mut slave.4, &all).await;
    }
    for (_, seed) in &seeds {
        assert!(seed.standing().is_global, "a seed that finds itself among its seeds is global");
        assert_eq!(seed.globals(), names.map(id));
    }

    let cut = net.0.across(&["s1", "s2"], &["s3", "s4"]);
    cut.cut();
    for (index, slave) in slaves.iter_mut().enumerate() {
        let side = if index < 2 { &all[..2] } else { &all[2..] };
        has(&mut slave.4, side).await;
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    cut.heal();
    for slave in &mut slaves {
        has(&mut slave.4, &all).await;
    }
}

/// [GL-27]: the global nodes are no seeds of one another; a third one introduced them.
#[tokio::test(start_paused = true)]
async fn global_nodes_that_lost_one_another_meet_again() {
    let net = Net::new();
    let (_hub, at_hub) = net.start("hub", &[]).await;
    let mut globals = Vec::new();
    for name in ["a", "b"] {
        let node = net.node(name, &["hub"]).await;
        let global = Global::builder(&node).global(true).start().expect("starts");
        globals.push((node, global));
    }
    let port = globals[0].0.port();
    let _member = globals[0].1.group("g").register(&port).expect("room");
    let mut monitor = globals[1].1.group("g").monitor().expect("room");
    has(&mut monitor, &[port.id()]).await;
    assert!(globals[1].0.nodes().contains(&id("a")), "introduced by the hub");

    net.0.kill_host("hub", Death::Reset);
    let cut = net.0.between("a", "b");
    cut.cut();
    has(&mut monitor, &[]).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(globals[1].1.globals(), [id("b")]);
    cut.heal();
    has(&mut monitor, &[port.id()]).await;
    drop(at_hub);
}

/// [GL-15]: all see the same value of a key that several own.
#[tokio::test(start_paused = true)]
async fn families_carry_values() {
    let net = Net::new();
    let (_seed, at_seed) = net.start("seed", &[]).await;
    let (_alice, at_alice) = net.start("alice", &["seed"]).await;
    let (family, there) = (at_alice.family("settings"), at_seed.family("settings"));
    let mut monitor = family.monitor().expect("room");
    family.set("colour", "red").expect("room");
    let first = soon(monitor.next()).await.expect("a change");
    assert_eq!(first.added[&Key::from("colour")], Value::from("red"));
    assert!(!first.synced);
    assert!(soon(monitor.next()).await.expect("a change").synced);
    there.set("colour", "blue").expect("room");
    let second = soon(monitor.next()).await.expect("a change");
    assert_eq!(second.changed[&Key::from("colour")], Value::from("blue"));
    there.delete("colour");
    let third = soon(monitor.next()).await.expect("a change");
    assert_eq!(third.changed[&Key::from("colour")], Value::from("red"));
    assert_eq!(soon(there.values()).await, Ok(vec![Value::from("red")]));
    family.delete("colour");
    assert_eq!(soon(monitor.next()).await.expect("a change").deleted, [Key::from("colour")]);
}

/// [GL-30]
#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_changes_put_together() {
    let net = Net::new();
    let (_node, global) = net.start("alone", &[]).await;
    let family = global.family("f");
    let mut monitor = family.monitor().expect("room");
    for number in 0..1000 {
        family.set("last", number).expect("room");
        family.set(&format!("passing {number}"), true).expect("room");
        family.delete(&format!("passing {number}"));
    }
    let change = soon(monitor.next()).await.expect("a change");
    assert_eq!(change.added.into_iter().collect::<Vec<_>>(), [("last".into(), Value::from(999))]);
    assert!(change.changed.is_empty() && change.deleted.is_empty());
}

/// [GL-32]
#[tokio::test(start_paused = true)]
async fn a_peer_that_holds_too_much_is_disconnected() {
    let net = Net::new();
    let seed = net.node("seed", &[]).await;
    let mut limits = RegistryLimits::default();
    limits.keys = 3;
    let at_seed = Global::builder(&seed).limits(limits).start().expect("starts");
    let (_alice, at_alice) = net.start("alice", &["seed"]).await;
    let mut events = seed.events();
    soon(at_alice.joined()).await.expect("joins");
    for key in ["a", "b", "c"] {
        at_alice.family("f").set(key, 1).expect("room");
    }
    let down = async { while !matches!(events.next().await, Some(mp_node::NodeEvent::Down(..))) {} };
    soon(down).await;
    assert_eq!(soon(at_seed.family("f").keys()).await, Ok(vec![]));
    at_seed.family("f").set("a", 1).expect("room, beside our address and our name among the global nodes");
    let full = GlobalError::Registry(RegistryError::Full(Excess::Keys));
    assert_eq!(at_seed.family("f").set("b", 1), Err(full));
}

#[tokio::test(start_paused = true)]
async fn what_waits_ends_with_the_node() {
    let net = Net::new();
    let (node, global) = net.start("alone", &["nowhere"]).await;
    let mut monitor = global.group("g").monitor().expect("room");
    let (group, joined) = (global.group("g"), global.clone());
    let end = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        node.shutdown().await;
    };
    let all = async { tokio::join!(end, group.members(), joined.joined(), monitor.next()) };
    let ((), members, joined, change) = soon(all).await;
    assert_eq!((members, joined, change), (Err(GlobalError::ShutDown), Err(GlobalError::ShutDown), None));
    assert_eq!(global.group("g").monitor().map(drop), Err(GlobalError::ShutDown));
    assert_eq!(global.family("f").set("k", 1), Err(GlobalError::ShutDown));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_node_ends_it_all() {
    let net = Net::new();
    let (node, global) = net.start("alone", &["nowhere"]).await;
    let weak = node.downgrade();
    drop(node);
    assert_eq!(soon(global.joined()).await, Err(GlobalError::ShutDown));
    drop(global);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(weak.upgrade().is_none(), "nothing holds the node's memory");
}

/// The same on real sockets and several threads, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_join_at_once() {
    let listener = |name: &str| {
        Node::builder("test").without_file().node_id(name).secret("s3kr1t").bind("127.0.0.1:0").start()
    };
    let seed = listener("seed").await.expect("starts");
    let _at_seed = Global::start(&seed).expect("starts");
    let address = seed.addresses()[0].to_string();
    let mut all = Vec::new();
    for index in 0..20 {
        let node = listener(&format!("n{index}")).await.expect("starts");
        let global = Global::builder(&node).seed(&address).start().expect("starts");
        let port = node.port();
        let member = global.group("g").register(&port).expect("room");
        let monitor = global.group("g").monitor().expect("room");
        all.push((node, port.id().clone(), port, member, monitor));
    }
    let ids: Vec<PortId> = all.iter().map(|one| one.1.clone()).collect();
    for one in &mut all {
        has(&mut one.4, &ids.iter().collect::<Vec<_>>()).await;
    }
    let left: Vec<PortId> = ids[10..].to_vec();
    let mut rest = all.split_off(10);
    drop(all);
    for one in &mut rest {
        has(&mut one.4, &left.iter().collect::<Vec<_>>()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn seeds_have_to_be_addresses() {
    let net = Net::new();
    let node = net.node("a", &[]).await;
    let error = Global::builder(&node).seed("not an address").start().map(drop).expect_err("refused");
    assert!(matches!(&error, GlobalError::Seed { seed, .. } if seed == "not an address"), "{error}");
    let global = Global::start(&node).expect("starts");
    let port = node.port();
    let refused = GlobalError::Registry(RegistryError::Internal);
    assert_eq!(global.group("'l").register(&port).map(drop), Err(refused));
}

/// [ND-07], [MON-05]: a monitor of a node that nobody knows, or of a port there, fires when the time is over that an
/// attempt to connect may take (the node might come to us meanwhile): whether a global node, a slave, or one that has
/// nobody to ask. It is not lost, and nothing waits for ever.
#[tokio::test(start_paused = true)]
async fn a_monitor_of_an_unknown_node_fires_in_time() {
    let net = Net::new();
    let (seed, _at_seed) = net.start("seed", &[]).await;
    let (slave, at_slave) = net.start("alice", &["seed"]).await;
    let (lost, _at_lost) = net.start("lost", &["nowhere"]).await;
    soon(at_slave.joined()).await.expect("joins");
    for node in [&seed, &slave, &lost] {
        for port in [id("ghost").port(), "spook#x".parse().expect("valid")] {
            let begun = clock::now();
            let reason = soon(node.monitor(&port)).await;
            let took = clock::now() - begun;
            assert!(
                took <= node.limits().connect_time + Duration::from_millis(10),
                "{} {port}: {took:?}",
                node.id()
            );
            let expected = ["transport_error", port.node_str(), "no known address"].map(Value::from);
            assert_eq!(reason.values(), expected, "{}", node.id());
        }
    }
}
