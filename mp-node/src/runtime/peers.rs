//! The peers of a node, by their names.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mp_proto::{NodeId, PortId};

use super::peer::Peer;

/// The records of peers, in the order of the names that lead to them. One that a message goes to is mostly the one that the message
/// before went to: it is found by one comparison.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    sorted: Vec<(NodeId, Arc<Peer>)>,
    /// Where the one stands that was found last, or another one.
    recent: AtomicUsize,
}

impl Peers {
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The peer of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Peer>> {
        self.sorted.get(self.place(name).ok()?).map(|(_, peer)| peer)
    }

    /// The peer that holds the port.
    #[inline]
    pub(crate) fn holder(&self, port: &PortId) -> Option<&Arc<Peer>> {
        match self.sorted.get(self.recent.load(Ordering::Relaxed)) {
            Some((name, peer)) if port.is_at(name) => Some(peer),
            _ => self.other_holder(port),
        }
    }

    #[inline(never)]
    fn other_holder(&self, port: &PortId) -> Option<&Arc<Peer>> {
        let place = self.place(port.node_str()).ok()?;
        self.recent.store(place, Ordering::Relaxed);
        self.sorted.get(place).map(|(_, peer)| peer)
    }

    /// Has the name lead to that peer.
    pub(crate) fn insert(&mut self, name: NodeId, peer: Arc<Peer>) {
        match self.place(name.as_str()) {
            Ok(place) => self.sorted[place].1 = peer,
            Err(place) => self.sorted.insert(place, (name, peer)),
        }
    }

    /// The name leads nowhere any more.
    pub(crate) fn remove(&mut self, name: &NodeId) {
        if let Ok(place) = self.place(name.as_str()) {
            drop(self.sorted.remove(place));
        }
    }

    /// All names, in their order, and where they lead.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(NodeId, Arc<Peer>)> {
        self.sorted.iter()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.sorted.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use mp_proto::Limits;

    use super::*;

    #[test]
    fn a_peer_is_found_wherever_it_stands() {
        let mut peers = Peers::default();
        let names: Vec<NodeId> =
            ["d", "b", "longer-name", "a", "c"].iter().map(|name| name.parse().unwrap()).collect();
        for name in &names {
            peers.insert(name.clone(), Arc::new(Peer::new(name.clone(), &Limits::default())));
        }
        let found = |peers: &Peers, name: &str| {
            let port = PortId::new(&name.parse().unwrap(), "port").unwrap();
            let holder = peers.holder(&port).map(|peer| peer.id.clone());
            assert_eq!(holder, peers.get(name).map(|peer| peer.id.clone()));
            holder
        };
        for _ in 0..2 {
            for name in &names {
                assert_eq!(found(&peers, name.as_str()).as_ref(), Some(name));
                assert_eq!(found(&peers, "e"), None);
            }
        }
        // The one that was found last goes, and others move up.
        for name in &names {
            assert_eq!(found(&peers, name.as_str()).as_ref(), Some(name));
            peers.remove(name);
            assert_eq!(found(&peers, name.as_str()), None);
        }
        assert_eq!(peers.len(), 0);
    }
}
