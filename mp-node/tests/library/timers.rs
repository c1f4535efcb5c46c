//! Messages that are sent later.

use std::time::Duration;

use mp_node::testing::{Probe, TestNet};
use mp_node::{Limits, Reason};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_message_comes_after_its_time_and_not_before() {
    let net = TestNet::new(2).await;
    let mut probe = Probe::new(net.node(1));
    let timer = net.node(0).send_after(3 * SECOND, probe.id(), ("now", 1));
    probe.expect_none(3 * SECOND - Duration::from_millis(1)).await;
    assert!(!timer.is_over());
    probe.expect(("now", 1)).await;
    assert!(timer.is_over());
    probe.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_dropped_sends_nothing_and_one_that_is_detached_does() {
    let net = TestNet::new(1).await;
    let mut probe = Probe::new(net.node(0));
    drop(net.node(0).send_after(SECOND, probe.id(), "dropped"));
    net.node(0).send_after(SECOND, probe.id(), "detached").detach();
    probe.expect("detached").await;
    let every = net.node(0).send_every(SECOND, probe.id(), "tick");
    for _ in 0..3 {
        probe.expect_none(SECOND - Duration::from_millis(1)).await;
        probe.expect("tick").await;
    }
    drop(every);
    probe.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_beat_ends_with_its_port() {
    let net = TestNet::new(2).await;
    let port = net.node(1).typed_port::<u64>();
    let every = net.node(0).send_every(SECOND, &port, 1);
    tokio::time::sleep(10 * SECOND + SECOND / 2).await;
    assert_eq!((port.waiting(), every.is_over()), (10, false));
    net.node(1).kill(&port, Reason::normal());
    tokio::time::sleep(SECOND).await;
    assert!(every.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_beat_waits_for_room_and_does_not_catch_up() {
    let mut limits = Limits::default();
    limits.mailbox_messages = 2;
    let net = TestNet::with_limits(1, limits).await;
    let mut port = net.node(0).typed_port::<u64>();
    let _every = net.node(0).send_every(SECOND, &port, 1);
    tokio::time::sleep(Duration::from_millis(8500)).await;
    // Two in the mailbox, and one that waits for room.
    for _ in 0..3 {
        assert_eq!(port.recv().await, Some(1));
    }
    let begun = tokio::time::Instant::now();
    assert_eq!([port.recv().await, port.recv().await], [Some(1), Some(1)]);
    assert!(begun.elapsed() >= SECOND, "{:?}", begun.elapsed());
}
