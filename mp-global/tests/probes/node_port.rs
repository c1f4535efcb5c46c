//! Groups edge2 and edge5: requests to the node port.

use serde_json::{Value as Json, json};

use super::raw::{Edge, Raw};

/// What a node answers to these messages, which are in JSON. It has a port `p`.
async fn answers(messages: &str) -> Vec<Json> {
    let edge = Edge::start(false).await;
    let mut raw = Raw::join(&edge, "py", "json").await;
    raw.spawn().await;
    raw.answers(messages).await
}

macro_rules! answers {
    ($($name:ident: $messages:literal => [$($answers:tt)*];)*) => {
        $(#[tokio::test]
        async fn $name() {
            let expected: Vec<Json> = serde_json::from_value(json!([$($answers)*])).expect("a list");
            assert_eq!(answers($messages).await, expected);
        })*
    };
}

// [NP-01], [NP-02], [NP-04], [NP-05], [NP-06], [NP-07], [MON-03], [MON-04], [MON-06], [GL-05]
answers! {
    mon1_twice_then_kil: r#"["","mon1","p"]["","mon1","p"]["","kil1","p","r1",null,[1]]"# =>
        [["", "kil0", "p", "r1", null, [1]], ["", "kil0", "p", "r1", null, [1]]];
    mon1_mon0_then_kil: r#"["","mon1","p"]["","mon0","p"]["","kil1","p","r"]"# => [];
    mon1_mon1_mon0_then_kil: r#"["","mon1","p"]["","mon1","p"]["","mon0","p"]["","kil1","p","r1"]"# =>
        [["", "kil0", "p", "r1"]];
    mon1_nonexistent: r#"["","mon1","nope"]"# =>
        [["", "kil0", "nope", "no_such_port", "cannot monitor nonexistent port", "edge#nope"]];
    mon1_of_node_port: r#"["","mon1",""]"# => [];
    mon0_never_monitored: r#"["","mon0","p"]"# => [];
    kil1_nonexistent: r#"["","kil1","nope"]"# => [];
    kil0_for_nothing: r#"["","kil0","nope","r"]"# => [];
    unknown_function: r#"["","No::Such::function",1]"# => [];
    can_yes_and_no: r#"["","can","snd","py#r","x"]["","can","nosuch","py#r","x"]"# => [["r", "x", "1"], ["r", "x", ""]];
    // Perl says that it can what it has failed to.
    can_after_failed_call: r#"["","No::Such::f"]["","can","No::Such::f","py#r"]"# => [["r", ""]];
    snd_relays: r#"["","snd","py#r",1,[2]]"# => [["r", 1, [2]]];
    g_find_sent_to_a_node_that_is_not_global: r#"["","g_find","x"]"# => [];
    spawn_of_an_unknown_function: r#"["","AnyEvent::MP::_spawn","Xid","No::such"]"# => [];
    // Perl tells only that there is no such port.
    spawn_of_an_unknown_function_monitored: r#"["","AnyEvent::MP::_spawn","Xid","nosuch"]["","mon1","Xid"]"# =>
        [["", "kil0", "Xid", "spawn_failed", "no function \"nosuch\" is registered"]];
    // Perl's node port is deaf from then on.
    kil1_of_the_node_port: r#"["","kil1",""]["","can","snd","py#r"]"# => [["r", "1"]];
    g_upd_to_a_node_that_is_not_global: r#"["","g_upd","f",{"k":1}]"# => [];
}

/// [NP-01], [NP-06]: `time/snd/eval`: the time in seconds; and code is never run, which the answer says.
#[tokio::test]
async fn time_and_eval() {
    let told = answers(r#"["","time","py#r","x"]["","eval","die","py#r","x"]["","eval","die"]"#).await;
    assert!(told[0][2].as_f64().is_some_and(|time| time > 1e9), "{told:?}");
    assert_eq!((told.len(), &told[1][1]), (2, &json!("x")));
    assert!(told[1][2].as_str().is_some_and(|text| text.contains("never")), "{told:?}");
}

/// [MON-05]: `mon1, reconnect, kil`: monitors end with their connection.
#[tokio::test]
async fn mon1_reconnect_kil() {
    let edge = Edge::start(false).await;
    let mut raw = Raw::join(&edge, "py", "json").await;
    raw.spawn().await;
    assert!(raw.answers(r#"["","mon1","p"]"#).await.is_empty());
    let mut events = edge.node.events();
    drop(raw);
    super::raw::soon(events.next()).await.expect("it is down");
    let mut raw = Raw::join(&edge, "py", "json").await;
    assert!(raw.answers(r#"["","kil1","p","r"]"#).await.is_empty());
}

/// [MON-01], [MON-02], [MON-06]: what our own monitors, kills and messages look like to a peer.
#[tokio::test]
async fn our_monitors_kills_and_messages() {
    let edge = Edge::start(false).await;
    let mut raw = Raw::join(&edge, "py", "json").await;
    assert!(raw.alive().await.is_some());
    let port = |name: &str| format!("py#{name}").parse::<mp_node::PortId>().expect("a port ID");
    let (one, two) = (edge.node.monitor(port("x1")), edge.node.monitor(port("x1")));
    drop(edge.node.monitor(port("x2")));
    let on_node = edge.node.monitor(port(""));
    edge.node.kill(port("x3"), mp_node::Reason::normal());
    edge.node.kill(port(""), mp_node::Reason::normal());
    edge.node.send(&port("x3"), (1,)).await.expect("sent");
    edge.node.send(&port(""), ("req",)).await.expect("sent");
    let sent = raw.alive().await.expect("it lives");
    let expected = json!([
        ["", "mon1", "x1"],
        ["", "mon1", "x2"],
        ["", "mon0", "x2"],
        ["", "kil1", "x3"],
        ["x3", 1],
        ["", "req"]
    ]);
    assert_eq!(json!(sent), expected);
    assert!(raw.answers(r#"["","kil0","x1","a"]["","kil0","x1","b"]"#).await.is_empty());
    for monitor in [one, two] {
        assert_eq!(monitor.fired().expect("it has fired").values(), [mp_node::Value::from("a")]);
    }
    raw.half_close().await;
    let reason = super::raw::soon(on_node.into_future()).await;
    assert!(reason.to_string().contains("Unexpected end-of-file"), "{reason}");
    assert!(raw.closed().await.is_empty());
}
