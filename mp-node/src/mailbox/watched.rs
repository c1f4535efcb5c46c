//! Who is to be told of a port's death, and by which names it is known.

use mp_proto::NodeId;

use super::PortCell;
use crate::watch::{Action, WatchId};

impl PortCell {
    /// Adds a watcher of this node; gives it back if the port is dead.
    pub(crate) fn watch(&self, id: WatchId, action: Action) -> Result<(), Action> {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            return Err(action);
        }
        inbox.rare().watchers.insert(id, action);
        Ok(())
    }

    /// Takes a watcher of this node away.
    pub(crate) fn unwatch(&self, id: WatchId) -> Option<Action> {
        self.inbox.lock().rare.as_mut()?.watchers.remove(id)
    }

    /// A peer asks once more to be told. `false` if the port is dead.
    pub(crate) fn watch_for(&self, peer: &NodeId) -> bool {
        let mut inbox = self.inbox.lock();
        let alive = !self.is_over();
        if alive {
            inbox.rare().watchers.add_peer(peer);
        }
        alive
    }

    /// A peer takes one of its requests back. `false` if it has made none.
    pub(crate) fn unwatch_for(&self, peer: &NodeId) -> bool {
        self.inbox.lock().rare.as_mut().is_some_and(|rare| rare.watchers.remove_peer(peer))
    }

    /// Nobody is left at the peer to be told.
    pub(crate) fn forget(&self, peer: &NodeId) {
        if let Some(rare) = &mut self.inbox.lock().rare {
            rare.watchers.forget(peer);
        }
    }

    /// Notes a name of the port, which its death must withdraw. `false` if it is dead.
    pub(crate) fn add_name(&self, name: &str) -> bool {
        let mut inbox = self.inbox.lock();
        let alive = !self.is_over();
        if alive {
            inbox.rare().names.push(name.to_owned());
        }
        alive
    }
}
