//! The node port: what it does for those who send to the node itself `[NP-01]`.

use std::sync::Arc;

use mp_proto::{Message, NodeId, NodeRequest, PortId, Reason, Value};
use mp_transport::clock;

use super::Inner;
use crate::mailbox::PortCell;
use crate::runtime::peer::Peer;
use crate::watch::PortWatcher;

/// How many spawns of unknown functions are remembered for a monitor that comes later.
const REFUSALS: usize = 1024;

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asker<'a> {
    /// A port of this node.
    Here,
    /// A peer, over its connection.
    Peer(&'a Arc<Peer>),
}

/// What a request leaves to its caller.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// A message is to be sent on; it may have to wait for room.
    Relay(PortId, Message),
}

impl Inner {
    /// A message to our own node port from a port here.
    pub(crate) fn node_port_here(self: &Arc<Self>, message: Message) {
        match NodeRequest::parse(message) {
            Ok(request) => {
                if let Outcome::Relay(to, message) = self.react(Asker::Here, request) {
                    self.send_control(&to, &message);
                }
            }
            Err(error) => tracing::debug!(%error, "a message to the own node port was not understood"),
        }
    }

    /// Does what a request asks for.
    pub(crate) fn react(self: &Arc<Self>, asker: Asker<'_>, request: NodeRequest) -> Outcome {
        match request {
            NodeRequest::Nothing => {}
            NodeRequest::Monitor { port } => self.on_monitor(asker, &port),
            NodeRequest::Unmonitor { port } => self.on_unmonitor(asker, &port),
            NodeRequest::Died { port, reason } => self.on_died(asker, &port, &reason),
            NodeRequest::Kill { port, reason } => {
                if let Some(cell) = self.find(&port) {
                    self.kill_local(&cell, &reason);
                }
            }
            NodeRequest::Send { to, message } => return Outcome::Relay(to, message),
            NodeRequest::Can { tag, reply, extra } => {
                let known = if self.understands(&tag) { "1" } else { "" };
                self.answer(&reply, extra, known.into());
            }
            NodeRequest::Time { reply, extra } => self.answer(&reply, extra, Value::Float(clock::wall())),
            NodeRequest::Lookup { name, reply, extra } => {
                let port = self.names.lock().get(name.as_str()).map_or(Value::Null, Value::from);
                self.answer(&reply, extra, port);
            }
            NodeRequest::Eval { reply, extra, .. } => {
                self.complain(asker, "eval");
                if let Some(reply) = reply {
                    self.answer(&reply, extra, "this node never executes code that it is sent".into());
                }
            }
            NodeRequest::Spawn { name, function, args } => self.on_spawn(&name, &function, args.into()),
            NodeRequest::Other { tag, args } => self.on_other(asker, &tag, args),
            other => tracing::debug!(?other, "a request is not for us"),
        }
        Outcome::Done
    }

    /// A peer monitors a port of ours `[MON-01]` `[MON-03]`.
    fn on_monitor(self: &Arc<Self>, asker: Asker<'_>, name: &str) {
        let Asker::Peer(peer) = asker else {
            return;
        };
        if name.is_empty() {
            return;
        }
        if !peer.lock().route.peer_watches(name, &self.limits) {
            peer.doom("the peer holds too many monitors");
            return;
        }
        let watched =
            self.find(name).is_some_and(|cell| cell.watch(PortWatcher::Peer(peer.id.clone())).is_ok());
        if !watched {
            peer.lock().route.peer_unwatches(name, 1);
            let Ok(port) = PortId::new(&self.id, name) else {
                return;
            };
            let request = NodeRequest::Died { port: name.into(), reason: self.no_such_port(&port) };
            self.request(&peer.id, &request.into_message());
        }
    }

    fn on_unmonitor(&self, asker: Asker<'_>, name: &str) {
        if let (Asker::Peer(peer), Some(cell)) = (asker, self.find(name)) {
            let count = cell.unwatch_peer(peer.id.as_str(), false);
            peer.lock().route.peer_unwatches(name, count);
        }
    }

    fn on_died(self: &Arc<Self>, asker: Asker<'_>, name: &str, reason: &Reason) {
        if let Asker::Peer(peer) = asker {
            let watchers = peer.lock().route.died(name);
            self.fire(watchers, reason);
        }
    }

    /// Creates a port for a peer and runs the function of that name in it `[NP-07]`. Only functions that the program has
    /// registered can be named (law 7).
    fn on_spawn(self: &Arc<Self>, name: &str, function: &str, args: Message) {
        let known = self.functions.read().get(function).cloned();
        let refusal = match known {
            None => Reason::new("spawn_failed", format!("no function {function:?} is registered")),
            Some(function) => match self.add_named_port(name) {
                Some(port) => return self.run_function(&function, port, args),
                None => Reason::new("spawn_failed", "the name cannot be used"),
            },
        };
        tracing::warn!(name, function, %refusal, "a spawn was refused");
        let mut refused = self.refused.lock();
        if refused.len() >= REFUSALS {
            refused.pop_front();
        }
        refused.push_back((name.to_owned(), refusal));
    }

    fn on_other(self: &Arc<Self>, asker: Asker<'_>, tag: &str, args: Vec<Value>) {
        let from = match asker {
            Asker::Here => &self.id,
            Asker::Peer(peer) => &peer.id,
        };
        let mut args = Some(args);
        for service in self.services() {
            let Some(given) = args.take() else { return };
            args = (service.request)(from, tag, given);
        }
        if args.is_some() {
            self.complain(asker, tag);
        }
    }

    /// An unknown request: counted, logged once per peer and tag, dropped (law 7).
    fn complain(&self, asker: Asker<'_>, tag: &str) {
        let from = match asker {
            Asker::Here => &self.id,
            Asker::Peer(peer) => &peer.id,
        };
        self.stats.unknown_request();
        if self.complaints.lock().first(format!("{from} {tag}"), clock::now()) {
            tracing::warn!(%from, tag = tag.escape_debug().to_string(), "refused: an unknown or forbidden request");
        }
    }

    fn answer(self: &Arc<Self>, reply: &PortId, extra: Vec<Value>, result: Value) {
        self.send_control(reply, &Message::from(extra).with([result]));
    }

    fn understands(&self, tag: &str) -> bool {
        NodeRequest::is_known(tag) || self.service_tags().contains(&tag)
    }

    /// Why a port that is not there is not there.
    pub(crate) fn no_such_port(&self, port: &PortId) -> Reason {
        let refused = self.refused.lock();
        let refusal = refused.iter().rev().find(|(name, _)| name == port.name());
        refusal.map_or_else(|| Reason::no_such_port(port), |(_, reason)| reason.clone())
    }

    /// A port under a name that a peer chose.
    pub(crate) fn add_named_port(self: &Arc<Self>, name: &str) -> Option<Arc<PortCell>> {
        let id = PortId::new(&self.id, name).ok()?;
        let mut ports = self.ports.write();
        let (_, cell) = ports.insert_named(name, |key| Arc::new(PortCell::new(id, key)))?;
        Some(Arc::clone(cell))
    }

    /// Tells whether a request came from a connected peer.
    pub(crate) fn is_connected(&self, node: &NodeId) -> bool {
        self.known_peer(node.as_str()).is_some_and(|peer| peer.lock().route.is_up())
    }
}
