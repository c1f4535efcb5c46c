//! Order and life under back-pressure.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{Limits, Node, PortId, Reason, TrySendError};

use crate::net::{limits, node, pair, seconds, settled, timed, within};

fn tight(limits: &mut Limits) {
    limits.mailbox_messages = 4;
    limits.outbox_bytes = 300;
    limits.read_ahead_bytes = 500;
}

/// [ND-01]
#[tokio::test(start_paused = true)]
async fn order_is_kept_under_back_pressure() {
    let net = MemoryNet::new(1);
    net.buffer_size(200);
    let (a, b) = pair(&net, limits(tight)).await;
    let (mut far, mut near) = (b.port(), a.port());
    let (to_far, to_near) = (far.id().clone(), near.id().clone());
    let senders = async {
        tokio::join!(
            async {
                for number in 0..5000_u32 {
                    a.send(&to_far, number).await.expect("encodes");
                }
            },
            async {
                for number in 0..5000_u32 {
                    a.send(&to_near, number).await.expect("encodes");
                }
            }
        )
    };
    let receivers = async {
        for number in 0..5000_u32 {
            assert_eq!(far.recv_as().await, Some(number));
            assert_eq!(near.recv_as().await, Some(number));
            if number % 500 == 0 {
                seconds(1.0).await;
            }
        }
    };
    within(async { tokio::join!(senders, receivers) }).await;
}

/// [ND-01]
#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_half_way_has_sent_nothing() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, limits(tight)).await;
    let (mut far, mut near) = (b.port(), a.port());
    settled(&a, &b).await;
    for (port, is_far) in [(far.id().clone(), true), (near.id().clone(), false)] {
        let mut sent = Vec::new();
        for number in 0..1000_u32 {
            match a.try_send(&port, number) {
                Ok(()) => sent.push(number),
                Err(TrySendError::Full(number)) => {
                    let mut sending = pin!(a.send(&port, number));
                    let mut cx = Context::from_waker(Waker::noop());
                    assert!(sending.as_mut().poll(&mut cx).is_pending());
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        let last = u32::try_from(sent.len()).unwrap() + 1000;
        let port = if is_far { &mut far } else { &mut near };
        let (id, node) = (port.id().clone(), a.clone());
        let sending = tokio::task::spawn(async move { node.send(&id, last).await });
        for number in sent {
            assert_eq!(within(port.recv_as()).await, Some(number));
        }
        assert_eq!(within(port.recv_as()).await, Some(last));
        assert_eq!(within(sending).await.expect("no panic"), Ok(()));
    }
}

/// A function that sends a hundred messages and receives none meanwhile.
async fn talker(node: Node, other: PortId) -> Result<(), Reason> {
    for number in 0..100 {
        let sent = node.send(&other, (number, "x".repeat(10_000))).await;
        sent.map_err(|error| Reason::die(error.to_string()))?;
    }
    Ok(())
}

/// [MON-09]
#[tokio::test(start_paused = true)]
async fn two_full_ports_do_not_wait_for_each_other_for_ever() {
    for far in [false, true] {
        let net = MemoryNet::new(1);
        net.buffer_size(200);
        let (a, b) = pair(&net, limits(tight)).await;
        let other = if far { b.clone() } else { a.clone() };
        let (tell_one, one) = tokio::sync::oneshot::channel::<PortId>();
        let (tell_two, two) = tokio::sync::oneshot::channel::<PortId>();
        let (node_one, node_two) = (a.clone(), other.clone());
        let first = a.spawn(|_| async move { talker(node_one, two.await.expect("told")).await });
        let second = other.spawn(|_| async move { talker(node_two, one.await.expect("told")).await });
        let monitors = (a.monitor(&first), a.monitor(&second));
        tell_one.send(first).expect("alive");
        tell_two.send(second).expect("alive");
        let ((one, two), waited) = timed(async { tokio::join!(monitors.0, monitors.1) }).await;
        assert!([&one, &two].iter().any(|reason| reason.word() == "mailbox_overflow"), "{one}, {two}");
        assert!(waited < 30.0, "{waited}");
    }
}

/// Reading and writing do not wait for one another: mailboxes are filled from what is parked even while the peer takes
/// nothing, or two nodes that flood each other would kill ports that have room. [ND-09]
#[tokio::test(start_paused = true)]
async fn two_nodes_that_flood_each_other_kill_no_port_that_receives() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let change = |limits: &mut Limits| {
        limits.mailbox_messages = 2;
        limits.read_ahead_bytes = 5000;
    };
    let (a, b) = pair(&net, limits(change)).await;
    let (mut at_a, mut at_b) = (a.port(), b.port());
    settled(&a, &b).await;
    let monitors = (a.monitor(&at_b), b.monitor(&at_a));
    for number in 0..1500_u32 {
        a.try_send(&at_b, (number, "x".repeat(1000))).expect("room");
        b.try_send(&at_a, (number, "x".repeat(1000))).expect("room");
    }
    seconds(2.0).await;
    let begun = tokio::time::Instant::now();
    let (one, two) = within(async {
        tokio::join!(
            async {
                let mut count = 0;
                while count < 1500 && at_a.recv().await.is_some() {
                    count += 1;
                }
                count
            },
            async {
                let mut count = 0;
                while count < 1500 && at_b.recv().await.is_some() {
                    count += 1;
                }
                count
            }
        )
    })
    .await;
    assert_eq!((one, two), (1500, 1500));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!((monitors.0.fired(), monitors.1.fired()), (None, None));
}

/// A port that receives ten messages a second is alive, though its mailbox is full all the time.
#[tokio::test(start_paused = true)]
async fn local_senders_wait_for_a_slow_port_as_long_as_it_receives() {
    let a = node(&MemoryNet::new(1), "a", limits(|limits| limits.mailbox_messages = 500)).await;
    let mut port = a.port();
    let (node, to) = (a.clone(), port.id().clone());
    let sending = tokio::task::spawn(async move {
        for number in 0..2000_u32 {
            node.send(&to, number).await.expect("encodes");
        }
    });
    for number in 0..2000_u32 {
        assert_eq!(within(port.recv_as()).await, Some(number));
        seconds(0.1).await;
    }
    within(sending).await.expect("no panic");
}

/// What is parked in front of a port is not looked at once for every message behind it: half a million messages of few
/// bytes, for many full ports, in less time than a quadratic search would take for a tenth of them.
#[tokio::test(start_paused = true)]
async fn many_small_parked_messages_cost_little() {
    let net = MemoryNet::new(1);
    let change = |limits: &mut Limits| {
        limits.mailbox_messages = 1;
        limits.read_ahead_bytes = 64 << 20;
    };
    let (a, b) = pair(&net, limits(change)).await;
    let mut ports: Vec<_> = (0..50).map(|_| b.port()).collect();
    for number in 0..200_000_u32 {
        a.send(&ports[number as usize % 50], number).await.expect("room");
    }
    settled(&a, &b).await;
    for number in 0..200_000_u32 {
        assert_eq!(within(ports[number as usize % 50].recv_as()).await, Some(number));
    }
}
