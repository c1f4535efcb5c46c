//! Messages both ways.

use mp_node::{Framing, Message, Value};
use serde_json::json;

use super::nodes::{seed, soon};
use super::perl::Perl;
use super::values::{arrived, checksum, table};

/// [CN-01]: what one node sends to another arrives whole and in order, while as much goes the other way.
pub(crate) async fn bursts_both_ways_keep_their_order(framing: Framing) {
    const COUNT: u64 = 5_000;
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    let (mut ours, theirs) = (node.port(), perl.port("count").await);
    perl.up(node.id()).await;
    perl.tell(json!({"cmd": "burst", "to": ours.id().as_str(), "count": COUNT}));
    let send = async {
        for number in 0..COUNT {
            node.send(&theirs, ("n", number)).await.expect("sent");
        }
        node.send(&theirs, ("end",)).await.expect("sent");
    };
    let receive = async {
        for number in 0..COUNT {
            assert_eq!(ours.recv_as::<(String, u64)>().await, Some(("n".into(), number)));
        }
        assert_eq!(ours.recv().await.expect("one more").tag().as_deref(), Some("end"));
    };
    soon(async { tokio::join!(send, receive) }).await;
    let counted = perl.event("counted").await;
    assert_eq!((&counted["count"], &counted["bad"]), (&json!(COUNT), &json!(0)), "{counted}");
    perl.quiet(&["exception"]).await;
}

/// [ND-34]: each port of a Perl node gets a message of its own, in its place among those that go to it alone; and when one dies,
/// its monitor tells and the others go on.
pub(crate) async fn one_message_goes_to_many_ports(framing: Framing) {
    const COUNT: u64 = 300;
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    let mut ours = node.port();
    let mut all = vec![ours.id().clone()];
    for _ in 0..3 {
        all.push(perl.port("count").await);
    }
    perl.up(node.id()).await;
    let mortal = perl.port("die").await;
    let end = node.monitor(&mortal);
    for number in 0..COUNT {
        match number % 3 {
            0 => {
                for port in &all {
                    soon(node.send(port, ("n", number))).await.expect("sent");
                }
            }
            _ if number == COUNT / 2 + 1 => {
                let more: Vec<_> = all.iter().chain([&mortal]).collect();
                soon(node.send_all(more, ("n", number))).await.expect("sent");
            }
            _ => soon(node.send_all(&all, ("n", number))).await.expect("sent"),
        }
    }
    soon(node.send_all(&all, ("end",))).await.expect("sent");
    for port in &all[1..] {
        let counted = perl.event_with("counted", |told| told["port"] == port.as_str()).await;
        assert_eq!((&counted["count"], &counted["bad"]), (&json!(COUNT), &json!(0)), "{counted}");
    }
    for number in 0..COUNT {
        assert_eq!(soon(ours.recv_as::<(String, u64)>()).await, Some(("n".into(), number)));
    }
    assert_eq!(soon(end).await.word(), "die");
}

/// [FR-13], [FR-16], [FR-21], [FR-24], [ST-21], [ST-22]: the values that two Perl nodes were recorded with arrive here as there, and ours
/// arrive in Perl.
pub(crate) async fn values_survive_the_trip(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let (mut ours, theirs) = (node.port(), perl.port("typed").await);
    let rows = table();
    let types: Vec<_> = rows.iter().map(|row| row.sent().clone()).collect();
    perl.ask(json!({"cmd": "snd_typed", "to": ours.id().as_str(), "types": types})).await;
    let message = soon(ours.recv()).await.expect("the port lives");
    assert_eq!(message.values().len(), rows.len());
    for (row, got) in rows.iter().zip(message.values()) {
        assert_eq!(got, &row.received(framing), "{:.300}", row.sent().to_string());
    }

    let values: Message = rows.iter().map(super::values::Row::ours).collect();
    node.send(&theirs, &values).await.expect("sent");
    let told = perl.event("message").await;
    let types = told["types"].as_array().expect("a list");
    assert_eq!(types.len(), rows.len());
    for (value, got) in values.values().iter().zip(types) {
        assert!(arrived(framing, value, got), "{value:.300} became {got:.300}");
    }
}

/// [CN-01]: five million characters in one message, and back; small messages before and behind it.
pub(crate) async fn large_strings_go_both_ways(framing: Framing) {
    const LENGTH: usize = 5_000_000;
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let (mut ours, theirs) = (node.port(), perl.port("report").await);

    let answer = perl.ask(json!({"cmd": "snd_long", "to": ours.id().as_str(), "len": LENGTH})).await;
    perl.ask(json!({"cmd": "snd", "to": ours.id().as_str(), "msg": ["behind"]})).await;
    let (tag, text) = soon(ours.recv_as::<(String, String)>()).await.expect("the port lives");
    assert_eq!((tag.as_str(), text.len(), json!(checksum(&text))), ("long", LENGTH, answer["sum"].clone()));
    assert_eq!(soon(ours.recv()).await, Some(Message::from(["behind".into()])));

    let text: String = "smörg ☺ ".chars().cycle().take(LENGTH).collect();
    let mirror = perl.port("mirror").await;
    node.send(&theirs, ("before",)).await.expect("sent");
    node.send(&theirs, (&text,)).await.expect("sent");
    node.send(&mirror, (ours.id(), &text, 1)).await.expect("sent");
    assert_eq!(perl.message(&theirs).await, json!(["before"]));
    assert_eq!(perl.message(&theirs).await, json!([{"long": LENGTH, "sum": checksum(&text)}]));
    let back = soon(ours.recv()).await.expect("the port lives");
    assert_eq!(back.values().len(), 2);
    assert!(back.values()[0] == Value::from(text), "the text has changed on its way");
    assert_eq!(back.values()[1], Value::from(1));
}
