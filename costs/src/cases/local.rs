//! Between ports of one node.

use mp_node::{Node, PortRef, ReplyTo, TypedPort};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

use super::{Outgoing, Traffic, bursts, node, payload, run, runtime};

/// What small ports take.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Pass(u64),
    Get(ReplyTo<u64>),
    Stop,
}

pub(super) fn untyped(times: u64) {
    run(async move || {
        let (node, payload) = (node().await, payload());
        let mut port = node.port();
        for burst in bursts(times) {
            for number in 0..burst {
                node.send(&port, Outgoing::Data(number, Bytes::new(&payload))).await.expect("the node runs");
            }
            for _ in 0..burst {
                let Some(Traffic::Data(..)) = port.recv_as().await else { unreachable!("it was sent") };
            }
        }
    });
}

pub(super) fn typed(times: u64) {
    run(async move || {
        let node = node().await;
        let mut port: TypedPort<Request> = node.typed_port();
        let to = port.to_ref();
        for burst in bursts(times) {
            for number in 0..burst {
                node.send(&to, Request::Pass(number)).await.expect("the node runs");
            }
            for _ in 0..burst {
                let Some(Request::Pass(_)) = port.recv().await else { unreachable!("it was sent") };
            }
        }
    });
}

pub(super) fn handler(times: u64) {
    run(async move || {
        let (node, payload) = (node().await, payload());
        let port = node.port();
        port.on("data", |(_, _): (u64, ByteBuf)| ());
        for burst in bursts(times) {
            for number in 0..burst {
                node.send(&port, Outgoing::Data(number, Bytes::new(&payload))).await.expect("the node runs");
            }
            while port.waiting() > 0 {
                tokio::task::yield_now().await;
            }
        }
    });
}

/// Each way is one time.
pub(super) fn ping_pong(times: u64) {
    run(async move || {
        let node = node().await;
        let mut here: TypedPort<Request> = node.typed_port();
        let back = here.to_ref();
        let there = node.spawn_typed(async move |mut port: TypedPort<Request>| {
            let node = port.node();
            while let Some(Request::Pass(number)) = port.recv().await {
                node.send(&back, Request::Pass(number)).await.expect("the node runs");
            }
        });
        for number in 0..times / 2 {
            node.send(&there, Request::Pass(number)).await.expect("the node runs");
            let Some(Request::Pass(_)) = here.recv().await else { unreachable!("it was sent") };
        }
    });
}

pub(super) fn ask(times: u64) {
    run(async move || {
        let node = node().await;
        let there = spawn(&node);
        for _ in 0..times {
            node.ask(&there, Request::Get).await.expect("it answers");
        }
    });
}

pub(super) fn spawn_stop(times: u64) {
    run(async move || {
        let node = node().await;
        for _ in 0..times {
            let port = spawn(&node);
            node.send(&port, Request::Stop).await.expect("the node runs");
            node.monitor(&port).await;
        }
    });
}

fn spawn(node: &Node) -> PortRef<Request> {
    node.spawn_typed(async |mut port: TypedPort<Request>| {
        let node = port.node();
        while let Some(request) = port.recv().await {
            match request {
                Request::Pass(_) => {}
                Request::Get(reply) => node.send(reply, 42).await.expect("the node runs"),
                Request::Stop => break,
            }
        }
    })
}

/// Ports with a task each that waits for a message.
pub(super) fn idle_tasks(ports: usize, watch: &mut dyn FnMut(&mut dyn FnMut())) {
    idle(ports, watch, |node| {
        drop(node.spawn_typed(
            async |mut port: TypedPort<Request>| {
                while let Some(Request::Pass(_)) = port.recv().await {}
            },
        ));
    });
}

/// Ports with a handler each, without a task.
pub(super) fn idle_handlers(ports: usize, watch: &mut dyn FnMut(&mut dyn FnMut())) {
    idle(ports, watch, |node| {
        let port = node.port();
        port.on("add", |_: (u64,)| ());
        port.detach();
    });
}

fn idle(ports: usize, watch: &mut dyn FnMut(&mut dyn FnMut()), make: fn(&Node)) {
    let runtime = runtime();
    let node = runtime.block_on(node());
    watch(&mut || {
        runtime.block_on(async {
            for _ in 0..ports {
                make(&node);
            }
            // Each has its turn, and waits.
            for _ in 0..=ports {
                tokio::task::yield_now().await;
            }
        });
    });
}
