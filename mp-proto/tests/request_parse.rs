//! What the node port understands.

use mp_proto::{BadRequest, Message, NodeRequest, PortId, Reason, Text, Value};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, option};

/// The message that stands in a JSON array, the port's name left away.
fn message(json: &str) -> Message {
    let values: Vec<serde_json::Value> = serde_json::from_str(json).expect("a JSON array");
    values.into_iter().map(value).collect()
}

fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => value.into(),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().unwrap_or_default().into(), Value::from)
        }
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(value).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(key, item)| (key, value(item))).collect())
        }
    }
}

fn parse(json: &str) -> Result<NodeRequest, BadRequest> {
    NodeRequest::parse(message(json))
}

fn port(id: &str) -> PortId {
    id.parse().expect("a port ID")
}

/// Requests about ports that Perl nodes were recorded to send.
fn recorded_about_ports() -> Vec<(&'static str, NodeRequest)> {
    vec![
        (r#"["mon1","YqSYB21lLc"]"#, NodeRequest::Monitor { port: "YqSYB21lLc".into() }),
        (r#"["mon0","YqSYB21lLe"]"#, NodeRequest::Unmonitor { port: "YqSYB21lLe".into() }),
        (
            r#"["kil0","YqSYB21lLc","reason",42,null,[1]]"#,
            NodeRequest::Died {
                port: "YqSYB21lLc".into(),
                reason: Reason::from(message(r#"["reason",42,null,[1]]"#)),
            },
        ),
        (
            r#"["kil0","YqSYB21lLd"]"#,
            NodeRequest::Died { port: "YqSYB21lLd".into(), reason: Reason::normal() },
        ),
        (
            r#"["kil0","nonexist","no_such_port","cannot monitor nonexistent port","seed#nonexist"]"#,
            NodeRequest::Died {
                port: "nonexist".into(),
                reason: Reason::no_such_port(&port("seed#nonexist")),
            },
        ),
        (
            r#"["kil1","YqSYB21lLf","killed","remotely"]"#,
            NodeRequest::Kill { port: "YqSYB21lLf".into(), reason: Reason::new("killed", "remotely") },
        ),
        (
            r#"["AnyEvent::MP::_spawn","a45NxWYMW1d","Test::init",1,"x",[2]]"#,
            NodeRequest::Spawn {
                name: "a45NxWYMW1d".into(),
                function: "Test::init".into(),
                args: message(r#"[1,"x",[2]]"#).into_values(),
            },
        ),
    ]
}

/// Questions that Perl nodes were recorded to send, and what is for services.
fn recorded_questions() -> Vec<(&'static str, NodeRequest)> {
    let reply = port("alice#YvTHoOqs8b");
    let tag = vec![Value::from("tag")];
    vec![
        (
            r#"["can","kil1","alice#YvTHoOqs8b","tag"]"#,
            NodeRequest::Can { tag: "kil1".into(), reply: reply.clone(), extra: tag.clone() },
        ),
        (
            r#"["time","alice#YvTHoOqs8b","tag"]"#,
            NodeRequest::Time { reply: reply.clone(), extra: tag.clone() },
        ),
        (
            r#"["lookup","news","alice#YvTHoOqs8b","tag"]"#,
            NodeRequest::Lookup { name: "news".into(), reply: reply.clone(), extra: tag.clone() },
        ),
        (
            r#"["snd","alice#YvTHoOqs8b","relayed",5]"#,
            NodeRequest::Send { to: reply.clone(), message: message(r#"["relayed",5]"#) },
        ),
        (
            r#"["eval","(1+1,\"z\")","alice#YvTHoOqs8b","tag"]"#,
            NodeRequest::Eval { code: "(1+1,\"z\")".into(), reply: Some(reply), extra: tag },
        ),
        (r#"["eval","1"]"#, NodeRequest::Eval { code: "1".into(), reply: None, extra: vec![] }),
        (
            r#"["g_upd","fam",null,["k2"]]"#,
            NodeRequest::Other { tag: "g_upd".into(), args: message(r#"["fam",null,["k2"]]"#).into_values() },
        ),
        (r#"["g_slave"]"#, NodeRequest::Other { tag: "g_slave".into(), args: vec![] }),
        (
            r#"["Test::noreply",1]"#,
            NodeRequest::Other { tag: "Test::noreply".into(), args: vec![Value::from(1)] },
        ),
    ]
}

/// [NP-01]: what was recorded is understood, and written back.
#[test]
fn recorded_requests() {
    for (json, request) in recorded_about_ports().into_iter().chain(recorded_questions()) {
        assert_eq!(parse(json).as_ref(), Ok(&request), "{json}");
        assert_eq!(request.into_message(), message(json));
    }
}

/// [NP-02]
#[test]
fn requests_that_do_nothing() {
    for nothing in ["[]", "[null]", r#"[""]"#, r#"["",1]"#, r#"["devnull",1,{"a":2}]"#, r#"["devnull"]"#] {
        assert_eq!(parse(nothing), Ok(NodeRequest::Nothing), "{nothing}");
    }
    assert_eq!(NodeRequest::Nothing.into_message(), message(r#"[""]"#));
}

/// [NP-03]
#[test]
fn names_may_be_byte_strings_or_numbers() {
    let bytes = |text: &'static str| Value::Bytes(bytes::Bytes::from_static(text.as_bytes()));
    let blurred = Message::from([bytes("can"), Value::from(5), bytes("n#p"), Value::Null]);
    let request = NodeRequest::Can { tag: "5".into(), reply: port("n#p"), extra: vec![Value::Null] };
    assert_eq!(NodeRequest::parse(blurred), Ok(request));
    assert_eq!(parse(r#"["mon1",42]"#), Ok(NodeRequest::Monitor { port: "42".into() }));
    assert_eq!(
        NodeRequest::parse(Message::from([Value::from("mon1"), Value::from(u64::MAX)])),
        Ok(NodeRequest::Monitor { port: u64::MAX.to_string().into() })
    );
    assert_eq!(parse("[7,8]"), Ok(NodeRequest::Other { tag: "7".into(), args: vec![Value::from(8)] }));
    assert_eq!(parse(r#"["kil","x"]"#), Ok(NodeRequest::Kill { port: "x".into(), reason: Reason::normal() }));
}

/// [NP-04]
#[test]
fn the_node_port_is_not_killed() {
    for kill in [r#"["kil1",""]"#, r#"["kil1",null]"#, r#"["kil","","reason"]"#] {
        assert_eq!(parse(kill), Err(BadRequest::KillNodePort), "{kill}");
    }
    let kill = NodeRequest::Kill { port: Text::default(), reason: Reason::die("x") };
    assert_eq!(kill.into_message(), NodeRequest::Nothing.into_message(), "nor do we ask for it");
}

/// [NP-05]
#[test]
fn bad_requests_are_told_apart() {
    let text = |json: &str| parse(json).map_err(|error| error.to_string());
    for (json, error) in [
        ("[[1]]", "a node request begins with a name"),
        ("[true]", "a node request begins with a name"),
        ("[1.5]", "a node request begins with a name"),
        (r#"["mon1"]"#, r#"the node request "mon1" needs a port name"#),
        (r#"["mon0",{}]"#, r#"the node request "mon0" needs a port name"#),
        (r#"["kil0",[]]"#, r#"the node request "kil0" needs a port name"#),
        (r#"["snd"]"#, r#"the node request "snd" needs a port to send to"#),
        (r#"["snd","a;b#c"]"#, r#"the node request "snd" needs a port to send to"#),
        (r#"["can","x"]"#, r#"the node request "can" needs a port for the answer"#),
        (r#"["time",""]"#, r#"the node request "time" needs a port for the answer"#),
        (r#"["lookup"]"#, r#"the node request "lookup" needs a name"#),
        (r#"["eval","1"," "]"#, r#"the node request "eval" needs a port for the answer"#),
        (
            r#"["AnyEvent::MP::_spawn","","f"]"#,
            r#"the node request "AnyEvent::MP::_spawn" needs a port name"#,
        ),
        (
            r#"["AnyEvent::MP::_spawn","x"]"#,
            r#"the node request "AnyEvent::MP::_spawn" needs a function's name"#,
        ),
    ] {
        assert_eq!(text(json), Err(error.to_owned()));
    }
}

#[test]
fn known_requests() {
    assert!(NodeRequest::is_known("kil1") && NodeRequest::is_known("time"));
    assert!(!NodeRequest::is_known("nosuch") && !NodeRequest::is_known("eval") && !NodeRequest::is_known(""));
}

fn values() -> impl Strategy<Value = Vec<Value>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
        collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    collection::vec(value, 0..4)
}

fn requests() -> impl Strategy<Value = NodeRequest> {
    let name = || "[a-zA-Z0-9]{1,8}".prop_map(Text::from);
    let port = || "[a-z/]{1,5}(#[a-z]{1,4})?".prop_map(|id| id.parse::<PortId>().expect("a port ID"));
    let reason = || values().prop_map(Reason::from_values);
    prop_oneof![
        Just(NodeRequest::Nothing),
        name().prop_map(|port| NodeRequest::Monitor { port }),
        name().prop_map(|port| NodeRequest::Unmonitor { port }),
        (name(), reason()).prop_map(|(port, reason)| NodeRequest::Died { port, reason }),
        (name(), reason()).prop_map(|(port, reason)| NodeRequest::Kill { port, reason }),
        (port(), values()).prop_map(|(to, values)| NodeRequest::Send { to, message: values.into() }),
        (name(), port(), values()).prop_map(|(tag, reply, extra)| NodeRequest::Can { tag, reply, extra }),
        (port(), values()).prop_map(|(reply, extra)| NodeRequest::Time { reply, extra }),
        (name(), port(), values()).prop_map(|(name, reply, extra)| NodeRequest::Lookup {
            name,
            reply,
            extra
        }),
        (name(), option::of(port()), values()).prop_map(|(code, reply, extra)| {
            let extra = if reply.is_some() { extra } else { vec![] };
            NodeRequest::Eval { code, reply, extra }
        }),
        (name(), name(), values()).prop_map(|(name, function, args)| NodeRequest::Spawn {
            name,
            function,
            args
        }),
        ("g_[a-z]{1,5}", values()).prop_map(|(tag, args)| NodeRequest::Other { tag: tag.into(), args }),
    ]
}

proptest! {
    /// [NP-01]
    #[test]
    fn requests_survive(request in requests()) {
        prop_assert_eq!(NodeRequest::parse(request.clone().into_message()), Ok(request));
    }

    /// [NP-05]: whatever the message, there is an answer.
    #[test]
    fn any_message_is_judged(tag in "(mon1|kil1|snd|can|time|eval|lookup|AnyEvent::MP::_spawn|)", args in values()) {
        for message in [std::iter::once(Value::from(tag)).chain(args.clone()).collect(), Message::from(args)] {
            let text = NodeRequest::parse(message).map_or_else(|error| error.to_string(), |_| "fine".into());
            prop_assert!(!text.is_empty());
        }
    }
}
