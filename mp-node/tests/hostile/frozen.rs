//! A process that is stopped for a while: SIGSTOP, and SIGCONT.

use std::sync::Arc;
use std::time::Duration;

use mp_node::{Framing, Limits, Node, PortId};
use mp_transport::Tcp;

use super::honest::{Honest, soon};
use super::peer::Member;
use super::victim::{SECRET, Victim};

/// It is found within `monitor_timeout`; when it goes on it learns that it was given up, its own monitors fire, it
/// connects again, and between what it sent before and what it sends then there is no silent hole. [CN-04] [ND-01]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_is_found_and_learns_of_it() {
    let victim = Victim::start("monitor_timeout=2000");
    let honest = Honest::meet(&victim).await;
    let mut port = honest.node.port();
    let near: &Node = &honest.node;
    let spawned = near.spawn_on(&victim.echo.node(), "ticker", (port.id(), near.addresses()[0].to_string()));
    spawned.expect("sent");
    let (mut epoch, mut last, mut hole) = (0_u64, 0_u64, false);
    let mut take = |(now, number): (u64, u64)| {
        // The ticker looks at its monitor, then sends: one message may just have been looked at before.
        assert!(now > epoch || !hole, "after {last} there was a hole, and no monitor has fired");
        hole = now == epoch && number != last + 1;
        (epoch, last) = (now, number);
        epoch
    };
    for _ in 0..20 {
        take(soon(port.recv_as()).await.expect("ticks"));
    }
    let monitor = near.monitor(&victim.echo);
    victim.signal("STOP");
    // Whatever load the machine is under: a keep-alive is overdue after 2 s.
    let reason = soon(monitor).await;
    assert_eq!(reason.word(), "transport_error");
    assert!(reason.to_string().contains("no sign of life for"), "{reason}");
    victim.signal("CONT");
    while take(soon(port.recv_as()).await.expect("ticks")) == 0 {}
    for _ in 0..20 {
        take(soon(port.recv_as()).await.expect("ticks"));
    }
    let over = victim.lines("connection lost").len() + victim.lines("connection ended by the peer").len();
    assert!(over > 0, "it says that it was given up: {:#?}", victim.lines(""));
}

/// Who is stopped does not hold up the end of others: a node that is shut down waits for those that give signs of life, and not
/// for the rest of `drain_time`. [ND-35]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_does_not_hold_up_a_shutdown() {
    let victim = Victim::start("monitor_timeout=2000");
    for large in [10, 50_000_000] {
        let mut limits = Limits::default();
        limits.monitor_timeout = Duration::from_secs(2);
        limits.drain_time = Duration::from_secs(3600);
        let honest = Honest::meet_with(&victim, limits).await;
        victim.signal("STOP");
        // What its system takes, and more than that.
        honest.node.send(&victim.echo, "x".repeat(large)).await.expect("room");
        soon(honest.node.shutdown()).await;
        victim.signal("CONT");
    }
}

/// Perl's nodes send no keep-alives, so that the silence of one says nothing. What finds one that is stopped is our system,
/// and only when we have something to say: once the buffers on the way are full, and nothing was taken for the transport's
/// `user_timeout`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_peer_of_another_kind_is_found_by_what_it_does_not_take() {
    let tcp = Tcp { user_timeout: Some(Duration::from_secs(2)), ..Tcp::default() };
    let builder = Node::builder("near").without_file().node_id("near").secret(SECRET);
    let node = builder.transport(Arc::new(tcp)).bind("127.0.0.1:0").start().await.expect("starts");
    let _stopped = Member::join_deaf(&node.addresses()[0], "perl", Framing::Cbor).await;
    let port: PortId = "perl#p".parse().expect("a port");
    let mut monitor = node.monitor(&port);
    let large = "x".repeat(100_000);
    let sending = async {
        loop {
            node.send(&port, &large).await.expect("it waits for room");
        }
    };
    let reason = soon(async {
        tokio::select! {
            reason = &mut monitor => reason,
            () = sending => unreachable!("it goes on"),
        }
    });
    assert_eq!(reason.await.word(), "transport_error");
}
