//! What the tests of nodes share.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::time::Duration;

use mp_node::{Framing, Limits, Node, Way};

/// A node on loopback, on a port that the system picks.
pub async fn listener(id: &str) -> Node {
    Node::builder("test")
        .without_file()
        .node_id(id)
        .secret("s3kr1t")
        .bind("127.0.0.1:0")
        .start()
        .await
        .expect("starts")
}

/// Two nodes that know where to find each other, and what the first one writes and reads.
pub async fn pair(framing: Framing) -> (Node, Node) {
    pair_with(framing, Limits::default()).await
}

pub async fn pair_with(framing: Framing, limits: Limits) -> (Node, Node) {
    let make = |id: &'static str| {
        let builder = Node::builder("test").without_file().node_id(id).secret("s3kr1t").bind("127.0.0.1:0");
        builder.framings(&[framing]).limits(limits.clone()).start()
    };
    let (a, b) = (make("a").await.expect("starts"), make("b").await.expect("starts"));
    know(&a, &b);
    know(&b, &a);
    (a, b)
}

/// Lets `one` find `other` by its name.
pub fn know(one: &Node, other: &Node) {
    let id = other.id().clone();
    let ways: Vec<Way> = other.addresses().into_iter().map(Way::Direct).collect();
    one.set_resolver(std::sync::Arc::new(move |node| {
        let found = if *node == id { ways.clone() } else { Vec::new() };
        Box::pin(async move { found })
    }));
}

/// What should come, within a time that is long for a machine and short for a person.
pub async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future.into_future())
        .await
        .expect("it should have happened by now")
}
