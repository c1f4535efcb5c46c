//! Log lines of nodes in one process, on a simulated network, in virtual time.
#![cfg(feature = "log-tap")]

use std::sync::Arc;
use std::time::Duration;

use mp_global::Global;
use mp_global::log_catcher::{CONNECT, LogCatcher, LogLevel, LogTap, TARGET};
use mp_node::memory::MemoryNet;
use mp_node::{Message, Node, NodeId};
use tracing_subscriber::layer::SubscriberExt;

async fn start(net: &MemoryNet, name: &str, seeds: &[&str]) -> (Node, Global) {
    let random = name.bytes().map(u64::from).sum();
    let builder = Node::builder("test").without_file().node_id(name).secret("s3kr1t").insecure_seed(random);
    let builder = builder.bind(&format!("{name}:4040")).transport(Arc::new(net.host(name)));
    let builder = seeds.iter().fold(builder, |builder, seed| builder.seed(&format!("{seed}:4040")));
    let node = builder.start().await.expect("starts");
    let global = Global::start(&node).expect("starts");
    global.joined().await.expect("joins");
    (node, global)
}

fn a_while() -> impl Future<Output = ()> {
    tokio::time::sleep(Duration::from_secs(5))
}

/// [LC-01], [LC-02]: text, fields, level and place of a line; what is less grave than was asked for is not sent, nor is
/// anything when nobody asks.
#[tokio::test(start_paused = true)]
async fn lines_come_with_their_node_and_level() {
    let tap = LogTap::new(LogLevel::DEBUG);
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(tap.clone()));
    let net = MemoryNet::new(7);
    let (seed, _at_seed) = start(&net, "seed", &[]).await;
    tap.answer(&seed);
    let (alice, at_alice) = start(&net, "alice", &["seed"]).await;
    let mut catcher = LogCatcher::start(&alice, &at_alice, LogLevel::INFO).expect("room");
    a_while().await;
    tracing::debug!(target: "app", "too quiet");
    tracing::warn!(target: "app", number = 42, name = "x", "hello {}", "world");
    tracing::error!(target: "app", long = "y".repeat(10_000), "cut");
    let caught = catcher.next().await.expect("a line");
    assert_eq!(
        (caught.node.as_str(), caught.line.level, caught.line.context.as_str()),
        ("seed", LogLevel::WARN, "app")
    );
    assert_eq!(caught.line.text, "hello world number=42 name=x");
    let caught = catcher.next().await.expect("a line");
    assert!(
        caught.line.text.starts_with("cut long=y") && caught.line.text.len() <= 4_096,
        "{}",
        caught.line.text.len()
    );

    // A restarted connection is asked anew.
    alice.disconnect(seed.id(), "test");
    a_while().await;
    tracing::info!(target: "app", "again");
    while catcher.next().await.expect("a line").line.text != "again" {}
}

/// [LC-03]: two that catch each other's lines, down to every step, and log what they catch, do not fall into talking for
/// ever of having talked.
#[tokio::test(start_paused = true)]
async fn catchers_do_not_answer_one_another_for_ever() {
    let tap = LogTap::new(LogLevel::TRACE);
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(tap.clone()));
    let net = MemoryNet::new(7);
    let nodes = [start(&net, "seed", &[]).await, start(&net, "alice", &["seed"]).await];
    let mut counts = Vec::new();
    for (node, global) in &nodes {
        tap.answer(node);
        let mut catcher = LogCatcher::start(node, global, LogLevel::TRACE).expect("room");
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        counts.push(Arc::clone(&count));
        node.spawn_task(async move {
            while let Some(caught) = catcher.next().await {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tracing::warn!(target: TARGET, node = %caught.node, "{}", caught.line.text);
            }
        });
    }
    a_while().await;
    let total = || counts.iter().map(|count| count.load(std::sync::atomic::Ordering::Relaxed)).sum::<usize>();
    let before = total();
    tracing::info!(target: "app", "one line");
    a_while().await;
    assert_eq!(total(), before + 2, "one line, caught by both");
}

/// [LC-02]: lines go to ports of the one who asks only; what makes no sense is ignored, and so is a dead port.
#[tokio::test(start_paused = true)]
async fn only_who_asks_is_told() {
    let tap = LogTap::new(LogLevel::TRACE);
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(tap.clone()));
    let net = MemoryNet::new(7);
    let (seed, _at_seed) = start(&net, "seed", &[]).await;
    tap.answer(&seed);
    let (alice, _at_alice) = start(&net, "alice", &["seed"]).await;
    let (bob, _at_bob) = start(&net, "bob", &["seed"]).await;
    let (mut own, mut other) = (alice.port(), bob.port());
    let ask = |json: String| {
        let request: Message = serde_json::from_str(&json).expect("JSON");
        assert!(alice.request(&NodeId::new("seed").expect("a name"), &request), "connected");
    };
    ask(format!(r#"["{CONNECT}",0,"{}",7]"#, other.id()));
    ask(format!(r#"["{CONNECT}",1,"{}",7]"#, own.id()));
    ask(format!(r#"["{CONNECT}",0,"{}","loud"]"#, own.id()));
    ask(format!(r#"["{CONNECT}",0,"alice#dead",7]"#));
    ask(format!(r#"["{CONNECT}"]"#));
    a_while().await;
    tracing::info!(target: "app", "nobody");
    a_while().await;
    ask(format!(r#"["{CONNECT}","0","{}","info"]"#, own.id()));
    a_while().await;
    tracing::info!(target: "app", "somebody");
    let (_, context, level, text) = own.recv_as::<(f64, String, u8, String)>().await.expect("a line");
    assert_eq!((context.as_str(), level, text.as_str()), ("app", 7, "somebody"));
    assert!(other.try_recv().is_none());
}

/// [LC-01]: a node of our own kind that does not know how is not asked for its lines, of which it would complain; it is known
/// that it does not tell, and that it has begun to.
#[tokio::test(start_paused = true)]
async fn who_does_not_pass_lines_on_is_not_bothered() {
    let tap = LogTap::new(LogLevel::DEBUG);
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(tap.clone()));
    let net = MemoryNet::new(7);
    let (seed, at_seed) = start(&net, "seed", &[]).await;
    tap.answer(&seed);
    let (bob, _at_bob) = start(&net, "bob", &["seed"]).await;
    let (alice, at_alice) = start(&net, "alice", &["seed"]).await;
    let catcher = LogCatcher::start(&alice, &at_alice, LogLevel::INFO).expect("room");
    // Two catchers do not bother one another either.
    let _other = LogCatcher::start(&seed, &at_seed, LogLevel::INFO).expect("room");
    a_while().await;
    let asked = catcher.asked();
    assert_eq!((asked.nodes, asked.willing, asked.unable), (2, 1, 1));
    assert_eq!([&seed, &bob, &alice].map(|node| node.stats().unknown_requests), [0, 0, 0]);

    tap.answer(&bob);
    tokio::time::sleep(Duration::from_secs(40)).await;
    let asked = catcher.asked();
    assert_eq!((asked.nodes, asked.willing, asked.unable), (2, 2, 0));
    bob.shutdown().await;
    a_while().await;
    assert_eq!((catcher.asked().nodes, catcher.asked().willing), (1, 1));
}
