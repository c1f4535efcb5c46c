//! How a node ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use mp_proto::Reason;
use mp_transport::clock;

use super::Inner;
use crate::runtime::peer::{Peer, PeerState};
use crate::sync::after;

/// Whether there is a connection to be closed, or something that waits for one.
fn is_busy(state: &PeerState) -> bool {
    state.route.is_up() || state.route.has_queue()
}

#[cfg(feature = "testing")]
impl crate::Node {
    /// Ends the node where it stands, as the end of its process does.
    pub(crate) fn halt(&self) {
        self.inner.halt();
    }
}

impl Inner {
    /// Stops all tasks where they stand. Nobody is told.
    pub(super) fn halt(&self) {
        self.closed.store(true, Ordering::Release);
        self.stopped.cancel();
        // Those of ports are woken by their ports. No port comes any more.
        let ports: Vec<_> = self.ports.read().iter().cloned().collect();
        for cell in ports {
            drop(cell.halt());
        }
    }

    pub(crate) async fn shutdown(self: &Arc<Self>) {
        self.kill_ports();
        self.closed.store(true, Ordering::Release);
        // Those that came while the others were killed; from now on none comes.
        self.kill_ports();
        let begun = clock::now();
        // First to those that are just being connected to: the connections that stand may be needed to find them.
        let half = after(begun, self.limits.drain_time / 2);
        drop(self.until_none(half, |state| state.route.has_queue()).await);
        self.draining.cancel();
        for peer in self.all_peers() {
            peer.kick();
        }
        if let Err(peer) = self.until_none(after(begun, self.limits.drain_time), is_busy).await {
            tracing::warn!(peer = %peer.id, "not everything could be written before the end");
        }
        self.stopped.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Waits until no peer is in a state; gives one that still is when the time is over.
    async fn until_none(&self, deadline: Instant, is_so: fn(&PeerState) -> bool) -> Result<(), Arc<Peer>> {
        // What waits under an address goes to a node that may have been unknown before, so all are looked at each time.
        while let Some(peer) = self.all_peers().into_iter().find(|peer| is_so(&peer.lock())) {
            tokio::select! {
                biased;
                () = peer.wait_for(|state| (!is_so(state)).then_some(())) => {}
                () = clock::sleep_until(deadline) => return Err(peer),
            }
        }
        Ok(())
    }

    fn kill_ports(self: &Arc<Self>) {
        let ports: Vec<_> = self.ports.read().iter().cloned().collect();
        for cell in ports {
            self.kill_local(&cell, &Reason::normal());
        }
    }
}
