//! Our own kernels with one another.

use std::time::Duration;

use mp_tikc::{
    AliasError, CallError, Failure, Handlers, KernelEvent, KernelEvents, PostError, TikcLimits, Value,
};
use mp_transport::MemoryNet;

use crate::net::{aliases, at, hub, joined, kernel, kernel_with, next, settle};

/// [TK-30]
#[tokio::test(start_paused = true)]
async fn aliases_of_both_sides_and_of_other_clients_are_known_as_they_come_and_go() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let mut on_server = server.session("srv").unwrap();
    let (a, _client_a) = joined(&net, "a", "srv").await;
    let (b, _client_b) = joined(&net, "b", "srv").await;
    let mut in_a = a.session("a").unwrap();
    let mut late = b.session("late").unwrap();
    settle().await;
    for kernel in [&server, &a, &b] {
        assert_eq!(aliases(kernel), ["a", "late", "srv"]);
    }
    b.post("a", "hello", (1, "x")).await.unwrap();
    assert_eq!(next(&mut in_a).await, ("hello".into(), vec![1.into(), "x".into()]));
    a.post("srv", "to you", ()).await.unwrap();
    assert_eq!(next(&mut on_server).await, ("to you".into(), vec![]));
    assert!(late.remove_alias("late"));
    late.add_alias("later").unwrap();
    settle().await;
    assert_eq!(aliases(&a), ["a", "later", "srv"]);
    drop(in_a);
    settle().await;
    assert_eq!(aliases(&b), ["later", "srv"]);
}

/// [TK-40]
#[tokio::test(start_paused = true)]
async fn posts_before_the_connection_stands_are_delivered_in_order() {
    let net = MemoryNet::new(1);
    let a = kernel(&net, "a");
    let client = a.connect(at("srv")).allow_plain().start().unwrap();
    for number in 0..100 {
        a.post("srv", "n", (number,)).await.unwrap();
    }
    assert!(!client.is_connected());
    let (server, _listening) = hub(&net, "srv").await;
    let mut session = server.session("srv").unwrap();
    assert!(client.connected().await);
    for number in 0..100 {
        assert_eq!(next(&mut session).await.1, [Value::from(number)]);
    }
}

/// [TK-40]
#[tokio::test(start_paused = true)]
async fn posts_that_wait_too_long_are_told_and_their_queue_is_bounded() {
    let net = MemoryNet::new(1);
    let mut limits = TikcLimits::default();
    limits.waiting_posts = 2;
    let a = kernel_with(&net, "a", limits);
    let mut events = a.events();
    let _client = a.connect(at("nowhere")).allow_plain().start().unwrap();
    a.post("x", "one", ()).await.unwrap();
    a.post("x", "two", ()).await.unwrap();
    let third = a.post("x", "three", ()).await;
    assert!(matches!(third, Err(PostError::TooManyWaiting)), "{third:?}");
    for event in ["one", "two"] {
        assert_eq!(undelivered(&mut events).await, ("x".into(), event.into(), Failure::Disconnected));
    }
    a.post("x", "four", ()).await.unwrap();
}

async fn undelivered(events: &mut KernelEvents) -> (String, String, Failure) {
    loop {
        if let KernelEvent::Undelivered { alias, event, failure } = events.next().await.expect("it runs") {
            return (alias.to_string(), event.to_string(), failure);
        }
    }
}

/// [TK-40], [TK-42]
#[tokio::test(start_paused = true)]
async fn what_waits_for_an_alias_that_the_server_has_not_is_told_once_it_is_connected() {
    let net = MemoryNet::new(1);
    let a = kernel(&net, "a");
    let mut events = a.events();
    let client = a.connect(at("srv")).allow_plain().start().unwrap();
    a.post("nobody", "e", ()).await.unwrap();
    let (_server, _listening) = hub(&net, "srv").await;
    assert!(client.connected().await);
    assert_eq!(undelivered(&mut events).await, ("nobody".into(), "e".into(), Failure::NoSuchAlias));
    let refused = a.post("nobody", "e", ()).await;
    let no_such =
        |result| matches!(result, Err(PostError::Undeliverable { failure: Failure::NoSuchAlias, .. }));
    assert!(no_such(refused));
}

/// [TK-42]: the alias is withdrawn while a post is on its way.
#[tokio::test(start_paused = true)]
async fn a_post_that_a_hop_cannot_deliver_is_told_to_its_sender() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let session = server.session("x").unwrap();
    let (a, _client) = joined(&net, "a", "srv").await;
    let mut events = a.events();
    net.between("a", "srv").delay(Duration::from_millis(20), Duration::ZERO);
    drop(session);
    a.post("x", "e", (1,)).await.unwrap();
    assert_eq!(undelivered(&mut events).await, ("x".into(), "e".into(), Failure::NoSuchAlias));
}

/// [TK-31]
#[tokio::test(start_paused = true)]
async fn the_first_holder_keeps_an_alias_and_the_second_is_told_and_follows() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let (a, b, c) = (kernel(&net, "a"), kernel(&net, "b"), kernel(&net, "c"));
    let (mut in_a, mut in_b) = (a.session("dup").unwrap(), b.session("dup").unwrap());
    let mut events = b.events();
    let client_a = a.connect(at("srv")).allow_plain().start().unwrap();
    client_a.connected().await;
    let client_b = b.connect(at("srv")).allow_plain().start().unwrap();
    client_b.connected().await;
    let client_c = c.connect(at("srv")).allow_plain().start().unwrap();
    client_c.connected().await;
    loop {
        if let KernelEvent::Taken { alias, .. } = events.next().await.unwrap() {
            assert_eq!(alias.as_str(), "dup");
            break;
        }
    }
    let taken = c.session("dup").map(drop);
    assert_eq!(taken, Err(AliasError::Taken("dup".into())));
    c.post("dup", "first", ()).await.unwrap();
    assert_eq!(next(&mut in_a).await.0, "first");
    drop(client_a);
    settle().await;
    assert_eq!(aliases(&c), ["dup"], "b holds it still");
    c.post("dup", "second", ()).await.unwrap();
    assert_eq!(next(&mut in_b).await.0, "second");
    drop(client_b);
    settle().await;
    assert_eq!(aliases(&c), Vec::<String>::new());
    assert!(server.aliases().is_empty());
}

/// [TK-43]
#[tokio::test(start_paused = true)]
async fn a_call_gets_an_answer_over_two_hops_or_is_told_why_not() {
    let net = MemoryNet::new(1);
    let (_server, _listening) = hub(&net, "srv").await;
    let (a, _client_a) = joined(&net, "a", "srv").await;
    let (b, client_b) = joined(&net, "b", "srv").await;
    let mut session = b.session("adder").unwrap();
    tokio::spawn(async move {
        let mut handlers = Handlers::new();
        handlers.on("add", |mut event| {
            let (one, other): (i64, i64) = event.decode().unwrap();
            event.answer((one + other,)).unwrap();
        });
        handlers.otherwise(drop);
        handlers.run(&mut session).await;
    });
    assert!(a.wait_for("adder").await);
    assert_eq!(a.call("adder", "add", (2, 3)).decode::<(i64,)>().await.unwrap(), (5,));
    assert_eq!(b.call("adder", "add", (2, 4)).decode::<(i64,)>().await.unwrap(), (6,));
    let silent = a.call("adder", "no such event", ()).values().await;
    assert!(matches!(silent, Err(CallError::Failed(Failure::NoAnswer))), "{silent:?}");
    let unknown = a.call("nobody", "add", ()).values().await;
    assert!(matches!(unknown, Err(CallError::Post(_))), "{unknown:?}");
    drop(client_b);
    settle().await;
    let lost = a.call("adder", "add", (1, 1)).values().await;
    assert!(matches!(lost, Err(CallError::Post(_))), "{lost:?}");
}

/// [TK-43]
#[tokio::test(start_paused = true)]
async fn a_call_is_told_when_the_connection_to_the_answerer_is_lost() {
    let net = MemoryNet::new(1);
    let (_server, _listening) = hub(&net, "srv").await;
    let (a, _client_a) = joined(&net, "a", "srv").await;
    let (b, client_b) = joined(&net, "b", "srv").await;
    let mut session = b.session("slow").unwrap();
    a.wait_for("slow").await;
    let asked = tokio::spawn(async move { a.call("slow", "e", ()).values().await });
    let event = session.recv().await.unwrap();
    assert!(event.wants_answer());
    drop(client_b);
    let lost = asked.await.unwrap();
    assert!(matches!(lost, Err(CallError::Failed(Failure::Disconnected))), "{lost:?}");
}

/// [TK-41]
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_holds_up_its_connection_for_a_while_and_then_the_sender_is_told() {
    let net = MemoryNet::new(1);
    let mut limits = TikcLimits::default();
    limits.mailbox = 2;
    let server = kernel_with(&net, "srv", limits);
    let _listening = server.serve().address(at("srv")).allow_plain().start().await.unwrap();
    let mut slow = server.session("slow").unwrap();
    let mut other = server.session("other").unwrap();
    let (a, _client) = joined(&net, "a", "srv").await;
    let mut events = a.events();
    for number in 0..3 {
        a.post("slow", "n", (number,)).await.unwrap();
    }
    a.post("other", "behind", ()).await.unwrap();
    settle().await;
    assert_eq!(other.waiting(), 0, "it is behind what waits");
    assert_eq!(undelivered(&mut events).await, ("slow".into(), "n".into(), Failure::Full));
    assert_eq!(next(&mut other).await.0, "behind");
    assert_eq!((next(&mut slow).await.1, next(&mut slow).await.1), (vec![0.into()], vec![1.into()]));
    // With room in time nothing is lost.
    for number in 0..1000 {
        a.post("slow", "n", (number,)).await.unwrap();
    }
    for number in 0..1000 {
        assert_eq!(next(&mut slow).await.1, [Value::from(number)]);
    }
}

/// [TK-32], [TK-34]: each kernel is server and client of the others, which with POE::TIKC is a storm.
#[tokio::test(start_paused = true)]
async fn kernels_in_a_circle_agree_and_forget() {
    let net = MemoryNet::new(1);
    let hosts = ["one", "two", "three"];
    let mut kernels = Vec::new();
    for host in hosts {
        kernels.push(hub(&net, host).await);
    }
    let mut clients = Vec::new();
    for (index, (kernel, _)) in kernels.iter().enumerate() {
        for to in hosts.iter().enumerate().filter(|(other, _)| *other != index) {
            clients.push(kernel.connect(at(to.1)).allow_plain().start().unwrap());
        }
    }
    for (kernel, _) in &kernels {
        assert!(kernel.connected().await);
    }
    let mut session = kernels[0].0.session("x").unwrap();
    settle().await;
    for (kernel, _) in &kernels {
        assert_eq!(aliases(kernel), ["x"]);
        kernel.post("x", "hello", ()).await.unwrap();
        assert_eq!(next(&mut session).await.0, "hello");
    }
    drop(session);
    settle().await;
    for (kernel, _) in &kernels {
        assert_eq!(aliases(kernel), Vec::<String>::new());
    }
}

/// [TK-34], [TK-35]: of a ring, one kernel dies, whose alias must not live on between the others.
#[tokio::test(start_paused = true)]
async fn a_ring_forgets_the_aliases_of_one_who_dies() {
    let net = MemoryNet::new(1);
    let hosts = ["one", "two", "three", "four"];
    let mut kernels = Vec::new();
    for host in hosts {
        kernels.push(hub(&net, host).await);
    }
    let mut clients = Vec::new();
    for index in 0..4 {
        let to = at(hosts[(index + 1) % 4]);
        clients.push(kernels[index].0.connect(to).allow_plain().start().unwrap());
    }
    for (kernel, _) in &kernels {
        assert!(kernel.connected().await);
    }
    let _session = kernels[0].0.session("x").unwrap();
    settle().await;
    assert!(kernels.iter().all(|(kernel, _)| aliases(kernel) == ["x"]));
    net.kill_host("one", mp_transport::memory::Death::Reset);
    settle().await;
    for (kernel, _) in &kernels[1..] {
        assert_eq!(aliases(kernel), Vec::<String>::new());
    }
}

/// [TK-60]
#[tokio::test(start_paused = true)]
async fn a_client_connects_again_and_what_is_posted_meanwhile_waits() {
    let net = MemoryNet::new(1);
    let (server, listening) = hub(&net, "srv").await;
    let session = server.session("srv").unwrap();
    let (a, client) = joined(&net, "a", "srv").await;
    let _in_a = a.session("a").unwrap();
    settle().await;
    drop((listening, session));
    settle().await;
    assert!(!client.is_connected());
    assert_eq!(aliases(&server), Vec::<String>::new());
    a.post("srv", "meanwhile", ()).await.unwrap();
    let _listening = server.serve().address(at("srv")).allow_plain().start().await.unwrap();
    let mut session = server.session("srv").unwrap();
    assert!(client.connected().await);
    assert_eq!(next(&mut session).await.0, "meanwhile");
    assert_eq!(aliases(&server), ["a", "srv"]);
}

/// [TK-36]
#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_takes_the_place_of_its_old_connection() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let (a, client) = joined(&net, "a", "srv").await;
    let mut session = a.session("a").unwrap();
    settle().await;
    net.half_open("a", "srv");
    settle().await;
    assert!(!client.is_connected());
    assert_eq!(server.connections(), 1, "the server does not know yet");
    assert!(client.connected().await);
    settle().await;
    assert_eq!(server.connections(), 1);
    server.post("a", "again", ()).await.unwrap();
    assert_eq!(next(&mut session).await.0, "again");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_writes_what_waits() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let mut session = server.session("srv").unwrap();
    let (a, _client) = joined(&net, "a", "srv").await;
    net.between("a", "srv").throttle(Some(100_000));
    for number in 0..1000 {
        a.post("srv", "n", (number,)).await.unwrap();
    }
    a.shutdown().await;
    assert!(matches!(a.post("srv", "n", ()).await, Err(PostError::ShutDown)));
    for number in 0..1000 {
        assert_eq!(next(&mut session).await.1, [Value::from(number)]);
    }
}

/// [TK-42]: deeper than an image may be.
#[tokio::test(start_paused = true)]
async fn arguments_that_cannot_be_written_are_told() {
    let net = MemoryNet::new(1);
    let (server, _listening) = hub(&net, "srv").await;
    let _session = server.session("srv").unwrap();
    let (a, _client) = joined(&net, "a", "srv").await;
    let deep = (0..300).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let refused = a.post("srv", "e", vec![deep]).await;
    let unwritable = matches!(refused, Err(PostError::Undeliverable { failure: Failure::Unwritable, .. }));
    assert!(unwritable, "{refused:?}");
    a.post("srv", "e", ()).await.unwrap();
}
