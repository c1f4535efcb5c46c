//! What a probe says when it does not get what it expects.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use mp_node::testing::{Probe, TestNet};
use mp_node::{CallError, Reason};

/// The text with which a future panics.
async fn failure<T: std::fmt::Debug>(future: impl Future<Output = T>) -> String {
    let mut future = Box::pin(future);
    let caught = std::future::poll_fn(|cx| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    });
    *caught.await.expect_err("it should have failed").downcast::<String>().expect("a text")
}

#[tokio::test(start_paused = true)]
async fn a_failure_shows_what_came_and_what_was_before_and_behind() {
    let net = TestNet::new(1).await;
    let mut probe = Probe::new(net.node(0));
    for number in 1..=3 {
        probe.send(probe.id(), ("number", number)).await;
    }
    probe.expect(("number", 1)).await;
    let line = line!() + 1;
    let text = failure(probe.expect(("letter", "b"))).await;
    let expected = format!(
        "{}:{line}:{{column}}: \nexpected: [\"letter\",\"b\"]\n    came: [\"number\",2]\n  before: [\"number\",1]\n  \
         behind: [\"number\",3]",
        file!()
    );
    let column = text.split(": ").next().and_then(|place| place.rsplit(':').next()).unwrap_or_default();
    assert_eq!(text, expected.replace("{column}", column));
}

#[tokio::test(start_paused = true)]
async fn each_expectation_says_what_it_was() {
    let net = TestNet::new(1).await;
    let mut probe = Probe::new(net.node(0)).patience(Duration::from_secs(2));
    let nothing = failure(probe.expect(("ping",))).await;
    assert!(nothing.ends_with(r#"["ping"] was expected, but nothing came within 2s"#), "{nothing}");

    probe.send(probe.id(), ("row", "x")).await;
    let tag = failure(probe.expect_tag::<(u32,)>("row")).await;
    assert!(tag.contains("     why: not the message that was expected"), "{tag}");
    probe.send(probe.id(), ("row", "x")).await;
    let none = failure(probe.expect_nothing()).await;
    assert!(none.contains("expected: nothing for 2s\n    came: [\"row\",\"x\"]"), "{none}");
    probe.send(probe.id(), "x").await;
    let typed = failure(probe.expect_as::<u64>()).await;
    assert!(typed.contains("expected: a u64"), "{typed}");
    let port = net.node(0).port();
    let lives = failure(probe.expect_death(&port)).await;
    assert!(lives.contains("should have died, but lives after 2s"), "{lives}");

    net.node(0).kill(&probe, Reason::die("test"));
    assert_eq!(probe.expect_killed().await, Reason::die("test"));
    let killed = failure(probe.expect("x")).await;
    assert!(killed.contains("but the probe was killed: die: test"), "{killed}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_crashed_comes_back_as_another_one() {
    let mut net = TestNet::new(2).await;
    let port = net.node(1).port();
    let mut probe = Probe::new(net.node(0));
    probe.send(&port, "connect").await;
    let id = port.id().clone();
    let asked = net.node(0).call(&id, "wait").into_future();
    let asked = tokio::spawn(asked);
    tokio::time::sleep(Duration::from_secs(1)).await;
    net.crash(1);
    assert_eq!(probe.expect_death(&id).await.word(), "transport_error");
    assert!(matches!(asked.await.unwrap(), Err(CallError::Died(_))));
    net.restart(1).await;
    assert_eq!(probe.expect_death(&id).await.word(), "no_such_port");
    assert_eq!(net.add().await, 2);
    let time = net.node(2).call(net.node(1).id(), "time").timeout(Duration::from_secs(5));
    assert!(time.await.is_ok());
}
