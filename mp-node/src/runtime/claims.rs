//! Handshakes with authenticated peers that wait to be decided, by the peer's name.
//!
//! Once a connection with a peer is taken up, the other handshakes with it are of no use any more, and what would still
//! come over them, such as a `go` that was sent before, is of the past: they are void `[ND-04]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use mp_proto::NodeId;
use tokio_util::sync::CancellationToken;

use crate::sync::Lock;

type Table = BTreeMap<NodeId, BTreeMap<u64, CancellationToken>>;

/// The handshakes of a node.
#[derive(Debug, Default)]
pub(crate) struct Claims(Arc<Lock<Table>>);

/// A handshake's claim to become the connection with its peer. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Claim {
    table: Arc<Lock<Table>>,
    node: NodeId,
    number: u64,
    void: CancellationToken,
}

impl Claims {
    pub(crate) fn claim(&self, node: NodeId) -> Claim {
        let void = CancellationToken::new();
        let mut table = self.0.lock();
        let claims = table.entry(node.clone()).or_default();
        let number = claims.last_key_value().map_or(0, |(last, _)| last + 1);
        claims.insert(number, void.clone());
        drop(table);
        Claim { table: Arc::clone(&self.0), node, number, void }
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

    /// This one becomes the connection: all others are void.
    pub(crate) fn win(&self) {
        for (number, void) in self.table.lock().get(&self.node).into_iter().flatten() {
            if *number != self.number {
                void.cancel();
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        if let Some(claims) = table.get_mut(&self.node) {
            claims.remove(&self.number);
            if claims.is_empty() {
                table.remove(&self.node);
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
        let [one, two, three] = [(); 3].map(|()| claims.claim(node.clone()));
        let other = claims.claim(NodeId::new("other").expect("valid"));
        two.win();
        one.voided().await;
        three.voided().await;
        assert!(!two.is_void() && !other.is_void());
        drop(three);
        let late = claims.claim(node);
        assert!(!late.is_void(), "one that comes later has to look at the connection that is there");
        drop((one, two, late, other));
        assert!(claims.0.lock().is_empty(), "nothing is left behind");
    }
}
