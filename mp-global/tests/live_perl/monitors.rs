//! Deaths, and who is told.

use mp_node::{Framing, NodeEvent, PortId, Reason, Value};
use serde_json::json;

use super::nodes::{id, plain_reason, seed, soon};
use super::perl::Perl;

/// [MON-01], [MON-02], [MON-03], [MON-07]
pub(crate) async fn perl_watches_our_ports(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;

    let port = node.port();
    let (first, second) = (perl.monitor(port.id()).await, perl.monitor(port.id()).await);
    barrier(&mut perl, &node).await;
    let reason = vec!["reason".into(), 42.into(), Value::Null, Value::List(vec![1.into()])];
    node.kill(&port, Reason::from_values(reason));
    for monitor in [first, second] {
        assert_eq!(perl.killed(&monitor).await, json!(["reason", 42, null, [1]]));
    }

    let port = node.port();
    let monitor = perl.monitor(port.id()).await;
    barrier(&mut perl, &node).await;
    drop(port);
    assert_eq!(perl.killed(&monitor).await, json!([]), "a normal end");

    let ghost: PortId = "rust#nonexist".parse().expect("a port ID");
    let monitor = perl.monitor(&ghost).await;
    let expected = json!(["no_such_port", "cannot monitor nonexistent port", "rust#nonexist"]);
    assert_eq!(perl.killed(&monitor).await, expected);

    let port = node.port();
    let monitor = perl.monitor(port.id()).await;
    perl.ask(json!({"cmd": "unmon", "mon": monitor})).await;
    barrier(&mut perl, &node).await;
    drop(port);
    barrier(&mut perl, &node).await;
    perl.quiet(&["killed"]).await;
}

/// A message through the node and back: what was sent before has been done.
async fn barrier(perl: &mut Perl, node: &mp_node::Node) {
    let port = perl.port("report").await;
    perl.ask(json!({"cmd": "snd", "to": node.id().as_str(), "msg": ["snd", port.as_str(), "there"]})).await;
    assert_eq!(perl.message(&port).await, json!(["there"]));
}

/// [MON-01], [MON-03], [MON-06], [MON-07], [MON-08]
pub(crate) async fn we_watch_perl_ports(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;

    let port = perl.port("report").await;
    let (first, second) = (node.monitor(&port), node.monitor(&port));
    node.send(&port, ("seen",)).await.expect("sent");
    assert_eq!(perl.message(&port).await, json!(["seen"]));
    perl.ask(json!({"cmd": "kil", "port": port.as_str(), "reason": ["reason", 42, null, [1]]})).await;
    for monitor in [first, second] {
        assert_eq!(plain_reason(&soon(monitor).await), json!(["reason", 42, null, [1]]));
    }
    let late = soon(node.monitor(&port)).await;
    assert_eq!(late, Reason::no_such_port(&port));

    let port = perl.port("report").await;
    let monitor = node.monitor(&port);
    node.send(&port, ("seen",)).await.expect("sent");
    perl.message(&port).await;
    perl.ask(json!({"cmd": "kil", "port": port.as_str()})).await;
    assert!(soon(monitor).await.is_normal());

    let failing = perl.port("die").await;
    let monitor = node.monitor(&failing);
    node.send(&failing, (1,)).await.expect("sent");
    assert_eq!(plain_reason(&soon(monitor).await), json!(["die", "oops"]));

    let deaf = perl.port("none").await;
    let monitor = node.monitor(&deaf);
    node.send(&deaf, ("hello",)).await.expect("sent");
    let expected = json!(["unhandled_message", "no callback found for message 'hello'"]);
    assert_eq!(plain_reason(&soon(monitor).await), expected);

    // A monitor that is dropped is taken back, another one of the same port is not.
    let port = perl.port("report").await;
    let (dropped, held) = (node.monitor(&port), node.monitor(&port));
    drop(dropped);
    let taken_back = node.monitor(&failing);
    drop(taken_back);
    node.send(&port, ("seen",)).await.expect("sent");
    perl.message(&port).await;
    perl.ask(json!({"cmd": "kil", "port": port.as_str(), "reason": ["bye"]})).await;
    assert_eq!(plain_reason(&soon(held).await), json!(["bye"]));
}

/// [NP-04]: kills go both ways; one of our node port does nothing, and Perl's is never asked for.
pub(crate) async fn kills_reach_the_other_side(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;

    let theirs = perl.port("report").await;
    let monitor = node.monitor(&theirs);
    node.send(&theirs, ("last words",)).await.expect("sent");
    node.kill(&theirs, Reason::new("killed", "remotely"));
    assert_eq!(perl.message(&theirs).await, json!(["last words"]), "a kill goes behind what was sent");
    assert_eq!(plain_reason(&soon(monitor).await), json!(["killed", "remotely"]));
    node.kill(id("pearl").port(), Reason::new("killed", "whole"));

    let ours = node.port();
    let watched = node.monitor(&ours);
    perl.ask(json!({"cmd": "kil", "port": ours.id().as_str(), "reason": ["killed", "by perl"]})).await;
    assert_eq!(plain_reason(&soon(watched).await), json!(["killed", "by perl"]));
    perl.ask(json!({"cmd": "kil", "port": "rust#nosuch"})).await;
    perl.ask(json!({"cmd": "snd", "to": "rust", "msg": ["kil1", "", "everything"]})).await;
    barrier(&mut perl, &node).await;
    assert_eq!(node.nodes(), [id("pearl")]);
}

/// [MON-05], [GL-16]
pub(crate) async fn the_death_of_a_perl_process_is_noticed(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut events = node.events();
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let port = perl.port("report").await;
    let (on_port, on_node) = (node.monitor(&port), node.monitor(id("pearl").port()));
    node.send(&port, ("seen",)).await.expect("sent");
    perl.message(&port).await;
    perl.kill();
    for monitor in [on_port, on_node] {
        let reason = plain_reason(&soon(monitor).await);
        assert_eq!((&reason[0], &reason[1]), (&json!("transport_error"), &json!("pearl")), "{reason}");
        assert!(reason[2].is_string(), "{reason}");
    }
    assert_eq!(soon(events.next()).await, Some(NodeEvent::Up(id("pearl"))));
    let Some(NodeEvent::Down(lost, reason)) = soon(events.next()).await else { panic!("no end is told") };
    assert_eq!((lost, reason.word().as_ref()), (id("pearl"), "transport_error"));
}

/// [MON-05], [CN-07]: whether the node is shut down or dropped.
pub(crate) async fn perl_notices_the_end_of_our_node(framing: Framing) {
    for graceful in [true, false] {
        let (node, global, address) = seed("rust", framing).await;
        let mut perl = Perl::start("pearl", framing, &[&address]).await;
        perl.up(node.id()).await;
        let port = node.port();
        let monitor = perl.monitor(port.id()).await;
        let on_node = perl.monitor(&node.id().port()).await;
        barrier(&mut perl, &node).await;
        if graceful {
            node.shutdown().await;
            assert_eq!(perl.killed(&monitor).await, json!([]), "the port is killed normally before");
        }
        let id = port.id().clone();
        drop((global, node));
        let mut waiting = vec![on_node];
        waiting.extend((!graceful).then_some(monitor));
        for monitor in waiting {
            let reason = perl.killed(&monitor).await;
            assert_eq!(reason, json!(["transport_error", "rust", "Unexpected end-of-file"]), "{id}");
        }
        drop(port);
        perl.event_with("down", |told| told["node"] == "rust").await;
    }
}
