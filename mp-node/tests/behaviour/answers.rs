//! What a peer can do by way of our node port, and what it cannot.

use mp_node::memory::MemoryNet;
use mp_node::{Limits, PortId};

use crate::net::{limits, moment, node, pair, settled, text, within};
use crate::puppet::{self, Kind};

/// Nobody can fill a mailbox past its bound by having the node port answer to it. [ND-13]
#[tokio::test(start_paused = true)]
async fn answers_wait_for_room_like_any_message() {
    let net = MemoryNet::new(1);
    let a =
        node(&net, "a", limits(|limits| (limits.mailbox_messages, limits.mailbox_bytes) = (10, 1000))).await;
    let (full, fat) = (a.port(), a.port());
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    for _ in 0..100 {
        perl.say("", ("time", full.id(), "tick"));
        perl.say("", ("snd", fat.id(), ["x".repeat(300)]));
    }
    perl.send("", ("time", "perl#p", "end")).await;
    assert!(perl.hears().await.starts_with("\"p\" [\"end\""), "the rest of the connection goes on");
    assert_eq!(full.waiting(), 10);
    assert_eq!(fat.waiting(), 3, "what is inside a list counts");
    let monitor = a.monitor(&full);
    assert_eq!(within(monitor).await.word(), "mailbox_overflow");
}

/// Nor flood a third node. [ND-13]
#[tokio::test(start_paused = true)]
async fn a_third_node_is_not_dropped_for_anothers_questions() {
    let net = MemoryNet::new(1);
    net.buffer_size(1000);
    let change = |limits: &mut Limits| {
        limits.outbox_bytes = 2000;
        limits.outbox_control_bytes = 2000;
    };
    let a = node(&net, "a", limits(change)).await;
    let mut victim = puppet::dial(&net, "victim", "a", &Kind::Perl).await.established().await;
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    for number in 0..1000 {
        perl.say("", ("time", "victim#p", number));
    }
    perl.flush().await;
    moment().await;
    for number in 0..1000 {
        assert!(victim.hears().await.starts_with(&format!("\"p\" [{number},")));
    }
    assert_eq!(a.nodes().len(), 2);
}

/// A question by way of `snd`, and an answer that is itself a request, are followed; longer chains are not.
#[tokio::test(start_paused = true)]
async fn the_node_port_talks_to_itself_for_three_rounds() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let mut port = a.port();
    let back = port.id().clone();
    a.send(b.id(), ("snd", "b", "time", &back, "direct")).await.expect("room");
    assert_eq!(within(port.recv()).await.expect("alive").tag().as_deref(), Some("direct"));
    a.send(b.id(), ("snd", "b", "snd", "b", "snd", &back, "third")).await.expect("room");
    assert_eq!(within(port.recv()).await.expect("alive").tag().as_deref(), Some("third"));
    a.send(b.id(), ("snd", "b", "snd", "b", "snd", "b", "snd", &back, "fourth")).await.expect("room");
    settled(&a, &b).await;
    assert_eq!(port.try_recv(), None);
    // At home as well, however long the chain is.
    let mut chain: Vec<String> = (0..100_000).flat_map(|_| ["snd".to_owned(), "a".to_owned()]).collect();
    chain.push("devnull".into());
    a.send(a.id(), chain.clone()).await.expect("room");
    a.send(b.id(), chain).await.expect("room");
    settled(&a, &b).await;
}

/// Names that a peer chooses cannot be those that we make ourselves, now or later.
#[tokio::test(start_paused = true)]
async fn a_spawned_port_cannot_take_a_name_of_ours() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    a.register_function("sit", |mut port, _| async move { while port.recv().await.is_some() {} });
    let port = a.port();
    // Ours end in a number in base 62.
    let (prefix, _) = port.id().name().split_at(port.id().name().len() - 1);
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    for name in [port.id().name(), &format!("{prefix}2"), &format!("{prefix}z")] {
        perl.say("", ("AnyEvent::MP::_spawn", name, "sit"));
        perl.flush().await;
    }
    moment().await;
    assert_eq!(a.stats().ports, 1);
    let later: Vec<_> = (0..100).map(|_| a.port()).collect();
    assert_eq!(a.stats().ports, 101);
    drop(later);
}

/// A function that a peer names may be as long as a message: what is kept and told of it is short.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_short() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let port = a.spawn_on(b.id(), &"x".repeat(1_000_000), ()).expect("valid");
    let reason = within(a.monitor(&port)).await;
    assert!(reason.to_string().len() < 200, "{}", reason.to_string().len());
    let strange: PortId = "b#never".parse().expect("valid");
    assert_eq!(text(&within(a.monitor(&strange)).await), "b#never");
}
