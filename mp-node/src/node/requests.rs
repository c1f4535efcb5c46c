//! The node port: what it does for those who send to the node itself `[NP-01]`.

use std::sync::Arc;

use mp_proto::{Message, NodeId, NodeRequest, PortId, Reason, Value};
use mp_transport::clock;

use super::Inner;
use crate::complaints::shown;
use crate::mailbox::PortCell;
use crate::runtime::link::ROUND_TRIP;
use crate::runtime::peer::Peer;

/// How many spawns of unknown functions are remembered for a monitor that comes later.
const REFUSALS: usize = 1024;
/// How often one message is passed on from the node port to the node port: a question by way of `snd`, and its answer
/// as another request. Without an end to it, a long message of nested `snd` would cost quadratic time.
const ROUNDS: usize = 3;

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asker<'a> {
    /// A port of this node.
    Here,
    /// A peer, over its connection.
    Peer(&'a Arc<Peer>),
}

/// What a request leaves to be sent on: an answer, or what was to be relayed.
type Onward = Option<(PortId, Message)>;

impl Inner {
    /// Does what a message to our own node port asks for. What is to be sent on in consequence is left to the caller,
    /// who knows how to wait for room; it is not for our own node port.
    pub(crate) fn at_node_port(self: &Arc<Self>, asker: Asker<'_>, mut message: Message) -> Onward {
        for _ in 0..ROUNDS {
            match NodeRequest::parse(message) {
                Ok(request) => match self.react(asker, request)? {
                    (to, next) if to.is_node_port() && to.node_str() == self.id.as_str() => message = next,
                    onward => return Some(onward),
                },
                Err(error) => {
                    tracing::debug!(from = %self.name_of(asker), %error, "a request was not understood");
                    return None;
                }
            }
        }
        None
    }

    fn react(self: &Arc<Self>, asker: Asker<'_>, request: NodeRequest) -> Onward {
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
            NodeRequest::Send { to, message } => return Some((to, message)),
            NodeRequest::Can { tag, reply, extra } => {
                let known = if self.understands(&tag) { "1" } else { "" };
                return answer(reply, extra, known.into());
            }
            NodeRequest::Time { reply, extra } => return answer(reply, extra, Value::Float(clock::wall())),
            NodeRequest::Lookup { name, reply, extra } => {
                let port = self.names.lock().get(name.as_str()).map_or(Value::Null, Value::from);
                return answer(reply, extra, port);
            }
            NodeRequest::Eval { reply, extra, .. } => {
                self.complain(asker, "eval");
                return answer(reply?, extra, "this node never executes code that it is sent".into());
            }
            NodeRequest::Spawn { name, function, args } => {
                self.on_spawn(asker, &name, &function, args.into())
            }
            NodeRequest::Other { tag, args } => self.on_other(asker, &tag, args),
            other => tracing::debug!(?other, "a request is not for us"),
        }
        None
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
        let watched = self.find(name).is_some_and(|cell| cell.watch_for(&peer.id));
        if !watched {
            peer.lock().route.peer_unwatches(name, 1);
            if let Ok(port) = PortId::new(&self.id, name) {
                self.tell_death(&peer.id, name, &self.no_such_port(&port));
            }
        }
    }

    fn on_unmonitor(&self, asker: Asker<'_>, name: &str) {
        if let (Asker::Peer(peer), Some(cell)) = (asker, self.find(name))
            && cell.unwatch_for(&peer.id)
        {
            peer.lock().route.peer_unwatches(name, 1);
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
    fn on_spawn(self: &Arc<Self>, asker: Asker<'_>, name: &str, function: &str, args: Message) {
        let known = self.functions.read().get(function).cloned();
        let refusal = match known {
            None => Reason::new("spawn_failed", format!("no function \"{}\" is registered", shown(function))),
            Some(function) => match self.add_named_port(name) {
                Some(port) => return self.run_function(&function, port, args),
                None => Reason::new("spawn_failed", "the name cannot be used"),
            },
        };
        let from = self.name_of(asker);
        if self.complaints.lock().first(format!("{from} spawn"), clock::now()) {
            tracing::warn!(%from, name = shown(name), %refusal, "a spawn was refused");
        }
        if PortId::new(&self.id, name).is_err() {
            return;
        }
        let mut refused = self.refused.lock();
        if refused.len() >= REFUSALS {
            refused.pop_front();
        }
        refused.push_back((name.to_owned(), refusal));
    }

    fn on_other(self: &Arc<Self>, asker: Asker<'_>, tag: &str, mut args: Vec<Value>) {
        if let Asker::Peer(peer) = asker {
            if tag == ROUND_TRIP {
                let figures = peer.lock().figures();
                if let Some(figures) = figures {
                    figures.answered(args.first().and_then(Value::as_i64), clock::now());
                }
                return;
            }
            if self.on_relay_request(&peer.id, tag, &mut args) || self.on_rival_request(peer, tag, &args) {
                return;
            }
        }
        let mut args = Some(args);
        self.each_service(|service| {
            if let Some(given) = args.take() {
                args = (service.request)(self.name_of(asker), tag, given);
            }
        });
        if args.is_some() {
            self.complain(asker, tag);
        }
    }

    /// An unknown request: counted, logged now and then for each peer, dropped (law 7).
    fn complain(&self, asker: Asker<'_>, tag: &str) {
        let from = self.name_of(asker);
        self.stats.unknown_request();
        if self.complaints.lock().first(format!("{from} request"), clock::now()) {
            tracing::warn!(%from, tag = shown(tag), "refused: an unknown or forbidden request");
        }
    }

    fn name_of<'a>(&'a self, asker: Asker<'a>) -> &'a NodeId {
        match asker {
            Asker::Here => &self.id,
            Asker::Peer(peer) => &peer.id,
        }
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
    fn add_named_port(self: &Arc<Self>, name: &str) -> Option<Arc<PortCell>> {
        let id = PortId::new(&self.id, name).ok()?;
        let mut ports = self.ports.write();
        if self.is_closed() {
            return None;
        }
        let (_, cell) =
            ports.insert_named(name, |key| Arc::new(PortCell::named(Arc::clone(&self.home), key, id)))?;
        Some(Arc::clone(cell))
    }
}

/// An answer goes the same way as any message: it waits where there is no room `[ND-13]`.
#[expect(clippy::unnecessary_wraps, reason = "what a request leaves to be sent on")]
fn answer(reply: PortId, extra: Vec<Value>, result: Value) -> Onward {
    Some((reply, Message::from(extra).with([result])))
}
