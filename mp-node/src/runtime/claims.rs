//! Handshakes under way, and those with authenticated peers that wait to be decided, by the peer's name.
//!
//! Once a connection with a peer is taken up, the other handshakes with it are of no use any more, and what would still
//! come over them, such as a `go` that was sent before, is of the past: they are void `[ND-04]`. So are those of which we
//! did not know yet that they were with that peer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mp_proto::NodeId;
use tokio_util::sync::CancellationToken;

use crate::sync::Lock;

#[derive(Debug, Default)]
struct Table {
    claims: BTreeMap<NodeId, BTreeMap<u64, CancellationToken>>,
    /// Handshakes under way, in the order in which they began.
    begun: BTreeSet<u64>,
    /// With which peers a connection was taken up since the oldest of them began, and what would have been the number of a
    /// handshake that began then.
    won: BTreeMap<NodeId, u64>,
    next: u64,
}

/// The handshakes of a node.
#[derive(Debug, Default)]
pub(crate) struct Claims(Arc<Lock<Table>>);

/// A handshake, from its first byte on. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Begun {
    table: Arc<Lock<Table>>,
    number: u64,
}

/// A handshake's claim to become the connection with its peer. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Claim {
    table: Arc<Lock<Table>>,
    node: NodeId,
    number: u64,
    void: CancellationToken,
}

impl Claims {
    pub(crate) fn begin(&self) -> Begun {
        let mut table = self.0.lock();
        let number = table.next;
        table.next += 1;
        table.begun.insert(number);
        drop(table);
        Begun { table: Arc::clone(&self.0), number }
    }
}

impl Begun {
    /// The peer has proven who it is.
    pub(crate) fn claim(&self, node: NodeId) -> Claim {
        let void = CancellationToken::new();
        self.table.lock().claims.entry(node.clone()).or_default().insert(self.number, void.clone());
        Claim { table: Arc::clone(&self.table), node, number: self.number, void }
    }
}

impl Begun {
    /// Whether a connection with a node of this name has been taken up since this handshake began.
    pub(crate) fn is_past(&self, node: &NodeId) -> bool {
        self.table.lock().won.get(node).is_some_and(|won| *won > self.number)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        let was_oldest = table.begun.first() == Some(&self.number);
        table.begun.remove(&self.number);
        if was_oldest {
            let oldest = table.begun.first().copied().unwrap_or(u64::MAX);
            table.won.retain(|_, won| *won > oldest);
        }
    }
}

impl Claim {
    /// The peer.
    pub(crate) fn node(&self) -> &NodeId {
        &self.node
    }

    /// Waits until another handshake has become the connection.
    pub(crate) async fn voided(&self) {
        self.void.cancelled().await;
    }

    pub(crate) fn is_void(&self) -> bool {
        self.void.is_cancelled()
    }

    /// Whether a connection with the peer has been taken up since this handshake began: what the peer said over it may be
    /// older than what came over that one, even if that one is no more.
    pub(crate) fn is_past(&self) -> bool {
        self.table.lock().won.get(&self.node).is_some_and(|won| *won > self.number)
    }

    /// This one becomes the connection: all others are void.
    pub(crate) fn win(&self) {
        let mut table = self.table.lock();
        let now = table.next;
        table.won.insert(self.node.clone(), now);
        for (number, void) in table.claims.get(&self.node).into_iter().flatten() {
            if *number != self.number {
                void.cancel();
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        if let Some(claims) = table.claims.get_mut(&self.node) {
            claims.remove(&self.number);
            if claims.is_empty() {
                table.claims.remove(&self.node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [ND-04]
    #[tokio::test]
    async fn the_one_that_wins_makes_the_others_void() {
        let (claims, node) = (Claims::default(), NodeId::new("peer").expect("valid"));
        let mut begun: Vec<Begun> = (0..5).map(|_| claims.begin()).collect();
        let [one, two, three] = [0, 1, 2].map(|index: usize| begun[index].claim(node.clone()));
        let other = begun[3].claim(NodeId::new("other").expect("valid"));
        two.win();
        one.voided().await;
        three.voided().await;
        assert!(!two.is_void() && !other.is_void() && !other.is_past());
        drop(three);
        let late = begun[4].claim(node.clone());
        assert!(late.is_past() && !late.is_void(), "it began before, and nobody knew whose it was");
        let young = claims.begin();
        let fresh = young.claim(node.clone());
        assert!(!fresh.is_past(), "one that begins later has to look at the connection that is there");
        drop(begun.remove(0));
        assert!(late.is_past(), "as long as it lasts");
        drop((one, two, late, other, fresh, begun));
        let table = claims.0.lock();
        assert!(table.claims.is_empty() && table.begun.len() == 1 && table.won.is_empty(), "{table:?}");
    }
}
