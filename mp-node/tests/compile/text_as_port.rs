//! A text where a port's name is due.

async fn run(node: mp_node::Node) {
    node.send("server#7", ("ping", 1)).await.unwrap();
}

fn main() {}
