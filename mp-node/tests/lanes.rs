//! Large messages in pieces, over real sockets. What is shown is shown by counting, not by a clock.

#![cfg(all(feature = "tcp", feature = "postcard"))]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{pair, soon};
use mp_node::{Framing, Message, Node, Payload, PortId, Reason, Value};
use serde::{Deserialize, Serialize};

const LARGE: usize = 40_000_000;

fn large(word: &str) -> (String, Value) {
    (word.to_owned(), Value::Bytes(vec![b'x'; LARGE].into()))
}

/// Waits until `other` has seen all that `one` has sent so far.
async fn settled(one: &Node, other: &Node) {
    soon(one.call(other.id(), "time")).await.expect("answered");
}

/// A port that sends back what it gets, and counts.
fn echo(node: &Node) -> (PortId, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let (own, counted) = (node.clone(), Arc::clone(&count));
    let port = node.spawn(move |mut port| async move {
        while let Some((number, reply)) = port.recv_as::<(u32, PortId)>().await {
            counted.fetch_add(1, Ordering::Relaxed);
            own.send(&reply, number).await.map_err(|error| Reason::die(error.to_string()))?;
        }
        Ok::<(), Reason>(())
    });
    (port, count)
}

/// While a message of 40 MB goes, questions are asked and answered on the same connection, one after the other. Were they to
/// wait for it, there would be one or two. [LN-06]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_while_a_large_message_goes() {
    let (a, b) = pair(Framing::Postcard).await;
    let (echo, count) = echo(&b);
    let (mut bulk, mut back) = (b.port(), a.port());
    settled(&a, &b).await;
    let (asker, to, reply) = (a.clone(), echo.clone(), back.id().clone());
    a.spawn_task(async move {
        for number in 0.. {
            if asker.send(&to, (number, &reply)).await.is_err() || back.recv_as().await != Some(number) {
                return;
            }
        }
    });
    for round in 0..2 {
        let before = count.load(Ordering::Relaxed);
        soon(a.send(&bulk, large("large"))).await.expect("room");
        let message = soon(bulk.recv()).await.expect("alive");
        assert!(matches!(&message.values()[1], Value::Bytes(bytes) if bytes.len() == LARGE));
        let answered = count.load(Ordering::Relaxed) - before;
        assert!(answered >= 10, "{answered} in round {round}");
    }
    a.shutdown().await;
    b.shutdown().await;
}

/// [LN-07] [LN-08] [ND-12]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_things_comes_behind_what_was_sent_before() {
    let (a, b) = pair(Framing::Postcard).await;
    let mut far = b.port();
    settled(&a, &b).await;
    // The port gets all that was sent to it before the kill; with what it has, it ends.
    let killed = a.monitor(&far);
    soon(a.send(&far, large("one"))).await.expect("room");
    soon(a.send(&far, "two")).await.expect("room");
    let mut words = Vec::new();
    for _ in 0..2 {
        let message: Message = soon(far.recv()).await.expect("alive");
        words.extend(message.tag().map(String::from));
    }
    assert_eq!(words, ["one", "two"]);
    a.kill(&far, Reason::new("done", ""));
    assert_eq!(soon(killed).await.word(), "done");

    let mut last = b.port();
    soon(a.send(&last, large("last"))).await.expect("room");
    soon(a.shutdown()).await;
    let message: Message = soon(last.recv()).await.expect("it was drained");
    assert_eq!(message.tag().as_deref(), Some("last"));
    b.shutdown().await;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Blocks {
    Put(u32, Vec<Payload>, String),
}

/// Payloads that stay where they lie, several in a message, short and long, and shared by all messages.
fn blocks(number: u32) -> Blocks {
    let octets: Vec<u8> = (0..700_000_u32).map(|place| (place % 253) as u8).collect();
    let all = bytes::Bytes::from(octets);
    let parts = [0, 511, 20_000, 90_000, 300_000, 700_000];
    let payloads = parts.windows(2).map(|ends| all.slice(ends[0]..ends[1]).into());
    Blocks::Put(number, payloads.collect(), "end".into())
}

/// Whatever the connection can do, and whether it is there yet when they are sent. [MSG-16] [MSG-17]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_arrive_as_they_were_sent() {
    for framing in [Framing::Postcard, Framing::Json] {
        let (a, b) = pair(framing).await;
        let (mut typed, handled) = (b.typed_port::<Blocks>(), b.port());
        let (heard, mut told) = tokio::sync::mpsc::channel(8);
        handled.on("put", move |put: (u32, Vec<Payload>, String)| {
            heard.try_send(put).expect("the test waits for it");
        });
        let handled = handled.detach();
        for number in 0..6 {
            soon(a.send(typed.id(), blocks(number))).await.expect("room");
            if number % 2 == 0 {
                soon(a.send(&handled, blocks(number))).await.expect("room");
            }
        }
        for number in 0..6 {
            assert_eq!(soon(typed.recv()).await.expect("alive"), blocks(number));
        }
        for number in [0, 2, 4] {
            let (got, payloads, end) = soon(told.recv()).await.expect("alive");
            assert_eq!(Blocks::Put(got, payloads, end), blocks(number));
        }
        a.shutdown().await;
        b.shutdown().await;
    }
}

/// One message to ports of two nodes, too large to be sent once for all ports of a node. [ND-31] [MSG-17]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_message_goes_to_many() {
    let (a, b) = pair(Framing::Postcard).await;
    let c = common::listener("c").await;
    common::know(&a, &c);
    let (mut here, mut near) = (a.typed_port::<Blocks>(), b.typed_port::<Blocks>());
    let mut far = [c.typed_port::<Blocks>(), c.typed_port()];
    settled(&b, &a).await;
    for number in 0..3 {
        let ports = [here.id(), near.id(), far[0].id(), far[1].id()];
        soon(a.send_all(ports, blocks(number))).await.expect("room");
    }
    for port in [&mut here, &mut near].into_iter().chain(&mut far) {
        for number in 0..3 {
            assert_eq!(soon(port.recv()).await.expect("alive"), blocks(number));
        }
    }
    for node in [a, b, c] {
        node.shutdown().await;
    }
}
