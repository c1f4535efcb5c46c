//! The record of one peer, and the two moments at which its connection comes and goes.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use bytes::BytesMut;
use mp_proto::codec::Parts;
use mp_proto::{ConnectionError, EncodeError, Framing, Limits, NodeId, PortId, Reason, Session};
use mp_transport::Kick;
use serde::Serialize;
use tokio::sync::Notify;

use crate::error::SendError;
use crate::events::NodeEvent;
use crate::kernel::letter::{Circular, Letter};
use crate::kernel::outbox::{Lane, Room};
use crate::kernel::route::{AtOnce, ForMany, Moving, Route, Sent};
use crate::node::Inner;
use crate::node::deliver::Hurry;
use crate::runtime::meet::MeetError;
use crate::runtime::rival::Vigil;
use crate::stats::figures::Figures;
use crate::stats::{ConnectionInfo, count};
use crate::sync::Lock;
use crate::watch::Action;
use crate::writing::{self, Afterwards, Meanwhile, Writing};

/// Why a connection ends that we end because we stop.
pub(crate) const SHUT_DOWN: &str = "the node was shut down";

/// A peer: its route, and the handles by which tasks wake one another.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: NodeId,
    state: Lock<PeerState>,
    /// Held while a connection comes or goes, monitors fired included, so that these never overlap.
    transition: Lock<()>,
    /// Woken when there is room again, and when the connection comes or goes.
    pub(crate) room: Notify,
    /// Woken when the connection comes or goes, or an attempt is to be given up.
    pub(crate) changed: Notify,
}

#[derive(Debug)]
pub(crate) struct PeerState {
    pub(crate) route: Route<Action>,
    /// Wakes the task of the connection.
    kick: Option<Kick>,
    /// That task was woken out of its sleep to write, for many ports, and has not run since.
    called: bool,
    /// It is among the [followers](Self::followers) of another peer, or will be.
    follows: bool,
    /// Tasks of other connections that it wakes when it runs: those that are to write the same message.
    followers: Vec<Kick>,
    /// Connections whose relayed messages wait for room here.
    waiting: Vec<Kick>,
    /// Why the connection or attempt is to be given up.
    pub(crate) doom: Option<String>,
    /// Other names that lead to this record while the connection lasts.
    pub(crate) aliases: Vec<NodeId>,
    /// Whether the peer was asked if it lives.
    pub(crate) vigil: Vigil,
    /// What the connection has counted.
    figures: Option<Arc<Figures>>,
}

/// So many connections are woken by another one at the most; further ones are woken by who sends. One that runs by itself meanwhile may
/// be among them several times, which does no harm.
const FOLLOWERS: usize = 64;

/// One connection with a peer, or one attempt to make it. However the task that holds this ends, its end is told: what
/// waited is lost and monitors fire, unless a connection has followed the attempt.
#[derive(Debug)]
pub(crate) struct Span {
    node: Arc<Inner>,
    pub(crate) peer: Arc<Peer>,
    epoch: u64,
    why: Option<String>,
}

impl Span {
    pub(crate) fn new(node: &Arc<Inner>, peer: &Arc<Peer>, epoch: u64) -> Self {
        Self { node: Arc::clone(node), peer: Arc::clone(peer), epoch, why: None }
    }

    /// It is over, for the reason `why`.
    pub(crate) fn end(mut self, why: String) {
        self.why = Some(why);
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let why = self.why.take().unwrap_or_else(|| {
            // The task was dropped: with the node, or by a panic in a service or resolver.
            if self.node.is_closed() { SHUT_DOWN } else { "internal error" }.to_owned()
        });
        self.node.lose(&self.peer, self.epoch, &why);
    }
}

/// While a large message is encoded, outside of the lock, others wait for room; then, whatever came of it, they are
/// woken.
struct Encoding<'a>(&'a Peer);

impl Drop for Encoding<'_> {
    fn drop(&mut self) {
        self.0.lock().route.encoded();
        self.0.room_made();
    }
}

/// A message that may come to nothing, by an error or a panic: then the record of its peer, which may have been made for this
/// message alone, is given up if nobody else needs it.
struct Unsent<'a> {
    node: &'a Inner,
    peer: Option<&'a Arc<Peer>>,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if let Some(peer) = self.peer {
            self.node.retire(peer);
        }
    }
}

impl PeerState {
    /// Gives up the connection or attempt, if there is one, in the task that serves it. What is said while the end of
    /// one is being told counts for the next.
    fn doom(&mut self, why: &str) {
        if self.route.is_live() && self.doom.is_none() {
            self.doom = Some(why.to_owned());
        }
        self.kick();
    }

    /// Takes in what another record had, for the connection that is there.
    pub(crate) fn take_in(&mut self, moving: Moving<Action>, limits: &Limits) {
        if let Err(error) = self.route.take_in(moving, limits) {
            self.doom(&format!("what waited for the peer cannot be written to it: {error}"));
        }
        self.kick();
    }

    /// What there is to tell of the connection, if there is one.
    pub(crate) fn info(&self, peer: &NodeId, now: Instant) -> Option<ConnectionInfo> {
        self.figures.as_ref().map(|figures| figures.info(peer, self.route.queued(), now))
    }

    /// What the connection has counted, if there is one.
    pub(crate) fn figures(&self) -> Option<Arc<Figures>> {
        self.figures.clone()
    }

    fn kick(&self) {
        if let Some(kick) = &self.kick {
            kick.wake();
        }
    }

    /// The connection is failing: its task will not write any more, so it is not to be woken, and nobody is to wait for that.
    pub(crate) fn fail(&mut self) -> Vec<Kick> {
        self.kick = None;
        self.take_followers()
    }

    /// The connection's task runs, or is at its end: these are to be woken.
    pub(crate) fn take_followers(&mut self) -> Vec<Kick> {
        (self.called, self.follows) = (false, false);
        std::mem::take(&mut self.followers)
    }
}

impl Peer {
    pub(crate) fn new(id: NodeId, limits: &Limits) -> Self {
        let state = PeerState {
            route: Route::new(limits),
            kick: None,
            called: false,
            follows: false,
            followers: Vec::new(),
            waiting: Vec::new(),
            doom: None,
            aliases: Vec::new(),
            vigil: Vigil::default(),
            figures: None,
        };
        Self {
            id,
            state: Lock::new(state),
            transition: Lock::new(()),
            room: Notify::new(),
            changed: Notify::new(),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, PeerState> {
        writing::assert_none();
        self.state.lock()
    }

    /// Gives up the connection or attempt, if there is one, in the task that serves it.
    pub(crate) fn doom(&self, why: &str) {
        self.lock().doom(why);
        self.changed.notify_waiters();
    }

    /// The same, if that connection is still there.
    pub(crate) fn doom_connection(&self, epoch: u64, why: &str) {
        let mut state = self.lock();
        if state.route.is_connection(epoch) {
            state.doom(why);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Waits until `look` gives something; it is asked again whenever a connection comes or goes.
    pub(crate) async fn wait_for<T>(&self, look: impl Fn(&mut PeerState) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }

    /// Has `kick` woken when there is this room for data again. `false` if there is room now.
    pub(crate) fn wake_when_room(&self, kick: &Kick, room: Room, limits: &Limits) -> bool {
        let mut state = self.lock();
        let full = !state.route.has_room(room, limits);
        if full && !state.waiting.iter().any(|known| known.same(kick)) {
            state.waiting.push(kick.clone());
        }
        full
    }

    /// The connection that `kick` wakes is no more.
    pub(crate) fn stop_waking(&self, kick: &Kick) {
        self.lock().waiting.retain(|known| !known.same(kick));
    }

    /// Wakes the connection's task, which sleeps, to write a message for many ports; unless the task of another one, the
    /// `leader`, has been woken for the same and will run: that does it then. For the first task to be woken waits for this one
    /// on its own thread, but each further one would have another thread woken up, to take one message to the socket and no
    /// more.
    fn call(self: &Arc<Self>, mut state: MutexGuard<'_, PeerState>, leader: &mut Option<Arc<Self>>) {
        let Some(kick) = state.kick.clone().filter(|_| !state.follows) else { return };
        let Some(leader) = leader else {
            state.called = true;
            state.route.woken();
            kick.wake();
            *leader = Some(Arc::clone(self));
            return;
        };
        // Whoever sends to it alone wakes it: the leader's thread may be busy with something else.
        state.follows = true;
        drop(state);
        let mut first = leader.lock();
        if first.called && first.followers.len() < FOLLOWERS {
            first.followers.push(kick);
        } else {
            drop(first);
            kick.wake();
        }
    }

    /// Wakes all that wait for room.
    pub(crate) fn room_made(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for kick in waiting {
            kick.wake();
        }
        self.room.notify_waiters();
    }

    /// Waits for this room, if there is none; or for the connection to come or go.
    pub(crate) async fn wait_for_room(&self, room: Room, limits: &Limits) {
        let mut made = std::pin::pin!(self.room.notified());
        made.as_mut().enable();
        // Room may have been made between the refusal and the registration.
        let full = !self.lock().route.has_room(room, limits);
        if full {
            made.await;
        }
    }

    /// Wakes the connection's task, if there is one.
    pub(crate) fn kick(&self) {
        self.lock().kick();
    }
}

/// Tells the log of an end. One in good order, on either side, should not read like a fault. Of an end that the peer's
/// system has told, nobody here knows which it was: nothing is said before it `[CN-07]`, and the sockets of a process that is
/// killed are closed like those of one that stops.
fn log_end(peer: &Peer, text: &str, was_up: bool, unsent: usize) {
    // Messages that waited to be written; of an end in good order worth a word only if there are any.
    let left = (unsent > 0).then_some(unsent);
    if !was_up {
        tracing::debug!(peer = %peer.id, reason = text, unsent, "could not connect");
    } else if text == ConnectionError::Closed.to_string() {
        tracing::info!(peer = %peer.id, unsent = left, "connection ended by the peer, which was shut down or has died");
    } else if text == SHUT_DOWN {
        tracing::info!(peer = %peer.id, unsent = left, "connection closed");
    } else {
        tracing::info!(peer = %peer.id, reason = text, unsent, "connection lost");
    }
}

impl Inner {
    /// Sends a message straight into the buffer of the connection with its node, if there is one and nothing is in the way:
    /// what is done for nearly every message to another node. False says that nothing has changed, and that
    /// [`offer`](Self::offer) is to see to it.
    #[inline]
    pub(crate) fn send_at_once<M: Serialize + ?Sized>(
        &self,
        to: &PortId,
        message: &M,
        reply: Option<&PortId>,
    ) -> bool {
        if self.is_closed() || to.is_at(&self.id) {
            return false;
        }
        let Some(_writing) = Writing::begin() else { return false };
        // The map stays locked, which costs less than to count one more holder of the record. Who changes it waits for no
        // longer than a message takes to be written.
        let peers = self.peers.read();
        let Some(peer) = peers.holder(to) else { return false };
        let mut state = peer.state.lock();
        match state.route.send_at_once(to.name(), message, reply, &self.limits) {
            AtOnce::Done => true,
            AtOnce::Wake => {
                state.kick();
                true
            }
            AtOnce::No => false,
        }
    }

    /// Sends a message to many ports of one node by one request, as far as that is possible now. `leader` is the first node to
    /// which the same message has been sent whose connection slept.
    ///
    /// # Errors
    ///
    /// The message cannot be written, another one is just being written, or the node is no more.
    pub(crate) fn send_for_many<M: Serialize, P: AsRef<PortId>>(
        &self,
        ports: &[P],
        letter: &mut Circular<M>,
        patient: bool,
        leader: &mut Option<Arc<Peer>>,
    ) -> Result<(ForMany, Option<Arc<Peer>>), SendError> {
        if self.is_closed() {
            return Err(SendError::ShutDown);
        }
        if writing::is_under_way() {
            return Err(SendError::Nested);
        }
        let each = Ok((ForMany::EachItsOwn, None));
        let Some(copies) = letter.copies(Framing::Postcard, &self.limits)? else { return each };
        let peers = self.peers.read();
        let first = ports.first().map(AsRef::as_ref);
        let Some(peer) = first.and_then(|port| peers.get(port.node_str())) else { return each };
        let names = ports.iter().map(|port| port.as_ref().name()).take_while(|name| !name.is_empty());
        let mut state = peer.lock();
        let sent = state.route.send_for_many(names, copies, patient, &self.limits);
        if let ForMany::Taken { wake: true, .. } = sent {
            peer.call(state, leader);
        } else {
            drop(state);
        }
        let waits = matches!(sent, ForMany::Full(_) | ForMany::Ripe);
        Ok((sent, waits.then(|| Arc::clone(peer))))
    }

    /// Offers a message to a peer and does what follows from it: waking, connecting, giving up. A large one for
    /// which there is no hurry is not taken yet, which gives [`Sent::Large`].
    pub(crate) fn offer_peer(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        port: &str,
        letter: &mut impl Letter,
        lane: Lane<'_>,
        hurry: Hurry,
    ) -> Result<Sent, EncodeError> {
        let _afterwards = Afterwards;
        let mut unsent = Unsent { node: self, peer: Some(peer) };
        let mut state = peer.lock();
        let writing = Meanwhile::begin();
        let mut sent = if hurry == Hurry::Large {
            state.route.send_large(port, letter, lane, &self.limits)
        } else {
            state.route.send_letter(port, letter, lane, &self.limits)
        };
        drop(writing);
        let mut encoding = None;
        if sent == Ok(Sent::Large) {
            if hurry == Hurry::Patient {
                state.route.encoded();
                unsent.peer = None;
                return sent;
            }
            let memory = state.route.spare();
            drop(state);
            encoding = lane.waits().then_some(Encoding(peer));
            let encoded = self.large_frame(port, letter, memory);
            state = peer.lock();
            sent = encoded.and_then(|frame| {
                state.route.lend(&frame);
                state.route.send_frame(port, frame, lane, &self.limits)
            });
        }
        match &sent {
            // It is unlocked before `encoding` and `unsent` are dropped, which lock it.
            Ok(Sent::Queued | Sent::Full(_) | Sent::Gone) | Err(_) => drop(state),
            Ok(sent) => self.follow(peer, state, sent),
        }
        if sent.is_ok() {
            unsent.peer = None;
        }
        drop(encoding);
        sent
    }

    /// A message encoded by itself, into this memory if there is enough of it, for [`Route::send_frame`].
    pub(crate) fn large_frame(
        &self,
        port: &str,
        letter: &mut impl Letter,
        memory: BytesMut,
    ) -> Result<Parts, EncodeError> {
        letter.write_in_parts(port, &self.limits, memory)
    }

    /// Does what a route asks for. What concerns its connection happens under the lock under which that was said: a
    /// connection that has refused a message must carry none that comes after.
    pub(crate) fn follow(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        mut state: MutexGuard<'_, PeerState>,
        sent: &Sent,
    ) {
        match sent {
            Sent::Wake => state.kick(),
            Sent::Flooded => {
                state.doom("the peer does not read its control messages");
                drop(state);
                peer.changed.notify_waiters();
            }
            Sent::Connect(epoch) => {
                drop(state);
                self.begin_dial(peer, *epoch);
            }
            Sent::Queued | Sent::Full(_) | Sent::Large | Sent::Gone => {}
        }
    }

    /// Takes up an authenticated connection, if there is no other one.
    pub(crate) fn establish(
        self: &Arc<Self>,
        session: &Session,
        kick: &Kick,
        figures: &Arc<Figures>,
    ) -> Result<Span, MeetError> {
        loop {
            let peer = self.peer(&session.peer).map_err(|error| MeetError::Refused(error.to_string()))?;
            let transition = peer.transition.lock();
            let mut state = peer.lock();
            if state.route.is_gone() {
                continue;
            }
            match state.route.established(session.clone(), &self.limits) {
                Ok(Some(epoch)) => {
                    state.kick = Some(kick.clone());
                    state.figures = Some(Arc::clone(figures));
                    let spent = state.route.take_spent();
                    drop(state);
                    self.stats.connection_made();
                    self.announce_up(&peer, session);
                    drop(transition);
                    drop(spent);
                    peer.changed.notify_waiters();
                    peer.room_made();
                    return Ok(Span::new(self, &peer, epoch));
                }
                Ok(None) => return Err(MeetError::Duplicate(session.peer.clone())),
                Err(error) => {
                    let epoch = state.route.epoch();
                    drop(state);
                    drop(transition);
                    let text =
                        format!("what waited for the peer cannot be written in {}: {error}", session.send);
                    self.lose(&peer, epoch, &text);
                    return Err(MeetError::Refused(text));
                }
            }
        }
    }

    fn announce_up(&self, peer: &Peer, session: &Session) {
        tracing::info!(peer = %peer.id, framing = %session.send, "connected");
        self.each_service(|service| (service.up)(&peer.id));
        self.publish(NodeEvent::Up(peer.id.clone()));
    }

    /// The connection or attempt `epoch` is over: what waited is lost, and all monitors fire before anything new can be
    /// sent to the peer `[ND-02]`. Does nothing if it was over already.
    pub(crate) fn lose(self: &Arc<Self>, peer: &Arc<Peer>, epoch: u64, text: &str) {
        let transition = peer.transition.lock();
        let mut state = peer.lock();
        let Some(loss) = state.route.lost(epoch) else {
            return;
        };
        let spent = state.route.take_spent();
        state.kick = None;
        state.doom = None;
        state.figures = None;
        let followers = state.take_followers();
        drop(state);
        followers.iter().for_each(Kick::wake);
        self.stats.unsent(count(loss.messages));
        if loss.was_up {
            self.stats.connection_ended();
        }
        log_end(peer, text, loss.was_up, loss.messages);
        let reason = Reason::transport_error(&peer.id, text);
        self.fire(loss.watchers, &reason);
        for cell in loss.watched.iter().filter_map(|name| self.find(name)) {
            cell.forget(&peer.id);
        }
        if loss.was_up {
            self.relay_down(&peer.id);
            self.each_service(|service| (service.down)(&peer.id, &reason));
            self.publish(NodeEvent::Down(peer.id.clone(), reason));
        }
        let again = self.settle(peer);
        drop(transition);
        drop(spent);
        peer.changed.notify_waiters();
        peer.room_made();
        if let Some(epoch) = again {
            self.begin_dial(peer, epoch);
        }
    }

    /// New messages may go again: the epoch of an attempt to connect if any have come; the peer is forgotten if nobody
    /// needs it. Its other names were good for one connection.
    fn settle(&self, peer: &Arc<Peer>) -> Option<u64> {
        let mut peers = self.peers.write();
        let mut state = peer.lock();
        for alias in std::mem::take(&mut state.aliases) {
            peers.remove(&alias);
        }
        let again = state.route.settled();
        if again.is_none() {
            state.doom = None;
        }
        if state.route.retire() {
            peers.remove(&peer.id);
        }
        again
    }

    /// Forgets a peer that nobody needs.
    fn retire(&self, peer: &Arc<Peer>) {
        let mut peers = self.peers.write();
        if peer.lock().route.retire() {
            peers.remove(&peer.id);
        }
    }
}
