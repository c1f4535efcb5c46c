//! Law 4 on several threads and real sockets: what a simulation on one thread cannot show. Connections are given up all
//! the time while many tasks send, receive, monitor and kill.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a poisoned story is a failure, and these tasks are no node's"
)]

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::pair_with;
use mp_node::{Framing, Limits, Monitor, Node, Port, PortId, Reason};

const SENDERS: usize = 4;
const MESSAGES: u32 = 4000;

/// What one sender has done with its port.
#[derive(Default)]
struct Story {
    monitors: Vec<Monitor>,
    /// The monitor under which message `n` was sent, by `n`.
    sent: Vec<usize>,
    next: u32,
}

type Stories = Arc<Mutex<BTreeMap<usize, Story>>>;

async fn send(node: Node, who: usize, to: PortId, stories: Stories) {
    for number in 0..MESSAGES {
        {
            let mut stories = stories.lock().unwrap();
            let story = stories.entry(who).or_default();
            if story.monitors.last().is_none_or(|monitor| monitor.fired().is_some()) {
                story.monitors.push(node.monitor(&to));
            }
            story.sent.push(story.monitors.len() - 1);
        }
        node.send(&to, (who, number, "some text")).await.expect("encodes");
        if number % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn receive(mut port: Port, stories: Stories, gaps: Arc<AtomicUsize>) {
    while let Some((who, number, _)) = port.recv_as::<(usize, u32, String)>().await {
        let mut stories = stories.lock().unwrap();
        let story = stories.get_mut(&who).expect("it has sent");
        assert!(number >= story.next, "{number} from {who} after {}", story.next);
        for lost in story.next..number {
            let monitor = &story.monitors[story.sent[lost as usize]];
            assert!(
                monitor.fired().is_some(),
                "{number} from {who} came, {lost} did not, and nobody was told"
            );
            gaps.fetch_add(1, Ordering::Relaxed);
        }
        story.next = number + 1;
    }
}

/// [ND-01] [ND-02]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_silent_hole_on_several_threads() {
    let mut limits = Limits::default();
    limits.mailbox_messages = 16;
    limits.outbox_bytes = 2000;
    limits.read_ahead_bytes = 2000;
    let (a, b) = pair_with(Framing::Postcard, limits).await;
    let (stories, gaps) = (Stories::default(), Arc::new(AtomicUsize::new(0)));
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    let mut ids = Vec::new();
    for who in 0..2 * SENDERS {
        let (from, to) = if who % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let port = to.port();
        ids.push(port.id().clone());
        senders.push(tokio::task::spawn(send(from.clone(), who, port.id().clone(), Arc::clone(&stories))));
        receivers.push(tokio::task::spawn(receive(port, Arc::clone(&stories), Arc::clone(&gaps))));
    }
    let calm = Arc::new(AtomicBool::new(false));
    let (one, other, still) = (a.clone(), b.clone(), Arc::clone(&calm));
    let trouble = tokio::task::spawn(async move {
        while !still.load(Ordering::Relaxed) {
            one.disconnect(other.id(), "trouble");
            tokio::time::sleep(Duration::from_millis(3)).await;
            other.disconnect(one.id(), "trouble");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    for sender in senders {
        sender.await.expect("no panic");
    }
    calm.store(true, Ordering::Relaxed);
    trouble.await.expect("no panic");
    // Everything that is on its way arrives before the kill does; what does not has been told of.
    for (who, id) in ids.iter().enumerate() {
        let node = if who % 2 == 0 { &a } else { &b };
        let ended = node.monitor(id);
        node.kill(id, Reason::die("done"));
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("told");
    }
    for (receiver, id) in receivers.into_iter().zip(&ids) {
        // A connection that was given up last may have taken the kill with it.
        for node in [&a, &b].into_iter().filter(|node| id.node() == *node.id()) {
            node.kill(id, Reason::die("done"));
        }
        receiver.await.expect("no violation");
    }
    let stories = stories.lock().unwrap();
    for (who, story) in stories.iter() {
        for (lost, monitor) in story.sent.iter().enumerate().skip(story.next as usize) {
            assert!(
                story.monitors[*monitor].fired().is_some(),
                "{lost} from {who} never came, and nobody was told"
            );
        }
    }
    println!("{} messages lost, each told", gaps.load(Ordering::Relaxed));
    assert!(gaps.load(Ordering::Relaxed) > 0, "no trouble");
}
