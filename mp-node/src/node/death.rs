//! Killing and monitoring: how a death is told to all who asked.

use std::collections::VecDeque;
use std::sync::Arc;

use mp_proto::{EncodeError, NodeId, NodeRequest, PortId, Reason};
use mp_transport::clock;

use super::Inner;
use crate::address::Address;
use crate::complaints::shown;
use crate::error::SendError;
use crate::kernel::outbox::Lane;
use crate::mailbox::PortCell;
use crate::watch::{Action, WatchId};
use crate::writing;

impl Inner {
    /// Kills a port here, and tells all who watch it.
    pub(crate) fn kill_local(self: &Arc<Self>, cell: &Arc<PortCell>, reason: &Reason) {
        let mut work = VecDeque::new();
        self.bury(cell, reason, &mut work);
        self.work_off(work);
    }

    /// Kills a port anywhere.
    pub(crate) fn kill(self: &Arc<Self>, port: &PortId, reason: &Reason) {
        if port.is_node_port() {
            tracing::warn!(%port, "a node port cannot be killed");
        } else if port.node_str() == self.id.as_str() {
            if let Some(cell) = self.find(port.name()) {
                self.kill_local(&cell, reason);
            }
        } else if writing::is_under_way() {
            let (node, port, reason) = (Arc::clone(self), port.clone(), reason.clone());
            writing::postpone(move || node.kill(&port, &reason));
        } else {
            pass_on(reason, |reason| {
                let request = NodeRequest::Kill { port: port.name().into(), reason }.into_message();
                match self.offer(port.node().port().as_ref(), &request, None, Lane::About(port.name())) {
                    Err(SendError::Encode(error)) => Err(error),
                    Err(error) => {
                        tracing::debug!(%port, %error, "a kill was not sent");
                        Ok(())
                    }
                    Ok(_) => Ok(()),
                }
            });
        }
    }

    /// Tells a peer that a port of ours has died, or never was.
    pub(crate) fn tell_death(self: &Arc<Self>, peer: &NodeId, port: &str, reason: &Reason) {
        pass_on(reason, |reason| {
            let request = NodeRequest::Died { port: port.into(), reason };
            self.request_in(peer, &request.into_message(), Lane::Death).map(drop)
        });
    }

    /// The port's mailbox was full for too long `[MON-09]`.
    pub(crate) fn overflow(self: &Arc<Self>, cell: &Arc<PortCell>) {
        self.stats.overflow();
        tracing::warn!(port = %cell.id(), "killed: its mailbox stayed full");
        self.kill_local(cell, &Reason::mailbox_overflow(cell.id()));
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
                Action::Kill(victim) => self.kill(&victim, &reason),
                Action::Leave(slot, port) => slot.leave(&port),
                // Never refused for want of room.
                Action::Send(to, message) => pass_on(&reason, |reason| {
                    let message = message.clone().with(reason.into_values());
                    match self.offer(&to, &message, None, Lane::Control) {
                        Err(SendError::Encode(error)) => Err(error),
                        _ => Ok(()),
                    }
                }),
            }
        }
    }

    /// Takes the port out of the world and puts what its monitors want onto `work`.
    fn bury(self: &Arc<Self>, cell: &Arc<PortCell>, reason: &Reason, work: &mut VecDeque<(Action, Reason)>) {
        let Some(mut remains) = cell.die(reason) else {
            return;
        };
        let removed = self.ports.write().remove(cell.key);
        drop(removed);
        if !reason.is_normal() && remains.watchers.is_empty() {
            self.note_death(cell.id(), reason);
        }
        for name in std::mem::take(&mut remains.names) {
            let mut names = self.names.lock();
            if names.get(&name) == Some(cell.id()) {
                names.remove(&name);
            }
        }
        for action in remains.watchers.take_here() {
            match action {
                // That needs no place in the row, unless others are before it.
                Action::Future(fired) if work.is_empty() => fired.fire(reason.clone()),
                action => work.push_back((action, reason.clone())),
            }
        }
        for (node, times) in remains.watchers.take_peers() {
            self.answer_monitors(&node, cell, times, reason);
        }
        drop(remains);
    }

    /// Tells a peer of a port's death as often as it has asked for that.
    fn answer_monitors(self: &Arc<Self>, peer: &NodeId, cell: &Arc<PortCell>, times: usize, reason: &Reason) {
        if writing::is_under_way() {
            let (node, peer, cell) = (Arc::clone(self), peer.clone(), Arc::clone(cell));
            let reason = reason.clone();
            return writing::postpone(move || node.answer_monitors(&peer, &cell, times, &reason));
        }
        if let Some(peer) = self.known_peer(peer.as_str()) {
            peer.lock().route.peer_unwatches(cell.id().name(), times);
        }
        for _ in 0..times {
            self.tell_death(peer, cell.id().name(), reason);
        }
    }

    /// The log is told of a death that nobody else hears of `[ND-21]`.
    fn note_death(&self, port: &PortId, reason: &Reason) {
        let word = shown(&reason.word());
        if self.complaints.lock().first(format!("died {word}"), clock::now()) {
            tracing::warn!(%port, reason = shown(&reason.to_string()), "a port that nobody monitors has died");
        }
    }

    /// Begins to monitor a port anywhere.
    pub(crate) fn watch(self: &Arc<Self>, port: &PortId, action: Action) -> WatchId {
        let id = self.next_id();
        if port.node_str() == self.id.as_str() {
            self.watch_local(port, id, action);
        } else if writing::is_under_way() {
            let (node, port) = (Arc::clone(self), port.clone());
            writing::postpone(move || node.watch_there(&port, id, action));
        } else {
            self.watch_there(port, id, action);
        }
        id
    }

    fn watch_there(self: &Arc<Self>, port: &PortId, id: WatchId, action: Action) {
        let refused = |action, why: &str| {
            self.fire(vec![action], &Reason::transport_error(&port.node(), why));
        };
        if self.is_closed() {
            return refused(action, "the node was shut down");
        }
        loop {
            let Ok(peer) = self.peer(&port.node()) else {
                return refused(action, "too many peers");
            };
            let mut state = peer.lock();
            if !state.route.is_gone() {
                let sent = state.route.watch(port.name(), id, action, &self.limits);
                self.follow(&peer, state, &sent);
                return;
            }
        }
    }

    /// Begins to monitor a port that may be known as one of this process, which nobody need look for.
    pub(crate) fn watch_at(self: &Arc<Self>, port: &Address, action: Action) -> WatchId {
        let Some(cell) = port.at(&self.home) else { return self.watch(port.id(), action) };
        let id = self.next_id();
        if let Err(action) = cell.watch(id, action) {
            self.fire(vec![action], &self.no_such_port(cell.id()));
        }
        id
    }

    fn watch_local(self: &Arc<Self>, port: &PortId, id: WatchId, action: Action) {
        if port.is_node_port() {
            // The node's own end is the end of all that could be told.
            return;
        }
        let refused = match self.find(port.name()) {
            Some(cell) => cell.watch(id, action).err(),
            None => Some(action),
        };
        if let Some(action) = refused {
            self.fire(vec![action], &self.no_such_port(port));
        }
    }

    /// Ends a monitor. What it held is dropped outside of all locks.
    pub(crate) fn unwatch(self: &Arc<Self>, port: &Address, id: WatchId) {
        if let Some(cell) = port.at(&self.home) {
            let action = cell.unwatch(id);
            return drop(action);
        }
        let port = port.id();
        if port.node_str() == self.id.as_str() {
            let action = self.find(port.name()).and_then(|cell| cell.unwatch(id));
            drop(action);
        } else if writing::is_under_way() {
            let (node, port) = (Arc::clone(self), port.clone());
            writing::postpone(move || node.unwatch_there(&port, id));
        } else {
            self.unwatch_there(port, id);
        }
    }

    fn unwatch_there(self: &Arc<Self>, port: &PortId, id: WatchId) {
        let Some(peer) = self.known_peer(port.node_str()) else {
            return;
        };
        let mut state = peer.lock();
        let (action, sent) = state.route.unwatch(port.name(), id, &self.limits);
        self.follow(&peer, state, &sent);
        drop(action);
    }
}

/// Sends something with a reason in it. A reason comes from anywhere: it may be too long, or have a value that the
/// connection's framing cannot write. The death is told all the same `[MON-10]`.
fn pass_on(reason: &Reason, send: impl Fn(Reason) -> Result<(), EncodeError>) {
    let Err(error) = send(reason.clone()) else { return };
    let substitute =
        Reason::new(&shown(&reason.word()), format!("the rest of the reason cannot be sent: {error}"));
    if let Err(error) = send(substitute) {
        tracing::warn!(%error, "a death was not told");
    }
}
