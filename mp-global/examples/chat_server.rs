//! Shows a public node with a named port: the chat server of the tutorial, which drops clients that are gone.
//! Run: `aemp gensecret` once, then `chat_server [ADDRESS]`; the clients need the same secret.

use std::io::{IsTerminal, stderr};

use mp_node::{Node, PortId};

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Chat {
    Join(PortId),
    Message(String),
    Gone(PortId),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(stderr);
    log.with_ansi(stderr().is_terminal()).init();
    let reference = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1299".into());
    let node = Node::builder("eg_chat_server").become_public(&reference).start().await?;
    let mut chatter = node.port();
    node.register_name("chatter", &chatter);
    let mut clients = std::collections::BTreeSet::new();
    while let Some(message) = chatter.recv_as().await {
        match message {
            Chat::Join(client) => {
                println!("got new client port: {client}");
                node.monitor_send(&client, &chatter, Chat::Gone(client.clone()))?.detach();
                clients.insert(client);
            }
            Chat::Message(text) => {
                println!("message> {text}");
                for client in &clients {
                    node.send(client, Chat::Message(text.clone())).await?;
                }
            }
            Chat::Gone(client) if clients.remove(&client) => println!("client port is gone: {client}"),
            Chat::Gone(_) => {}
        }
    }
    Ok(())
}
