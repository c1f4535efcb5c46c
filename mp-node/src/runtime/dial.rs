//! Connecting: to a node by its name, because something is to be sent to it, or to an address.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp_proto::{HandshakeError, NodeId, Side};
use mp_transport::{Addr, Pipe, clock};

use crate::error::{DialError, UNREACHABLE};
use crate::node::Inner;
use crate::runtime::meet::{Carrier, Failure, MeetError, Met, meet};
use crate::runtime::peer::{Peer, PeerState, Span};
use crate::runtime::relay::relay_addr;
use crate::service::Way;
use crate::stats::HandshakeFailure;
use crate::sync::{Lock, after};

/// Between rounds of attempts at the same node.
const PAUSE: Duration = Duration::from_millis(200);
/// The least time that one address gets.
const LEAST: Duration = Duration::from_millis(100);

impl Inner {
    /// Connects to a peer for which something waits, in a task of its own. The attempt lasts [`Limits::connect_time`],
    /// or until a connection is there: also when nobody is found, for the peer may come to us, and when the peer refuses
    /// us, so that those who go on sending do not become a storm of attempts `[ND-07]`.
    ///
    /// [`Limits::connect_time`]: mp_proto::Limits::connect_time
    pub(crate) fn begin_dial(self: &Arc<Self>, peer: &Arc<Peer>, epoch: u64) {
        let span = Span::new(self, peer, epoch);
        let node = Arc::clone(self);
        self.spawn_task(async move {
            let deadline = after(clock::now(), node.limits.connect_time);
            let findings = Lock::new("no known address".to_owned());
            let ended = tokio::select! {
                biased;
                () = node.attempt(&span.peer, epoch, deadline, &findings) => None,
                doom = span.peer.wait_for(|state| is_unwanted(state, epoch)) => doom,
                () = clock::sleep_until(deadline) => Some(std::mem::take(&mut *findings.lock())),
            };
            // Without a word, there is a connection: this end is none.
            span.end(ended.unwrap_or_default());
        });
    }

    /// Dials the peer's addresses, again and again, until one of them answers as that peer. Notes what it found: what
    /// monitors are told if that does not happen.
    async fn attempt(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        epoch: u64,
        deadline: Instant,
        findings: &Lock<String>,
    ) {
        let mut useless = BTreeSet::new();
        let mut tried = false;
        loop {
            let mut ways = self.ways_to(&peer.id).await;
            ways.retain(|way| !useless.contains(way));
            if !ways.is_empty() && !std::mem::replace(&mut tried, true) {
                *findings.lock() = "connect timeout".into();
            }
            for (index, way) in ways.iter().enumerate() {
                let left = deadline.saturating_duration_since(clock::now());
                let share = left / u32::try_from(ways.len() - index).unwrap_or(u32::MAX);
                let real = match self.dial_way(&peer.id, way, share.max(LEAST)).await {
                    Ok(met) => met.serve(self),
                    Err(DialError::Duplicate { node, .. }) => node,
                    Err(error) => {
                        let late = matches!(error, DialError::TimedOut { .. });
                        if error.is_permanent() || error.is_self() {
                            *findings.lock() = finding(&peer.id, &error);
                            useless.insert(way.clone());
                        } else if matches!(way, Way::Through(_)) || (useless.is_empty() && !late) {
                            *findings.lock() = finding(&peer.id, &error);
                        }
                        tracing::debug!(peer = %peer.id, %error, "a way to the peer was of no use");
                        continue;
                    }
                };
                if self.is_there(peer, epoch, &real) {
                    return;
                }
                if real != peer.id && peer.id.addresses().is_empty() {
                    *findings.lock() = format!("the node at {way} calls itself {real}");
                    useless.insert(way.clone());
                }
            }
            clock::sleep_until(clock::now() + PAUSE).await;
        }
    }

    /// We have a connection with the node `real`: whether the attempt has come to its end by that. A node of another
    /// name will do if an address was dialled, not a name `[ID-03]`: what waits under the address goes to the node, and
    /// so does all that follows while the connection lasts `[ND-08]`.
    fn is_there(self: &Arc<Self>, alias: &Arc<Peer>, epoch: u64, real: &NodeId) -> bool {
        if !alias.lock().route.wants(epoch) {
            return true;
        }
        let by_address = *real != alias.id && !alias.id.addresses().is_empty();
        let Some(peer) = self.known_peer(real.as_str()).filter(|_| by_address) else {
            return false;
        };
        let mut peers = self.peers.write();
        let mut state = alias.lock();
        let mut target = peer.lock();
        if !target.route.is_up() {
            return false;
        }
        let Some(moving) = state.route.absorb(epoch) else { return true };
        // Who sends to the name from now on finds the node, and waits for its lock, so what waited goes first.
        peers.insert(alias.id.clone(), Arc::clone(&peer));
        drop(peers);
        drop(state);
        target.aliases.push(alias.id.clone());
        target.take_in(moving, &self.limits);
        let spent = target.route.take_spent();
        drop(target);
        drop(spent);
        alias.room_made();
        true
    }

    /// The ways to a node: the addresses in its name, or what the resolver knows.
    pub(crate) async fn ways_to(&self, node: &NodeId) -> Vec<Way> {
        let named = node.addresses().into_iter().filter_map(|(host, port)| Addr::new(host, port).ok());
        let named: Vec<Way> = named.map(Way::Direct).collect();
        if !named.is_empty() {
            return named;
        }
        let resolver = self.resolver.read().clone();
        match resolver {
            Some(resolver) => resolver(node).await,
            None => Vec::new(),
        }
    }

    /// Connects to whoever listens at an address.
    pub(crate) async fn dial(self: &Arc<Self>, addr: &Addr) -> Result<NodeId, DialError> {
        if self.is_closed() {
            return Err(DialError::ShutDown);
        }
        match self
            .dial_once(addr, self.transport.dial(addr), Carrier::Transport, self.limits.handshake_time)
            .await
        {
            Ok(met) => Ok(met.serve(self)),
            Err(DialError::Duplicate { node, .. }) if self.is_connected(&node) => Ok(node),
            Err(error) => {
                self.report_dial(&error, None);
                Err(error)
            }
        }
    }

    async fn dial_way(self: &Arc<Self>, node: &NodeId, way: &Way, limit: Duration) -> Result<Met, DialError> {
        match way {
            Way::Direct(addr) => {
                self.dial_once(addr, self.transport.dial(addr), Carrier::Transport, limit).await
            }
            Way::Through(relay) => {
                self.dial_once(&relay_addr(relay), self.dial_through(relay, node), Carrier::Relays, limit)
                    .await
            }
        }
    }

    /// Comes to terms with whoever is at the end of a pipe that is being opened. `addr` is for errors.
    async fn dial_once(
        self: &Arc<Self>,
        addr: &Addr,
        pipe: impl Future<Output = std::io::Result<Pipe>> + Send,
        carrier: Carrier,
        limit: Duration,
    ) -> Result<Met, DialError> {
        let addr = addr.clone();
        let mut says = None;
        let dialling = async {
            let pipe = pipe.await.map_err(|error| DialError::Unreachable { addr: addr.clone(), error })?;
            let host = pipe.peer_addr().host().to_owned();
            meet(self, pipe, Side::Dialled, carrier).await.map_err(|Failure { error, claims }| {
                if let Some(node) = claims.as_ref().filter(|&node| self.is_refusal(node, &host, &error)) {
                    return DialError::Duplicate { addr: addr.clone(), node: node.clone() };
                }
                says = claims;
                match error {
                    MeetError::Handshake(error) => DialError::Handshake { addr: addr.clone(), error },
                    MeetError::Duplicate(node) => DialError::Duplicate { addr: addr.clone(), node },
                    MeetError::Io(text) | MeetError::Unheard(text) | MeetError::Refused(text) => {
                        DialError::Lost { addr: addr.clone(), text }
                    }
                    #[cfg(feature = "tls")]
                    MeetError::Tls(error) => DialError::Tls { addr: addr.clone(), error },
                    MeetError::ShutDown => DialError::ShutDown,
                }
            })
        };
        let met = tokio::select! {
            biased;
            met = dialling => met,
            () = clock::sleep_until(after(clock::now(), limit)) => Err(DialError::TimedOut { addr: addr.clone() }),
        };
        // What `meet` has not counted, as it did not come to its end.
        match &met {
            Err(DialError::Unreachable { .. }) => {
                self.stats.handshake_failed(HandshakeFailure::Unreachable);
            }
            Err(DialError::TimedOut { .. }) => self.stats.handshake_failed(HandshakeFailure::TimedOut),
            _ => {}
        }
        if let Err(error) = &met
            && error.is_permanent()
        {
            self.report_dial(error, says.as_ref());
        }
        met
    }

    /// Whether a peer of another kind closed the connection because it has one with us: Perl does that as soon as it has
    /// read our name, without a proof. What it calls itself is believed as far as a node of this name is connected with us
    /// from that very host `[ND-30]`.
    fn is_refusal(&self, node: &NodeId, host: &str, error: &MeetError) -> bool {
        matches!(error, MeetError::Handshake(error) if matches!(**error, HandshakeError::Closed { .. }))
            && self.known_peer(node.as_str()).is_some_and(|peer| {
                let state = peer.lock();
                let is_foreign = state.route.session().is_some_and(|session| session.instance.is_none());
                is_foreign && state.figures().is_some_and(|figures| figures.address().host() == host)
            })
    }

    /// Says once in a while, not at every attempt, why an address does not work.
    fn report_dial(&self, error: &DialError, claims: Option<&NodeId>) {
        if error.is_self() || error.has_left() {
            tracing::debug!(claims = claims.map(tracing::field::display), "{error}");
            return;
        }
        if self.complaints.lock().first(error.to_string(), clock::now()) {
            tracing::warn!(claims = claims.map(tracing::field::display), "{error}");
        } else {
            tracing::debug!("{error}");
        }
    }
}

/// What monitors are told of an error. They name the node, so an address that is its name is left out.
fn finding(peer: &NodeId, error: &DialError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix(UNREACHABLE).unwrap_or(&text);
    let cause = text.strip_prefix(peer.as_str()).and_then(|rest| rest.strip_prefix(": "));
    cause.unwrap_or(text).to_owned()
}

/// Whether an attempt is no longer needed: a connection came in, or, with the reason, it is to be given up.
fn is_unwanted(state: &mut PeerState, epoch: u64) -> Option<Option<String>> {
    if state.route.wants(epoch) { state.doom.take().map(Some) } else { Some(None) }
}
