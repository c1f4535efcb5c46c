//! Shows the first message: a port, a handler for the tag `test`, and a message to it, all in one process.

use anyhow::Context;
use mp_node::{Flow, Node};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let node = Node::builder("eg_first_message").without_file().start().await?;
    let (end, mut ended) = tokio::sync::mpsc::channel(1);

    let port = node.port();
    port.on("test", move |data: u32| {
        end.try_send(data).expect("nobody has sent before");
        Flow::Done
    });

    node.send(&port, ("test", 123)).await?;

    println!("Ending with: {}", ended.recv().await.context("the port died")?);
    node.shutdown().await;
    Ok(())
}
