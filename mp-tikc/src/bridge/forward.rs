//! The two directions of a bridge, one alias each.

use mp_node::{Message, Node, Port, PortId, Reason, Value};
use tokio_util::sync::CancellationToken;

use crate::kernel::Kernel;
use crate::names::name_of;
use crate::session::Session;

/// Posts what a port gets to an alias `[TK-70]`, until the alias is gone.
pub(super) async fn to_alias(mut port: Port, kernel: Kernel, alias: String, stop: CancellationToken) {
    loop {
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            message = port.recv() => message,
        };
        let Some(message) = message else { return };
        let mut values = message.into_values().into_iter();
        let Some(event) = values.next().as_ref().and_then(name_of) else {
            tracing::debug!(%alias, "a message without an event was not posted");
            continue;
        };
        let args: Vec<Value> = values.collect();
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            posted = kernel.post(&alias, &event, args) => {
                if let Err(error) = posted {
                    tracing::debug!(%alias, %error, "a message was not posted");
                }
            }
        }
    }
    port.kill(&Reason::new("tikc_alias_gone", alias));
}

/// Sends what an alias gets to a port `[TK-71]`, until the port is gone.
pub(super) async fn to_port(mut session: Session, node: Node, port: PortId, stop: CancellationToken) {
    let mut death = node.monitor(&port);
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            reason = &mut death => return tracing::debug!(%port, %reason, "a port that is an alias has died"),
            event = session.recv() => event,
        };
        let Some(event) = event else { return };
        let name = Value::from(event.name());
        let message: Message = std::iter::once(name).chain(event.into_args()).collect();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            sent = node.send(&port, message) => {
                if let Err(error) = sent {
                    tracing::debug!(%port, %error, "an event was not sent");
                }
            }
        }
    }
}
