//! Messages between two nodes over loopback TCP, beside raw tokio sockets with length frames.
//!
//! ```text
//! cargo bench -p mp-bench --bench loopback
//! ```
//!
//! Both nodes live in this process, on two worker threads. `one-way`: one task sends a batch of messages
//! `["data", n, payload]` and waits until the other node's port has received them. `ping-pong`: one message of 64 bytes
//! goes there and back, 100 times; an element is a round trip.

use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use mp_bench::messages::{Outgoing, Traffic};
use mp_bench::{Tally, criterion, nodes, raw, run, runtime};
use mp_node::{Framing, Node, PortId};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

/// Bytes of a payload, and messages of a batch.
const SIZES: [(usize, usize); 3] = [(64, 20_000), (1024, 10_000), (65_536, 400)];
const ROUND_TRIPS: usize = 100;
const SMALL: usize = 64;
const FRAMINGS: [Framing; 3] = [Framing::Postcard, Framing::Cbor, Framing::Json];

fn main() {
    let mut criterion = criterion(Duration::from_millis(700), Duration::from_millis(2_500));
    for (size, batch) in SIZES {
        let mut group = criterion.benchmark_group(format!("loopback/one-way/{size} B"));
        group.throughput(Throughput::Elements(batch as u64));
        raw_one_way(&mut group, size, batch);
        for framing in FRAMINGS {
            one_way(&mut group, framing, size, batch);
        }
        group.finish();
    }
    ping_pong(&mut criterion);
    criterion.final_summary();
}

fn raw_one_way(group: &mut BenchmarkGroup<'_, WallTime>, size: usize, batch: usize) {
    let runtime = runtime();
    let ((writer, _reader), (_writer, mut reader)) = runtime.block_on(raw::pair()).expect("loopback");
    let (mut tally, mut batches) = Tally::new(batch);
    drop(runtime.spawn(async move {
        while reader.recv().await.expect("loopback holds").is_some() {
            tally.add();
        }
    }));
    let writer = Arc::new(Mutex::new(writer));
    let payload: Arc<[u8]> = Traffic::payload(size).into();
    group.bench_function("baseline: raw tokio", |b| {
        b.iter(|| {
            let (writer, payload) = (Arc::clone(&writer), Arc::clone(&payload));
            run(&runtime, async move {
                let mut writer = writer.lock().await;
                for _ in 0..batch {
                    writer.send(&payload).await.expect("loopback holds");
                }
                writer.flush().await.expect("loopback holds");
            });
            runtime.block_on(batches.complete());
        });
    });
}

fn one_way(group: &mut BenchmarkGroup<'_, WallTime>, framing: Framing, size: usize, batch: usize) {
    let runtime = runtime();
    let (a, b) = runtime.block_on(nodes::pair(framing));
    let port = b.port();
    let to = port.id().clone();
    let mut batches = nodes::count_traffic(port, batch);
    let payload: Arc<[u8]> = Traffic::payload(size).into();
    group.bench_function(framing.name(), |b| {
        b.iter(|| {
            run(&runtime, send_traffic(a.clone(), to.clone(), Arc::clone(&payload), batch));
            runtime.block_on(batches.complete());
        });
    });
    stop(&runtime, &a, &b);
}

async fn send_traffic(node: Node, to: PortId, payload: Arc<[u8]>, batch: usize) {
    let payload = serde_bytes::Bytes::new(&payload);
    for number in 0..batch as u64 {
        node.send(&to, Outgoing::Data(number, payload)).await.expect("the node lives");
    }
}

fn ping_pong(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("loopback/ping-pong/64 B");
    group.throughput(Throughput::Elements(ROUND_TRIPS as u64));
    raw_ping_pong(&mut group);
    for framing in FRAMINGS {
        let runtime = runtime();
        let (a, b) = runtime.block_on(nodes::pair(framing));
        let echo = b.spawn(async |mut port| {
            let node = port.node();
            while let Some((ping, reply)) = port.recv_as::<(Traffic, PortId)>().await {
                node.send(&reply, ping).await.expect("the node lives");
            }
        });
        group.bench_function(framing.name(), |b| b.iter(|| run(&runtime, play(a.clone(), echo.clone()))));
        stop(&runtime, &a, &b);
    }
    group.finish();
}

async fn play(node: Node, echo: PortId) {
    let mut port = node.port();
    let payload = Traffic::payload(SMALL);
    let payload = serde_bytes::Bytes::new(&payload);
    for number in 0..ROUND_TRIPS as u64 {
        let ping = (Outgoing::Data(number, payload), port.id());
        node.send(&echo, ping).await.expect("the node lives");
        assert!(port.recv_as::<Traffic>().await.is_some());
    }
}

fn raw_ping_pong(group: &mut BenchmarkGroup<'_, WallTime>) {
    let runtime = runtime();
    let (ours, (mut writer, mut reader)) = runtime.block_on(raw::pair()).expect("loopback");
    drop(runtime.spawn(async move {
        while let Some(frame) = reader.recv().await.expect("loopback holds") {
            writer.send(frame).await.expect("loopback holds");
            writer.flush().await.expect("loopback holds");
        }
    }));
    let ours = Arc::new(Mutex::new(ours));
    group.bench_function("baseline: raw tokio", |b| {
        b.iter(|| {
            let ours = Arc::clone(&ours);
            run(&runtime, async move {
                let (writer, reader) = &mut *ours.lock().await;
                let payload = Traffic::payload(SMALL);
                for _ in 0..ROUND_TRIPS {
                    writer.send(&payload).await.expect("loopback holds");
                    writer.flush().await.expect("loopback holds");
                    assert!(reader.recv().await.expect("loopback holds").is_some());
                }
            });
        });
    });
}

fn stop(runtime: &Runtime, a: &Node, b: &Node) {
    runtime.block_on(a.shutdown());
    runtime.block_on(b.shutdown());
}
