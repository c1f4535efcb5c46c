//! An answer of another type than was asked for.

use mp_node::{Node, ReplyTo};

async fn run(node: Node, reply: ReplyTo<u64>) {
    node.send(reply, "twelve").await.unwrap();
}

fn main() {}
