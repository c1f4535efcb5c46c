//! What an operator reads: one clear line, not a flood.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{Limits, Node, NodeId, PortId};

use crate::log::Log;
use crate::net::{moment, node, node_with, pair, seconds, settled, text, timed, within};
use crate::puppet::{self, Kind};

/// [ND-07] [ND-15]
#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_said_once_on_both_sides_and_not_tried_again_and_again() {
    let net = MemoryNet::new(1);
    let (log, _guard) = Log::collect();
    let a = node(&net, "a", Limits::default()).await;
    let b = node_with(&net, "b", |builder| builder.secret("another")).await;
    let port = b.port();
    let (reason, waited) = timed(a.monitor(&port)).await;
    let said = "the secret of node b differs from ours: compare them with `aemp showconfig --show-secrets` on both sides";
    assert!(text(&reason).ends_with(said), "{reason}");
    assert_eq!(waited, 2.0, "an attempt lasts as long as it may, so that");
    // who sends all the time does not dial all the time.
    let mut fired = 0;
    for _ in 0..2000 {
        let monitor = a.monitor(&port);
        a.send(&port, 1).await.expect("room");
        tokio::time::sleep(Duration::from_millis(10)).await;
        fired += usize::from(monitor.fired().is_some());
    }
    assert!(fired > 0);
    let (at_a, at_b) =
        (log.warnings("the secret of node b differs"), log.warnings("the secret of node a differs"));
    assert_eq!((at_a.len(), at_b.len()), (1, 1), "{at_a:#?} {at_b:#?}");
    assert!(at_a[0].contains("b:1") && at_b[0].contains("from=a:"), "they say who: {at_a:#?} {at_b:#?}");
    assert!(a.nodes().is_empty() && b.nodes().is_empty() && net.pipe_count() == 0);
    assert!(a.dial(&"b:1".parse().expect("valid")).await.is_err_and(|error| error.is_permanent()));
    seconds(60.0).await;
    a.send(&port, 1).await.expect("room");
    seconds(3.0).await;
    assert_eq!(log.warnings("the secret of node b differs").len(), 2, "and once more after a minute");
}

/// [ND-07]
#[tokio::test(start_paused = true)]
async fn a_peer_that_refuses_is_dialled_once_per_attempt() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let port: PortId = "b#p".parse().expect("valid");
    let mut listener =
        mp_transport::Transport::listen(&net.host("b"), &"b:1".parse().expect("valid")).await.expect("free");
    let dials = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&dials);
    let refusing = tokio::task::spawn(async move {
        loop {
            let pipe = listener.accept().await.expect("goes on");
            *counter.lock().unwrap() += 1;
            let mut shaking = puppet::shake(pipe, "b", &Kind::Perl, "wrong", mp_proto::Side::Accepted);
            while shaking.event().await.is_ok() {}
        }
    });
    for _ in 0..1000 {
        a.send(&port, 1).await.expect("room");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!((5..=6).contains(&*dials.lock().unwrap()), "ten seconds, an attempt each two: {dials:?}");
    refusing.abort();
}

/// [ND-15]
#[tokio::test(start_paused = true)]
async fn a_peer_cannot_flood_the_log() {
    let net = MemoryNet::new(1);
    let (log, _guard) = Log::collect();
    let a = node(&net, "a", Limits::default()).await;
    let port = a.port();
    port.on("known", |_: u32| ());
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    for number in 0..1000 {
        let long = format!("{number}\u{1b}[31m\n{}", "x".repeat(5000));
        perl.say("", (&long, 1));
        perl.say("", ("eval", &long));
        perl.say("", ("AnyEvent::MP::_spawn", format!("R{number}"), &long));
        perl.say(port.id().name(), (&long, 1));
        perl.say(port.id().name(), ("known", &long));
        perl.say(&long, 1);
    }
    perl.send("", ("time", "perl#p")).await;
    perl.hears().await;
    moment().await;
    assert_eq!(a.stats().unknown_requests, 2000);
    assert_eq!(a.stats().dead_letters, 2000);
    assert_eq!(log.warnings("").len(), 3, "{:#?}", log.warnings(""));
    assert!(log.longest() < 1000, "{}", log.longest());
    assert!(!log.warnings("").iter().any(|line| line.contains('\u{1b}')));
}

/// [ND-21]
#[tokio::test(start_paused = true)]
async fn the_death_of_a_port_that_nobody_monitors_is_logged() {
    let net = MemoryNet::new(1);
    let (log, _guard) = Log::collect();
    let a = node(&net, "a", Limits::default()).await;
    let (watched, gone, ended) = (a.port(), a.port(), a.port());
    let monitor = a.monitor(&watched);
    a.kill(&watched, mp_node::Reason::die("is heard of"));
    a.kill(&ended, mp_node::Reason::normal());
    a.kill(&gone, mp_node::Reason::die("bad"));
    assert!(within(monitor).await.word() == "die");
    let said = log.warnings("a port that nobody monitors has died");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains(&gone.id().to_string()) && said[0].contains("die: bad"), "{said:#?}");
    for number in 0..1_000 {
        let port = a.port();
        a.kill(&port, mp_node::Reason::new(&format!("word {number}"), "x".repeat(1_000)));
    }
    assert!(log.warnings("a port that nobody monitors has died").len() <= 256);
    assert!(log.longest() < 1_000, "{}", log.longest());
}

/// Strangers who come again and again are complained of once for each fault.
#[tokio::test(start_paused = true)]
async fn strangers_cannot_flood_the_log() {
    let net = MemoryNet::new(1);
    let (log, _guard) = Log::collect();
    let a = node(&net, "a", Limits::default()).await;
    for number in 0..1000 {
        let mut pipe = mp_transport::Transport::dial(&net.host("x"), &"a:1".parse().expect("valid"))
            .await
            .expect("listens");
        let line = format!("GET /{number} HTTP/1.1\r\n");
        drop(tokio::io::AsyncWriteExt::write_all(&mut pipe, line.as_bytes()).await);
        let mut all = Vec::new();
        drop(within(tokio::io::AsyncReadExt::read_to_end(&mut pipe, &mut all)).await);
    }
    let said = log.warnings("an HTTP client").len();
    assert!((1..=256).contains(&said), "{said}");
    assert!(a.nodes().is_empty());
    assert_eq!(NodeId::new("a").as_ref(), Ok(a.id()));
}

/// Who listens and has no secret waits for nothing; who only talks to itself needs none.
#[tokio::test(start_paused = true)]
async fn a_secret_that_is_missing_is_warned_of() {
    let net = MemoryNet::new(1);
    let (log, _guard) = Log::collect();
    let builder = || Node::builder("test").without_file().transport(Arc::new(net.host("a")));
    builder().start().await.expect("starts");
    assert!(log.warnings("").is_empty(), "{:#?}", log.warnings(""));
    builder().bind("a:1").start().await.expect("starts");
    assert_eq!(log.warnings("no secret is configured").len(), 1);
    builder().seed("b:1").start().await.expect("starts");
    assert_eq!(log.warnings("make one by `aemp gensecret`").len(), 2);
}

/// A peer that ends in good order is no fault, and does not read like one.
#[tokio::test(start_paused = true)]
async fn a_connection_that_the_peer_closes_is_said_to_be_closed() {
    let net = MemoryNet::new(1);
    let (log, _guard) = Log::collect();
    let (a, b) = pair(&net, Limits::default()).await;
    settled(&a, &b).await;
    b.shutdown().await;
    moment().await;
    let closed = log.lines("connection ended by the peer");
    assert!(closed.len() == 1 && closed[0].contains("peer=b") && !closed[0].contains("unsent"), "{closed:?}");
    assert!(log.lines("end-of-file").is_empty());
    drop(a);
}
