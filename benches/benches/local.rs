//! Messages between ports of one node, beside tokio's bounded channel.
//!
//! ```text
//! cargo bench -p mp-bench --bench local
//! ```
//!
//! `one-way`: one task sends 10,000 messages `["ping", n]` and waits until the other has received them. `ping-pong`:
//! two tasks pass one message to and fro, 1,000 times; an element is a round trip. The channels hold 1,024 messages,
//! the mailboxes 10,000 as by default.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use mp_bench::messages::Ping;
use mp_bench::{Tally, criterion, run, runtime};
use mp_node::{Node, PortId};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const BATCH: usize = 10_000;
const ROUND_TRIPS: usize = 1_000;
const CHANNEL: usize = 1_024;

fn main() {
    let mut criterion = criterion(Duration::from_millis(500), Duration::from_secs(2));
    one_way(&mut criterion);
    ping_pong(&mut criterion);
    criterion.final_summary();
}

fn node(runtime: &Runtime) -> Node {
    let node = Node::builder("bench").without_file().node_id("a").start();
    runtime.block_on(node).expect("a node without addresses starts")
}

fn one_way(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("local/one-way");
    group.throughput(Throughput::Elements(BATCH as u64));
    let runtime = runtime();

    let (sender, mut receiver) = mpsc::channel(CHANNEL);
    let (mut tally, mut batches) = Tally::new(BATCH);
    drop(runtime.spawn(async move {
        while let Some(Ping::Ping(_)) = receiver.recv().await {
            tally.add();
        }
    }));
    group.bench_function("baseline: tokio channel", |b| {
        b.iter(|| {
            let sender = sender.clone();
            run(&runtime, async move {
                for number in 0..BATCH as u64 {
                    sender.send(Ping::Ping(number)).await.expect("received");
                }
            });
            runtime.block_on(batches.complete());
        });
    });

    let node = node(&runtime);
    let (mut tally, mut batches) = Tally::new(BATCH);
    let receiving = node.spawn(async move |mut port| {
        while let Some(Ping::Ping(_)) = port.recv_as().await {
            tally.add();
        }
    });
    group.bench_function("recv_as", |b| {
        b.iter(|| {
            run(&runtime, send_pings(node.clone(), receiving.clone()));
            runtime.block_on(batches.complete());
        });
    });

    let (mut tally, mut batches) = Tally::new(BATCH);
    let handling = node.port();
    handling.on("ping", move |_: (u64,)| tally.add());
    group.bench_function("handler", |b| {
        b.iter(|| {
            run(&runtime, send_pings(node.clone(), handling.id().clone()));
            runtime.block_on(batches.complete());
        });
    });
    group.finish();
}

async fn send_pings(node: Node, to: PortId) {
    for number in 0..BATCH as u64 {
        node.send(&to, Ping::Ping(number)).await.expect("the node lives");
    }
}

fn ping_pong(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("local/ping-pong");
    group.throughput(Throughput::Elements(ROUND_TRIPS as u64));
    let runtime = runtime();

    group.bench_function("baseline: tokio channels", |b| b.iter(|| run(&runtime, channels_play())));

    let node = node(&runtime);
    let echo = node.spawn(async |mut port| {
        let node = port.node();
        while let Some((ping, reply)) = port.recv_as::<(Ping, PortId)>().await {
            node.send(&reply, ping).await.expect("the node lives");
        }
    });
    group.bench_function("ports", |b| b.iter(|| run(&runtime, ports_play(node.clone(), echo.clone()))));
    group.finish();
}

async fn channels_play() {
    let (to_echo, mut at_echo) = mpsc::channel(CHANNEL);
    let (to_us, mut at_us) = mpsc::channel(CHANNEL);
    let echo = async move {
        while let Some(Ping::Ping(number)) = at_echo.recv().await {
            to_us.send(Ping::Ping(number)).await.expect("we listen");
        }
    };
    let echoing = tokio::runtime::Handle::current().spawn(echo);
    for number in 0..ROUND_TRIPS as u64 {
        to_echo.send(Ping::Ping(number)).await.expect("the echo lives");
        assert!(at_us.recv().await.is_some());
    }
    drop(to_echo);
    echoing.await.expect("the echo ends");
}

async fn ports_play(node: Node, echo: PortId) {
    let mut port = node.port();
    for number in 0..ROUND_TRIPS as u64 {
        node.send(&echo, (Ping::Ping(number), port.id())).await.expect("the node lives");
        assert!(port.recv_as::<Ping>().await.is_some());
    }
}
