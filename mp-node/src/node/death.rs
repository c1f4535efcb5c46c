//! Killing and monitoring: how a death is told to all who asked.

use std::collections::VecDeque;
use std::sync::Arc;

use mp_proto::{Message, NodeRequest, PortId, Reason};

use super::Inner;
use crate::kernel::route::Sent;
use crate::mailbox::{Envelope, PortCell};
use crate::watch::{Action, PortWatcher, WatchId};

impl Inner {
    /// Kills a port here, and tells all who watch it.
    pub(crate) fn kill_local(self: &Arc<Self>, cell: &Arc<PortCell>, reason: &Reason) {
        let mut work = VecDeque::new();
        self.bury(cell, reason, &mut work);
        self.work_off(work);
    }

    /// Kills a port anywhere.
    pub(crate) fn kill(self: &Arc<Self>, port: &PortId, reason: Reason) {
        if port.is_node_port() {
            tracing::warn!(%port, "a node port cannot be killed");
        } else if port.node_str() == self.id.as_str() {
            if let Some(cell) = self.find(port.name()) {
                self.kill_local(&cell, &reason);
            }
        } else {
            self.request_node(&port.node(), NodeRequest::Kill { port: port.name().into(), reason });
        }
    }

    /// The port's mailbox was full for too long `[MON-09]`.
    pub(crate) fn overflow(self: &Arc<Self>, cell: &Arc<PortCell>) {
        tracing::warn!(port = %cell.id, "killed: its mailbox stayed full");
        self.kill_local(cell, &Reason::mailbox_overflow(&cell.id));
    }

    /// Does what monitors ask for. A kill may make others fire; these are worked off in turn, not inside one another.
    pub(crate) fn fire(self: &Arc<Self>, actions: Vec<Action>, reason: &Reason) {
        self.work_off(actions.into_iter().map(|action| (action, reason.clone())).collect());
    }

    fn work_off(self: &Arc<Self>, mut work: VecDeque<(Action, Reason)>) {
        while let Some((action, reason)) = work.pop_front() {
            match action {
                Action::Future(fired) => fired.fire(reason),
                Action::Call(function) => self.spawn_task(async move { function(reason) }),
                Action::Kill(_) if reason.is_normal() => {}
                Action::Kill(victim) if victim.node_str() == self.id.as_str() => {
                    if let Some(cell) = self.find(victim.name()) {
                        self.bury(&cell, &reason, &mut work);
                    }
                }
                Action::Kill(victim) => self.kill(&victim, reason),
                Action::Send(to, message) => self.notify(&to, message.with(reason.into_values())),
            }
        }
    }

    /// A monitor's message: never refused for want of room.
    fn notify(self: &Arc<Self>, to: &PortId, message: Message) {
        if to.node_str() != self.id.as_str() || to.is_node_port() {
            self.send_control(to, &message);
        } else if let Some(cell) = self.find(to.name()) {
            let pushed = cell.push_anyway(Envelope::Message(message));
            self.run_if_asked(&cell, &pushed);
        }
    }

    /// Takes the port out of the world and puts what its monitors want onto `work`.
    fn bury(self: &Arc<Self>, cell: &Arc<PortCell>, reason: &Reason, work: &mut VecDeque<(Action, Reason)>) {
        let Some(remains) = cell.die(reason) else {
            return;
        };
        let removed = self.ports.write().remove(cell.key);
        drop(removed);
        if remains.named {
            self.names.lock().retain(|_, port| *port != cell.id);
        }
        for watcher in remains.watchers {
            match watcher {
                PortWatcher::Local(_, action) => work.push_back((action, reason.clone())),
                PortWatcher::Peer(node) => {
                    if let Some(peer) = self.known_peer(node.as_str()) {
                        peer.lock().route.peer_unwatches(cell.id.name(), 1);
                        let request =
                            NodeRequest::Died { port: cell.id.name().into(), reason: reason.clone() };
                        self.request(&node, &request.into_message());
                    }
                }
            }
        }
        drop(remains.handlers);
    }

    /// Begins to monitor a port anywhere.
    pub(crate) fn watch(self: &Arc<Self>, port: &PortId, action: Action) -> WatchId {
        let id = self.next_id();
        if port.node_str() == self.id.as_str() {
            self.watch_local(port, id, action);
            return id;
        }
        let mut action = Some(action);
        loop {
            let Ok(peer) = self.peer(&port.node()) else {
                let reason = Reason::transport_error(&port.node(), "too many peers");
                self.fire(action.into_iter().collect(), &reason);
                return id;
            };
            let mut state = peer.lock();
            if state.route.is_gone() {
                continue;
            }
            let Some(action) = action.take() else { return id };
            let sent = state.route.watch(port.name(), id, action, &self.limits);
            drop(state);
            self.follow(&peer, &sent);
            return id;
        }
    }

    fn watch_local(self: &Arc<Self>, port: &PortId, id: WatchId, action: Action) {
        if port.is_node_port() {
            // The node's own end is the end of all that could be told.
            return;
        }
        let refused = match self.find(port.name()) {
            Some(cell) => cell.watch(PortWatcher::Local(id, action)).err(),
            None => Some(PortWatcher::Local(id, action)),
        };
        if let Some(PortWatcher::Local(_, action)) = refused {
            self.fire(vec![action], &self.no_such_port(port));
        }
    }

    /// Ends a monitor. What it held is dropped outside of all locks.
    pub(crate) fn unwatch(self: &Arc<Self>, port: &PortId, id: WatchId) {
        if port.node_str() == self.id.as_str() {
            let watcher = self.find(port.name()).and_then(|cell| cell.unwatch(id));
            drop(watcher);
            return;
        }
        let Some(peer) = self.known_peer(port.node_str()) else {
            return;
        };
        let (action, sent) = peer.lock().route.unwatch(port.name(), id, &self.limits);
        if sent != Sent::Gone {
            self.follow(&peer, &sent);
        }
        drop(action);
    }
}
