//! The record of one peer, and the two moments at which its connection comes and goes.

use std::sync::{Arc, MutexGuard};

use mp_proto::{EncodeError, NodeId, PortId, Reason, Session};
use mp_transport::Kick;
use serde::Serialize;
use tokio::sync::Notify;

use crate::events::NodeEvent;
use crate::kernel::outbox::Lane;
use crate::kernel::route::{Route, Sent};
use crate::node::Inner;
use crate::sync::Lock;
use crate::watch::Action;

/// A peer: its route, and the handles by which tasks wake one another.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: NodeId,
    state: Lock<PeerState>,
    /// Held while a connection comes or goes, monitors fired included, so that these never overlap.
    transition: Lock<()>,
    /// Woken when there is room again, and when the connection comes or goes.
    pub(crate) room: Notify,
}

#[derive(Debug)]
pub(crate) struct PeerState {
    pub(crate) route: Route<Action>,
    /// Wakes the task of the connection.
    kick: Option<Kick>,
    /// Connections whose relayed messages wait for room here.
    waiting: Vec<Kick>,
    /// Why the connection is to be given up.
    pub(crate) doom: Option<String>,
}

/// A connection that was taken up.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) peer: Arc<Peer>,
    pub(crate) epoch: u64,
}

impl Peer {
    pub(crate) fn new(id: NodeId) -> Self {
        let state = PeerState { route: Route::new(), kick: None, waiting: Vec::new(), doom: None };
        Self { id, state: Lock::new(state), transition: Lock::new(()), room: Notify::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, PeerState> {
        self.state.lock()
    }

    /// Gives up the connection or attempt, in the task that serves it.
    pub(crate) fn doom(&self, why: &str) {
        let mut state = self.lock();
        if state.doom.is_none() {
            state.doom = Some(why.to_owned());
        }
        if let Some(kick) = &state.kick {
            kick.wake();
        }
        drop(state);
        self.room.notify_waiters();
    }

    /// Has `kick` woken when there is room for data again. `false` if there is room now.
    pub(crate) fn wake_when_room(&self, kick: &Kick, bound: usize) -> bool {
        let mut state = self.lock();
        let full = state.route.waiting() >= bound;
        if full && !state.waiting.iter().any(|known| known.same(kick)) {
            state.waiting.push(kick.clone());
        }
        full
    }

    /// Wakes all that wait for room.
    pub(crate) fn room_made(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for kick in waiting {
            kick.wake();
        }
        self.room.notify_waiters();
    }

    /// Wakes the connection's task, if there is one.
    pub(crate) fn kick(&self) {
        if let Some(kick) = &self.lock().kick {
            kick.wake();
        }
    }
}

impl Inner {
    /// Offers a message to a peer and does what follows from it: waking, connecting, giving up.
    pub(crate) fn offer_peer<M: Serialize + ?Sized>(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane,
    ) -> Result<Sent, EncodeError> {
        let mut state = peer.lock();
        let sent = state.route.send(port, message, reply, lane, &self.limits)?;
        if sent == Sent::Wake
            && let Some(kick) = &state.kick
        {
            kick.wake();
        }
        drop(state);
        self.follow(peer, &sent);
        Ok(sent)
    }

    /// Does what a route asks for, except waking, which wants the lock that the caller holds.
    pub(crate) fn follow(self: &Arc<Self>, peer: &Arc<Peer>, sent: &Sent) {
        match sent {
            Sent::Connect(epoch) => self.begin_dial(peer, *epoch),
            Sent::Flooded => peer.doom("the peer does not read its control messages"),
            Sent::Wake => peer.kick(),
            Sent::Queued | Sent::Full | Sent::Gone => {}
        }
    }

    /// Takes up an authenticated connection `[CN-05]`. A connection that is there already gives way: the caller has
    /// made sure that it is over, be it because the peer was restarted or because the peer has given it up.
    pub(crate) fn establish(self: &Arc<Self>, session: &Session, kick: &Kick) -> Option<Adopted> {
        loop {
            let peer = self.peer(&session.peer).ok()?;
            let transition = peer.transition.lock();
            let old = peer.lock().route.current_epoch();
            if let Some(old) = old {
                self.lose_settled(&peer, old, "replaced by a new connection");
            }
            let mut state = peer.lock();
            if state.route.is_gone() {
                continue;
            }
            match state.route.established(session.clone(), &self.limits) {
                Ok(Some(epoch)) => {
                    state.kick = Some(kick.clone());
                    state.doom = None;
                    drop(state);
                    self.announce_up(&peer, session);
                    drop(transition);
                    peer.room_made();
                    return Some(Adopted { peer, epoch });
                }
                Ok(None) => return None,
                Err(error) => {
                    drop(state);
                    tracing::warn!(peer = %peer.id, %error, "what waited for the peer cannot be written for it");
                    let epoch = peer.lock().route.epoch();
                    self.lose_settled(&peer, epoch, &error.to_string());
                    return None;
                }
            }
        }
    }

    fn announce_up(&self, peer: &Peer, session: &Session) {
        tracing::info!(peer = %peer.id, framing = %session.send, "connected");
        for service in self.services() {
            (service.up)(&peer.id);
        }
        self.publish(NodeEvent::Up(peer.id.clone()));
    }

    /// The connection or attempt `epoch` is over: what waited is lost, and all monitors fire before anything new can be
    /// sent to the peer (law 4).
    pub(crate) fn lose(self: &Arc<Self>, peer: &Arc<Peer>, epoch: u64, text: &str) {
        let transition = peer.transition.lock();
        self.lose_settled(peer, epoch, text);
        drop(transition);
        peer.room_made();
    }

    /// The same, for one who holds the transition lock.
    fn lose_settled(self: &Arc<Self>, peer: &Arc<Peer>, epoch: u64, text: &str) {
        let mut state = peer.lock();
        let Some(loss) = state.route.lost(epoch) else {
            return;
        };
        state.kick = None;
        state.doom = None;
        drop(state);
        if loss.was_up {
            tracing::info!(peer = %peer.id, reason = text, messages = loss.messages, "connection lost");
        } else {
            tracing::debug!(peer = %peer.id, reason = text, messages = loss.messages, "could not connect");
        }
        let reason = Reason::transport_error(&peer.id, text);
        self.fire(loss.watchers, &reason);
        for name in loss.watched {
            if let Some(cell) = self.find(&name) {
                cell.unwatch_peer(peer.id.as_str(), true);
            }
        }
        if loss.was_up {
            for service in self.services() {
                (service.down)(&peer.id, &reason);
            }
            self.publish(NodeEvent::Down(peer.id.clone(), reason));
        }
        self.settle(peer);
    }

    /// New messages may go again: connects if any have come, forgets the peer if nobody needs it.
    fn settle(self: &Arc<Self>, peer: &Arc<Peer>) {
        let again = peer.lock().route.settled();
        match again {
            Some(epoch) => self.begin_dial(peer, epoch),
            None => self.retire(peer),
        }
    }
}
