//! How a node ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mp_proto::Reason;
use mp_transport::clock;

use super::Inner;
use crate::runtime::peer::{Peer, PeerState};
use crate::sync::after;

/// Whether there is a connection to be closed, or something that waits for one.
fn is_busy(state: &PeerState) -> bool {
    state.route.is_up() || state.route.has_queue()
}

impl Inner {
    pub(crate) async fn shutdown(self: &Arc<Self>) {
        self.kill_ports();
        self.closed.store(true, Ordering::Release);
        // Those that came while the others were killed; from now on none comes.
        self.kill_ports();
        self.draining.cancel();
        let peers = || -> Vec<Arc<Peer>> { self.peers.read().values().cloned().collect() };
        for peer in peers() {
            peer.kick();
        }
        let deadline = after(clock::now(), self.limits.drain_time);
        // What waits under an address goes to a node that may have been unknown before.
        while let Some(peer) = peers().into_iter().find(|peer| is_busy(&peer.lock())) {
            tokio::select! {
                biased;
                () = peer.wait_for(|state| (!is_busy(state)).then_some(())) => {}
                () = clock::sleep_until(deadline) => {
                    tracing::warn!(peer = %peer.id, "not everything could be written before the end");
                    break;
                }
            }
        }
        self.stopped.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn kill_ports(self: &Arc<Self>) {
        let ports: Vec<_> = self.ports.read().iter().cloned().collect();
        for cell in ports {
            self.kill_local(&cell, &Reason::normal());
        }
    }
}
