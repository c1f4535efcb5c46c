//! Many senders of one node, and one mailbox that is full.

use std::collections::BTreeMap;
use std::time::Duration;

use mp_node::testing::TestNet;
use mp_node::{Limits, Node, Port, PortId, PortRef, Reason};
use tokio::task::JoinSet;

const SECOND: Duration = Duration::from_secs(1);

async fn node(messages: usize) -> Node {
    let mut limits = Limits::default();
    limits.mailbox_messages = messages;
    limits.mailbox_patience = SECOND;
    TestNet::with_limits(1, limits).await.node(0).clone()
}

#[derive(Clone)]
struct Sender {
    node: Node,
    to: PortRef<u32>,
    name: PortId,
    untyped: bool,
}

impl Sender {
    async fn send(&self, who: u32) -> bool {
        let sent = if self.untyped {
            self.node.send(&self.name, who).await
        } else {
            self.node.send(&self.to, who).await
        };
        sent.is_ok()
    }
}

/// The first one to wait has more to send than anybody takes; those behind it have one message each.
async fn greedy_and_modest(untyped: bool) {
    let node = node(4).await;
    let mut port = node.typed_port::<u32>();
    let sender = Sender { node: node.clone(), to: port.to_ref(), name: port.id().clone(), untyped };
    let mut tasks = JoinSet::new();
    let greedy = sender.clone();
    tasks.spawn(async move { while greedy.send(0).await {} });
    tokio::task::yield_now().await;
    for who in 1..=10 {
        let modest = sender.clone();
        tasks.spawn(async move { assert!(modest.send(who).await) });
    }
    tokio::time::sleep(SECOND / 2).await;
    let mut modest = Vec::new();
    for _ in 0..24 {
        modest.extend(port.recv().await.filter(|who| *who > 0));
    }
    assert_eq!(modest, (1..=10).collect::<Vec<u32>>(), "in the order in which they began to wait");
}

#[tokio::test(start_paused = true)]
async fn who_sends_all_the_time_does_not_keep_others_waiting() {
    greedy_and_modest(false).await;
    greedy_and_modest(true).await;
}

/// A sender is woken when half of the mailbox is gone; that the port is slow is no reason to kill it before. [MON-09]
#[tokio::test(start_paused = true)]
async fn patience_looks_at_what_is_taken_out() {
    let node = node(1000).await;
    let mut port = node.port();
    let to = port.id().clone();
    for number in 0..1000 {
        node.try_send(&to, number).unwrap();
    }
    let waiting = tokio::spawn({
        let (node, to) = (node.clone(), to.clone());
        async move { node.send(&to, 1000).await }
    });
    let monitor = node.monitor(&to);
    tokio::task::yield_now().await;
    for number in 0..1001 {
        assert_eq!(port.recv_as().await, Some(number));
        // They are taken out of the mailbox by 64.
        if number % 64 == 0 {
            tokio::time::sleep(SECOND * 9 / 10).await;
            // It tries by itself when its patience is over; when half is gone it is woken at the latest.
            assert!(number > 0 || !waiting.is_finished(), "after {number}");
            assert!(number < 7 * 64 || waiting.is_finished(), "after {number}");
        }
    }
    assert_eq!(monitor.fired(), None);
    while node.try_send(&to, 0).is_ok() {}
    let begun = tokio::time::Instant::now();
    node.send(&to, 0).await.unwrap();
    assert!((SECOND..2 * SECOND).contains(&begun.elapsed()), "killed, as it takes nothing");
    assert_eq!(monitor.await, Reason::mailbox_overflow(&to));
}

async fn everything_arrives(node: Node, mut port: Port) {
    const EACH: u32 = 40;
    let mut tasks = JoinSet::new();
    for who in 0..50_u32 {
        let (node, to) = (node.clone(), port.id().clone());
        tasks.spawn(async move {
            for number in 0..EACH {
                if number % 7 == 3 {
                    // Some give up: nobody else may wait for them.
                    drop(tokio::time::timeout(Duration::ZERO, node.send(&to, (999, 0))).await);
                }
                node.send(&to, (who, number)).await.unwrap();
            }
        });
    }
    let mut next: BTreeMap<u32, u32> = BTreeMap::new();
    while next.values().sum::<u32>() < 50 * EACH {
        let (who, number) = port.recv_as::<(u32, u32)>().await.unwrap();
        if who != 999 {
            let due = next.entry(who).or_default();
            assert_eq!(number, *due, "from {who}");
            *due += 1;
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn many_senders_that_come_and_go_all_get_their_turn() {
    for room in [1, 2, 7, 100] {
        let node = node(room).await;
        everything_arrives(node.clone(), node.port()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_on_other_threads_as_well() {
    let mut limits = Limits::default();
    limits.mailbox_messages = 3;
    let net = TestNet::with_limits(1, limits).await;
    everything_arrives(net.node(0).clone(), net.node(0).port()).await;
}
