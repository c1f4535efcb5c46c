//! Peers that fill the directory: what they may hold is bounded, who wants more is disconnected and what it held goes, and
//! others notice nothing.

#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::Duration;

use mp_global::{Entries, Global, RegistryLimits};
use mp_node::{Message, Node, Value, Way};

const FLOOD: usize = 20_000;
/// What one message of a flood has.
const EACH: usize = 500;

async fn node(id: &str) -> Node {
    let builder = Node::builder("test").without_file().node_id(id).secret("s3kr1t").bind("127.0.0.1:0");
    builder.start().await.expect("starts")
}

async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future.into_future())
        .await
        .expect("it should have come by now")
}

/// The most memory of this process so far, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("ours");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("there is such a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

fn map(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Map(entries.collect::<Vec<_>>().into_iter().collect())
}

/// The next message of a flood.
type Next = fn(usize) -> Message;

/// Floods of what has a bound: many keys, long values, many families, many monitors; and of what is answered.
const FLOODS: [(&str, bool, Next); 6] = [
    ("keys", true, |number| {
        let entries = (0..EACH).map(|key| (format!("k{}", number * EACH + key), Value::Null));
        Message::from(["g_upd".into(), "flood".into(), map(entries)])
    }),
    ("values", true, |number| {
        let long = Value::from("x".repeat(100_000));
        Message::from(["g_upd".into(), "flood".into(), map([(format!("k{number}"), long)].into_iter())])
    }),
    ("families", true, |number| {
        let one = map([("k".to_owned(), Value::Null)].into_iter());
        Message::from(["g_upd".into(), Value::from(format!("f{number}")), one])
    }),
    ("monitors", true, |number| Message::from(["g_mon1".into(), Value::from(format!("f{number}"))])),
    ("questions", false, |number| {
        Message::from(["g_db_family".into(), Value::from(format!("f{number}")), Value::from(number)])
    }),
    ("searches", false, |number| Message::from(["g_find".into(), Value::from(format!("node{number}"))])),
];

/// [GL-32]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_the_directory_costs_its_connection_and_what_is_allowed() {
    let (victim, honest) = (node("victim").await, node("honest").await);
    let mut limits = RegistryLimits::default();
    (limits.keys, limits.families, limits.monitors, limits.bytes) = (10_000, 1000, 1000, 4 << 20);
    let at_victim = Global::builder(&victim).limits(limits).global(true).start().expect("starts");
    let seed = victim.addresses()[0].to_string();
    let at_honest = Global::builder(&honest).seed(&seed).start().expect("starts");
    soon(at_honest.joined()).await.expect("joins");
    let standing = honest.monitor(victim.id());
    let mut seen = at_victim.family("honest").monitor().expect("room");
    let base = peak();
    for (round, (what, is_bounded, next)) in FLOODS.into_iter().enumerate() {
        let flooder = node(&format!("flooder{round}")).await;
        let way = Way::Direct(victim.addresses()[0].clone());
        flooder.set_resolver(Arc::new(move |_| {
            let found = vec![way.clone()];
            Box::pin(async move { found })
        }));
        let monitor = flooder.monitor(victim.id());
        // As a slave, which has a master and may tell it what it holds.
        flooder
            .send(victim.id().port(), ("g_slave", std::collections::BTreeMap::<String, u8>::new()))
            .await
            .expect("sent");
        for number in 0..FLOOD / if what == "keys" { EACH } else { 1 } {
            if monitor.fired().is_some() || (what == "values" && number == 1000) {
                break;
            }
            flooder.send(victim.id().port(), next(number)).await.expect("sent");
            if number % 1000 == 0 {
                at_honest.family("honest").set(what, Value::from(number)).expect("room");
            }
        }
        if is_bounded {
            assert_eq!(soon(monitor).await.word(), "transport_error", "{what}: too many cost the connection");
        } else {
            soon(flooder.call(victim.id().port(), "time")).await.expect("the node is there");
            assert_eq!(monitor.fired(), None, "{what} are answered");
        }
        at_honest.family("honest").set(what, Value::from("behind it")).expect("room");
        soon(async {
            let is_there = |all: &Entries| all.get(what) == Some(&Value::from("behind it"));
            while !is_there(&soon(at_victim.family("honest").entries()).await.expect("answered")) {
                seen.next().await.expect("the node lives");
            }
        })
        .await;
        flooder.shutdown().await;
        // What it sent after its end was told was a new beginning, which ends with it, too.
        let flood = at_victim.family("flood");
        soon(async {
            while !flood.entries().await.expect("answered").is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
    assert_eq!(standing.fired(), None, "the honest node noticed nothing");
    // The flooders are in this process as well, with up to 16 MiB that wait.
    let grown = peak() - base;
    assert!(grown < 128, "{grown} MiB");
}
