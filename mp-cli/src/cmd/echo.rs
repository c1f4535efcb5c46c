//! `mp::echo`: a port that sends what it gets to the port ID that stands last in the message.

use mp_global::{Global, GlobalError};
use mp_node::{Message, Node, Port, PortId};

/// The service, and the function that other nodes can spawn.
pub(super) const NAME: &str = "mp::echo";
/// The group in which the service's port stands.
pub(super) const GROUP: &str = "mp_echo";

/// Starts the service; returns its port, which lives as long as the node.
pub(super) fn start(node: &Node, global: &Global) -> Result<PortId, GlobalError> {
    node.register_function(NAME, |port, _args| serve(port));
    let port = node.spawn(serve);
    global.group(GROUP).register(&port)?.detach();
    Ok(port)
}

async fn serve(mut port: Port) {
    let node = port.node();
    while let Some(message) = port.recv().await {
        let mut values = message.into_values();
        let Some(to) = values.pop().and_then(|last| last.as_port()) else {
            tracing::debug!("a message to echo has no port ID at its end");
            continue;
        };
        // Not to wait for one who does not read keeps it from standing in the way of the others.
        if let Err(error) = node.try_send(&to, Message::from(values)) {
            tracing::debug!(%to, %error, "an echo is dropped");
        }
    }
}
