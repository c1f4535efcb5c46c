//! Selective receive, and ports as streams.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures_core::Stream;
use mp_node::testing::TestNet;
use mp_node::{Limits, Message, Port, Reason, TrySendError};
use proptest::prelude::{any, prop_assert_eq, proptest};

const MOMENT: Duration = Duration::from_millis(1);

async fn numbers(port: &mut Port, count: usize) -> Vec<u64> {
    let mut received = Vec::new();
    for _ in 0..count {
        received.push(port.recv_as::<u64>().await.unwrap());
    }
    received
}

/// Whatever is chosen and in whatever order: all others come in the order in which they were sent.
#[test]
fn what_is_passed_over_stays_in_order() {
    proptest!(|(sent in 1..300_u64, chosen in proptest::collection::vec((any::<u64>(), any::<bool>()), 0..20))| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let net = TestNet::new(1).await;
            let mut port = net.node(0).port();
            for number in 0..sent {
                net.node(0).send(&port, number).await.unwrap();
            }
            let mut left: Vec<u64> = (0..sent).collect();
            for (wanted, front) in chosen {
                let wanted = wanted % sent;
                let is_it = |message: &Message| message.values()[0].as_i64() == i64::try_from(wanted).ok();
                let found = port.recv_where(is_it).timeout(Duration::ZERO).await;
                prop_assert_eq!(found.is_some(), left.contains(&wanted));
                left.retain(|number| *number != wanted);
                if front && !left.is_empty() {
                    prop_assert_eq!(port.recv_as::<u64>().await, Some(left.remove(0)));
                }
                prop_assert_eq!(port.waiting(), left.len());
            }
            prop_assert_eq!(numbers(&mut port, left.len()).await, left);
            Ok(())
        })?;
    });
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_later_is_waited_for() {
    let net = TestNet::new(2).await;
    let mut port = net.node(0).port();
    let (node, id) = (net.node(1).clone(), port.id().clone());
    let sending = tokio::spawn(async move {
        for tag in ["a", "b", "c"] {
            tokio::time::sleep(Duration::from_secs(1)).await;
            node.send(&id, (tag, 1)).await.unwrap();
        }
    });
    assert_eq!(port.recv_tag("c").await.unwrap().to_string(), r#"["c",1]"#);
    assert_eq!(port.recv_match(|message| message.decode::<(String, u8)>().ok()).await, Some(("a".into(), 1)));
    assert_eq!(port.recv().await.unwrap().to_string(), r#"["b",1]"#);
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_time_is_over_when_it_is_and_the_port_may_be_dead() {
    let net = TestNet::new(1).await;
    let mut port = net.node(0).port();
    net.node(0).send(&port, "other").await.unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(port.recv_tag("x").timeout(Duration::from_secs(3)).await, None);
    assert_eq!((begun.elapsed().as_secs(), port.killed()), (3, None));
    net.node(0).kill(&port, Reason::die("test"));
    assert_eq!(port.recv_tag("x").await, None);
    assert_eq!(port.killed(), Some(Reason::die("test")));
    assert!(port.recv_tag("other").await.is_some(), "it came before the end");
}

/// [ND-25]
#[tokio::test(start_paused = true)]
async fn what_is_passed_over_takes_up_room_until_it_is_received() {
    let mut limits = Limits::default();
    limits.mailbox_messages = 100;
    let net = TestNet::with_limits(1, limits).await;
    let (node, mut port) = (net.node(0), net.node(0).port());
    for round in 0..3 {
        let sent = (0..1000).take_while(|number| node.try_send(&port, *number).is_ok()).count();
        assert_eq!(sent, if round == 0 { 100 } else { 0 });
        assert_eq!(port.recv_tag("x").timeout(MOMENT).await, None);
    }
    // One out, one in.
    assert_eq!(
        port.recv_where(|message| message.values()[0].as_i64() == Some(50)).await.map(|_| ()),
        Some(())
    );
    assert_eq!(node.try_send(&port, 100), Ok(()));
    assert_eq!(node.try_send(&port, 101), Err(TrySendError::Full(101)));
    let expected: Vec<u64> = (0..=100).filter(|number| *number != 50).collect();
    assert_eq!(numbers(&mut port, 100).await, expected);
    // All the room is there again.
    let sent = (0..1000).take_while(|number| node.try_send(&port, *number).is_ok()).count();
    assert_eq!(sent, 100);
}

/// [ND-25]
#[tokio::test(start_paused = true)]
async fn a_mailbox_that_fills_up_while_its_owner_waits_for_what_does_not_come_is_killed() {
    let mut limits = Limits::default();
    limits.mailbox_messages = 10;
    let net = TestNet::with_limits(2, limits).await;
    let mut port = net.node(0).port();
    for number in 0..20 {
        net.node(1).send(&port, number).await.unwrap();
    }
    assert_eq!(port.recv_tag("never").await, None);
    assert_eq!(port.killed().unwrap().word(), "mailbox_overflow");
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_has_taken_nothing() {
    let net = TestNet::new(1).await;
    let mut port = net.node(0).typed_port::<u64>();
    for number in 0..3 {
        net.node(0).send(&port, number).await.unwrap();
    }
    for _ in 0..3 {
        assert!(tokio::time::timeout(MOMENT, port.recv_where(|number| *number == 7)).await.is_err());
    }
    assert_eq!(port.recv_where(|number| *number == 1).await, Some(1));
    assert_eq!([port.recv().await, port.recv().await], [Some(0), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn ports_are_streams() {
    async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
        std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
    }
    let net = TestNet::new(1).await;
    let mut typed = net.node(0).typed_port::<u64>();
    let mut port = pin!(net.node(0).port());
    net.node(0).send(&typed, 7).await.unwrap();
    net.node(0).send(port.id(), 8).await.unwrap();
    assert_eq!(next(&mut typed).await, Some(7));
    assert_eq!(next(&mut port).await, Some(Message::from([8.into()])));
    net.node(0).kill(&typed, Reason::normal());
    assert_eq!(next(&mut typed).await, None);
}
