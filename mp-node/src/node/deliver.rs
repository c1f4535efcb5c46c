//! How a message finds its way: to a mailbox here, to a peer's buffer, or to the node port.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use mp_proto::{EncodeError, Frame, Framing, Message, NodeId, NodeRequest, PortId};
use mp_transport::{Kick, clock};
use serde::Serialize;

use super::Inner;
use crate::error::{SendError, TrySendError};
use crate::kernel::outbox::{Lane, Room};
use crate::kernel::route::Sent;
use crate::mailbox::{PortCell, Push};
use crate::node::requests::Asker;
use crate::port::drain;
use crate::runtime::peer::Peer;
use crate::sync::after;

/// The form in which messages between ports of one node lie in mailboxes.
const LOCAL: Framing = Framing::Postcard;
/// Bytes before a local frame: the length that its framing has on the wire.
const LOCAL_PREFIX: usize = 4;

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Offered {
    Taken,
    Full(Blocked),
    /// Other tasks are to run first; then it is to be offered so.
    Later(Hurry),
}

/// Whether a message for a peer can wait until other tasks have run: if much waits for the peer already, or if it is large
/// and takes its time to encode, in which somebody else has to see to the sockets `[LN-13]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hurry {
    Patient,
    Now,
    /// It has waited, and is large.
    Large,
}

/// What a message waits for.
#[derive(Debug)]
pub(crate) enum Blocked {
    /// This room for what waits for a peer.
    Peer(Arc<Peer>, Room),
    /// A mailbox; the message is ready to be put in.
    Mailbox(Arc<PortCell>, Frame),
}

impl Inner {
    /// Offers a message to where it goes first.
    #[inline]
    pub(crate) fn offer<M: Serialize + ?Sized>(
        self: &Arc<Self>,
        to: &PortId,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane<'_>,
    ) -> Result<Offered, SendError> {
        self.offer_unless(to, message, reply, lane, Hurry::Now)
    }

    /// The same, unless others had better run before.
    #[inline]
    pub(super) fn offer_unless<M: Serialize + ?Sized>(
        self: &Arc<Self>,
        to: &PortId,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane<'_>,
        hurry: Hurry,
    ) -> Result<Offered, SendError> {
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        if to.node_str() == self.id.as_str() {
            return Ok(self.offer_local(to.name(), message, reply, lane)?);
        }
        loop {
            let peer = self.peer_of(to)?;
            if hurry == Hurry::Patient && peer.is_ripe() {
                return Ok(Offered::Later(Hurry::Now));
            }
            return Ok(match self.offer_peer(&peer, to.name(), message, reply, lane, hurry)? {
                Sent::Large if hurry == Hurry::Patient => Offered::Later(Hurry::Large),
                Sent::Full(room) => Offered::Full(Blocked::Peer(peer, room)),
                Sent::Gone => continue,
                Sent::Queued | Sent::Wake | Sent::Connect(_) | Sent::Large | Sent::Flooded => Offered::Taken,
            });
        }
    }

    fn offer_local<M: Serialize + ?Sized>(
        self: &Arc<Self>,
        name: &str,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane<'_>,
    ) -> Result<Offered, EncodeError> {
        if name.is_empty() {
            let message = Message::new(message)?.with(reply.map(Into::into));
            if let Some((to, message)) = self.at_node_port(Asker::Here, message) {
                self.send_control(&to, &message);
            }
            return Ok(Offered::Taken);
        }
        let Some(cell) = self.find(name) else {
            self.lost_letter(name, || Message::new(message).ok());
            return Ok(Offered::Taken);
        };
        if lane == Lane::Control {
            let frame = self.local_frame(name, message, reply, false)?;
            self.run_if_asked(&cell, &cell.push_anyway(frame));
            return Ok(Offered::Taken);
        }
        let frame = self.local_frame(name, message, reply, true)?;
        Ok(match self.push(&cell, frame, None) {
            Push::Full(frame) => Offered::Full(Blocked::Mailbox(cell, frame)),
            Push::Taken | Push::Run | Push::Dead => Offered::Taken,
        })
    }

    /// A message as it lies in mailboxes here; `bounded` by what one message may have, or as it came.
    pub(crate) fn local_frame<M: Serialize + ?Sized>(
        &self,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        bounded: bool,
    ) -> Result<Frame, EncodeError> {
        let mut bytes = BytesMut::with_capacity(64);
        if bounded {
            Frame::write_within(LOCAL, port, message, reply, &self.limits, &mut bytes)?;
        } else {
            Frame::write(LOCAL, port, message, reply, usize::MAX, &mut bytes)?;
        }
        bytes.advance(LOCAL_PREFIX);
        Ok(Frame::new(LOCAL, bytes.freeze()))
    }

    /// Sends, waiting for room. While much waits for the peer, others run before each message, once: the connection's task
    /// above all. The same before a large message.
    pub(crate) async fn send<M: Serialize>(
        self: &Arc<Self>,
        to: &PortId,
        message: M,
        reply: Option<&PortId>,
    ) -> Result<(), SendError> {
        self.send_from(to, message, reply, Hurry::Patient).await
    }

    /// The same, of a message that has perhaps been offered before.
    pub(super) async fn send_from<M: Serialize>(
        self: &Arc<Self>,
        to: &PortId,
        message: M,
        reply: Option<&PortId>,
        mut hurry: Hurry,
    ) -> Result<(), SendError> {
        loop {
            match self.offer_unless(to, &message, reply, Lane::Data, hurry)? {
                Offered::Taken => return Ok(()),
                Offered::Later(then) => {
                    hurry = then;
                    tokio::task::yield_now().await;
                }
                Offered::Full(Blocked::Mailbox(cell, frame)) => {
                    let push = |frame| match self.push(&cell, frame, None) {
                        Push::Full(frame) => Err(frame),
                        Push::Taken | Push::Run | Push::Dead => Ok(()),
                    };
                    self.push_patiently(&cell, frame, push).await;
                    return Ok(());
                }
                Offered::Full(Blocked::Peer(peer, room)) => {
                    let mut made = std::pin::pin!(peer.room.notified());
                    made.as_mut().enable();
                    // Room may have been made between the refusal and the registration.
                    let full = !peer.lock().route.has_room(room, &self.limits);
                    if full {
                        made.await;
                    }
                }
            }
        }
    }

    /// Sends, if there is room now.
    pub(crate) fn try_send<M: Serialize>(
        self: &Arc<Self>,
        to: &PortId,
        message: M,
    ) -> Result<(), TrySendError<M>> {
        match self.offer(to, &message, None, Lane::Data)? {
            Offered::Taken => Ok(()),
            Offered::Full(_) | Offered::Later(_) => Err(TrySendError::Full(message)),
        }
    }

    /// Puts a message into a mailbox by `push`, which gives it back if there is no room; waits for that. A port that takes nothing out of its full mailbox for longer than
    /// its patience is killed, so that two ports that wait for each other do not do so for ever `[MON-09]`.
    pub(super) async fn push_patiently<M>(
        self: &Arc<Self>,
        cell: &Arc<PortCell>,
        mut message: M,
        push: impl Fn(M) -> Result<(), M>,
    ) {
        loop {
            let room = cell.room();
            let mut room = std::pin::pin!(room.notified());
            room.as_mut().enable();
            // Room may have been made between the refusal and the registration.
            message = match push(message) {
                Err(message) => message,
                Ok(()) => return,
            };
            tokio::select! {
                biased;
                () = room => {}
                () = clock::sleep_until(after(clock::now(), self.limits.mailbox_patience)) => self.overflow(cell),
            }
        }
    }

    /// Puts a run of messages into a local mailbox, as far as there is room; `waiter` is woken when there is more.
    pub(crate) fn push_run(self: &Arc<Self>, cell: &Arc<PortCell>, run: &mut VecDeque<Frame>, waiter: &Kick) {
        if cell.push_run(run, &self.limits, waiter) {
            self.run_if_asked(cell, &Push::Run);
        }
    }

    /// Puts a message into a local mailbox, if there is room; if not, `waiter` is woken when there is.
    pub(crate) fn push(self: &Arc<Self>, cell: &Arc<PortCell>, frame: Frame, waiter: Option<&Kick>) -> Push {
        let pushed = cell.push(frame, &self.limits, waiter);
        self.run_if_asked(cell, &pushed);
        pushed
    }

    fn run_if_asked(self: &Arc<Self>, cell: &Arc<PortCell>, pushed: &Push) {
        if matches!(pushed, Push::Run) {
            self.spawn_task(drain::run(Arc::clone(self), Arc::clone(cell)));
        }
    }

    /// Sends something that must not wait: notices of monitors, and what this node's own requests lead to.
    pub(crate) fn send_control<M: Serialize + ?Sized>(self: &Arc<Self>, to: &PortId, message: &M) {
        if let Err(error) = self.offer(to, message, None, Lane::Control) {
            tracing::debug!(%to, %error, "a message was not sent");
        }
    }

    /// Sends a request to a peer's node port, if the peer is connected: `false` if it is not.
    ///
    /// # Errors
    ///
    /// The request cannot be written in the connection's framing.
    pub(crate) fn request(self: &Arc<Self>, node: &NodeId, message: &Message) -> Result<bool, EncodeError> {
        self.request_in(node, message, Lane::Control)
    }

    /// The same, counted against another bound.
    pub(crate) fn request_in(
        self: &Arc<Self>,
        node: &NodeId,
        message: &Message,
        lane: Lane<'_>,
    ) -> Result<bool, EncodeError> {
        let Some(peer) = self.known_peer(node.as_str()) else {
            return Ok(false);
        };
        let mut state = peer.lock();
        if !state.route.is_up() {
            return Ok(false);
        }
        let mut sent = state.route.send("", message, None, lane, &self.limits)?;
        if sent == Sent::Large {
            // Under the lock, so that requests keep their order; large ones are rare.
            let (frame, _) = self.large_frame("", message, None, state.route.spare())?;
            sent = state.route.send_frame("", &frame, lane, &self.limits)?;
        }
        self.follow(&peer, state, &sent);
        Ok(true)
    }

    /// Sends a request to a node port anywhere, connecting if need be.
    pub(crate) fn request_node(
        self: &Arc<Self>,
        node: &NodeId,
        request: NodeRequest,
    ) -> Result<(), SendError> {
        self.offer(&node.port(), &request.into_message(), None, Lane::Control).map(drop)
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
        let peer = Arc::new(Peer::new(node.clone(), &self.limits));
        peers.insert(node.clone(), Arc::clone(&peer));
        Ok(peer)
    }

    /// Whether the peer is connected.
    pub(crate) fn is_connected(&self, node: &NodeId) -> bool {
        self.known_peer(node.as_str()).is_some_and(|peer| peer.lock().route.is_up())
    }
}
