//! Two nodes that dial one another at the same time.

use std::time::Duration;

use mp_node::Framing;
use serde_json::json;

use super::nodes::{id, member, seed, soon};
use super::perl::Perl;

const ROUNDS: u64 = 20;
const COUNT: u64 = 50;

/// [HS-16]: a Perl node takes a connection for established when it has our proof, and of two such ones it keeps none. So
/// only one may ever get it: then nothing is lost and no monitor fires.
pub(crate) async fn nothing_is_lost_when_both_dial(framing: Framing) {
    let (_seed, at_seed, address) = seed("seed", framing).await;
    let mut perl = Perl::start("pearl", framing, &[&address]).await;
    perl.event_with("master", |told| told["node"] == "seed").await;
    let mut listeners = at_seed.family("'l").monitor().expect("room");
    let mut nodes = Vec::new();
    let mut crossed = 0;
    for round in 0..ROUNDS {
        let name = format!("rust{round}");
        let (node, global) = member(&name, framing, &[&address]).await;
        // Until the seed knows where we listen, Perl is told that nobody does.
        while !soon(listeners.next()).await.expect("the seed lives").added.contains_key(name.as_str()) {}
        let (mut ours, theirs) = (node.port(), perl.port("count").await);
        let before = perl.ask(json!({"cmd": "state"})).await;
        assert!(!node.nodes().contains(&id("pearl")));

        // From round to round we begin a little later than Perl, which has to read its command first.
        let watch = perl.tell(json!({"cmd": "mon", "port": ours.id().as_str()}));
        perl.tell(json!({"cmd": "burst", "to": ours.id().as_str(), "count": COUNT}));
        if round % 4 > 0 {
            tokio::time::sleep(Duration::from_millis(round % 4 - 1)).await;
        }
        let monitor = node.monitor(&theirs);
        for number in 0..COUNT {
            node.send(&theirs, ("n", number)).await.expect("sent");
        }
        node.send(&theirs, ("end",)).await.expect("sent");
        for number in 0..COUNT {
            let next = soon(ours.recv_as::<(String, u64)>()).await;
            assert_eq!(next, Some(("n".into(), number)), "round {round}");
        }
        let counted = perl.event_with("counted", |told| told["port"] == theirs.as_str()).await;
        assert_eq!(
            (&counted["count"], &counted["bad"]),
            (&json!(COUNT), &json!(0)),
            "round {round}: {counted}"
        );
        assert_eq!(monitor.fired(), None, "round {round}");
        perl.event_with("up", |told| told["node"] == name).await;

        let after = perl.ask(json!({"cmd": "state"})).await;
        assert_eq!(after["seen"]["switched"], json!(0), "round {round}");
        let made = |state: &serde_json::Value| {
            ["dialled", "accepted"]
                .map(|kind| state["seen"][kind].as_u64().expect("a number"))
                .iter()
                .sum::<u64>()
        };
        crossed += u64::from(made(&after) > made(&before) + 1);
        nodes.push((node, global, ours, watch, monitor));
    }
    println!("{crossed} of {ROUNDS} rounds had more than one connection under way");
    perl.quiet(&["killed", "down", "exception"]).await;
    for (node, _, _, _, monitor) in &nodes {
        assert_eq!((monitor.fired(), node.nodes()), (None, vec![id("pearl"), id("seed")]));
    }
}
