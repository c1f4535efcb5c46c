//! Our nodes in these tests.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use mp_global::{Global, GroupMonitor};
use mp_node::{Framing, Node, NodeId, Port, PortId, Reason};
use serde_json::Value as Json;

use super::log::Log;
use super::perl::PATIENCE;
pub(crate) use super::plain::{plain, plain_message};

pub(crate) const SECRET: &str = "s3kr1t";

/// What our nodes have logged, all tests together.
static LOG: OnceLock<Log> = OnceLock::new();

/// Passes on what our nodes log.
#[cfg(feature = "log-tap")]
pub(crate) static TAP: std::sync::LazyLock<mp_global::log_catcher::LogTap> =
    std::sync::LazyLock::new(|| mp_global::log_catcher::LogTap::new(mp_global::log_catcher::LogLevel::TRACE));

/// All that has been logged so far, warnings and worse.
pub(crate) fn log() -> String {
    let log = LOG.get_or_init(|| {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        #[cfg(feature = "log-tap")]
        let subscriber = tracing_subscriber::layer::SubscriberExt::with(subscriber, TAP.clone());
        tracing_subscriber::util::SubscriberInitExt::init(subscriber);
        log
    });
    log.text()
}

/// A node that listens on loopback and speaks one framing.
pub(crate) async fn node(name: &str, framing: Framing) -> Node {
    log();
    let builder = Node::builder("test").without_file().node_id(name).secret(SECRET).framings(&[framing]);
    builder.bind("127.0.0.1:0").start().await.expect("starts")
}

/// A node that is a seed for others.
pub(crate) async fn seed(name: &str, framing: Framing) -> (Node, Global, String) {
    let node = node(name, framing).await;
    let global = Global::start(&node).expect("starts");
    let address = node.addresses()[0].to_string();
    (node, global, address)
}

/// A node that has joined a network.
pub(crate) async fn member(name: &str, framing: Framing, seeds: &[&str]) -> (Node, Global) {
    let node = node(name, framing).await;
    let builder = seeds.iter().fold(Global::builder(&node), |builder, seed| builder.seed(seed));
    let global = builder.longest_retry(Duration::from_millis(500)).start().expect("starts");
    soon(global.joined()).await.expect("joins");
    (node, global)
}

/// What has to come.
pub(crate) async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future.into_future()).await.expect("it should have happened by now")
}

/// The next message, as JSON.
pub(crate) async fn next(port: &mut Port) -> Json {
    plain_message(&soon(port.recv()).await.expect("the port lives"))
}

/// Waits until a group has exactly these members.
pub(crate) async fn has(monitor: &mut GroupMonitor, members: &[&PortId]) {
    let expected: BTreeSet<PortId> = members.iter().map(|&port| port.clone()).collect();
    let reach = async {
        while *monitor.members() != expected {
            monitor.next().await.expect("the node lives");
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reach).await;
    assert!(reached.is_ok(), "{:?} is not {expected:?}", monitor.members());
}

pub(crate) fn id(name: &str) -> NodeId {
    NodeId::new(name).expect("a name")
}

pub(crate) fn plain_reason(reason: &Reason) -> Json {
    reason.values().iter().map(plain).collect()
}
