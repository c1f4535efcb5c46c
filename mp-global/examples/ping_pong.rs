//! Shows two processes that talk: run it in one shell, and in another one with the word `ping`.
use anyhow::Context;
use mp_node::{Node, PortId};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (address, secret) = ("127.0.0.1:4321", "known to both");
    if std::env::args().nth(1).is_none() {
        let node = Node::builder("pong").without_file().secret(secret).become_public(address).start().await?;
        let mut port = node.port();
        node.register_name("pong", &port);
        while let Some((number, reply)) = port.recv_as::<(u32, PortId)>().await {
            println!("ping {number}");
            node.send(&reply, number + 1).await?;
        }
        return Ok(());
    }
    let node = Node::builder("ping").without_file().secret(secret).start().await?;
    let pong = node.lookup(&address.parse()?, "pong").await?.context("nobody has this name there")?;
    for number in [1, 2, 3] {
        println!("pong {}", node.call(&pong, (number,)).returning::<u32>().await?);
    }
    node.shutdown().await;
    Ok(())
}
