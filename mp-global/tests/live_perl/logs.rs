//! Log lines from and to Perl nodes.

use mp_global::log_catcher::{LogCatcher, LogLevel};
use mp_node::Framing;
use serde_json::json;

use super::nodes::{TAP, member, seed, soon};
use super::perl::Perl;

/// [LC-01]: our catcher has what a Perl node says, as far as it asked for it, with the node's name; it asks a node that
/// comes later, too; and when it is dropped, Perl's node notices.
pub(crate) async fn we_catch_perls_lines(framing: Framing) {
    let (_seed, _global, address) = seed("seed", framing).await;
    let (rust, at_rust) = member("rust", framing, &[&address]).await;
    let mut catcher = LogCatcher::start(&rust, &at_rust, LogLevel::INFO).expect("room");
    for name in ["pearl", "late"] {
        let mut perl = Perl::start(name, framing, &[&address]).await;
        let asked = perl.event("catcher").await;
        assert_eq!((&asked["version"], &asked["level"]), (&json!(0), &json!(7)), "{asked}");
        for (level, text) in [(8, "too quiet"), (5, "caf\u{e9} \u{263a}")] {
            perl.ask(json!({"cmd": "say", "level": level, "text": text})).await;
        }
        let caught = loop {
            let caught = soon(catcher.next()).await.expect("the node lives");
            if caught.node.as_str() == name {
                break caught;
            }
        };
        assert_eq!((caught.line.level, caught.lost), (LogLevel::WARN, 0));
        assert_eq!(
            (caught.line.context.as_str(), caught.line.text.as_str()),
            ("Test::Program", "caf\u{e9} \u{263a}")
        );
        if name == "late" {
            drop(catcher);
            perl.event_with("uncatcher", |told| told["port"] == asked["port"]).await;
            return;
        }
    }
}

/// [LC-02]: a Perl catcher has what our node logs.
pub(crate) async fn perl_catches_our_lines(framing: Framing) {
    let (node, _global, address) = seed("seed", framing).await;
    TAP.answer(&node);
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    let port = perl.ask(json!({"cmd": "catch", "level": 5})).await["port"].take();
    perl.ask(json!({"cmd": "snd", "to": "seed", "msg": ["can", "AnyEvent::MP::LogCatcher::connect", port, "known"]})).await;
    // What is logged before the call has come is not told, so it is said until it comes.
    let text = format!("hello {framing}");
    let said = async {
        loop {
            tracing::warn!(answer = 42, "{text}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let line = tokio::select! {
        line = perl.event_with("line", |told| told["text"].as_str().is_some_and(|line| line.starts_with(&text))) => line,
        () = said => unreachable!("it is said for ever"),
    };
    assert_eq!(line["text"], json!(format!("{text} answer=42")));
    assert_eq!((&line["recent"], &line["level"]), (&json!(1), &json!(5)), "{line}");
    assert!(line["context"].as_str().is_some_and(|context| context.contains("logs")), "{line}");
}
