//! Two lives of one name: a restart, a twin, a process that is frozen. The one whom they all want to talk to decides among
//! connections as `a`, and does not as `z`.

use std::sync::Arc;
use std::time::Duration;

use mp_node::memory::{Death, MemoryNet};
use mp_node::{Limits, Node, NodeId, PortId, Way};

use crate::log::Log;
use crate::net::{SECRET, moment, node, seconds, text, timed, within};
use crate::puppet::{self, Kind};

const OTHERS: [&str; 2] = ["a", "z"];

/// A node `t` on a host of its own.
async fn life(net: &MemoryNet, host: &str) -> Node {
    let builder = Node::builder("test").without_file().node_id("t").secret(SECRET);
    let node = builder.bind(&format!("{host}:1")).transport(Arc::new(net.host(host)));
    let node = node.start().await.expect("starts");
    node.set_resolver(Arc::new(|node: &NodeId| {
        let ways = format!("{node}:1").parse().map(Way::Direct).into_iter().collect();
        Box::pin(async { ways })
    }));
    node
}

/// [ND-19]: the old process is gone, and its connection with it: whether that was noticed before or by asking, nobody waits.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_restarted_takes_over_at_once() {
    for other in OTHERS {
        let net = MemoryNet::new(1);
        let other = node(&net, other, Limits::default()).await;
        let mut port = other.port();
        let old = life(&net, "one").await;
        old.send(&port, 1).await.expect("room");
        assert_eq!(within(port.recv_as::<i32>()).await, Some(1));
        net.kill_host("one", Death::Reset);
        drop(old);
        let new = life(&net, "two").await;
        let (_, waited) = timed(async {
            new.send(&port, 2).await.expect("room");
            assert_eq!(within(port.recv_as::<i32>()).await, Some(2));
        })
        .await;
        assert!(waited < 0.2, "{waited}");
    }
}

/// [ND-19], [ND-20]: the one who came first stays, and notices nothing; both logs say who is where, once a minute.
#[tokio::test(start_paused = true)]
async fn a_twin_is_refused_and_told_why() {
    for other in OTHERS {
        let net = MemoryNet::new(1);
        let (log, _guard) = Log::collect();
        let other = node(&net, other, Limits::default()).await;
        let mut port = other.port();
        let first = life(&net, "one").await;
        first.send(&port, "first").await.expect("room");
        assert_eq!(within(port.recv_as::<String>()).await, Some("first".into()));
        let monitors = (first.monitor(&port), other.monitor(NodeId::new("t").expect("valid")));
        moment().await;

        let twin = life(&net, "two").await;
        let (reason, waited) = timed(twin.monitor(&port)).await;
        assert!((1.0..2.5).contains(&waited), "{waited}");
        let said = "refused by the peer: another node of this name lives, connected from one";
        assert!(text(&reason).starts_with(said), "{reason}");
        // One that does not give up is no storm.
        let mut refused = 0;
        for _ in 0..1_000 {
            let monitor = twin.monitor(&port);
            twin.send(&port, "twin").await.expect("room");
            tokio::time::sleep(Duration::from_millis(20)).await;
            refused += usize::from(monitor.fired().is_some());
        }
        assert!((5..=25).contains(&refused), "in 20 s: {refused}");
        assert!(
            tokio::time::timeout(Duration::from_secs(5), port.recv()).await.is_err(),
            "nothing of the twin"
        );
        assert_eq!((monitors.0.fired(), monitors.1.fired()), (None, None));

        let at_other = log.warnings("two nodes that live have one name");
        assert_eq!(at_other.len(), 1, "{at_other:#?}");
        for part in ["peer=t ", "stays=one:", "refused=two:"] {
            assert!(at_other[0].contains(part), "{part}: {at_other:#?}");
        }
        let at_twin = log.warnings("the peer refuses us");
        assert_eq!(at_twin.len(), 1, "{at_twin:#?}");
        assert!(at_twin[0].contains("another node of this name lives, connected from one:"), "{at_twin:#?}");

        // When the first one leaves, the twin is welcome.
        first.shutdown().await;
        twin.send(&port, "now").await.expect("room");
        let (heard, _) = timed(port.recv_as::<String>()).await;
        assert_eq!(heard, Some("now".into()));
    }
}

/// [ND-19]: who is frozen, or at the end of a dead line, gives way to the newcomer, before anybody else would have noticed.
#[tokio::test(start_paused = true)]
async fn a_frozen_life_gives_way() {
    for other in OTHERS {
        let net = MemoryNet::new(1);
        let (log, _guard) = Log::collect();
        let other = node(&net, other, Limits::default()).await;
        let mut port = other.port();
        let name = port.id().name().to_owned();
        // It does nothing any more.
        let mut frozen =
            puppet::dial(&net, "t", other.id().as_str(), &Kind::Ours(1)).await.established().await;
        frozen.send(&name, 1).await;
        assert_eq!(within(port.recv_as::<i32>()).await, Some(1));
        let monitor = other.monitor("t#p".parse::<PortId>().expect("valid"));
        moment().await;
        let new = life(&net, "two").await;
        let (_, waited) = timed(async {
            new.send(&port, 2).await.expect("room");
            assert_eq!(within(port.recv_as::<i32>()).await, Some(2));
        })
        .await;
        assert!((1.0..2.5).contains(&waited), "{waited}");
        assert_eq!(text(&monitor.fired().expect("before the first message")), "replaced by a new connection");
        let said = log.warnings("does not answer on its earlier connection");
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains("earlier=t:") && said[0].contains("now=two:"), "{said:#?}");
    }
}

/// [ND-19]: an answer that was not asked for counts for nothing, and is a request like any other that is not known.
#[tokio::test(start_paused = true)]
async fn only_answers_that_were_asked_for_count() {
    let net = MemoryNet::new(1);
    let other = node(&net, "z", Limits::default()).await;
    let mut port = other.port();
    let name = port.id().name().to_owned();
    let mut old = puppet::dial(&net, "t", "z", &Kind::Ours(1)).await.established().await;
    for number in ["1", "2", "18446744073709551615", "x", ""] {
        old.send("", ("alive", number, 0.0)).await;
    }
    old.send(&name, 1).await;
    assert_eq!(within(port.recv_as::<i32>()).await, Some(1));
    assert_eq!(other.stats().unknown_requests, 5);
    let new = life(&net, "two").await;
    new.send(&port, 2).await.expect("room");
    assert_eq!(within(port.recv_as::<i32>()).await, Some(2));
    seconds(1.0).await;
    assert_eq!(other.nodes().len(), 1);
}
