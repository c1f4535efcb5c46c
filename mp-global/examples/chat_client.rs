//! Shows how a named port is looked up at a node that can be dialled: lines typed here appear at all clients.
//! Run: `chat_client [ADDRESS]`, with the secret of the server; `/quit` or the end of input ends it.

use std::io::{IsTerminal, stderr};

use anyhow::{Context, bail};
use mp_node::{Node, NodeId};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(stderr);
    log.with_ansi(stderr().is_terminal()).init();
    let server: NodeId = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1299".into()).parse()?;
    // Whoever names the node needs no profile, only the secret of the file.
    let node = Node::builder("eg_chat_client").node_id("eg_chat_client/").start().await?;

    let chatter = node.lookup(&server, "chatter").await?.context("there is no chatter at that node")?;
    println!("Resolved the server port 'chatter' to {chatter}");

    let port = node.port();
    port.on("message", |text: String| println!("chat> {text}"));
    node.send(&chatter, ("join", port.id())).await?;

    // A thread of its own, as a read from a terminal cannot be broken off when the server is gone.
    let (typed, mut lines) = mpsc::channel(1);
    std::thread::spawn(move || std::io::stdin().lines().try_for_each(|line| typed.blocking_send(line)));
    let mut server_gone = node.monitor(&chatter);
    loop {
        tokio::select! {
            line = lines.recv() => match line.transpose()? {
                Some(line) if !line.starts_with("/quit") => node.send(&chatter, ("message", line)).await?,
                _ => break,
            },
            reason = &mut server_gone => bail!("the server is gone: {reason}"),
        }
    }
    node.shutdown().await;
    Ok(())
}
