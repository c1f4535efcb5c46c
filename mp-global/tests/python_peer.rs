//! The peer that `docs/writing-a-peer.md` shows, against a node of ours.
//!
//! Where Python is missing the tests say that they are skipped, but fail in CI (`CI=true`).

#![expect(clippy::panic, reason = "what a test does that fails")]

#[path = "support/program.rs"]
mod program;

use std::process::{Command, Output};
use std::time::Duration;

use mp_global::Global;
use mp_node::{Framing, Node, PortId, Reason, Value};
use serde_json::{Value as Json, json};

use program::{Program, is_skipped};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/peer.py");
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether there is a Python that can run the peer.
fn is_there() -> bool {
    let version = "import sys; sys.exit(sys.version_info < (3, 9))";
    let there = Command::new("python3").args(["-c", version]).status().is_ok_and(|status| status.success());
    !is_skipped((!there).then_some("there is no python3 of at least 3.9"))
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have happened by now")
}

async fn node() -> (Node, Global, String) {
    let builder = Node::builder("test").without_file().node_id("rust").secret("s3kr1t").bind("127.0.0.1:0");
    let node = builder.framings(&[Framing::Json]).start().await.expect("starts");
    let global = Global::start(&node).expect("starts");
    let address = node.addresses()[0].to_string();
    (node, global, address)
}

/// The peer's process, and what it prints.
struct Python(Program);

impl Python {
    fn start(arguments: [&str; 4]) -> Self {
        Self(Program::start(Command::new("python3").arg(PROGRAM).args(arguments)))
    }

    async fn next(&mut self) -> Option<Json> {
        soon(self.0.printed.recv()).await
    }
}

/// [HS-11], [NP-01], [GL-13]: the group is looked up, messages go both ways, deaths are told both ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_in_python_sends_receives_monitors_and_looks_up() {
    if !is_there() {
        return;
    }
    let (node, global, address) = node().await;
    let (mut one, mut two) = (node.port(), node.port());
    let group = global.group("receivers");
    let _members = [&one, &two].map(|port| group.register(port).expect("room"));
    let mut python = Python::start([&address, "s3kr1t", "python", "receivers"]);
    let own: PortId = "python#in".parse().expect("a port ID");
    for port in [&mut one, &mut two] {
        let hello = soon(port.recv_as::<(String, PortId)>()).await;
        assert_eq!(hello, Some(("hello".into(), own.clone())));
    }
    let mut members = soon(group.members()).await.expect("answered");
    members.sort();
    assert!(members.contains(&own), "it has registered its own port: {members:?}");
    assert_eq!(members.len(), 3);

    let text = "smörg ☺ 😀 \u{0} \" \\ ] }";
    let long = "[\"x\\".repeat(250_000);
    node.send(&own, ("hi", 42, Value::Null, text)).await.expect("sent");
    node.send(&own, (&long, [1.5], true)).await.expect("sent");
    assert_eq!(python.next().await, Some(json!(["message", "python#in", ["hi", 42, null, text]])));
    assert_eq!(python.next().await, Some(json!(["message", "python#in", [long, [1.5], true]])));

    let monitor = node.monitor(&own);
    let nothing = soon(node.monitor("python#nothing".parse::<PortId>().expect("a port ID"))).await;
    assert_eq!(nothing.word(), "no_such_port");
    let gone = [one.id().as_str(), two.id().as_str()].map(str::to_owned);
    one.kill(&Reason::new("tired", "of it"));
    assert_eq!(python.next().await, Some(json!(["died", gone[0], ["tired", "of it"]])));
    assert_eq!(monitor.fired(), None);
    drop(two);
    assert_eq!(python.next().await, Some(json!(["died", gone[1], []])));
    assert_eq!(soon(monitor).await.word(), "transport_error", "it has nothing left to do");
    assert_eq!(python.next().await, None);
    assert!(python.0.process.wait().expect("it ran").success());
}

/// Runs the peer until it ends.
async fn output(arguments: [&str; 4]) -> Output {
    let mut command = Command::new("python3");
    command.arg(PROGRAM).args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    soon(run).await.expect("it runs").expect("it starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_in_python_says_what_is_wrong() {
    if !is_there() {
        return;
    }
    let (node, _global, address) = node().await;
    let other = output([&address, "0ther", "python", "receivers"]).await;
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(!other.status.success() && said.starts_with("peer.py: ") && said.contains("secret"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let own_name = output([&address, "s3kr1t", "rust", "receivers"]).await;
    let said = String::from_utf8_lossy(&own_name.stderr);
    assert!(!own_name.status.success() && said.contains("not a node to talk to"), "{said}");
    assert_eq!(node.nodes(), []);
    let nobody = output([&address, "s3kr1t", "python", "nobody"]).await;
    assert!(nobody.status.success() && nobody.stdout.is_empty(), "{nobody:?}");
}

/// [SV-04]: a program that knows JSON and the handshake asks how a node does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_in_python_asks_how_the_node_does() {
    const ASKER: &str = r#"
import json, sys
sys.path.insert(0, sys.argv[1])
from peer import Peer
asker = Peer(sys.argv[2], "s3kr1t", "asker", {"in"})
asker.request("lookup", "mp::status", "asker#in")
port = asker.receive()[2][0]
for question in (["summary"], ["connections", 10, None], ["ports", 10, None], ["shutdown"]):
    asker.send(port, *question, "asker#in")
    print(json.dumps(asker.receive()[2]))
"#;
    if !is_there() {
        return;
    }
    let (node, global, address) = node().await;
    let port = mp_global::status::serve(&node, &global).expect("room");
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
    let mut command = Command::new("python3");
    command.args(["-B", "-c", ASKER, docs, &address]);
    let run = tokio::task::spawn_blocking(move || command.output());
    let out = soon(run).await.expect("it runs").expect("it starts");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    let answers: Vec<Json> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let words: Vec<_> = answers.iter().map(|answer| answer[0].as_str().expect("a word")).collect();
    assert_eq!(words, ["ok", "ok", "ok", "error"]);
    assert_eq!((&answers[0][1]["node"], &answers[0][1]["connected"]), (&json!("rust"), &json!(1)));
    let link = &answers[1][1]["connections"][0];
    assert_eq!(
        (&link["node"], &link["own_kind"], &link["send"]),
        (&json!("asker"), &json!(false), &json!("json"))
    );
    let ports = answers[2][1]["ports"].as_array().expect("a list");
    assert!(ports.iter().any(|state| state["port"] == port.as_str()), "{ports:?}");
}

/// It is to be read at a sitting.
#[test]
fn the_peer_in_python_is_short() {
    assert!(include_str!("../../docs/peer.py").lines().count() <= 120);
}
