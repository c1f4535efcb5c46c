//! A message of another type than the port's.

use mp_node::{Node, PortRef};

#[derive(serde::Serialize, serde::Deserialize)]
enum Chat {
    Join(String),
}

async fn run(node: Node, room: PortRef<Chat>) {
    node.send(&room, ("join", "ada")).await.unwrap();
}

fn main() {}
