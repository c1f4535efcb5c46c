//! The names under which ports are known at their nodes.

use std::sync::Arc;

use mp_proto::{Message, NodeId, NodeRequest, PortId, Value};

use super::Inner;
use crate::error::{CallError, SendError};
use crate::port::Port;
use crate::watch::{Action, Fired, Monitor};

impl Inner {
    /// Makes a port of this node known under a name, until it dies.
    pub(super) fn register_name(&self, name: &str, port: &PortId) -> bool {
        let mut names = self.names.lock();
        if let Some(known) = names.get(name) {
            return known == port;
        }
        let cell = if port.node_str() == self.id.as_str() { self.find(port.name()) } else { None };
        let free = names.len() < self.limits.names && cell.is_some_and(|cell| cell.add_name(name));
        if free {
            names.insert(name.to_owned(), port.clone());
        }
        free
    }

    /// Asks a node for the port that is known there under a name; the answer comes to `reply`.
    pub(super) async fn lookup(
        self: &Arc<Self>,
        node: &NodeId,
        name: &str,
        mut reply: Port,
    ) -> Result<Option<PortId>, CallError> {
        let fired = Arc::new(Fired::default());
        let watch = self.watch(&node.port(), Action::Future(Arc::clone(&fired)));
        let monitor = Monitor::new(Arc::clone(self), node.port(), watch, Some(fired));
        let request = NodeRequest::Lookup { name: name.into(), reply: reply.id().clone(), extra: Vec::new() };
        self.request_node(node, request)?;
        // Perl's nodes do not know the request and say nothing. What they relay to us comes behind any answer.
        let nothing = NodeRequest::Send { to: reply.id().clone(), message: Message::from([Value::Null]) };
        self.request_node(node, nothing)?;
        tokio::select! {
            biased;
            answer = reply.recv_as::<(Option<PortId>,)>() => {
                answer.map(|(port,)| port).ok_or(CallError::Send(SendError::ShutDown))
            }
            reason = monitor => Err(CallError::Died(reason)),
        }
    }
}
