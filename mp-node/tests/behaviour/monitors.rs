//! Monitors, links and calls: they fire once, for the right reason, and leave nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mp_node::memory::MemoryNet;
use mp_node::{CallError, Limits, Message, PortId, Reason, Value};

use crate::net::{json_pair, limits, moment, node, pair, seconds, settled, within};
use crate::puppet::{self, Kind};

/// [MON-06]
#[tokio::test(start_paused = true)]
async fn monitors_on_ports_of_the_own_node() {
    let a = node(&MemoryNet::new(1), "a", Limits::default()).await;
    let (port, victim, mut told) = (a.port(), a.port(), a.port());
    let calls = Arc::new(AtomicUsize::new(0));
    let count = |calls: &Arc<AtomicUsize>| {
        let calls = Arc::clone(calls);
        move |_: Reason| {
            calls.fetch_add(1, Ordering::Relaxed);
        }
    };
    let future = a.monitor(&port);
    a.monitor_with(&port, count(&calls)).detach();
    a.monitor_kill(&port, &victim).detach();
    a.monitor_send(&port, &told, ("gone",)).expect("encodes").detach();
    drop(a.monitor_with(&port, count(&calls)));
    drop(a.monitor_kill(&told, &victim));
    port.kill(&Reason::die("oops"));
    assert_eq!(future.fired(), Some(Reason::die("oops")), "at once");
    assert_eq!(victim.killed(), Some(Reason::die("oops")));
    assert_eq!(within(told.recv_as()).await, Some(("gone".to_owned(), "die".to_owned(), "oops".to_owned())));
    moment().await;
    assert_eq!((calls.load(Ordering::Relaxed), told.try_recv()), (1, None), "once");
}

/// [MON-06]
#[tokio::test(start_paused = true)]
async fn many_monitors_on_one_port_fire_once_each() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    for far in [true, false] {
        let port = if far { b.port() } else { a.port() };
        let calls = Arc::new(AtomicUsize::new(0));
        let mut monitors = Vec::new();
        for _ in 0..20_000 {
            let calls = Arc::clone(&calls);
            monitors.push(a.monitor_with(&port, move |_| {
                calls.fetch_add(1, Ordering::Relaxed);
            }));
        }
        settled(&a, &b).await;
        // The first ones first: each is found without a search.
        drop(monitors.drain(..10_000));
        port.kill(&Reason::normal());
        settled(&a, &b).await;
        moment().await;
        assert_eq!(calls.load(Ordering::Relaxed), 10_000);
    }
}

/// [MON-01] [MON-02]
#[tokio::test(start_paused = true)]
async fn the_first_monitor_asks_and_the_last_one_takes_back() {
    let net = MemoryNet::new(1);
    let a = node(&net, "a", Limits::default()).await;
    let mut perl = puppet::dial(&net, "perl", "a", &Kind::Perl).await.established().await;
    moment().await;
    let port: PortId = "perl#p".parse().expect("valid");
    let (one, two) = (a.monitor(&port), a.monitor(&port));
    a.send(&port, "between").await.expect("room");
    drop(one);
    a.send(&port, "still").await.expect("room");
    drop(two);
    let three = a.monitor(&port);
    a.send(&port, "end").await.expect("room");
    for expected in [r#""" ["mon1","p"]"#, r#""p" ["between"]"#, r#""p" ["still"]"#] {
        assert_eq!(perl.hears().await, expected);
    }
    assert_eq!(perl.hears().await, r#""" ["mon0","p"]"#);
    assert_eq!(perl.hears().await, r#""" ["mon1","p"]"#);
    assert_eq!(perl.hears().await, r#""p" ["end"]"#);
    perl.send("", ("kil0", "p", "die", "why")).await;
    assert_eq!(within(three).await, Reason::die("why"));
    perl.send("", ("kil0", "p", "die", "again")).await;
    perl.send("", ("kil0", "", "die", "the node port")).await;
    let on_node = a.monitor(a.id());
    let monitor = a.monitor(port.node());
    moment().await;
    assert_eq!((monitor.fired(), on_node.fired(), a.nodes().len()), (None, None, 1));
    drop(perl);
    assert_eq!(within(monitor).await.word(), "transport_error");
}

/// [MON-01] [MON-02]
#[tokio::test(start_paused = true)]
async fn a_monitor_that_is_taken_back_and_made_again_fires_once() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let port = b.port();
    for _ in 0..10 {
        drop(a.monitor(&port));
    }
    let monitor = a.monitor(&port);
    settled(&a, &b).await;
    assert_eq!(monitor.fired(), None);
    port.kill(&Reason::die("now"));
    // The notice is on its way; one who asks again meanwhile is told as well.
    let late = a.monitor(monitor.port());
    assert_eq!((within(monitor).await, within(late).await), (Reason::die("now"), Reason::die("now")));
}

#[tokio::test(start_paused = true)]
async fn links_end_together_unless_the_end_is_normal() {
    let net = MemoryNet::new(1);
    let (a, b) = pair(&net, Limits::default()).await;
    let (one, two, three) = (a.port(), b.port(), a.port());
    let links = [a.link(&one, &two), a.link(&three, &two)];
    settled(&a, &b).await;
    let gone = a.monitor(&three);
    one.kill(&Reason::die("all"));
    assert_eq!(within(gone).await, Reason::die("all"), "by way of the other node");
    assert_eq!(two.killed(), Some(Reason::die("all")));
    drop(links);

    let (one, two) = (a.port(), b.port());
    let _links = a.link(&one, &two);
    settled(&a, &b).await;
    one.kill(&Reason::normal());
    settled(&a, &b).await;
    assert_eq!(two.killed(), None);
}

/// A reason that the connection cannot carry does not keep a death secret. [MON-10]
#[tokio::test(start_paused = true)]
async fn a_death_is_told_whatever_its_reason() {
    let net = MemoryNet::new(1);
    let (a, b) = json_pair(&net, limits(|limits| limits.max_message = 500)).await;
    let reasons = [
        Reason::from_values(vec!["odd".into(), Value::Float(f64::NAN)]),
        Reason::new("long", "x".repeat(490)),
        Reason::new(&"w".repeat(600), ""),
    ];
    for reason in reasons {
        let (port, mut told, victim) = (b.port(), a.port(), a.port());
        let monitor = a.monitor(&port);
        b.monitor_kill(&port, &victim).detach();
        b.monitor_send(&port, &told, ("gone",)).expect("encodes").detach();
        settled(&a, &b).await;
        b.kill(&port, reason.clone());
        let heard = within(monitor).await;
        assert_eq!(heard.word().get(..3), reason.word().get(..3), "{heard}");
        assert_eq!(within(told.recv()).await.expect("alive").tag().as_deref(), Some("gone"));
        assert!(within(a.monitor(&victim)).await.word().starts_with("no_such_port"), "it was killed");
    }
}

/// [ND-14]
#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_leaves_nothing_behind() {
    let net = MemoryNet::new(1);
    let (a, b) = (
        node(&net, "a", Limits::default()).await,
        node(&net, "b", limits(|limits| limits.monitors_per_peer = 1)).await,
    );
    let (far, near) = (b.port(), a.port());
    for _ in 0..10 {
        for port in [far.id(), near.id()] {
            let calling = a.call(port, "hello").timeout(Duration::from_secs(1));
            assert_eq!(within(calling).await, Err(CallError::TimedOut(Duration::from_secs(1))));
            assert!(
                tokio::time::timeout(Duration::from_millis(10), a.call(port, "hello").into_future())
                    .await
                    .is_err()
            );
        }
        assert_eq!(a.stats().ports, 1, "`near` alone");
    }
    settled(&a, &b).await;
    assert_eq!(a.nodes().len(), 1, "no more than one monitor was held at any time");
    assert_eq!((far.waiting(), near.waiting()), (20, 20));
    let forever = a.call(&near, "hello").timeout(Duration::MAX);
    let (died, ()) = tokio::join!(forever.into_future(), async {
        seconds(1e6).await;
        a.kill(&near, Reason::die("at last"));
    });
    assert_eq!(died, Err(CallError::Died(Reason::die("at last"))));
    assert_eq!(a.stats().ports, 0);
}

/// A handler that panics is not called again: what it was in the middle of is not whole.
#[tokio::test(start_paused = true)]
async fn after_a_panic_no_handler_of_the_port_is_called() {
    let a = node(&MemoryNet::new(1), "a", Limits::default()).await;
    let port = a.port();
    let monitor = a.monitor(&port);
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    for _ in 0..5 {
        a.send(&port, ("boom",)).await.expect("room");
    }
    port.on("boom", move |_: Message| -> mp_node::Flow {
        counter.fetch_add(1, Ordering::Relaxed);
        panic!("kaboom")
    });
    assert_eq!(within(monitor).await, Reason::die("kaboom"));
    moment().await;
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
