//! Shows how a port is found by its group: sends `test` messages to whoever is in `eg_receivers`.
//! Set up once: `aemp gensecret`, `aemp profile eg_simple_sender setseeds localhost:12266`. Whether the receiver or the
//! sender comes first does not matter: the sender waits until somebody is in the group.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use anyhow::Context;
use mp_global::Global;
use mp_node::{Node, PortId};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(stderr);
    log.with_ansi(stderr().is_terminal()).init();
    let node = Node::builder("eg_simple_sender").start().await?;
    let global = Global::start(&node)?;

    let mut receivers = global.group("eg_receivers").monitor()?;
    println!("Waiting for a port in the group eg_receivers");
    while receivers.members().is_empty() {
        receivers.next().await.context("the node has ended")?;
    }
    for port in receivers.members() {
        println!("Sending to {port}");
        node.send(port, ("test", 123, None::<PortId>)).await?;
    }

    tokio::time::timeout(Duration::from_secs(5), node.shutdown()).await?;
    Ok(())
}
