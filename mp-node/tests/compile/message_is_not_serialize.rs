//! A message that cannot be written.

struct Ping(u64);

async fn run(node: mp_node::Node, port: mp_node::PortId) {
    node.send(&port, Ping(1)).await.unwrap();
}

fn main() {}
