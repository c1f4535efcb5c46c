//! How a node ends: nothing outlives it, and nobody waits for it for ever.

use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{CallError, Limits, Node, NodeEvent, NodeId, PortId, SendError};

use crate::net::{limits, moment, node, pair, seconds, settled, text, timed, within};

/// The tutorial's client: it sends something to an address and ends. [ND-12]
#[tokio::test(start_paused = true)]
async fn what_was_sent_to_an_address_just_before_the_end_arrives() {
    let net = MemoryNet::new(1);
    net.everywhere().delay(Duration::from_millis(20), Duration::from_millis(20));
    let server = Node::builder("test").without_file().secret(crate::net::SECRET).node_id("server");
    let server = server
        .bind("s.net:1")
        .transport(std::sync::Arc::new(net.host("s.net")))
        .start()
        .await
        .expect("starts");
    let mut port = server.port();
    let address = NodeId::new("s.net:1").expect("valid");
    for to in [PortId::new(&address, port.id().name()).expect("valid"), port.id().clone()] {
        let client = node(&net, "client", Limits::default()).await;
        client.set_resolver(std::sync::Arc::new(|_| {
            Box::pin(async { vec![mp_node::Way::Direct("s.net:1".parse().expect("valid"))] })
        }));
        client.send(&to, ("goodbye", client.id())).await.expect("room");
        within(client.shutdown()).await;
        assert_eq!(within(port.recv()).await.expect("alive").tag().as_deref(), Some("goodbye"));
        assert!(client.nodes().is_empty());
        moment().await;
    }
    assert_eq!(net.pipe_count(), 0);
}

/// [ND-12]
#[tokio::test(start_paused = true)]
async fn after_a_shutdown_nothing_waits_for_ever() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let far = b.port();
    let nobody: PortId = "nobody#p".parse().expect("valid");
    settled(&a, &b).await;
    let mut events = a.events();
    let (port, other) = (a.port(), a.monitor(&far));
    let connecting = a.monitor(&nobody);
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    a.spawn_task(async move {
        let _tell = tell;
        std::future::pending::<()>().await;
    });
    within(a.shutdown()).await;
    assert_eq!(port.killed().map(|reason| reason.is_normal()), Some(true));
    assert_eq!(text(&within(other).await), "the node was shut down");
    assert_eq!(within(connecting).await.word(), "transport_error");
    assert!(told.await.is_err(), "the task is gone");
    assert!(matches!(within(events.next()).await, Some(NodeEvent::Down(..))));
    assert_eq!(within(events.next()).await, None);
    assert_eq!(a.send(&far, 1).await, Err(SendError::ShutDown));
    assert_eq!(a.send(&port, 1).await, Err(SendError::ShutDown));
    assert_eq!(a.try_port().map(drop), Err(SendError::ShutDown));
    assert_eq!(within(a.call(&far, 1)).await, Err(CallError::Send(SendError::ShutDown)));
    assert_eq!(within(a.lookup(b.id(), "x")).await, Err(CallError::Send(SendError::ShutDown)));
    for port in [far.id(), &nobody] {
        assert_eq!(text(&within(a.monitor(port)).await), "the node was shut down");
    }
    assert!(a.dial(&"b:1".parse().expect("valid")).await.is_err());
    within(a.shutdown()).await;
    moment().await;
    assert_eq!((b.nodes().len(), net.pipe_count()), (0, 0));
}

/// [ND-12]
#[tokio::test(start_paused = true)]
async fn a_node_whose_last_handle_is_dropped_is_gone() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let (far, near) = (b.port(), a.port());
    settled(&a, &b).await;
    let (other, connecting) = (a.monitor(&far), a.monitor("nobody#p".parse::<PortId>().expect("valid")));
    let at_b = b.monitor(&near);
    let mut events = a.events();
    drop(a);
    assert_eq!(text(&within(other).await), "the node was shut down");
    assert_eq!(text(&within(connecting).await), "the node was shut down");
    assert_eq!(within(at_b).await.word(), "transport_error");
    assert!(matches!(within(events.next()).await, Some(NodeEvent::Down(..))));
    assert_eq!(within(events.next()).await, None);
    let node = near.node();
    assert_eq!(node.send(&far, 1).await, Err(SendError::ShutDown));
    moment().await;
    assert_eq!(net.pipe_count(), 0);
}

/// A lookup whose asker ends meanwhile is not answered by "there is none".
#[tokio::test(start_paused = true)]
async fn a_lookup_during_a_shutdown_is_an_error() {
    let net = MemoryNet::new(1);
    net.everywhere().delay(Duration::from_millis(100), Duration::ZERO);
    let (a, b) = pair(&net, Limits::default()).await;
    settled(&a, &b).await;
    let (found, ()) = within(async { tokio::join!(a.lookup(b.id(), "x"), a.shutdown()) }).await;
    assert!(found.is_err(), "{found:?}");
}

/// A full mailbox at the other end does not lose what was written: [ND-12] and [ND-17]
#[tokio::test(start_paused = true)]
async fn what_waits_for_a_full_mailbox_outlives_its_sender() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(|limits| limits.mailbox_messages = 2)).await;
    let mut port = b.port();
    for number in 0..20_u32 {
        a.send(&port, number).await.expect("room");
    }
    let lost = b.monitor(a.id().port());
    within(a.shutdown()).await;
    seconds(3.0).await;
    assert_eq!(lost.fired(), None, "the connection stands until all is delivered");
    for number in 0..20_u32 {
        assert_eq!(within(port.recv_as()).await, Some(number));
    }
    assert_eq!(text(&within(lost).await), "Unexpected end-of-file");
    moment().await;
    assert_eq!(net.pipe_count(), 0);
}

/// Whom nobody reads from does not hold up the end of a connection for ever. [ND-17]
#[tokio::test(start_paused = true)]
async fn what_waits_for_a_mailbox_that_stays_full_is_lost_after_its_patience() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(|limits| limits.mailbox_messages = 2)).await;
    let port = b.port();
    for number in 0..20_u32 {
        a.send(&port, number).await.expect("room");
    }
    let lost = b.monitor(a.id().port());
    within(a.shutdown()).await;
    assert_eq!(text(&within(lost).await), "Unexpected end-of-file");
    assert_eq!(port.killed().expect("dead").word(), "mailbox_overflow");
}

/// Finding a node may need another connection, which must not go first. [ND-18]
#[tokio::test(start_paused = true)]
async fn a_node_that_is_found_through_another_one_gets_what_was_sent_just_before_the_end() {
    let net = MemoryNet::new(1);
    net.everywhere().delay(Duration::from_millis(20), Duration::ZERO);
    let (a, guide) = pair(&net, Limits::default()).await;
    let c = node(&net, "c", Limits::default()).await;
    settled(&a, &guide).await;
    let (asker, whom) = (a.downgrade(), guide.id().clone());
    a.set_resolver(std::sync::Arc::new(move |_| {
        let (asker, whom) = (asker.clone(), whom.clone());
        Box::pin(async move {
            // Any way to learn it from the guide will do: here, that it is still connected after a while.
            seconds(0.1).await;
            let knows = asker.upgrade().is_some_and(|node| node.nodes().contains(&whom));
            if knows { vec![mp_node::Way::Direct("c:1".parse().expect("valid"))] } else { Vec::new() }
        })
    }));
    let mut port = c.port();
    a.send(&port, "goodbye").await.expect("room");
    within(a.shutdown()).await;
    assert_eq!(within(port.recv_as::<String>()).await.as_deref(), Some("goodbye"));
}

/// Whoever is frozen holds up nobody for `drain_time`: who had been silent for half of `monitor_timeout` when the shutdown
/// began has a second, whether or not it has taken all. [ND-35]
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_silent_does_not_hold_up_the_end() {
    for (large, silent, expected) in
        [(0, 6.0, 1.0), (1_000_000, 6.0, 1.0), (0, 0.0, 5.0), (1_000_000, 1.0, 4.0)]
    {
        let net = MemoryNet::new(1);
        let (a, b) = pair(&net, limits(|limits| limits.drain_time = Duration::from_secs(60))).await;
        let port = b.port();
        settled(&a, &b).await;
        net.between("a", "b").cut();
        seconds(silent).await;
        a.send(&port, "x".repeat(large)).await.expect("room");
        let ((), took) = timed(a.shutdown()).await;
        assert!((took - expected).abs() < 0.1, "{large} bytes, silent for {silent} s: {took} s");
    }
}

/// A peer that is slow, and lives, has all of `drain_time`: it reads little in a second, or nothing, and says all the while that
/// it is there. [ND-35] [ND-12]
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_slow_gets_all_before_the_end() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(|limits| limits.monitor_timeout = Duration::from_secs(1))).await;
    let mut port = b.port();
    settled(&a, &b).await;
    net.link("a", "b").throttle(Some(10_000));
    for number in 0..40_u32 {
        a.send(&port, (number, "x".repeat(1000))).await.expect("room");
    }
    let ((), took) = timed(a.shutdown()).await;
    assert!((4.0..5.0).contains(&took), "as long as that takes: {took} s");
    for number in 0..40_u32 {
        assert_eq!(within(port.recv_as::<(u32, String)>()).await.map(|(got, _)| got), Some(number));
    }
}

/// What was sent while the pipe had not taken what came before it is not left behind. [ND-12]
#[tokio::test(start_paused = true)]
async fn what_gathers_behind_a_slow_pipe_is_sent_before_the_end() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let (a, b) = pair(&net, Limits::default()).await;
    let mut port = b.port();
    settled(&a, &b).await;
    net.link("a", "b").throttle(Some(10_000));
    for number in 0..10_u32 {
        a.send(&port, (number, "x".repeat(2000))).await.expect("room");
        moment().await;
    }
    within(a.shutdown()).await;
    for number in 0..10_u32 {
        assert_eq!(within(port.recv_as::<(u32, String)>()).await.map(|(got, _)| got), Some(number));
    }
}
