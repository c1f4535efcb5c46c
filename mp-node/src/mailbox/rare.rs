//! What most ports never have: watchers, names, messages that were passed over, senders who wait for room.

use std::collections::BTreeMap;
use std::task::Waker;

use mp_proto::{NodeId, Reason};
use mp_transport::Kick;

use super::line::Line;
use crate::watch::{Action, WatchId};

/// It stands apart from the mailbox and is made when it is needed, so that ports that have none of it are small.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Why the port died, unless that was a normal end.
    pub(super) reason: Option<Reason>,
    /// Messages that the receiver has passed over: they are in its hands, but still take up room.
    pub(super) held: usize,
    pub(super) held_bytes: usize,
    /// Who waits for room: tasks of this node, and connections.
    pub(super) line: Option<Box<Line>>,
    pub(super) connections: Vec<Waiting>,
    pub(super) watchers: Watchers,
    /// Under which names the port is known at the node.
    pub(super) names: Vec<String>,
    /// The task that runs the port's function, if the port has handlers besides.
    pub(super) runner: Option<Waker>,
}

/// A connection that waits for room. It is not woken for each message that is taken out, but when as much is gone as half
/// of what lay in the queue: so that it has something to do, and the port does not run dry meanwhile. What others have put in
/// since does not count, as they may be as fast as the receiver for ever.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) kick: Kick,
    /// What is still to be taken out; either will do.
    messages: usize,
    bytes: usize,
}

impl Rare {
    /// Remembers a connection; so many messages and bytes lie in the queue.
    pub(super) fn wait_for_room(&mut self, kick: &Kick, messages: usize, bytes: usize) {
        if !self.connections.iter().any(|known| known.kick.same(kick)) {
            self.connections.push(Waiting { kick: kick.clone(), messages: messages / 2, bytes: bytes / 2 });
        }
    }

    /// So many messages, and so many bytes, were taken out.
    pub(super) fn wake_senders(&mut self, messages: usize, bytes: usize) {
        if let Some(line) = &mut self.line {
            line.took(messages, bytes);
        }
        let half_gone = |waiting: &mut Waiting| {
            waiting.messages = waiting.messages.saturating_sub(messages);
            waiting.bytes = waiting.bytes.saturating_sub(bytes);
            waiting.messages == 0 || waiting.bytes == 0
        };
        for connection in self.connections.extract_if(.., half_gone) {
            connection.kick.wake();
        }
    }

    /// Nothing will ever lie in the queue again.
    pub(super) fn wake_all_senders(&mut self) {
        self.wake_senders(usize::MAX, usize::MAX);
    }
}

/// Who is to be told of the port's death.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// Most ports that are watched have one watcher: it needs no map.
    first: Option<(WatchId, Action)>,
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    /// The others of this node.
    here: BTreeMap<WatchId, Action>,
    /// Peers, and how often each has asked to be told.
    peers: BTreeMap<NodeId, usize>,
}

impl Watchers {
    pub(super) fn insert(&mut self, id: WatchId, action: Action) {
        if self.first.is_none() && self.more.as_ref().is_none_or(|more| more.here.is_empty()) {
            self.first = Some((id, action));
        } else {
            self.more.get_or_insert_default().here.insert(id, action);
        }
    }

    pub(super) fn remove(&mut self, id: WatchId) -> Option<Action> {
        match self.first.take_if(|(first, _)| *first == id) {
            Some((_, action)) => Some(action),
            None => self.more.as_mut()?.here.remove(&id),
        }
    }

    /// A peer asks once more to be told.
    pub(super) fn add_peer(&mut self, peer: &NodeId) {
        *self.more.get_or_insert_default().peers.entry(peer.clone()).or_default() += 1;
    }

    /// A peer takes one of its requests back. `false` if it has made none.
    pub(super) fn remove_peer(&mut self, peer: &NodeId) -> bool {
        let Some(more) = &mut self.more else { return false };
        let Some(times) = more.peers.get_mut(peer) else {
            return false;
        };
        *times -= 1;
        if *times == 0 {
            more.peers.remove(peer);
        }
        true
    }

    /// Nobody is left at the peer to be told.
    pub(super) fn forget(&mut self, peer: &NodeId) {
        if let Some(more) = &mut self.more {
            more.peers.remove(peer);
        }
    }

    /// How many there are: those of this node, and peers.
    pub(super) fn len(&self) -> usize {
        let more = self.more.as_ref().map_or(0, |more| more.here.len() + more.peers.len());
        usize::from(self.first.is_some()) + more
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out the monitors of this node, in the order in which they were made.
    pub(crate) fn take_here(&mut self) -> impl Iterator<Item = Action> + use<> {
        let further = self.more.as_mut().map(|more| std::mem::take(&mut more.here));
        let first = self.first.take().map(|(_, action)| action);
        first.into_iter().chain(further.into_iter().flat_map(BTreeMap::into_values))
    }

    /// Takes out the peers, and how often each has asked to be told.
    pub(crate) fn take_peers(&mut self) -> impl Iterator<Item = (NodeId, usize)> + use<> {
        self.more.as_mut().map(|more| std::mem::take(&mut more.peers)).into_iter().flatten()
    }
}
