//! Connecting: to a node by its name, because something is to be sent to it, or to an address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mp_proto::{NodeId, Side};
use mp_transport::{Addr, clock};

use crate::error::DialError;
use crate::kernel::outbox::Lane;
use crate::kernel::route::Sent;
use crate::node::Inner;
use crate::runtime::meet::{MeetError, Met, meet};
use crate::runtime::peer::Peer;

/// Between rounds of attempts at the same node.
const PAUSE: Duration = Duration::from_millis(200);
/// The least time that one address gets.
const LEAST: Duration = Duration::from_millis(100);

impl Inner {
    /// Connects to a peer for which something waits, in a task of its own.
    pub(crate) fn begin_dial(self: &Arc<Self>, peer: &Arc<Peer>, epoch: u64) {
        let (node, peer) = (Arc::clone(self), Arc::clone(peer));
        self.spawn_task(async move {
            let deadline = clock::now() + node.limits.connect_time;
            let known = AtomicBool::new(false);
            let attempt = node.attempt(&peer, epoch, deadline, &known);
            let ended = tokio::select! {
                biased;
                ended = attempt => ended,
                doom = node.unwanted(&peer, epoch) => doom,
                () = clock::sleep_until(deadline) => {
                    Some(if known.load(Ordering::Relaxed) { "connect timeout" } else { "no known address" }.to_owned())
                }
            };
            if let Some(why) = ended {
                node.lose(&peer, epoch, &why);
            }
        });
    }

    /// Waits until an attempt is no longer needed: a connection came in, or, with a reason, the attempt was doomed.
    async fn unwanted(&self, peer: &Peer, epoch: u64) -> Option<String> {
        loop {
            let mut changed = std::pin::pin!(peer.room.notified());
            changed.as_mut().enable();
            if !peer.lock().route.wants(epoch) {
                return None;
            }
            let doom = peer.lock().doom.take();
            if doom.is_some() {
                return doom;
            }
            changed.await;
        }
    }

    /// Dials the peer's addresses, again and again, until one of them answers as that peer. Ends early only with a
    /// reason that a retry cannot mend.
    async fn attempt(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        epoch: u64,
        deadline: Instant,
        known: &AtomicBool,
    ) -> Option<String> {
        loop {
            let addresses = self.addresses_of(&peer.id).await;
            known.store(!addresses.is_empty(), Ordering::Relaxed);
            for (index, addr) in addresses.iter().enumerate() {
                let left = deadline.saturating_duration_since(clock::now());
                let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
                match self.dial_once(addr, share.max(LEAST)).await {
                    Ok(met) => return self.arrived(peer, epoch, met),
                    Err(DialError::Duplicate { .. }) => {}
                    Err(error) if error.is_permanent() || error.is_self() => return Some(error.to_string()),
                    Err(error) => tracing::debug!(peer = %peer.id, %error, "an address did not answer"),
                }
            }
            clock::sleep_until(clock::now() + PAUSE).await;
        }
    }

    /// Somebody answered. If it is a node of another name, the name that was dialled is an address of its `[ID-03]`.
    fn arrived(self: &Arc<Self>, peer: &Arc<Peer>, epoch: u64, met: Met) -> Option<String> {
        let real = met.session.peer.clone();
        met.serve(self);
        if real == peer.id {
            return None;
        }
        if peer.id.addresses().is_empty() {
            return Some(format!("the node there calls itself {real}"));
        }
        if self.merge(peer, epoch, &real) {
            None
        } else {
            Some(format!("the connection to {real} was lost at once"))
        }
    }

    /// What waits under a node reference goes to the node that it turned out to be, and so does all that follows.
    ///
    /// `false` if that node is gone again: then nothing has been moved.
    fn merge(self: &Arc<Self>, alias: &Arc<Peer>, epoch: u64, real: &NodeId) -> bool {
        let Some(peer) = self.known_peer(real.as_str()) else { return false };
        let mut peers = self.peers.write();
        let mut state = alias.lock();
        let mut target = peer.lock();
        if !target.route.is_up() || !state.route.wants(epoch) {
            return false;
        }
        let Some((waiting, watchers)) = state.route.absorb() else { return false };
        drop(state);
        peers.insert(alias.id.clone(), Arc::clone(&peer));
        for (port, id, watcher) in watchers {
            target.route.adopt_watcher(port, id, watcher);
        }
        let mut whole = true;
        for frame in waiting {
            let (Ok(port), Ok(message)) = (frame.check(), frame.message()) else { continue };
            let sent = target.route.send(&port, &message, None, Lane::Control, &self.limits);
            whole &= matches!(sent, Ok(Sent::Queued | Sent::Wake));
        }
        drop(target);
        drop(peers);
        if whole {
            peer.kick();
        } else {
            peer.doom("what waited for the node cannot be written to it");
        }
        alias.room_made();
        true
    }

    /// The addresses under which a node may be found: those in its name, or what the resolver knows.
    async fn addresses_of(&self, node: &NodeId) -> Vec<Addr> {
        let named = node.addresses().into_iter().filter_map(|(host, port)| Addr::new(host, port).ok());
        let named: Vec<Addr> = named.collect();
        if !named.is_empty() {
            return named;
        }
        let resolving = self.resolver.read().as_ref().map(|resolver| resolver(node));
        match resolving {
            Some(resolving) => resolving.await,
            None => Vec::new(),
        }
    }

    /// Connects to whoever listens at an address.
    pub(crate) async fn dial(self: &Arc<Self>, addr: &Addr) -> Result<NodeId, DialError> {
        if self.is_closed() {
            return Err(DialError::ShutDown);
        }
        match self.dial_once(addr, self.limits.handshake_time).await {
            Ok(met) => {
                let peer = met.session.peer.clone();
                met.serve(self);
                Ok(peer)
            }
            Err(DialError::Duplicate { node, .. }) if self.is_connected(&node) => Ok(node),
            Err(error) => {
                self.report_dial(&error);
                Err(error)
            }
        }
    }

    async fn dial_once(self: &Arc<Self>, addr: &Addr, limit: Duration) -> Result<Met, DialError> {
        let addr = addr.clone();
        let dialling = async {
            let pipe = self
                .transport
                .dial(&addr)
                .await
                .map_err(|error| DialError::Unreachable { addr: addr.clone(), error })?;
            meet(self, pipe, Side::Dialled).await.map_err(|error| match error {
                MeetError::Handshake(error) => DialError::Handshake { addr: addr.clone(), error },
                MeetError::Duplicate(node) => DialError::Duplicate { addr: addr.clone(), node },
                MeetError::Io(text) => DialError::Lost { addr: addr.clone(), text },
                #[cfg(feature = "tls")]
                MeetError::Tls(error) => DialError::Tls { addr: addr.clone(), error },
                MeetError::ShutDown => DialError::ShutDown,
            })
        };
        let met = tokio::select! {
            biased;
            met = dialling => met,
            () = clock::sleep_until(clock::now() + limit) => Err(DialError::TimedOut { addr: addr.clone() }),
        };
        if let Err(error) = &met
            && error.is_permanent()
        {
            self.report_dial(error);
        }
        met
    }

    /// Says once in a while, not at every attempt, why an address does not work.
    fn report_dial(&self, error: &DialError) {
        if error.is_self() {
            return;
        }
        if self.complaints.lock().first(error.to_string(), clock::now()) {
            tracing::warn!("{error}");
        } else {
            tracing::debug!("{error}");
        }
    }
}
