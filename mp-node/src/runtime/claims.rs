//! Handshakes under way with authenticated peers, by the peer's name: which of them may go on.
//!
//! A peer of another kind switches to a connection as soon as it has our proof, so only the first of several handshakes
//! with it may send it `[ND-05]`. And once a connection with a peer is taken up, the other handshakes with it are of no
//! use any more: what would still come over them, such as a `go` that was sent before, is of the past `[ND-04]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use mp_proto::NodeId;
use tokio::sync::Notify;

use crate::sync::Lock;

/// The handshakes of a node.
#[derive(Debug, Default)]
pub(crate) struct Claims(Arc<Lock<BTreeMap<NodeId, Vec<Arc<Notify>>>>>);

/// A handshake's place in the queue for its peer. Dropping it lets the next one go on.
#[derive(Debug)]
pub(crate) struct Claim {
    table: Arc<Lock<BTreeMap<NodeId, Vec<Arc<Notify>>>>>,
    node: NodeId,
    /// Told when the standing has changed; also names the claim.
    told: Arc<Notify>,
}

/// What a claim is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may go on.
    First,
    /// Another one goes first.
    Behind,
    /// Another one has become the connection.
    Void,
}

impl Claims {
    pub(crate) fn claim(&self, node: NodeId) -> Claim {
        let told = Arc::new(Notify::new());
        self.0.lock().entry(node.clone()).or_default().push(Arc::clone(&told));
        Claim { table: Arc::clone(&self.0), node, told }
    }
}

impl Claim {
    /// The peer.
    pub(crate) fn node(&self) -> &NodeId {
        &self.node
    }

    pub(crate) fn standing(&self) -> Standing {
        let table = self.table.lock();
        match table.get(&self.node).and_then(|queue| queue.iter().position(|told| self.is(told))) {
            Some(0) => Standing::First,
            Some(_) => Standing::Behind,
            None => Standing::Void,
        }
    }

    /// Waits until the standing may have changed. A change since the last wait counts.
    pub(crate) async fn changed(&self) {
        self.told.notified().await;
    }

    /// Makes all others void, as this one becomes the connection. `false` if this one is void itself.
    pub(crate) fn win(&self) -> bool {
        let mut table = self.table.lock();
        let Some(queue) = table.get_mut(&self.node).filter(|queue| queue.iter().any(|told| self.is(told)))
        else {
            return false;
        };
        for told in queue.drain(..).filter(|told| !self.is(told)) {
            told.notify_one();
        }
        queue.push(Arc::clone(&self.told));
        true
    }

    fn is(&self, told: &Arc<Notify>) -> bool {
        Arc::ptr_eq(told, &self.told)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        if let Some(queue) = table.get_mut(&self.node) {
            queue.retain(|told| !self.is(told));
            match queue.first() {
                Some(next) => next.notify_one(),
                None => drop(table.remove(&self.node)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> (Claims, [Claim; 3]) {
        let (claims, node) = (Claims::default(), NodeId::new("perl").expect("valid"));
        let three = [(); 3].map(|()| claims.claim(node.clone()));
        (claims, three)
    }

    /// [ND-05]
    #[tokio::test]
    async fn one_goes_after_the_other() {
        let (claims, [one, two, three]) = claims();
        assert_eq!(
            [&one, &two, &three].map(Claim::standing),
            [Standing::First, Standing::Behind, Standing::Behind]
        );
        drop(two);
        assert_eq!(three.standing(), Standing::Behind);
        drop(one);
        three.changed().await;
        assert_eq!(three.standing(), Standing::First);
        drop(three);
        assert!(claims.0.lock().is_empty(), "nothing is left behind");
    }

    /// [ND-04]
    #[tokio::test]
    async fn the_one_that_wins_makes_the_others_void() {
        let (claims, [one, two, three]) = claims();
        assert!(two.win());
        one.changed().await;
        three.changed().await;
        assert_eq!(
            [&one, &two, &three].map(Claim::standing),
            [Standing::Void, Standing::First, Standing::Void]
        );
        assert!(!one.win() && !three.win());
        drop((one, two, three));
        assert!(claims.0.lock().is_empty(), "nothing is left behind");
    }
}
