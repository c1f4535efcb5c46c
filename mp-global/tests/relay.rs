//! Nodes that listen nowhere, and reach each other through a global node, in virtual time.

#![expect(clippy::disallowed_methods, reason = "a test's own tasks and clock")]

use std::sync::Arc;
use std::time::Duration;

use mp_global::Global;
use mp_node::memory::{Death, MemoryNet};
use mp_node::{Limits, Node, PortId, Reason};

/// A network in which each node keeps its directory.
struct Net(MemoryNet);

impl Net {
    fn new() -> Self {
        let net = MemoryNet::new(7);
        net.everywhere().delay(Duration::from_millis(1), Duration::from_millis(1));
        Self(net)
    }

    async fn node(&self, name: &str, seeds: &[&str], listens: bool, limits: Limits) -> (Node, Global) {
        let builder = Node::builder("test").without_file().node_id(name).secret("s3kr1t").limits(limits);
        let mut builder = builder
            .insecure_seed(name.bytes().fold(1, |sum, byte| sum * 31 + u64::from(byte)))
            .transport(Arc::new(self.0.host(name)));
        if listens {
            builder = builder.bind(&format!("{name}:4040"));
        }
        let builder = seeds.iter().fold(builder, |builder, seed| builder.seed(&format!("{seed}:4040")));
        let node = builder.start().await.expect("starts");
        let global = Global::start(&node).expect("starts");
        (node, global)
    }

    async fn global(&self, name: &str, seeds: &[&str]) -> (Node, Global) {
        self.node(name, seeds, true, Limits::default()).await
    }

    async fn client(&self, name: &str, seed: &str) -> (Node, Global) {
        let (node, global) = self.node(name, &[seed], false, Limits::default()).await;
        soon(global.joined()).await.expect("joins");
        (node, global)
    }
}

async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), future.into_future())
        .await
        .expect("it should have happened by now")
}

/// Sends `count` numbers and waits for their echo, in order.
async fn talk(from: &Node, to: &PortId, count: u64) {
    let mut port = from.port();
    for number in 0..count {
        from.send(to, (number, port.id())).await.expect("taken");
    }
    for number in 0..count {
        assert_eq!(soon(port.recv_as::<u64>()).await, Some(number));
    }
}

/// A port that sends everything back.
fn echo(node: &Node) -> PortId {
    let back = node.clone();
    node.spawn(async move |mut port| {
        while let Some((number, from)) = port.recv_as::<(u64, PortId)>().await {
            back.send(from, number).await.expect("taken");
        }
    })
}

/// [RL-01]
#[tokio::test(start_paused = true)]
async fn two_nodes_without_listeners_talk_through_their_master() {
    let net = Net::new();
    let (seed, _at_seed) = net.global("seed", &[]).await;
    let (alice, _at_alice) = net.client("alice", "seed").await;
    let (bob, _at_bob) = net.client("bob", "seed").await;
    let echo = echo(&bob);
    talk(&alice, &echo, 1000).await;
    assert!(alice.nodes().contains(bob.id()), "it is a connection like any other: {:?}", alice.nodes());
    assert!(seed.nodes().contains(alice.id()));

    let monitor = alice.monitor(&echo);
    talk(&alice, &echo, 1).await; // behind the monitor's request
    bob.kill(&echo, Reason::new("enough", ""));
    assert_eq!(soon(monitor).await.word(), "enough");
    assert!(soon(alice.monitor(&echo)).await.to_string().contains("no_such_port"));
}

/// [RL-04], [RL-06]: the slaves of two global nodes.
#[tokio::test(start_paused = true)]
async fn two_relays_carry_a_connection_between_them() {
    let net = Net::new();
    let (_east, at_east) = net.global("east", &["west"]).await;
    let (_west, _at_west) = net.global("west", &["east"]).await;
    let (alice, _at_alice) = net.client("alice", "east").await;
    let (bob, at_bob) = net.client("bob", "west").await;
    let echo = echo(&bob);
    let _here = at_bob.group("echo").register(&echo).expect("room");
    let mut echoes = at_east.group("echo").monitor().expect("room");
    while !echoes.members().contains(&echo) {
        soon(echoes.next()).await.expect("the node lives");
    }
    talk(&alice, &echo, 100).await;
    assert!(alice.nodes().contains(bob.id()));
}

/// [RL-05], law 4: a relay that dies is a connection that is lost.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_relay_is_told() {
    let net = Net::new();
    let (_seed, _at_seed) = net.global("seed", &[]).await;
    let (alice, _at_alice) = net.client("alice", "seed").await;
    let (bob, _at_bob) = net.client("bob", "seed").await;
    let echo = echo(&bob);
    talk(&alice, &echo, 10).await;
    let monitor = alice.monitor(&echo);
    net.0.kill_host("seed", Death::Reset);
    let reason = soon(monitor).await;
    assert_eq!(reason.word(), "transport_error", "{reason}");
    assert!(soon(alice.monitor(&echo)).await.word() == "transport_error", "there is no way now");
}

/// [RL-03]: a reader that does not keep up slows its sender down; the relay goes on serving others.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_fill_the_relay() {
    let net = Net::new();
    let (seed, _at_seed) = net.global("seed", &[]).await;
    let (alice, _at_alice) = net.client("alice", "seed").await;
    let mut limits = Limits::default();
    (limits.mailbox_messages, limits.mailbox_patience) = (4, Duration::from_secs(3600));
    limits.read_ahead_bytes = 64 * 1024;
    let (bob, at_bob) = net.node("bob", &["seed"], false, limits).await;
    soon(at_bob.joined()).await.expect("joins");
    let mut sleeper = bob.port();
    let (to, from) = (sleeper.id().clone(), alice.clone());
    let sending = tokio::spawn(async move {
        for number in 0..600_u64 {
            from.send(&to, (number, "x".repeat(100_000))).await.expect("taken");
        }
    });
    // Less than the time after which a peer that takes nothing is given up.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!sending.is_finished(), "60 MB cannot be under way");
    let others = echo(&seed);
    talk(&bob, &others, 10).await;
    talk(&alice, &others, 10).await;
    for number in 0..600_u64 {
        let (got, text) = soon(sleeper.recv_as::<(u64, String)>()).await.expect("it lives");
        assert_eq!((got, text.len()), (number, 100_000));
    }
    sending.await.expect("all was sent");
}

/// [RL-07]: a full mailbox that holds up what carries the pipe does not make the peer behind it a dead one.
#[tokio::test(start_paused = true)]
async fn a_carrier_that_is_not_read_for_a_while_is_no_silence() {
    let net = Net::new();
    let mut limits = Limits::default();
    (limits.monitor_timeout, limits.mailbox_patience) = (Duration::from_secs(2), Duration::from_secs(6));
    (limits.mailbox_messages, limits.read_ahead_bytes) = (1, 1);
    let (seed, _at_seed) = net.node("seed", &[], true, limits.clone()).await;
    let (alice, at_alice) = net.node("alice", &["seed"], false, limits.clone()).await;
    let (bob, at_bob) = net.node("bob", &["seed"], false, limits).await;
    soon(at_alice.joined()).await.expect("joins");
    soon(at_bob.joined()).await.expect("joins");
    let echo = echo(&bob);
    talk(&alice, &echo, 1).await;
    let mut monitor = alice.monitor(&echo);

    let mut sleeper = bob.port();
    for number in 0..20_u64 {
        seed.send(sleeper.id(), number).await.expect("taken");
    }
    let fired = tokio::time::timeout(Duration::from_secs(5), &mut monitor).await;
    assert!(fired.is_err(), "bob is alive: {fired:?}");
    for number in 0..20_u64 {
        assert_eq!(soon(sleeper.recv_as::<u64>()).await, Some(number));
    }
    talk(&alice, &echo, 1).await;
    drop(monitor);
}

/// What waits for a peer behind a relay is written before the node ends.
#[tokio::test(start_paused = true)]
async fn a_shutdown_drains_through_the_relay() {
    let net = Net::new();
    let (_seed, _at_seed) = net.global("seed", &[]).await;
    let (alice, _at_alice) = net.client("alice", "seed").await;
    let (bob, _at_bob) = net.client("bob", "seed").await;
    talk(&alice, &echo(&bob), 1).await;
    let mut port = bob.port();
    for number in 0..2_000_u64 {
        alice.send(port.id(), (number, "x".repeat(500))).await.expect("taken");
    }
    let collecting = tokio::spawn(async move {
        for number in 0..2_000_u64 {
            assert_eq!(soon(port.recv_as::<(u64, String)>()).await.map(|(number, _)| number), Some(number));
        }
    });
    soon(alice.shutdown()).await;
    collecting.await.expect("all arrived");
}

/// Both want to talk at the same moment: one connection, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn simultaneous_dials_through_a_relay_end_with_one_connection() {
    let net = Net::new();
    let (_seed, _at_seed) = net.global("seed", &[]).await;
    let (alice, _at_alice) = net.client("alice", "seed").await;
    let (bob, _at_bob) = net.client("bob", "seed").await;
    let (at_alice, at_bob) = (echo(&alice), echo(&bob));
    tokio::join!(talk(&alice, &at_bob, 100), talk(&bob, &at_alice, 100));
}

/// A node that refuses to relay, and one that nobody knows: the monitor tells, in the time that connecting has.
#[tokio::test(start_paused = true)]
async fn no_way_is_told_within_the_connect_time() {
    let net = Net::new();
    let mut limits = Limits::default();
    limits.relayed_per_peer = 0;
    let (_seed, _at_seed) = net.node("seed", &[], true, limits).await;
    let (alice, _at_alice) = net.client("alice", "seed").await;
    let (bob, _at_bob) = net.client("bob", "seed").await;
    let begin = tokio::time::Instant::now();
    let reason = soon(alice.monitor(echo(&bob))).await;
    assert!(reason.to_string().contains("too many relayed connections"), "{reason}");
    assert_eq!(begin.elapsed(), Duration::from_secs(2));
    let reason = soon(alice.monitor("nobody#port".parse::<PortId>().expect("a name"))).await;
    assert!(reason.to_string().contains("no known address"), "{reason}");
}
