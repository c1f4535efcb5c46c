//! `mp::echo`: a port that sends what it gets to the port ID that stands last in the message.

use mp_global::{Global, GlobalError, Membership};
use mp_node::{Message, Node, Port, TrySendError};

/// The service, and the function that other nodes can spawn.
pub(super) const NAME: &str = "mp::echo";
/// The group in which the service's port stands.
const GROUP: &str = "mp_echo";

/// Starts the service: its port lives as long as what this returns.
pub(super) fn start(node: &Node, global: &Global) -> Result<(Port, Membership), GlobalError> {
    node.register_function(NAME, |mut port, _args| async move {
        let node = port.node();
        while let Some(message) = port.recv().await {
            answer(&node, message);
        }
    });
    let port = node.port();
    let membership = global.group(GROUP).register(&port)?;
    let echoing = node.clone();
    port.otherwise(move |message| answer(&echoing, message));
    Ok((port, membership))
}

fn answer(node: &Node, message: Message) {
    let mut values = message.into_values();
    let Some(to) = values.pop().and_then(|last| last.as_port()) else {
        tracing::debug!("a message to echo has no port ID at its end");
        return;
    };
    if let Err(TrySendError::Full(_)) = node.try_send(&to, Message::from(values)) {
        tracing::warn!(%to, "an echo is dropped: the way back is full");
    }
}
