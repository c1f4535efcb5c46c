//! How a message finds its way: to a mailbox here, to a peer's buffer, or to the node port.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use mp_proto::{Frame, Framing, Message, NodeId, NodeRequest, PortId};
use mp_transport::clock;
use serde::Serialize;
use tokio::sync::Notify;

use super::Inner;
use crate::error::SendError;
use crate::kernel::outbox::Lane;
use crate::kernel::route::Sent;
use crate::mailbox::{Envelope, PortCell, Push};
use crate::port::drain;
use crate::runtime::peer::Peer;

/// The form in which messages between ports of one node lie in mailboxes.
const LOCAL: Framing = Framing::Postcard;
/// Bytes before a local frame: the length that its framing has on the wire.
const LOCAL_PREFIX: usize = 4;

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Offered {
    Taken,
    Full(Blocked),
}

/// What a message waits for.
#[derive(Debug)]
pub(crate) enum Blocked {
    Peer(Arc<Peer>),
    Mailbox(Arc<PortCell>, std::time::Instant),
}

impl Inner {
    /// Offers a message to where it goes first.
    pub(crate) fn offer<M: Serialize + ?Sized>(
        self: &Arc<Self>,
        to: &PortId,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane,
    ) -> Result<Offered, SendError> {
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        if to.node_str() == self.id.as_str() {
            return self.offer_local(to.name(), message, reply, lane);
        }
        loop {
            let peer = self.peer_of(to)?;
            return Ok(match self.offer_peer(&peer, to.name(), message, reply, lane)? {
                Sent::Full => Offered::Full(Blocked::Peer(peer)),
                Sent::Gone => continue,
                Sent::Queued | Sent::Wake | Sent::Connect(_) | Sent::Flooded => Offered::Taken,
            });
        }
    }

    fn offer_local<M: Serialize + ?Sized>(
        self: &Arc<Self>,
        name: &str,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane,
    ) -> Result<Offered, SendError> {
        if name.is_empty() {
            let mut message = Message::new(message)?;
            message = message.with(reply.map(Into::into));
            self.node_port_here(message);
            return Ok(Offered::Taken);
        }
        let Some(cell) = self.find(name) else {
            return Ok(Offered::Taken);
        };
        let mut bytes = BytesMut::with_capacity(64);
        Frame::write(LOCAL, name, message, reply, self.limits.max_message, &mut bytes)?;
        bytes.advance(LOCAL_PREFIX);
        let envelope = Envelope::Frame(Frame::new(LOCAL, bytes.freeze()));
        if lane == Lane::Control {
            self.run_if_asked(&cell, &cell.push_anyway(envelope));
            return Ok(Offered::Taken);
        }
        let pushed = cell.push(envelope, &self.limits, clock::now());
        self.run_if_asked(&cell, &pushed);
        Ok(match pushed {
            Push::Full(_, since) => Offered::Full(Blocked::Mailbox(cell, since)),
            Push::Taken | Push::Run | Push::Dead => Offered::Taken,
        })
    }

    /// Sends, waiting for room. A mailbox that stays full for longer than its patience costs its port's life.
    pub(crate) async fn send<M: Serialize>(
        self: &Arc<Self>,
        to: &PortId,
        message: M,
        reply: Option<&PortId>,
    ) -> Result<(), SendError> {
        let mut blocked = match self.offer(to, &message, reply, Lane::Data)? {
            Offered::Taken => return Ok(()),
            Offered::Full(blocked) => blocked,
        };
        loop {
            let room = blocked.room();
            let mut waiting = std::pin::pin!(room.wait());
            waiting.as_mut().enable();
            // Room may have been made between the refusal and the registration.
            blocked = match self.offer(to, &message, reply, Lane::Data)? {
                Offered::Taken => return Ok(()),
                Offered::Full(blocked) => blocked,
            };
            match &blocked {
                Blocked::Peer(_) => waiting.await,
                Blocked::Mailbox(cell, since) => {
                    let patience = *since + self.limits.mailbox_patience;
                    tokio::select! {
                        biased;
                        () = waiting => {}
                        () = clock::sleep_until(patience) => self.overflow(cell),
                    }
                }
            }
        }
    }

    /// A message from the network or the system for a local port, in whatever form.
    pub(crate) fn push(
        self: &Arc<Self>,
        cell: &Arc<PortCell>,
        envelope: Envelope,
        now: std::time::Instant,
    ) -> Push {
        let pushed = cell.push(envelope, &self.limits, now);
        self.run_if_asked(cell, &pushed);
        pushed
    }

    pub(crate) fn run_if_asked(self: &Arc<Self>, cell: &Arc<PortCell>, pushed: &Push) {
        if matches!(pushed, Push::Run) {
            self.spawn_task(drain::run(Arc::clone(self), Arc::clone(cell)));
        }
    }

    /// Sends something that must not wait: replies of the node port, notices of monitors.
    pub(crate) fn send_control<M: Serialize + ?Sized>(self: &Arc<Self>, to: &PortId, message: &M) {
        if let Err(error) = self.offer(to, message, None, Lane::Control) {
            tracing::debug!(%to, %error, "a reply was not sent");
        }
    }

    /// Sends a request to a peer's node port, if the peer is connected.
    pub(crate) fn request(self: &Arc<Self>, node: &NodeId, message: &Message) -> bool {
        let Some(peer) = self.known_peer(node.as_str()) else {
            return false;
        };
        let mut state = peer.lock();
        if !state.route.is_up() {
            return false;
        }
        let sent = state.route.send("", message, None, Lane::Control, &self.limits);
        drop(state);
        match sent {
            Ok(sent) => self.follow(&peer, &sent),
            Err(error) => tracing::warn!(%node, %error, "a request cannot be sent"),
        }
        true
    }

    /// The same for a request of the node's own.
    pub(crate) fn request_node(self: &Arc<Self>, node: &NodeId, request: NodeRequest) {
        self.send_control(&node.port(), &request.into_message());
    }

    /// The port of that name here.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<PortCell>> {
        self.ports.read().get(name).cloned()
    }

    fn peer_of(&self, port: &PortId) -> Result<Arc<Peer>, SendError> {
        match self.known_peer(port.node_str()) {
            Some(peer) => Ok(peer),
            None => self.peer(&port.node()),
        }
    }

    pub(crate) fn known_peer(&self, node: &str) -> Option<Arc<Peer>> {
        self.peers.read().get(node).cloned()
    }

    /// The record of a peer, made if it is not there.
    pub(crate) fn peer(&self, node: &NodeId) -> Result<Arc<Peer>, SendError> {
        if let Some(peer) = self.known_peer(node.as_str()) {
            return Ok(peer);
        }
        let mut peers = self.peers.write();
        if let Some(peer) = peers.get(node.as_str()) {
            return Ok(Arc::clone(peer));
        }
        if peers.len() >= self.limits.peers {
            return Err(SendError::TooManyPeers(self.limits.peers));
        }
        let peer = Arc::new(Peer::new(node.clone()));
        peers.insert(node.clone(), Arc::clone(&peer));
        Ok(peer)
    }

    /// Forgets a peer that nobody needs, and the other names of one that is no longer connected.
    pub(crate) fn retire(&self, peer: &Arc<Peer>) {
        let mut peers = self.peers.write();
        if peer.lock().route.retire() {
            peers.retain(|_, known| !Arc::ptr_eq(known, peer));
        } else if !peer.lock().route.is_up() {
            peers.retain(|name, known| !Arc::ptr_eq(known, peer) || *name == peer.id);
        }
    }
}

/// Something to wait on, held so that it can be registered before one more try.
enum Room {
    Peer(Arc<Peer>),
    Mailbox(Arc<Notify>),
}

impl Room {
    fn wait(&self) -> tokio::sync::futures::Notified<'_> {
        match self {
            Self::Peer(peer) => peer.room.notified(),
            Self::Mailbox(notify) => notify.notified(),
        }
    }
}

impl Blocked {
    fn room(&self) -> Room {
        match self {
            Self::Peer(peer) => Room::Peer(Arc::clone(peer)),
            Self::Mailbox(cell, _) => Room::Mailbox(cell.room()),
        }
    }
}
