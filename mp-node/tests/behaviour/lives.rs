//! Nodes that restart, dial each other at once, or are known by several names: one connection, one order.

use std::time::Duration;

use mp_node::memory::{Death, MemoryNet};
use mp_node::{Limits, Node, NodeEvent, NodeId, PortId, Reason, Way};
use mp_proto::{HandshakeEvent, Side};
use mp_transport::Transport;

use crate::net::{
    SECRET, drain, limits, moment, node, node_with, pair, seconds, settled, text, timed, within,
};
use crate::puppet::{self, Kind};

/// [HS-14] [ND-03]
#[tokio::test(start_paused = true)]
async fn a_node_that_restarts_is_another_instance() {
    for death in [Death::Reset, Death::Silent] {
        let net = MemoryNet::new(1);
        let b = node(&net, "b", Limits::default()).await;
        let old = node(&net, "a", Limits::default()).await;
        settled(&old, &b).await;
        let port = old.port();
        let old_id = port.id().clone();
        let monitor = b.monitor(&port);
        let mut events = b.events();
        moment().await;
        net.kill_host("a", death);
        drop(port.detach());
        drop(old);
        let new = node(&net, "a", Limits::default()).await;
        let fresh = new.port();
        assert_ne!(*fresh.id(), old_id, "names are not used again");
        let mut at_b = b.port();
        new.send(&at_b, "from the new life").await.expect("room");
        assert_eq!(within(at_b.recv_as::<String>()).await, Some("from the new life".into()));
        assert_eq!(monitor.fired().expect("before the first message").word(), "transport_error");
        assert!(matches!(within(events.next()).await, Some(NodeEvent::Down(..))));
        assert!(matches!(within(events.next()).await, Some(NodeEvent::Up(_))));
        b.send(&old_id, "to the old life").await.expect("room");
        assert_eq!(within(b.monitor(&old_id)).await, Reason::no_such_port(&old_id));
        assert_eq!(new.stats().no_such_port, 1);
        assert_eq!((b.nodes().len(), new.nodes().len()), (1, 1));
    }
}

/// [HS-15] [ND-04]
#[tokio::test(start_paused = true)]
async fn two_nodes_that_dial_each_other_have_one_connection() {
    for seed in 0..200 {
        let net = MemoryNet::new(seed);
        net.between("a", "b").delay(Duration::from_millis(seed % 20), Duration::from_millis(seed % 37));
        let (a, b) = pair(&net, Limits::default()).await;
        let (mut at_a, mut at_b) = (a.port(), b.port());
        let mut events = a.events();
        let monitors = (a.monitor(&at_b), b.monitor(&at_a));
        let talk = async |node: &Node, to: &PortId| {
            for number in 0..20_u32 {
                node.send(to, number).await.expect("room");
                tokio::time::sleep(Duration::from_millis(seed % 11)).await;
            }
        };
        let lag = Duration::from_millis(seed % 5 * 7);
        let late = async {
            tokio::time::sleep(lag).await;
            talk(&b, at_a.id()).await;
        };
        let to_b = at_b.id().clone();
        tokio::join!(talk(&a, &to_b), late);
        for number in 0..20_u32 {
            assert_eq!(within(at_a.recv_as()).await, Some(number), "seed {seed}");
            assert_eq!(within(at_b.recv_as()).await, Some(number), "seed {seed}");
        }
        seconds(1.0).await;
        assert_eq!((monitors.0.fired(), monitors.1.fired()), (None, None), "seed {seed}");
        assert_eq!((a.nodes().len(), b.nodes().len(), net.pipe_count()), (1, 1, 1), "seed {seed}");
        assert!(matches!(within(events.next()).await, Some(NodeEvent::Up(_))));
        assert!(tokio::time::timeout(Duration::from_secs(1), events.next()).await.is_err(), "up once");
    }
}

/// What is still on its way over the old connection does not come after what came over the new one. [ND-03]
#[tokio::test(start_paused = true)]
async fn an_old_connection_ends_before_the_new_one_begins() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let b = node(&net, "b", Limits::default()).await;
    let mut port = b.port();
    let name = port.id().name().to_owned();
    // It decides, its name being the smaller one.
    let mut old = puppet::dial(&net, "a", "b", &Kind::Ours(1)).await.established().await;
    old.send(&name, 1).await;
    assert_eq!(within(port.recv_as::<i32>()).await, Some(1));
    // The old connection is stuck in writing.
    let far: PortId = "a#p".parse().expect("valid");
    for _ in 0..2 {
        b.try_send(&far, "x".repeat(400_000)).expect("room");
        moment().await;
    }
    let monitor = b.monitor(&far);
    let mut new = puppet::dial(&net, "a", "b", &Kind::Ours(1)).await.established().await;
    new.say(&name, 3);
    old.say(&name, 2);
    tokio::join!(new.flush(), async {
        // It may be broken already.
        drop(tokio::time::timeout(Duration::from_secs(1), old.flush()).await);
    });
    assert_eq!(within(port.recv_as::<i32>()).await, Some(3));
    assert_eq!(text(&within(monitor).await), "replaced by a new connection");
    assert_eq!(drain(&mut port).await, 0, "what came over the old one is of the past");
    b.send(&far, "over the new one").await.expect("room");
    assert_eq!(new.hears().await, r#""p" ["over the new one"]"#);
}

/// A `go` that comes late, over a handshake beside which another one has become the connection, does not count.
/// [ND-04]
#[tokio::test(start_paused = true)]
async fn a_late_go_is_of_the_past() {
    let net = MemoryNet::new(1);
    let b = node(&net, "b", Limits::default()).await;
    let mut port = b.port();
    let name = port.id().name().to_owned();
    let slow = puppet::dial(&net, "a", "b", &Kind::Ours(1)).await.authenticated().await;
    let mut quick = puppet::dial(&net, "a", "b", &Kind::Ours(1)).await.established().await;
    quick.send(&name, 2).await;
    assert_eq!(within(port.recv_as::<i32>()).await, Some(2));
    let monitor = b.monitor(NodeId::new("a").expect("valid"));
    let mut slow = slow;
    slow.handshake.admit();
    if let Ok(HandshakeEvent::Established(_)) = slow.event().await {
        assert!(slow.event().await.is_err());
    }
    quick.send(&name, 3).await;
    assert_eq!(within(port.recv_as::<i32>()).await, Some(3));
    assert_eq!(monitor.fired(), None);
}

/// Nor does one over a handshake of which we did not know yet whose it was: what was said over it may be older than what
/// has come over the other connection, also if that one is no more. [ND-03] [ND-04]
#[tokio::test(start_paused = true)]
async fn a_go_over_a_handshake_that_began_before_is_of_the_past() {
    for is_over in [false, true] {
        let net = MemoryNet::new(1);
        let b = node(&net, "b", Limits::default()).await;
        let mut port = b.port();
        let name = port.id().name().to_owned();
        // Its proof is a second on its way.
        net.between("far", "b").delay(Duration::from_secs(1), Duration::ZERO);
        let pipe = net.host("far").dial(&"b:1".parse().expect("valid")).await.expect("it listens");
        let mut slow = puppet::shake(pipe, "a", &Kind::Ours(1), SECRET, Side::Dialled);
        assert!(matches!(slow.event().await, Ok(HandshakeEvent::PeerGreeted { .. })));
        let mut quick = puppet::dial(&net, "a", "b", &Kind::Ours(1)).await.established().await;
        quick.send(&name, 2).await;
        assert_eq!(within(port.recv_as::<i32>()).await, Some(2));
        if is_over {
            drop(quick);
            moment().await;
            assert!(b.nodes().is_empty());
        }
        let mut events = b.events();
        let mut slow = slow.authenticated().await;
        slow.handshake.admit();
        assert!(matches!(slow.event().await, Ok(HandshakeEvent::Established(_))));
        drop(tokio::time::timeout(Duration::from_secs(5), slow.event()).await);
        let event = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
        assert!(event.is_err(), "nothing comes of it: {event:?}");
        assert_eq!(b.nodes().is_empty(), is_over);
        let mut next = puppet::dial(&net, "a", "b", &Kind::Ours(1)).await.established().await;
        next.send(&name, 3).await;
        assert_eq!(within(port.recv_as::<i32>()).await, Some(3));
    }
}

/// The decider stays with the connection that it has. [ND-04]
#[tokio::test(start_paused = true)]
async fn a_second_connection_of_the_same_life_is_not_admitted() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let mut first = puppet::dial(&net, "b", "a", &Kind::Ours(1)).await.established().await;
    let monitor = a.monitor(NodeId::new("b").expect("valid"));
    let mut second = puppet::dial(&net, "b", "a", &Kind::Ours(1)).await;
    loop {
        match second.event().await {
            Ok(HandshakeEvent::Established(_)) => panic!("two connections"),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    a.send("b#p".parse::<PortId>().expect("valid"), 1).await.expect("room");
    assert_eq!(first.hears().await, r#""p" [1]"#);
    assert_eq!(monitor.fired(), None);
    let mut reborn = puppet::dial(&net, "b", "a", &Kind::Ours(2)).await.established().await;
    assert_eq!(text(&within(monitor).await), "replaced by a new connection");
    a.send("b#p".parse::<PortId>().expect("valid"), 2).await.expect("room");
    assert_eq!(reborn.hears().await, r#""p" [2]"#);
}

/// A node on the memory network that can be dialled by its address: `b.net:1`.
async fn reference(net: &MemoryNet, limits: Limits) -> (Node, NodeId) {
    let with = |builder: mp_node::NodeBuilder| {
        builder.limits(limits).node_id("b").bind("b.net:1").transport(std::sync::Arc::new(net.host("b.net")))
    };
    let builder = Node::builder("test").without_file().secret(SECRET);
    let node = with(builder).start().await.expect("starts");
    node.set_resolver(std::sync::Arc::new(|_| {
        Box::pin(async { vec![Way::Direct("a:1".parse().expect("valid"))] })
    }));
    (node, NodeId::new("b.net:1").expect("valid"))
}

/// [ND-08]
#[tokio::test(start_paused = true)]
async fn a_reference_to_a_node_that_is_connected_already_leads_to_it() {
    let net = MemoryNet::new(1);
    let (b, address) = reference(&net, Limits::default()).await;
    let a = node(&net, "a", Limits::default()).await;
    settled(&b, &a).await;
    assert_eq!(a.nodes(), [b.id().clone()]);
    let mut port = b.port();
    let alias = PortId::new(&address, port.id().name()).expect("valid");
    let monitor = a.monitor(&alias);
    a.send(&alias, "by address").await.expect("room");
    a.send(&port, "by name").await.expect("room");
    assert_eq!(within(port.recv_as::<String>()).await, Some("by name".into()));
    assert_eq!(within(port.recv_as::<String>()).await, Some("by address".into()));
    assert_eq!((monitor.fired(), a.nodes().len()), (None, 1));
    a.kill(&alias, Reason::die("so"));
    assert_eq!(within(monitor).await, Reason::die("so"));
}

/// [ND-08]
#[tokio::test(start_paused = true)]
async fn all_that_waits_under_a_reference_reaches_the_node() {
    let net = MemoryNet::new(1);
    let change = |limits: &mut Limits| {
        limits.outbox_control_bytes = 1000;
        limits.outbox_bytes = 100_000;
    };
    let (b, address) = reference(&net, Limits::default()).await;
    let a = node(&net, "a", limits(change)).await;
    let mut port = b.port();
    let alias = PortId::new(&address, port.id().name()).expect("valid");
    let monitor = a.monitor(&alias);
    let sent = crate::net::fill(&a, &alias, &"x".repeat(100));
    assert!(sent > 500, "{sent}");
    a.send(&alias, "last").await.expect("room");
    for _ in 0..sent {
        assert_eq!(within(port.recv_as::<String>()).await.map(|text| text.len()), Some(100));
    }
    assert_eq!(within(port.recv_as::<String>()).await, Some("last".into()));
    assert_eq!(monitor.fired(), None);
    // After a loss, the address is dialled anew.
    net.reset("a", "b.net");
    assert_eq!(within(monitor).await.word(), "transport_error");
    a.send(&alias, "again").await.expect("room");
    assert_eq!(within(port.recv_as::<String>()).await, Some("again".into()));
}

/// A name that leads to another node is not that node.
#[tokio::test(start_paused = true)]
async fn a_node_of_another_name_is_not_the_one_that_was_meant() {
    let net = MemoryNet::new(1);
    let b = node(&net, "b", Limits::default()).await;
    let a = node(&net, "a", Limits::default()).await;
    let addr: mp_node::Addr = "b:1".parse().expect("valid");
    a.set_resolver(std::sync::Arc::new(move |_| {
        let addr = addr.clone();
        Box::pin(async move { vec![Way::Direct(addr)] })
    }));
    let (reason, waited) = timed(a.monitor("bob#p".parse::<PortId>().expect("valid"))).await;
    assert_eq!((text(&reason).as_str(), waited), ("the node at b:1 calls itself b", 2.0));
    assert_eq!(a.nodes(), [b.id().clone()], "the connection is as good as any");
}

/// A service or resolver that panics takes no connection with it, and no monitor is forgotten.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_callback_is_its_own_affair() {
    let net = MemoryNet::new(1);
    let b = node(&net, "b", Limits::default()).await;
    let a = node_with(&net, "a", |builder| builder).await;
    for node in [&a, &b] {
        node.install(mp_node::Service {
            tags: &["g_odd"],
            up: Box::new(|_| panic!("up")),
            down: Box::new(|_, _| panic!("down")),
            request: Box::new(|_, _, _| panic!("request")),
        });
    }
    settled(&a, &b).await;
    assert!(a.request(b.id(), &mp_node::Message::from(["g_odd".into()])));
    settled(&a, &b).await;
    let monitor = a.monitor(b.port().detach());
    settled(&a, &b).await;
    net.reset("a", "b");
    assert_eq!(within(monitor).await.word(), "transport_error");
    settled(&a, &b).await;

    a.set_resolver(std::sync::Arc::new(|_| panic!("resolver")));
    let reason = within(a.monitor("nobody#p".parse::<PortId>().expect("valid"))).await;
    assert_eq!(text(&reason), "internal error");
}
