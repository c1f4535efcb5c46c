//! Dead letters.

use mp_node::testing::{Probe, TestNet};
use mp_node::{PortId, Reason};

fn port_that_died(net: &TestNet) -> PortId {
    let port = net.node(0).port();
    let id = port.id().clone();
    port.kill(&Reason::normal());
    id
}

/// [ND-27]
#[tokio::test(start_paused = true)]
async fn who_looks_sees_what_nobody_took() {
    let net = TestNet::new(2).await;
    let node = net.node(0);
    let mut letters = node.dead_letters();
    let mut port = node.port();
    node.send(&port, ("ping", 1)).await.unwrap();
    node.send(&port, (2,)).await.unwrap();
    assert_eq!(port.recv_as::<(u8,)>().await, Some((2,)));
    let letter = letters.next().await.unwrap();
    assert_eq!(letter.message.as_ref().unwrap().to_string(), r#"["ping",1]"#);
    assert_eq!(letter.port, *port.id());

    let dead = port_that_died(&net);
    for from in net.nodes() {
        from.send(&dead, ("late", from.id().as_str())).await.unwrap();
        let letter = letters.next().await.unwrap();
        assert_eq!((letter.port.clone(), &*letter.why), (dead.clone(), "there is no such port"));
        assert_eq!(letter.message.as_ref().unwrap().tag().unwrap(), "late");
    }
    node.send(&dead, "x".repeat(100_000)).await.unwrap();
    drop(letters.next().await);
    net.node(1).send(&dead, "x".repeat(100_000)).await.unwrap();
    assert_eq!(letters.next().await.unwrap().message, None, "too large to be shown");
}

/// [ND-27]
#[tokio::test(start_paused = true)]
async fn a_value_for_a_typed_port_that_is_dead_is_shown() {
    let net = TestNet::new(1).await;
    let (node, port) = (net.node(0), net.node(0).typed_port::<u64>());
    let mut letters = node.dead_letters();
    node.kill(&port, Reason::normal());
    node.send(&port, 7).await.unwrap();
    let address = port.to_ref();
    drop(port);
    node.try_send(&address, 8).unwrap();
    for number in [7, 8] {
        let letter = letters.next().await.unwrap();
        assert_eq!(letter.message.as_ref().unwrap().values()[0].as_i64(), Some(number));
    }
}

/// [ND-27]
#[tokio::test(start_paused = true)]
async fn a_slow_reader_misses_the_oldest_and_holds_nobody_up() {
    let net = TestNet::new(1).await;
    let mut letters = net.node(0).dead_letters();
    let dead = port_that_died(&net);
    for number in 0..1000 {
        net.node(0).send(&dead, number).await.unwrap();
    }
    let first = letters.next().await.unwrap();
    assert_eq!(first.message.as_ref().unwrap().values()[0].as_i64(), Some(1000 - 256));
    net.node(0).shutdown().await;
    let mut left = 0;
    while letters.next().await.is_some() {
        left += 1;
    }
    assert_eq!(left, 255);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_handler_is_shown_too() {
    let net = TestNet::new(1).await;
    let mut letters = net.node(0).dead_letters();
    let (port, probe) = (net.node(0).port(), Probe::new(net.node(0)));
    port.on("ping", |(): ()| ());
    probe.send(&port, ("pong", 1)).await;
    assert_eq!(letters.next().await.unwrap().why, r#"no handler for it: tag "pong""#);
}
