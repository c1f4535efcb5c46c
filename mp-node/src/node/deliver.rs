//! How a message finds its way: to a mailbox here, to a peer's buffer, or to the node port.

use std::sync::Arc;
use std::time::Duration;

use mp_proto::{EncodeError, Frame, Message, NodeId, NodeRequest, PortId};
use mp_transport::{Kick, clock};
use serde::Serialize;

use super::Inner;
use crate::error::{SendError, TrySendError};
use crate::kernel::letter::{Letter, Single};
use crate::kernel::outbox::{Lane, Room};
use crate::kernel::route::Sent;
use crate::mailbox::queue::Deque;
use crate::mailbox::{PortCell, Push};
use crate::node::requests::Asker;
use crate::port::drain;
use crate::runtime::peer::Peer;
use crate::sync::after;
use crate::writing;

/// How long who sends waits at the most for the writer, when much waits for it: a multiple of the time that it takes to write
/// that.
const RIPENING: Duration = Duration::from_millis(1);

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Offered {
    Taken,
    Full(Blocked),
    /// The writer is to have what waits for this peer first.
    Later(Arc<Peer>),
    /// Other tasks are to run first; then it is to be offered as [`Hurry::Large`].
    Large,
}

/// Whether a message for a peer can wait: for the writer, if much waits for the peer already; or until other tasks have run,
/// if it is large and takes its time to encode, in which somebody else has to see to the sockets `[LN-13]`.
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
    pub(crate) fn offer<M: Serialize + ?Sized>(
        self: &Arc<Self>,
        to: &PortId,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane<'_>,
    ) -> Result<Offered, SendError> {
        self.offer_letter(to, &mut Single { message, reply }, lane, Hurry::Now)
    }

    /// The same of whatever can be written, unless others had better have their turn before.
    fn offer_letter(
        self: &Arc<Self>,
        to: &PortId,
        letter: &mut impl Letter,
        lane: Lane<'_>,
        hurry: Hurry,
    ) -> Result<Offered, SendError> {
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        if to.is_at(&self.id) {
            return Ok(self.offer_local(to.name(), letter, lane)?);
        }
        if writing::is_under_way() {
            return self.offer_afterwards(to, letter, lane);
        }
        loop {
            let peer = self.peer_of(to)?;
            if hurry == Hurry::Patient && peer.lock().route.is_ripe(&self.limits) {
                return Ok(Offered::Later(peer));
            }
            return Ok(match self.offer_peer(&peer, to.name(), letter, lane, hurry)? {
                Sent::Large if hurry == Hurry::Patient => Offered::Large,
                Sent::Full(room) => Offered::Full(Blocked::Peer(peer, room)),
                Sent::Gone => continue,
                Sent::Queued | Sent::Wake | Sent::Connect(_) | Sent::Large | Sent::Flooded => Offered::Taken,
            });
        }
    }

    /// Offers a message when the one is written that is just being written.
    ///
    /// # Errors
    ///
    /// It may have to wait, which nobody could then.
    #[cold]
    fn offer_afterwards(
        self: &Arc<Self>,
        to: &PortId,
        letter: &mut impl Letter,
        lane: Lane<'_>,
    ) -> Result<Offered, SendError> {
        let about = match lane {
            Lane::About(port) => Some(port.to_owned()),
            Lane::Control => None,
            _ => return Err(SendError::Nested),
        };
        let (node, to, message) = (Arc::clone(self), to.clone(), letter.message()?);
        writing::postpone(move || {
            let lane = about.as_deref().map_or(Lane::Control, Lane::About);
            if let Err(error) = node.offer(&to, &message, None, lane) {
                tracing::debug!(%to, %error, "a message was not sent");
            }
        });
        Ok(Offered::Taken)
    }

    fn offer_local(
        self: &Arc<Self>,
        name: &str,
        letter: &mut impl Letter,
        lane: Lane<'_>,
    ) -> Result<Offered, EncodeError> {
        if name.is_empty() {
            if let Some((to, message)) = self.at_node_port(Asker::Here, letter.message()?) {
                self.send_control(&to, &message);
            }
            return Ok(Offered::Taken);
        }
        let Some(cell) = self.find(name) else {
            self.lost_letter(name, || letter.message().ok());
            return Ok(Offered::Taken);
        };
        if lane == Lane::Control {
            let frame = self.local_notice(&letter.message()?)?;
            self.run_if_asked(&cell, &cell.push_anyway(frame));
            return Ok(Offered::Taken);
        }
        let frame = self.local_frame(letter)?;
        Ok(match self.push(&cell, frame, None) {
            Push::Full(frame) => Offered::Full(Blocked::Mailbox(cell, frame)),
            Push::Taken | Push::Run | Push::Dead => Offered::Taken,
        })
    }

    /// Sends, waiting for room.
    pub(crate) async fn send<M: Serialize>(
        self: &Arc<Self>,
        to: &PortId,
        message: M,
        reply: Option<&PortId>,
    ) -> Result<(), SendError> {
        if self.send_at_once(to, &message, reply) {
            return Ok(());
        }
        self.send_not_at_once(to, message, reply).await
    }

    /// The same where nothing could be done at once.
    pub(crate) async fn send_not_at_once<M: Serialize>(
        self: &Arc<Self>,
        to: &PortId,
        message: M,
        reply: Option<&PortId>,
    ) -> Result<(), SendError> {
        let mut letter = Single { message, reply };
        match self.offer_letter(to, &mut letter, Lane::Data, Hurry::Patient)? {
            Offered::Taken => Ok(()),
            // What waits is large and rare, so it is kept out of the future.
            offered => Box::pin(self.send_when_there_is_room(to, &mut letter, offered)).await,
        }
    }

    /// Sends whatever can be written, waiting for room.
    pub(super) async fn send_letter(
        self: &Arc<Self>,
        to: &PortId,
        letter: &mut (impl Letter + Send),
    ) -> Result<(), SendError> {
        let offered = self.offer_letter(to, letter, Lane::Data, Hurry::Patient)?;
        self.send_when_there_is_room(to, letter, offered).await
    }

    /// Waits for what an offer of the message has said to wait for, and sends.
    async fn send_when_there_is_room(
        self: &Arc<Self>,
        to: &PortId,
        letter: &mut impl Letter,
        mut offered: Offered,
    ) -> Result<(), SendError> {
        let mut is_large = false;
        loop {
            let mut hurry = if is_large { Hurry::Large } else { Hurry::Patient };
            match offered {
                Offered::Taken => return Ok(()),
                Offered::Later(peer) => {
                    self.ripen(&peer).await;
                    hurry = Hurry::Now;
                }
                Offered::Large => {
                    tokio::task::yield_now().await;
                    (is_large, hurry) = (true, Hurry::Large);
                }
                Offered::Full(Blocked::Mailbox(cell, frame)) => {
                    self.push_frame_patiently(&cell, frame).await;
                    return Ok(());
                }
                Offered::Full(Blocked::Peer(peer, room)) => {
                    peer.wait_for_room(room, &self.limits).await;
                }
            }
            offered = self.offer_letter(to, letter, Lane::Data, hurry)?;
        }
    }

    /// Lets the writer have what waits for a peer. If it does not come, since the peer does not read, nobody waits for it
    /// again before it has come.
    pub(super) async fn ripen(&self, peer: &Peer) {
        let mut taken = std::pin::pin!(peer.room.notified());
        taken.as_mut().enable();
        // It may have come between the refusal and the registration.
        let ripe = peer.lock().route.is_ripe(&self.limits);
        if !ripe {
            return;
        }
        // The writer mostly waits for its turn on this very thread, and has it now. A timer that is set before would wake
        // another thread, to wait for it there.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = taken => {}
            () = clock::sleep_until(after(clock::now(), RIPENING)) => peer.lock().route.overripe(&self.limits),
        }
    }

    /// Sends, if there is room now.
    pub(crate) fn try_send<M: Serialize>(
        self: &Arc<Self>,
        to: &PortId,
        message: M,
    ) -> Result<(), TrySendError<M>> {
        if self.send_at_once(to, &message, None) {
            return Ok(());
        }
        match self.offer(to, &message, None, Lane::Data)? {
            Offered::Taken => Ok(()),
            Offered::Full(_) | Offered::Later(_) | Offered::Large => Err(TrySendError::Full(message)),
        }
    }

    /// Puts a message into a mailbox, waiting for room.
    pub(super) async fn push_frame_patiently(self: &Arc<Self>, cell: &Arc<PortCell>, frame: Frame) {
        let push = |frame| match self.push(cell, frame, None) {
            Push::Full(frame) => Err(frame),
            Push::Taken | Push::Run | Push::Dead => Ok(()),
        };
        self.push_patiently(cell, frame, push).await;
    }

    /// Puts a run of messages into a local mailbox, as far as there is room; `waiter` is woken when there is more.
    pub(crate) fn push_run(self: &Arc<Self>, cell: &Arc<PortCell>, run: &mut Deque, waiter: &Kick) {
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
            self.spawn_unguarded(drain::run(Arc::clone(self), Arc::clone(cell)));
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
            let memory = state.route.spare();
            let frame = self.large_frame("", &mut Single { message, reply: None }, memory)?;
            sent = state.route.send_frame("", frame, lane, &self.limits)?;
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

    /// Begins to connect to a node.
    pub(super) fn connect(self: &Arc<Self>, node: &NodeId) {
        if *node == self.id || self.is_closed() {
            return;
        }
        if writing::is_under_way() {
            let (inner, node) = (Arc::clone(self), node.clone());
            return writing::postpone(move || inner.connect(&node));
        }
        if let Ok(peer) = self.peer(node) {
            let begun = peer.lock().route.connect();
            if let Some(epoch) = begun {
                self.begin_dial(&peer, epoch);
            }
        }
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
        writing::assert_none();
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
