//! Shows how a named port is looked up at a node that can be dialled: lines typed here appear at all clients.
//! Run: `chat_client [ADDRESS]`, with the secret of the server; `/quit` or the end of input ends it.

use mp_node::{Node, NodeId};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let server: NodeId = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1299".into()).parse()?;
    let node = Node::builder("eg_chat_client").start().await?;

    let chatter = node.lookup(&server, "chatter").await?.ok_or("there is no chatter at that node")?;
    println!("Resolved the server port 'chatter' to {chatter}");

    let port = node.port();
    port.on("message", |text: String| println!("chat> {text}"));
    node.send(&chatter, ("join", port.id())).await?;

    let mut lines = BufReader::new(stdin()).lines();
    let mut server_gone = node.monitor(&chatter);
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) if !line.starts_with("/quit") => node.send(&chatter, ("message", line)).await?,
                _ => break,
            },
            reason = &mut server_gone => return Err(format!("the server is gone: {reason}").into()),
        }
    }
    node.shutdown().await;
    Ok(())
}
