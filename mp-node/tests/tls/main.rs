//! Nodes that meet over TLS, and those who stand between them. The certificates are those of mp-transport's tests.

mod between;
mod logs;
mod meet;
mod relay;

use std::time::Duration;

use mp_node::{Node, NodeBuilder};

const STOCK: &str = include_str!("../../../mp-transport/tests/pem/stock.pem");
const STOCK_OTHER: &str = include_str!("../../../mp-transport/tests/pem/stock-other.pem");
const LEAF_ONE: &str = include_str!("../../../mp-transport/tests/pem/leaf-one.pem");
const LEAF_TWO: &str = include_str!("../../../mp-transport/tests/pem/leaf-two.pem");
const LEAF_CA: &str = include_str!("../../../mp-transport/tests/pem/leaf-ca.pem");
const EXPIRED: &str = include_str!("../../../mp-transport/tests/pem/expired.pem");

fn builder(id: &str) -> NodeBuilder {
    Node::builder("test").without_file().node_id(id).bind("127.0.0.1:0")
}

/// A node with a certificate, and with the usual secret or none.
async fn node(id: &str, cert: &str, secret: bool) -> Node {
    let builder = builder(id).cert(cert);
    let builder = if secret { builder.secret("s3kr1t") } else { builder };
    builder.start().await.expect("starts")
}

/// What should come, within a time that is long for a machine and short for a person.
async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future.into_future())
        .await
        .expect("it should have happened by now")
}
