//! What is `Send`, what is `'static`, what shows itself: what would not compile is the test.

use std::fmt::Debug;
use std::future::IntoFuture;
use std::time::Duration;

use mp_node::testing::{Probe, TestNet};
use mp_node::{
    Child, ChildHandle, DeadLetters, Monitor, Node, NodeEvents, Port, PortRef, ReplyTo, Selective,
    Supervision, Supervisor, Timer, TypedPort, WeakNode,
};

fn is_send<T: Send>(value: T) -> T {
    value
}

fn is_task<T: Send + 'static>(value: T) -> T {
    value
}

#[test]
fn handles_can_go_anywhere_and_show_themselves() {
    fn handle<T: Send + Debug + 'static>() {}
    fn shared<T: Send + Sync + Debug + 'static>() {}
    shared::<Node>();
    shared::<WeakNode>();
    shared::<Port>();
    shared::<TypedPort<u64>>();
    shared::<PortRef<std::cell::Cell<u64>>>();
    shared::<ReplyTo<std::cell::Cell<u64>>>();
    shared::<Monitor>();
    shared::<Supervisor>();
    shared::<Supervision>();
    shared::<Child>();
    shared::<ChildHandle>();
    shared::<Timer>();
    handle::<TypedPort<std::cell::Cell<u64>>>();
    handle::<NodeEvents>();
    handle::<DeadLetters>();
    handle::<Probe>();
    handle::<TestNet>();
    handle::<Selective<'static, ()>>();
}

/// What a program awaits can be awaited in a task, on any thread.
#[tokio::test(start_paused = true)]
async fn futures_are_send() {
    let net = TestNet::new(1).await;
    let (node, mut port, mut typed) = (net.node(0), net.node(0).port(), net.node(0).typed_port::<u64>());
    let (owned, id, address) = (node.clone(), port.id().clone(), typed.to_ref());
    drop(is_send(node.send(port.id(), ("x", 1))));
    drop(is_send(node.send(&typed, 1)));
    drop(is_task(node.call(port.id(), 1).timeout(Duration::ZERO).into_future()));
    drop(is_task(node.ask(&address, |_: ReplyTo<u64>| 1).into_future()));
    drop(is_task(node.monitor(port.id())));
    drop(is_send(port.recv()));
    drop(is_send(port.recv_as::<u64>()));
    drop(is_send(port.recv_request::<u64, u64>()));
    drop(is_send(port.recv_tag("x").timeout(Duration::ZERO)));
    drop(is_send(typed.recv()));
    drop(is_send(typed.recv_where(|_| true)));
    drop(is_send(node.lookup(node.id(), "x")));
    drop(is_send(node.shutdown()));
    drop(is_task(async move { owned.send(&id, 1).await }));
    drop(is_task(async move { port.recv().await }));
}

#[tokio::test(start_paused = true)]
async fn no_secret_shows_itself() {
    let secret = "a word that nobody may see";
    let builder = Node::builder("x").without_file().node_id("a").secret(secret).old_secret(secret);
    let shown = format!("{builder:?}");
    let node = builder.start().await.unwrap();
    let shown = format!("{shown}{node:?}{:?}{:?}", node.config(), node.port());
    assert!(!shown.contains(secret) && !shown.contains("nobody may see"), "{shown}");
}
