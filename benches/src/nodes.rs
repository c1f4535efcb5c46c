//! Two nodes of this process, connected over loopback.

use std::sync::Arc;

use mp_node::{Framing, Node, Port, Way};

use crate::messages::Traffic;
use crate::{Batches, Tally};

/// Two nodes that know where to find each other, and speak this framing only.
///
/// # Cancellation
///
/// Dropping the future stops the nodes.
///
/// # Panics
///
/// If a node cannot be started.
pub async fn pair(framing: Framing) -> (Node, Node) {
    let start = |id| {
        let builder = Node::builder("bench").without_file().node_id(id).secret("s3kr1t").bind("127.0.0.1:0");
        builder.framings(&[framing]).start()
    };
    let (a, b) = (start("a").await.expect("starts"), start("b").await.expect("starts"));
    know(&a, &b);
    know(&b, &a);
    (a, b)
}

fn know(one: &Node, other: &Node) {
    let (id, ways) = (other.id().clone(), other.addresses().into_iter().map(Way::Direct).collect::<Vec<_>>());
    one.set_resolver(Arc::new(move |node| {
        let found = if *node == id { ways.clone() } else { Vec::new() };
        Box::pin(async move { found })
    }));
}

/// Receives [`Traffic`] at `port` for as long as the node lives, and counts it.
pub fn count_traffic(mut port: Port, batch: usize) -> Batches {
    let (mut tally, batches) = Tally::new(batch);
    let node = port.node();
    node.spawn_task(async move {
        while let Some(Traffic::Data(..)) = port.recv_as::<Traffic>().await {
            tally.add();
        }
    });
    batches
}
