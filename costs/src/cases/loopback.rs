//! From a node to another one, over a connection in memory: all but the sockets.

use mp_node::testing::TestNet;
use mp_node::{Framing, Node};
use serde_bytes::Bytes;

use super::{Outgoing, Traffic, bursts, payload, run};

pub(super) fn send(framing: Framing, times: u64) {
    run(async move || {
        let (net, payload) = (TestNet::new(0).await, payload());
        let (here, there) = (start(&net, "here", framing, 1).await, start(&net, "there", framing, 2).await);
        let mut port = there.port();
        let to = port.id().clone();
        for burst in bursts(times) {
            for number in 0..burst {
                here.send(&to, Outgoing::Data(number, Bytes::new(&payload))).await.expect("the node runs");
            }
            for _ in 0..burst {
                let Some(Traffic::Data(..)) = port.recv_as().await else { unreachable!("it was sent") };
            }
        }
    });
}

async fn start(net: &TestNet, name: &str, framing: Framing, seed: u64) -> Node {
    let node = net.builder(name).framings(&[framing]).insecure_seed(seed).start().await.expect("it starts");
    TestNet::introduce(&node);
    node
}
