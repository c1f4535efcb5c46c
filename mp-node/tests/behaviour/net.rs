//! Nodes on the network in memory.

use std::sync::Arc;
use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{Framing, Limits, Node, NodeBuilder, NodeId, Port, PortId};
use serde::Serialize;

/// The secret of all nodes here.
pub(crate) const SECRET: &str = "s3kr1t";

/// The default bounds, changed.
pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// A node that listens at `<name>:1` and finds others there.
pub(crate) async fn node(net: &MemoryNet, name: &str, limits: Limits) -> Node {
    node_with(net, name, |builder| builder.limits(limits)).await
}

/// The same, with more settings.
pub(crate) async fn node_with(
    net: &MemoryNet,
    name: &str,
    change: impl FnOnce(NodeBuilder) -> NodeBuilder,
) -> Node {
    let builder =
        Node::builder("test").without_file().node_id(name).secret(SECRET).bind(&format!("{name}:1"));
    let builder = builder.transport(Arc::new(net.host(name)));
    let node = change(builder).start().await.expect("starts");
    node.set_resolver(Arc::new(|node: &NodeId| {
        let addr = format!("{node}:1").parse().map(mp_node::Way::Direct);
        Box::pin(async move { addr.into_iter().collect() })
    }));
    node
}

/// Two nodes, `a` and `b`, with the same bounds.
pub(crate) async fn pair(net: &MemoryNet, limits: Limits) -> (Node, Node) {
    (node(net, "a", limits.clone()).await, node(net, "b", limits).await)
}

/// Two nodes that write JSON.
pub(crate) async fn json_pair(net: &MemoryNet, limits: Limits) -> (Node, Node) {
    let json = |builder: NodeBuilder| builder.limits(limits.clone()).framings(&[Framing::Json]);
    (node_with(net, "a", json).await, node_with(net, "b", json).await)
}

/// Waits until `other` has seen all that `one` has sent so far; connects them if they are not.
pub(crate) async fn settled(one: &Node, other: &Node) {
    within(one.call(other.id(), "time")).await.expect("answered");
}

/// What should come: virtual time is cheap, but not endless.
pub(crate) async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3600), future.into_future())
        .await
        .expect("it should have come by now")
}

/// Lets all that is under way settle, without time passing to speak of.
pub(crate) async fn moment() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

pub(crate) async fn seconds(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// Seconds of virtual time that something takes.
pub(crate) async fn timed<T>(future: impl IntoFuture<Output = T>) -> (T, f64) {
    let begun = tokio::time::Instant::now();
    (within(future).await, begun.elapsed().as_secs_f64())
}

/// The third part of a `transport_error`.
pub(crate) fn text(reason: &mp_node::Reason) -> String {
    reason
        .values()
        .get(2)
        .and_then(|text| text.as_str().map(Into::into))
        .unwrap_or_else(|| reason.to_string())
}

/// Sends until there is no room; how many went.
pub(crate) fn fill<M: Serialize + Clone>(node: &Node, to: &PortId, message: &M) -> usize {
    (0..1_000_000).take_while(|_| node.try_send(to, message.clone()).is_ok()).count()
}

/// Takes all that comes within a moment, and says how many there were.
pub(crate) async fn drain(port: &mut Port) -> usize {
    let mut count = 0;
    while tokio::time::timeout(Duration::from_millis(50), port.recv()).await.is_ok_and(|some| some.is_some())
    {
        count += 1;
    }
    count
}
