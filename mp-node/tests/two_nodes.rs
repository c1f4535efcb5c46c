//! Two nodes over real sockets: every way in which ports of different nodes deal with one another.

mod common;

use std::time::Duration;

use common::{know, listener, pair, soon};
use mp_node::{CallError, Flow, Framing, Message, Node, NodeEvent, NodeId, PortId, Reason, Value};

/// Waits until `other` has seen all that `one` has sent so far.
async fn settled(one: &Node, other: &Node) {
    soon(one.call(other.id(), "time")).await.expect("answered");
}

const FRAMINGS: [Framing; 3] = [Framing::Json, Framing::Cbor, Framing::Postcard];

#[tokio::test]
async fn messages_arrive_in_order_in_every_framing() {
    for framing in FRAMINGS {
        let (a, b) = pair(framing).await;
        let mut port = b.port();
        for number in 0..2000_u32 {
            soon(a.send(&port, ("count", number))).await.expect("sent");
        }
        for number in 0..2000_u32 {
            assert_eq!(
                soon(port.recv_as::<(String, u32)>()).await,
                Some(("count".into(), number)),
                "{framing}"
            );
        }
        a.shutdown().await;
        b.shutdown().await;
    }
}

/// Messages lie in the mailbox as they arrived together; each way to receive takes them in the one order. [ND-25] [ND-26]
#[tokio::test]
async fn ways_to_receive_can_be_mixed_within_what_came_at_once() {
    let (a, b) = pair(Framing::Postcard).await;
    let mut port = b.port();
    for number in 0..300_u64 {
        soon(a.send(&port, ("count", number))).await.expect("sent");
        if number % 100 == 99 {
            soon(a.send(&port, ("noise", "no number"))).await.expect("sent");
        }
    }
    settled(&a, &b).await;
    assert_eq!(port.waiting(), 303);
    let mut order: Vec<u64> = (0..300).collect();
    for _ in 0..10 {
        assert_eq!(soon(port.recv_as::<(String, u64)>()).await, Some(("count".into(), order.remove(0))));
    }
    let of = |wanted: u64| move |message: &Message| message.args()[0].as_i64() == i64::try_from(wanted).ok();
    assert!(soon(port.recv_where(of(140))).await.is_some());
    assert!(soon(port.recv_where(of(11))).await.is_some());
    order.retain(|number| ![140, 11].contains(number));
    assert_eq!(soon(port.recv()).await.expect("sent").args()[0], Value::from(order.remove(0)));
    assert_eq!(port.try_recv().expect("there").args()[0], Value::from(order.remove(0)));

    let mut port = port.typed::<(String, u64)>();
    soon(b.send(&port, ("count".into(), 300))).await.expect("moved");
    order.push(300);
    assert_eq!(soon(port.recv_where(|(_, number)| *number == 250)).await, Some(("count".into(), 250)));
    order.retain(|number| *number != 250);
    for number in order {
        assert_eq!(soon(port.recv()).await, Some(("count".into(), number)));
    }
    assert_eq!((port.waiting(), b.stats().dead_letters), (0, 3));
}

/// Large and small ones, to one port and to many, in the framing in which a message goes once to all ports of a node, and in those in
/// which it does not; meanwhile a port dies. [ND-31] [ND-32] [ND-34] [LN-07]
#[tokio::test]
async fn messages_to_one_and_to_many_ports_keep_their_order() {
    for framing in FRAMINGS {
        let (a, b) = pair(framing).await;
        let (mut ports, mortal) = ([b.port(), a.port(), b.port(), b.port()], b.port());
        let to: Vec<PortId> = ports.iter().map(|port| port.id().clone()).collect();
        let and_mortal: Vec<PortId> = to.iter().chain([mortal.id()]).cloned().collect();
        let end = a.monitor(&mortal);
        let others: Vec<_> = to.iter().map(|port| a.monitor(port)).collect();
        let receive = async {
            for port in &mut ports {
                for number in 0..500_u32 {
                    let got = soon(port.recv_as::<(u32, String)>()).await.map(|(number, _)| number);
                    assert_eq!(got, Some(number), "{framing}");
                }
            }
        };
        let send = async {
            for number in 0..500_u32 {
                let padding = "x".repeat(if number % 50 == 7 { 300_000 } else { 10 });
                match number % 4 {
                    0 => {
                        for port in &to {
                            soon(a.send(port, (number, &padding))).await.expect("sent");
                        }
                    }
                    1 => soon(a.send_all(&and_mortal, (number, &padding))).await.expect("sent"),
                    _ => soon(a.send_all(&to, (number, &padding))).await.expect("sent"),
                }
                if number == 250 {
                    b.kill(&mortal, Reason::new("tired", "of living"));
                }
            }
        };
        tokio::join!(receive, send);
        assert_eq!(soon(end).await.word(), "tired");
        assert!(others.iter().all(|monitor| monitor.fired().is_none()));
        let before = a.stats().bytes_sent;
        soon(a.send_all(&to, (500_u32, "x".repeat(10_000)))).await.expect("sent");
        settled(&a, &b).await;
        let copies = (a.stats().bytes_sent - before) / 10_000;
        assert_eq!(copies, if framing == Framing::Postcard { 1 } else { 3 }, "{framing}");
    }
}

/// [MON-01] [MON-07]
#[tokio::test]
async fn a_monitor_tells_why_a_far_port_died() {
    for framing in FRAMINGS {
        let (a, b) = pair(framing).await;
        let port = b.port();
        let monitor = a.monitor(&port);
        a.kill(&port, Reason::new("tired", "of living"));
        assert_eq!(soon(monitor).await, Reason::new("tired", "of living"));

        let port = b.port();
        let monitor = a.monitor(&port);
        settled(&a, &b).await;
        b.kill(&port, Reason::normal());
        assert!(soon(monitor).await.is_normal());
    }
}

/// [MON-03]
#[tokio::test]
async fn a_monitor_of_a_port_that_never_was_fires() {
    let (a, b) = pair(Framing::Cbor).await;
    let ghost = PortId::new(b.id(), "ghost").expect("valid");
    assert_eq!(soon(a.monitor(&ghost)).await, Reason::no_such_port(&ghost));
    let own = PortId::new(a.id(), "ghost").expect("valid");
    assert_eq!(soon(a.monitor(&own)).await, Reason::no_such_port(&own));
}

/// [ND-16]
#[tokio::test]
async fn a_message_for_nobody_is_dropped_and_counted() {
    let (a, b) = pair(Framing::Cbor).await;
    let ghost = PortId::new(b.id(), "ghost").expect("valid");
    soon(a.send(&ghost, "boo")).await.expect("that nobody is there is no error");
    settled(&a, &b).await;
    assert_eq!(b.stats().no_such_port, 1);
}

/// The cause is told, and the address once. [MON-05] [ND-07]
#[tokio::test]
async fn a_node_that_cannot_be_reached_is_told_with_the_cause() {
    let (node, other) = (listener("a").await, listener("b").await);
    let nowhere = NodeId::new(&other.addresses()[0].to_string()).expect("valid");
    other.shutdown().await;
    let error = soon(node.lookup(&nowhere, "srv")).await.expect_err("nobody is there").to_string();
    let told =
        format!("no answer from the port that was asked: transport_error: {nowhere} Connection refused");
    assert_eq!(error, told);
    let stranger = Node::builder("test").without_file().node_id("c").secret("another").bind("127.0.0.1:0");
    let stranger = stranger.start().await.expect("starts");
    let address = stranger.addresses()[0].to_string();
    let node_there = NodeId::new(&address).expect("valid");
    let error = soon(node.lookup(&node_there, "srv")).await.expect_err("another secret").to_string();
    assert!(error.contains(&format!("transport_error: {address} the secret of node c differs")), "{error}");
    assert_eq!(error.matches(&address).count(), 1, "{error}");
}

/// [MON-05]
#[tokio::test]
async fn a_lost_node_fires_all_monitors_and_events() {
    let (a, b) = pair(Framing::Json).await;
    let (port, mut events) = (b.port(), a.events());
    let (on_port, on_node) = (a.monitor(&port), a.monitor(b.id().port()));
    soon(a.send(&port, "hello")).await.expect("sent");
    assert_eq!(soon(events.next()).await, Some(NodeEvent::Up(b.id().clone())));
    drop(port.detach());
    drop(b);
    let reason = soon(on_port).await;
    assert_eq!(reason.word(), "transport_error");
    assert_eq!(reason.values()[1], Value::from("b"));
    assert_eq!(soon(on_node).await.word(), "transport_error");
    assert!(matches!(soon(events.next()).await, Some(NodeEvent::Down(node, _)) if node.as_str() == "b"));
}

/// [MON-05]
#[tokio::test]
async fn a_node_that_cannot_be_found_fires_within_the_connect_time() {
    let a = listener("a").await;
    let nobody: PortId = "nobody#x".parse().expect("valid");
    let reason = soon(a.monitor(&nobody)).await;
    assert_eq!(reason.values()[2], Value::from("no known address"), "{reason}");
    assert_eq!(
        soon(a.monitor(NodeId::new("127.0.0.1:9").expect("valid").port())).await.word(),
        "transport_error"
    );
}

#[tokio::test]
async fn the_other_forms_of_monitors() {
    let (a, b) = pair(Framing::Cbor).await;
    let (far, mut near, victim) = (b.port(), a.port(), a.port());
    let (tell, told) = tokio::sync::oneshot::channel();
    a.monitor_with(&far, move |reason| drop(tell.send(reason))).detach();
    a.monitor_kill(&far, &victim).detach();
    a.monitor_send(&far, &near, ("gone", far.id())).expect("encodes").detach();
    let died = a.monitor(&victim);
    let ended = a.monitor(&far);
    drop(a.monitor_with(&far, |_| panic!("a monitor that was dropped")));
    settled(&a, &b).await;
    far.kill(&Reason::die("oops"));
    assert_eq!(soon(told).await, Ok(Reason::die("oops")));
    assert_eq!(soon(died).await, Reason::die("oops"));
    let (tag, port, word, text): (String, PortId, String, String) =
        soon(near.recv_as()).await.expect("alive");
    assert_eq!((tag.as_str(), word.as_str(), text.as_str()), ("gone", "die", "oops"));
    assert_eq!(soon(ended).await, Reason::die("oops"));
    assert_eq!(port.node(), *b.id());
}

#[tokio::test]
async fn a_normal_end_kills_no_linked_port() {
    let (a, b) = pair(Framing::Postcard).await;
    let (near, far) = (a.port(), b.port());
    let (one, two) = a.link(&near, &far);
    let seen = a.monitor(&far);
    settled(&a, &b).await;
    far.kill(&Reason::normal());
    assert!(soon(seen).await.is_normal());
    assert_eq!(near.killed(), None);
    drop((one, two));

    let far = b.port();
    let (one, two) = a.link(&near, &far);
    let seen = a.monitor(&near);
    settled(&a, &b).await;
    far.kill(&Reason::die("both"));
    assert_eq!(soon(seen).await, Reason::die("both"));
    drop((one, two));
}

/// [ND-14]
#[tokio::test]
async fn a_call_gets_an_answer_an_end_or_a_time_out() {
    for framing in FRAMINGS {
        let (a, b) = pair(framing).await;
        let asked = b.spawn(|mut port| async move {
            while let Some((what, reply)) = port.recv_as::<(u32, PortId)>().await {
                match what {
                    0 => return Err(Reason::die("asked for nothing")),
                    1 => {}
                    _ => drop(port.node().send(&reply, ("twice", what * 2)).await),
                }
            }
            Ok(())
        });
        let answer = soon(a.call(&asked, 21_u32).returning::<(String, u32)>()).await;
        assert_eq!(answer, Ok(("twice".into(), 42)));
        let timeout = Duration::from_millis(50);
        assert_eq!(soon(a.call(&asked, 1_u32).timeout(timeout)).await, Err(CallError::TimedOut(timeout)));
        assert_eq!(soon(a.call(&asked, 0_u32)).await, Err(CallError::Died(Reason::die("asked for nothing"))));
        assert_eq!(a.stats().ports, 0, "reply ports are gone");
    }
}

/// [NP-07]
#[tokio::test]
async fn a_registered_function_is_spawned_and_nothing_else() {
    let (a, b) = pair(Framing::Cbor).await;
    b.register_function("room", |mut port, args| async move {
        let (name, greeter): (String, PortId) = args.decode().expect("as sent");
        let node = port.node();
        let Some(guest) = port.recv_as::<String>().await else { return };
        drop(node.send(&greeter, format!("{guest} is in {name}")).await);
    });
    let mut greeter = a.port();
    let room = a.spawn_on(b.id(), "room", ("kitchen", greeter.id())).expect("valid");
    let monitor = a.monitor(&room);
    soon(a.send(&room, "ada")).await.expect("sent");
    assert_eq!(soon(greeter.recv_as::<String>()).await, Some("ada is in kitchen".into()));
    assert!(soon(monitor).await.is_normal());

    let refused = a.spawn_on(b.id(), "POSIX::_exit", 0).expect("valid");
    let reason = soon(a.monitor(&refused)).await;
    assert_eq!(reason.word(), "spawn_failed", "{reason}");
}

/// [NP-08]: the first tutorial's example.
#[tokio::test]
async fn a_registered_name_is_looked_up() {
    let server = listener("chat").await;
    let client =
        Node::builder("t").without_file().node_id("client").secret("s3kr1t").start().await.expect("starts");
    let reference: NodeId = server.addresses()[0].to_string().parse().expect("valid");
    let chatter = server.port();
    assert!(server.register_name("chatter", &chatter));
    assert!(!server.register_name("chatter", server.port()), "taken");

    let mut client_port = client.port();
    let request = ("lookup", "chatter", client_port.id(), "resolved");
    soon(client.send(&reference, request)).await.expect("sent");
    assert_eq!(soon(client_port.recv_as()).await, Some(("resolved".to_owned(), chatter.id().clone())));
    assert_eq!(soon(client.lookup(&reference, "chatter")).await, Ok(Some(chatter.id().clone())));
    assert_eq!(soon(client.lookup(&reference, "nothing")).await, Ok(None));
    // The port's own name works too, over the same connection, though only the reference can be dialled.
    let monitor = client.monitor(&chatter);
    settled(&client, &server).await;
    drop(chatter);
    assert!(soon(monitor).await.is_normal());
    assert_eq!(soon(client.lookup(&reference, "chatter")).await, Ok(None));
    assert_eq!(client.nodes().len(), 1);
}

/// [NP-06]
#[tokio::test]
async fn the_node_port_answers() {
    let (a, b) = pair(Framing::Json).await;
    let mut port = a.port();
    let send = async |message: Message| soon(a.send(b.id(), message)).await.expect("sent");
    send(Message::new(&("can", "mon1", port.id(), "x")).expect("encodes")).await;
    assert_eq!(soon(port.recv_as()).await, Some(("x".to_owned(), "1".to_owned())));
    send(Message::new(&("can", "fly", port.id(), "x")).expect("encodes")).await;
    assert_eq!(soon(port.recv_as()).await, Some(("x".to_owned(), String::new())));
    send(Message::new(&("time", port.id(), "now", 1)).expect("encodes")).await;
    let (_, _, time): (String, i32, f64) = soon(port.recv_as()).await.expect("alive");
    assert!(time > 1.7e9);
    send(Message::new(&("snd", port.id(), "relayed", 7)).expect("encodes")).await;
    assert_eq!(soon(port.recv_as()).await, Some(("relayed".to_owned(), 7)));
    send(Message::new(&("devnull", 1)).expect("encodes")).await;
    send(Message::new(&("eval", "1 + 1", port.id(), "e")).expect("encodes")).await;
    let (tag, refusal): (String, String) = soon(port.recv_as()).await.expect("alive");
    assert!(tag == "e" && refusal.contains("never"), "{refusal}");
    send(Message::new(&("POSIX::_exit", 1)).expect("encodes")).await;
    send(Message::new(&("snd", port.id(), "alive")).expect("encodes")).await;
    assert_eq!(soon(port.recv_as()).await, Some(("alive".to_owned(),)));
    assert_eq!(b.stats().unknown_requests, 2);
}

#[tokio::test]
async fn handlers_are_done_replaced_and_removed() {
    let (a, b) = pair(Framing::Cbor).await;
    let (port, mut log) = (b.port(), a.port());
    let to = log.id().clone();
    let note = |name: &'static str, flow: Flow| {
        let (node, log) = (b.clone(), to.clone());
        move |number: u32| {
            node.try_send(&log, (name, number)).expect("room");
            flow
        }
    };
    let say =
        async |tag: &str, number: u32| soon(a.send(&port, (tag.to_owned(), number))).await.expect("sent");
    let mut expect = async |name: &str, number: u32| {
        assert_eq!(soon(log.recv_as()).await, Some((name.to_owned(), number)));
    };
    say("early", 0).await;
    port.on("early", note("early", Flow::Done)).on("once", note("once", Flow::Done));
    port.on("many", note("many", Flow::Continue));
    expect("early", 0).await;
    for (tag, number) in [("once", 1), ("once", 2), ("many", 3), ("many", 4)] {
        say(tag, number).await;
    }
    expect("once", 1).await;
    expect("many", 3).await;
    expect("many", 4).await;
    port.on("many", note("new", Flow::Continue));
    say("many", 5).await;
    expect("new", 5).await;
    port.off("many").otherwise({
        let (node, log) = (b.clone(), to.clone());
        move |message: Message| node.try_send(&log, ("rest", message.args()[0].as_i64())).expect("room")
    });
    say("many", 6).await;
    expect("rest", 6).await;
    assert_eq!(b.stats().dead_letters, 1, "the second `once`");
}

/// [MON-08]
#[tokio::test]
async fn a_panicking_handler_kills_its_port_alone() {
    let (a, b) = pair(Framing::Cbor).await;
    let port = b.port();
    port.on("boom", |(): ()| -> Flow { panic!("kaboom") });
    let monitor = a.monitor(&port);
    soon(a.send(&port, "boom")).await.expect("sent");
    assert_eq!(soon(monitor).await, Reason::die("kaboom"));
    let other = b.spawn(|_| async { panic!("again") as () });
    let reason = soon(a.monitor(&other)).await;
    assert!(reason == Reason::die("again") || reason.word() == "no_such_port", "{reason}");
    assert_eq!(soon(a.call(b.id(), "time").returning::<f64>()).await.map(|time| time > 0.0), Ok(true));
}

#[tokio::test]
async fn shutdown_writes_what_waits() {
    let (a, b) = pair(Framing::Postcard).await;
    let mut port = b.port();
    let large = "x".repeat(10_000);
    for number in 0..500_u32 {
        soon(a.send(&port, (number, &large))).await.expect("sent");
    }
    let monitor = b.monitor(a.id().port());
    soon(a.shutdown()).await;
    for number in 0..500_u32 {
        assert_eq!(soon(port.recv_as::<(u32, String)>()).await.map(|(number, _)| number), Some(number));
    }
    assert_eq!(soon(monitor).await.word(), "transport_error");
    assert!(a.send(&port, "late").await.is_err());
}

#[tokio::test]
async fn two_nodes_that_dial_each_other_at_once_have_one_connection() {
    for round in 0..30 {
        let (a, b) = (listener("a").await, listener("b").await);
        know(&a, &b);
        know(&b, &a);
        let (mut pa, mut pb) = (a.port(), b.port());
        let (ma, mb) = (a.monitor(&pb), b.monitor(&pa));
        let (ra, rb) = tokio::join!(a.send(&pb, "from a"), b.send(&pa, "from b"));
        assert!(ra.is_ok() && rb.is_ok());
        assert_eq!(soon(pb.recv_as::<String>()).await, Some("from a".into()), "round {round}");
        assert_eq!(soon(pa.recv_as::<String>()).await, Some("from b".into()), "round {round}");
        soon(a.send(&pb, "again")).await.expect("sent");
        assert_eq!(soon(pb.recv_as::<String>()).await, Some("again".into()));
        assert_eq!((ma.fired(), mb.fired()), (None, None), "round {round}");
        assert_eq!((a.nodes().len(), b.nodes().len()), (1, 1));
    }
}
