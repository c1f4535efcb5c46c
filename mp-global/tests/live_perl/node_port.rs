//! What nodes ask of one another: spawns, calls, and the requests of the node port.

use std::time::Duration;

use mp_node::{CallError, Framing, Message, PortId, Value};
use serde_json::json;

use super::nodes::{id, next, plain_message, plain_reason, seed, soon};
use super::perl::{Perl, port_of};

/// [NP-07], [MON-03]
pub(crate) async fn we_spawn_in_perl(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;

    let args = (1, "x", [2]);
    let spawned = node.spawn_on(&id("pearl"), "Test::echo", args).expect("sent");
    let monitor = node.monitor(&spawned);
    let told = perl.event("spawned").await;
    assert_eq!((&told["port"], &told["args"]), (&json!(spawned.as_str()), &json!([1, "x", [2]])));
    let answer = soon(node.call(&spawned, ("hello", 7))).await.expect("answered");
    let answer = plain_message(&answer);
    let expected = [json!("pong"), json!(spawned.as_str()), json!("hello"), json!(7)];
    assert_eq!(answer.as_array().expect("a list")[..4], expected);
    assert_eq!(monitor.fired(), None);

    for function in ["No::Such::func", "Test::no_port"] {
        let spawned = node.spawn_on(&id("pearl"), function, ()).expect("sent");
        let reason = plain_reason(&soon(node.monitor(&spawned)).await);
        assert_eq!(reason, json!(["no_such_port", "cannot monitor nonexistent port", spawned.as_str()]));
    }
}

/// [NP-07]: Perl's names for spawned ports are taken; of a function that is not registered, its monitor tells.
pub(crate) async fn perl_spawns_with_us(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    node.register_function("adder", |mut port, args: Message| async move {
        let (add,) = args.decode::<(i64,)>().unwrap_or_default();
        while let Some((number, reply)) = port.recv_as::<(i64, PortId)>().await {
            drop(port.node().send(&reply, ("sum", number + add)).await);
        }
    });
    node.register_function("failing", |_, _| async { Err::<(), _>(mp_node::Reason::die("oops")) });
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;

    let spawn = json!({"cmd": "spawn", "node": "rust", "function": "adder", "args": [40]});
    let spawned = port_of(&perl.ask(spawn).await);
    let monitor = perl.monitor(&spawned).await;
    perl.ask(json!({"cmd": "cal", "to": spawned.as_str(), "msg": [2], "tag": "sum"})).await;
    assert_eq!(perl.event("answer").await["msg"], json!(["sum", 42]));
    perl.ask(json!({"cmd": "kil", "port": spawned.as_str(), "reason": ["enough"]})).await;
    assert_eq!(perl.killed(&monitor).await, json!(["enough"]));

    let spawned = port_of(&perl.ask(json!({"cmd": "spawn", "node": "rust", "function": "failing"})).await);
    let monitor = perl.monitor(&spawned).await;
    let reason = perl.killed(&monitor).await;
    assert!(["die", "no_such_port"].iter().any(|word| reason[0] == *word), "{reason}");

    let spawned =
        port_of(&perl.ask(json!({"cmd": "spawn", "node": "rust", "function": "No::Such::func"})).await);
    let monitor = perl.monitor(&spawned).await;
    let reason = perl.killed(&monitor).await;
    assert_eq!(reason[0], json!("spawn_failed"), "{reason}");
    assert!(reason[1].as_str().is_some_and(|text| text.contains("No::Such::func")), "{reason}");
}

/// [MON-03], [NP-06]: the answer comes, or the death of the port that was asked is told, or the time is over.
pub(crate) async fn we_call_perl(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let (echo, silent, deadly) = (perl.port("echo").await, perl.port("report").await, perl.port("die").await);

    let answer = plain_message(&soon(node.call(&echo, ("hello", 7))).await.expect("answered"));
    assert_eq!(answer.as_array().expect("a list")[..2], [json!("pong"), json!(echo.as_str())]);
    assert!(answer[4].as_str().is_some_and(|reply| reply.starts_with("rust#")), "{answer}");
    let late = soon(node.call(&silent, ("hello",)).timeout(Duration::from_millis(200))).await;
    assert!(matches!(late, Err(CallError::TimedOut(_))), "{late:?}");
    let died = soon(node.call(&deadly, ("hello",))).await;
    assert!(matches!(&died, Err(CallError::Died(reason)) if reason.word() == "die"), "{died:?}");
    let nobody = soon(node.call("pearl#nobody".parse::<PortId>().expect("a port ID"), ("hello",))).await;
    assert!(matches!(&nobody, Err(CallError::Died(reason)) if reason.word() == "no_such_port"), "{nobody:?}");
}

/// The last value of a call is the port that the answer goes to.
pub(crate) async fn perl_calls_us(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let mut port = node.port();

    perl.ask(json!({"cmd": "cal", "to": port.id().as_str(), "msg": ["add", 1, 2], "tag": "a"})).await;
    let (tag, one, two, reply) = soon(port.recv_as::<(String, i64, i64, PortId)>()).await.expect("it lives");
    assert_eq!((tag.as_str(), reply.node()), ("add", id("pearl")));
    node.send(&reply, ("sum", one + two)).await.expect("sent");
    assert_eq!(perl.event("answer").await["msg"], json!(["sum", 3]));
    assert_eq!(soon(node.monitor(&reply)).await.word(), "no_such_port", "the reply port is gone");

    let call = json!({"cmd": "cal", "to": port.id().as_str(), "msg": ["add"], "timeout": 0.2, "tag": "late"});
    perl.ask(call).await;
    assert_eq!(perl.event("answer").await["msg"], json!([]), "its time is over");

    perl.ask(json!({"cmd": "cal", "to": port.id().as_str(), "msg": ["add"], "tag": "dead"})).await;
    assert_eq!(next(&mut port).await[0], json!("add"), "that of the call before");
    assert_eq!(next(&mut port).await[0], json!("add"));
    drop(port);
    assert_eq!(perl.event("answer").await["msg"], json!([]), "the port is dead");
}

/// [NP-01], [NP-02], [NP-05], [NP-06], [NP-08]; law 7: code is never run.
pub(crate) async fn our_node_port_answers_perl(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let (named, reply) = (node.port(), perl.port("report").await);
    assert!(node.register_name("the one", &named));

    for (request, answer) in [
        (json!(["can", "kil1", reply.as_str(), "tag"]), json!(["tag", "1"])),
        (json!(["can", "g_find", reply.as_str(), "tag"]), json!(["tag", "1"])),
        (json!(["can", "nosuch", reply.as_str(), "tag", 1]), json!(["tag", 1, ""])),
        (json!(["snd", reply.as_str(), "relayed", 5]), json!(["relayed", 5])),
        (json!(["lookup", "the one", reply.as_str()]), json!([named.id().as_str()])),
        (json!(["lookup", "another", reply.as_str(), "x"]), json!(["x", null])),
    ] {
        for nothing in
            [json!([]), json!([""]), json!([null]), json!(["devnull", 1]), json!(["Test::noreply", 1])]
        {
            perl.ask(json!({"cmd": "snd", "to": "rust", "msg": nothing})).await;
        }
        perl.ask(json!({"cmd": "snd", "to": "rust", "msg": request})).await;
        assert_eq!(perl.message(&reply).await, answer, "{request}");
    }
    perl.ask(json!({"cmd": "snd", "to": "rust", "msg": ["time", reply.as_str(), "t"]})).await;
    let time = perl.message(&reply).await;
    assert_eq!(time[0], json!("t"));
    let seconds = time[1].as_f64().or_else(|| time[1].as_str()?.parse().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 1.7e9), "{time}");
    perl.ask(json!({"cmd": "snd", "to": "rust", "msg": ["eval", "exit 1", reply.as_str(), "e"]})).await;
    let refusal = perl.message(&reply).await;
    assert!(refusal[1].as_str().is_some_and(|text| text.contains("never")), "{refusal}");
    assert_eq!(node.nodes(), [id("pearl")]);
    assert!(node.stats().unknown_requests > 0, "{:?}", node.stats());
}

/// [NP-01], [NP-08]: what Perl's node port says; of `lookup`, which is ours, it knows nothing, and nobody waits for it.
pub(crate) async fn perls_node_port_answers_us(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let (mut port, pearl) = (node.port(), id("pearl").port());
    let reply = Value::from(port.id());

    for (request, answer) in [
        (vec!["can".into(), "kil1".into(), reply.clone(), "tag".into()], json!(["tag", "1"])),
        (vec!["can".into(), "nosuch".into(), reply.clone(), "tag".into()], json!(["tag", ""])),
        (vec!["snd".into(), reply.clone(), "relayed".into(), 5.into()], json!(["relayed", 5])),
    ] {
        node.send(&pearl, Message::from(request)).await.expect("sent");
        assert_eq!(next(&mut port).await, answer);
    }
    node.send(&pearl, ("time", port.id(), "t")).await.expect("sent");
    let time = soon(port.recv()).await.expect("it lives");
    assert!(time.values()[1].as_f64().is_some_and(|seconds| seconds > 1.7e9), "{time}");
    assert_eq!(soon(node.lookup(&id("pearl"), "the one")).await, Ok(None));
    assert_eq!(node.nodes(), [id("pearl")]);
}
