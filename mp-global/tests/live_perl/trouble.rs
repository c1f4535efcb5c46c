//! Connections that end badly.

use mp_node::{Framing, PortId};
use serde_json::json;

use super::nodes::{id, plain_reason, seed, soon};
use super::perl::Perl;

/// [CN-07], [MON-05]: a peer that sends no more is gone.
pub(crate) async fn a_half_closed_connection_is_over(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let theirs = perl.port("report").await;
    let monitor = node.monitor(&theirs);
    node.send(&theirs, ("seen",)).await.expect("sent");
    perl.message(&theirs).await;
    let port = node.port();
    let watch = perl.monitor(port.id()).await;
    perl.ask(json!({"cmd": "half_close", "node": "rust"})).await;
    let reason = plain_reason(&soon(monitor).await);
    assert_eq!(reason, json!(["transport_error", "pearl", "Unexpected end-of-file"]));
    let reason = perl.killed(&watch).await;
    assert_eq!((&reason[0], &reason[1]), (&json!("transport_error"), &json!("rust")), "{reason}");
    // Perl's node comes back, as it has us for a seed, and all is well again.
    perl.up(node.id()).await;
    node.send(&theirs, ("again",)).await.expect("sent");
    assert_eq!(perl.message(&theirs).await, json!(["again"]));
}

/// [CN-03], [MON-05]: what came before is delivered; then the connection is closed for a reason that both can read in
/// their monitors and logs. JSON's bad input is Perl's own doing: it prints infinity as `inf`.
pub(crate) async fn bad_input_ends_the_connection(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let (theirs, mut ours) = (perl.port("report").await, node.port());
    let monitor = node.monitor(&theirs);
    node.send(&theirs, ("seen",)).await.expect("sent");
    perl.message(&theirs).await;
    let watch = perl.monitor(ours.id()).await;
    let to = ours.id().to_string();
    let bad = if framing == Framing::Json {
        let types = json!([{"t": "str", "v": "bad"}, {"t": "num", "v": "inf"}]);
        json!({"cmd": "snd_typed", "to": to, "types": types})
    } else {
        // An array of the empty string and `undefined` in CBOR; a frame with another beginning in Storable.
        let bytes = if framing == Framing::Cbor { "8240f7" } else { "050400000000" };
        json!({"cmd": "raw", "node": "rust", "hex": bytes})
    };
    let send = |word: &str| json!({"cmd": "snd", "to": to, "msg": [word]});
    perl.ask(json!({"cmd": "batch", "cmds": [send("good"), bad, send("behind")]})).await;
    let reason = plain_reason(&soon(monitor).await);
    assert_eq!((&reason[0], &reason[1]), (&json!("transport_error"), &json!("pearl")), "{reason}");
    let text = reason[2].as_str().expect("a text");
    assert!(text.contains("bad message") && text.contains(framing.name()), "{text}");
    let reason = perl.killed(&watch).await;
    assert_eq!((&reason[0], &reason[1]), (&json!("transport_error"), &json!("rust")), "{reason}");
    assert_eq!(soon(ours.recv()).await.expect("it lives").tag().as_deref(), Some("good"));
    // Once Perl's node is back, what it sends anew arrives; what it sent before does not.
    perl.up(node.id()).await;
    perl.ask(send("new")).await;
    assert_eq!(soon(ours.recv()).await.expect("it lives").tag().as_deref(), Some("new"));
}

/// [GL-13], [MON-05]: asked about a node that nobody knows, the master of either kind says so.
pub(crate) async fn a_node_that_nobody_knows(framing: Framing) {
    let (node, _global, address) = seed("rust", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.up(node.id()).await;
    let ghost: PortId = "ghost#x".parse().expect("a port ID");
    let watch = perl.monitor(&ghost).await;
    assert_eq!(perl.killed(&watch).await, json!(["transport_error", "ghost", "no known address"]));

    let (rust, _at_rust) = super::nodes::member("other", framing, &[&perl.address]).await;
    let reason = plain_reason(&soon(rust.monitor(&ghost)).await);
    assert_eq!(reason, json!(["transport_error", "ghost", "no known address"]));
    assert!(rust.nodes().contains(&id("pearl")));
}
