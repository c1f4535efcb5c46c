//! Shows a port that is found by its group: prints the data of each `test` message.
//! Set up once: `aemp gensecret`, `aemp profile eg_simple_receiver setbinds localhost:12266`.

use std::io::{IsTerminal, stderr};

use mp_global::Global;
use mp_node::{Node, PortId};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(stderr);
    log.with_ansi(stderr().is_terminal()).init();
    let node = Node::builder("eg_simple_receiver").start().await?;
    let global = Global::start(&node)?;

    let port = node.port();
    let _member = global.group("eg_receivers").register(&port)?;

    println!("Waiting for messages to the group eg_receivers; Ctrl-C ends it");
    port.on("test", |(data, _reply_port): (u64, Option<PortId>)| println!("Received data: {data}"));

    tokio::signal::ctrl_c().await?;
    node.shutdown().await;
    Ok(())
}
