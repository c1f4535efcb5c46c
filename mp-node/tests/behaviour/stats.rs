//! What a node tells of its connections and ports.

use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{HandshakeFailure, Limits, Node, PortCursor};
use mp_transport::Transport as _;

use crate::net::{moment, node, node_with, pair, seconds, settled, within};
use crate::puppet::{self, Kind};

/// [SV-01] The round trip is the link's, there and back, within a keep-alive's time; idle or busy.
#[tokio::test(start_paused = true)]
async fn the_time_to_a_peer_and_back_is_known() {
    let net = MemoryNet::new(3);
    let delay = Duration::from_millis(40);
    net.between("a", "b").delay(delay, Duration::ZERO);
    let (a, b) = pair(&net, Limits::default()).await;
    settled(&a, &b).await;
    assert_eq!(a.connections()[0].round_trip, None, "nothing was asked yet");
    seconds(4.0).await;
    for one in [&a, &b] {
        let trip = one.connections()[0].round_trip.expect("measured");
        assert!(trip >= 2 * delay && trip < 3 * delay, "{trip:?}");
    }
    net.between("a", "b").delay(delay * 4, Duration::ZERO);
    let busy = b.port();
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        a.send(&busy, 1).await.expect("room");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let trip = a.connections()[0].round_trip.expect("measured");
    assert!(trip >= 8 * delay && trip < 9 * delay, "{trip:?}");
    assert_eq!((a.stats().unknown_requests, b.stats().unknown_requests), (0, 0));
}

/// [SV-01] Who is not of our own kind is not asked.
#[tokio::test(start_paused = true)]
async fn a_foreign_node_is_not_asked_for_its_time() {
    let net = MemoryNet::new(4);
    let a = node(&net, "a", Limits::default()).await;
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    moment().await;
    let heard = tokio::time::timeout(Duration::from_secs(60), perl.recv()).await;
    assert!(heard.is_err(), "{heard:?}");
    let info = a.connections().pop().expect("connected");
    assert_eq!((info.own_kind, info.round_trip, info.bytes_out), (false, None, 0));
}

/// [SV-02]
#[tokio::test(start_paused = true)]
async fn what_comes_and_goes_is_counted_on_both_sides() {
    let net = MemoryNet::new(5);
    let (a, b) = pair(&net, Limits::default()).await;
    settled(&a, &b).await;
    let mut port = b.port();
    let before = (a.stats(), b.stats(), b.connections()[0].clone());
    for number in 0..100_u32 {
        a.send(port.id(), ("some text", number)).await.expect("room");
    }
    for _ in 0..100 {
        within(port.recv()).await.expect("comes");
    }
    let after = (a.stats(), b.stats(), b.connections()[0].clone());
    assert_eq!(after.0.sent - before.0.sent, 100);
    assert_eq!(after.1.received - before.1.received, 100);
    assert_eq!(after.2.messages_in - before.2.messages_in, 100);
    assert!(after.1.bytes_received - before.1.bytes_received > 1_000);
    assert_eq!(after.0.bytes_sent, after.1.bytes_received, "no byte is counted twice or lost");
    let info = &a.connections()[0];
    assert_eq!((info.node.as_str(), info.dialled, info.own_kind), ("b", true, true));
    assert_eq!((info.address.to_string().as_str(), info.relayed, info.tls), ("b:1", false, None));
    assert_eq!(info.auth.expect("proven").name(), "hmac_sha3_512");
    assert!(!after.2.dialled, "a has dialled b");
    let gone = b.port().id().clone();
    a.send(&gone, "late").await.expect("room");
    settled(&a, &b).await;
    assert_eq!((b.stats().no_such_port, b.connections()[0].dropped), (1, 1));
    assert_eq!((a.stats().connections_made, a.stats().connections_ended, a.stats().connected), (1, 0, 1));
    a.disconnect(b.id(), "test");
    moment().await;
    assert_eq!((a.stats().connections_ended, a.connections().len()), (1, 0));
}

/// [SV-02]
#[tokio::test(start_paused = true)]
async fn what_waits_is_told_with_where_it_waits() {
    let net = MemoryNet::new(6);
    let a = node(&net, "a", Limits::default()).await;
    let nowhere: mp_node::PortId = "nobody#port".parse().expect("a port");
    a.try_send(&nowhere, "one").expect("room");
    a.try_send(&nowhere, "two").expect("room");
    let stats = a.stats();
    assert_eq!((stats.connecting, stats.connected, stats.queued_messages), (1, 0, 2));
    assert!(stats.queued_bytes > 0);
    seconds(30.0).await;
    let stats = a.stats();
    assert_eq!((stats.connecting, stats.queued_messages, stats.queued_bytes, stats.unsent), (0, 0, 0, 2));
    assert_eq!(stats.uptime.as_secs(), 30);
}

/// [SV-02]
#[tokio::test(start_paused = true)]
async fn ports_are_told_page_by_page_with_their_mailboxes() {
    let net = MemoryNet::new(7);
    let a = node(&net, "a", Limits::default()).await;
    let ports: Vec<_> = (0..7).map(|_| a.port()).collect();
    for _ in 0..5 {
        a.try_send(ports[3].id(), "wait here").expect("room");
    }
    assert!(a.register_name("third", &ports[3]));
    let _monitor = a.monitor(&ports[3]);
    let mut seen = Vec::new();
    let mut from = Some(PortCursor::default());
    while let Some(place) = from {
        let page = a.ports_info(place, 2);
        assert!(page.ports.len() <= 2);
        seen.extend(page.ports);
        from = page.next;
    }
    let ids: Vec<_> = seen.iter().map(|info| info.id.clone()).collect();
    assert_eq!(ids, ports.iter().map(|port| port.id().clone()).collect::<Vec<_>>());
    let third = &seen[3];
    assert_eq!((third.messages, third.monitors, third.has_handlers), (5, 1, false));
    assert_eq!(third.names, ["third"]);
    let all = a.mailboxes();
    assert_eq!((all.ports, all.messages, all.bytes), (7, 5, third.bytes));
    assert_eq!(all.deepest, Some((ports[3].id().clone(), 5)));
}

/// [SV-03]
#[tokio::test(start_paused = true)]
async fn failed_handshakes_are_counted_by_their_reason() {
    let net = MemoryNet::new(8);
    let a = node(&net, "a", Limits::default()).await;
    let stranger = node_with(&net, "b", |builder| builder.secret("an0ther")).await;
    assert!(stranger.dial(&"a:1".parse().expect("an address")).await.is_err());
    assert!(a.dial(&"nobody:1".parse().expect("an address")).await.is_err());
    moment().await;
    let of = |node: &Node, why| node.stats().handshake_failures.get(why);
    assert_eq!(of(&a, HandshakeFailure::Unreachable), 1);
    // Who sees it first closes; the other sees the end, or the wrong proof as well.
    let seen = [&a, &stranger].map(|node| of(node, HandshakeFailure::Secret));
    assert!(seen.iter().sum::<u64>() >= 1, "{seen:?}");
    assert!(a.stats().handshake_failures.total() >= 2);
}

/// [SV-03]: two nodes that dial one another again and again, and at the same time, are one connection and no failure.
#[tokio::test(start_paused = true)]
async fn connections_that_lose_to_one_another_are_no_failures() {
    for seed in 0..20 {
        let net = MemoryNet::new(seed);
        net.between("a", "b").delay(Duration::from_millis(1), Duration::from_millis(30));
        let (a, b) = (node(&net, "a", Limits::default()).await, node(&net, "b", Limits::default()).await);
        let addr = |text: &str| -> mp_node::Addr { text.parse().expect("an address") };
        let (to_a, to_b) = (addr("a:1"), addr("b:1"));
        let dials = tokio::join!(a.dial(&to_b), b.dial(&to_a), a.dial(&to_b), b.dial(&to_a), a.dial(&to_b));
        for dial in [dials.0, dials.1, dials.2, dials.3, dials.4] {
            assert!(dial.is_ok(), "{seed}: {dial:?}");
        }
        seconds(2.0).await;
        for node in [&a, &b] {
            let failures = node.stats().handshake_failures;
            assert_eq!(failures.total(), 0, "{seed}: {failures:?}");
        }
    }
}

/// [SV-03]: who comes, looks and goes is counted by itself.
#[tokio::test(start_paused = true)]
async fn who_leaves_before_it_says_who_it_is_is_no_failure() {
    let net = MemoryNet::new(9);
    let a = node(&net, "a", Limits::default()).await;
    let transport = net.host("visitor");
    drop(transport.dial(&"a:1".parse().expect("an address")).await.expect("a pipe"));
    moment().await;
    let failures = a.stats().handshake_failures;
    assert_eq!((failures.get(HandshakeFailure::Left), failures.total()), (1, 1), "{failures:?}");
    assert!(HandshakeFailure::Left.is_harmless() && !HandshakeFailure::Closed.is_harmless());
}

/// [SV-03]: nor is one that has given us up before it has heard anything, as those do that dial a frozen process.
#[tokio::test]
async fn who_leaves_before_it_has_heard_us_is_no_failure() {
    let node = Node::builder("test").without_file().secret(crate::net::SECRET).node_id("a");
    let a = node.bind("127.0.0.1:0").start().await.expect("starts");
    let greeting = "aemp;1;visitor;hmac_sha3_512;json;mproto=1;gproto=1\nbm9uY2U";
    let mut visitor = std::net::TcpStream::connect(a.addresses()[0].to_string()).expect("listens");
    std::io::Write::write_all(&mut visitor, greeting.as_bytes()).expect("room");
    // Nothing has run in this thread meanwhile: the node finds a peer that is gone.
    drop(visitor);
    let failures = || a.stats().handshake_failures;
    while failures().total() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((failures().get(HandshakeFailure::Left), failures().total()), (1, 1), "{:?}", failures());
}
