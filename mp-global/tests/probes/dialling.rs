//! Group edge3: whom a node dials, and for how long.

use std::sync::Arc;

use mp_node::{NodeId, Way};
use tokio::net::TcpListener;

use super::raw::{Edge, soon};

/// [ND-07]: each of six addresses is tried in the time of one attempt, though nobody ever greets. Perl tries the first two.
#[tokio::test]
async fn unresponsive_addresses_are_all_tried() {
    let mut listeners = Vec::new();
    for _ in 0..6 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    }
    let edge = Edge::start(false).await;
    let ways = listeners.iter().map(|listener| listener.local_addr().expect("bound").to_string());
    let ways: Vec<Way> = ways.map(|at| Way::Direct(at.parse().expect("an address"))).collect();
    edge.node.set_resolver(Arc::new(move |_| {
        let ways = ways.clone();
        Box::pin(async move { ways })
    }));
    let monitor = edge.node.monitor(NodeId::new("unr").expect("a name").port());
    let reason = soon(monitor.into_future()).await;
    assert_eq!(reason.to_string(), "transport_error: unr connect timeout");
    for listener in listeners {
        soon(listener.accept()).await.expect("it was tried");
    }
}
