//! How a node ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mp_proto::Reason;
use mp_transport::clock;

use super::Inner;
use crate::runtime::peer::Peer;

/// Whether there is a connection to be closed, or something that waits for one.
fn is_busy(peer: &Peer) -> bool {
    let state = peer.lock();
    state.route.is_up() || state.route.has_queue()
}

impl Inner {
    pub(crate) async fn shutdown(self: &Arc<Self>) {
        let ports: Vec<_> = self.ports.read().iter().cloned().collect();
        for cell in ports {
            self.kill_local(&cell, &Reason::normal());
        }
        self.closed.store(true, Ordering::Release);
        self.draining.cancel();
        let peers: Vec<_> = self.peers.read().values().cloned().collect();
        for peer in &peers {
            peer.kick();
        }
        let deadline = clock::now() + self.limits.drain_time;
        while let Some(peer) = peers.iter().find(|peer| is_busy(peer)) {
            let mut changed = std::pin::pin!(peer.room.notified());
            changed.as_mut().enable();
            if !is_busy(peer) {
                continue;
            }
            tokio::select! {
                biased;
                () = changed => {}
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
}
