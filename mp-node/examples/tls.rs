//! Shows a network over TLS: nodes whose certificates one authority has signed talk; one that has another is refused.
//! Run: `tls`; it ends by itself. Certificates of your own: `aemp gencert`.

use std::time::Duration;

use mp_node::{Node, NodeBuilder};

// Each is a PEM text with the node's key, its certificate, and that of the authority. (Of this project's tests: their
// keys are known to everybody.)
const ONE: &str = include_str!("../../mp-transport/tests/pem/leaf-one.pem");
const TWO: &str = include_str!("../../mp-transport/tests/pem/leaf-two.pem");
const OTHER: &str = include_str!("../../mp-transport/tests/pem/stock-other.pem");

fn builder(name: &str, cert: &str) -> NodeBuilder {
    Node::builder("eg_tls").without_file().node_id(name).cert(cert).bind("127.0.0.1:0")
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (one, two) = (builder("one", ONE).start().await?, builder("two", TWO).start().await?);
    let stranger = builder("stranger", OTHER).start().await?;
    let there = two.addresses()[0].clone();

    println!("one is connected to {}", one.dial(&there).await?);
    let clock = one.call(two.id(), "time").timeout(Duration::from_secs(5)).returning::<f64>().await?;
    println!("whose clock runs: {}", clock > 1.7e9);

    match stranger.dial(&there).await {
        Ok(node) => anyhow::bail!("the stranger is connected to {node}"),
        Err(_) => println!("the stranger is not let in"),
    }
    for node in [one, two, stranger] {
        node.shutdown().await;
    }
    Ok(())
}
