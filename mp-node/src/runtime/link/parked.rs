//! Messages that came over a connection and find no room yet.
//!
//! They wait here, behind one another for each place, while what comes behind them for other places goes on: kills,
//! monitors and ports with room `[ND-09]`. Beyond [`Limits::read_ahead_bytes`](mp_proto::Limits) the connection is not
//! read any more. So that one slow port cannot hold up the others for ever, a message waits no longer than
//! [`Limits::mailbox_patience`](mp_proto::Limits); then its port is killed `[MON-09]`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use mp_proto::{Frame, Limits, Message, PortId};
use mp_transport::Kick;

use crate::kernel::letter::Single;
use crate::kernel::outbox::{Lane, Room};
use crate::kernel::route::Sent;
use crate::mailbox::PortCell;
use crate::mailbox::queue::Deque;
use crate::node::Inner;
use crate::node::deliver::Hurry;
use crate::sync::after;

/// The messages of one connection that wait, by the place that they wait for.
#[derive(Debug, Default)]
pub(super) struct Parked {
    places: BTreeMap<PortId, Place>,
    bytes: usize,
}

/// A place without room, and what waits for it; never empty.
#[derive(Debug)]
enum Place {
    /// A port here. Messages that came together wait since the same time: so many of them, in their order.
    Mailbox { cell: Arc<PortCell>, queue: Deque, since: VecDeque<(usize, Instant)> },
    /// A port of another node, where there is not this room. Each message with its weight.
    Elsewhere { room: Room, queue: VecDeque<(Message, usize)> },
}

impl Parked {
    /// Gives a run of messages to a port here, or parks what finds no room. Leaves `run` empty.
    pub(super) fn deliver_run(
        &mut self,
        node: &Arc<Inner>,
        kick: &Kick,
        cell: &Arc<PortCell>,
        run: &mut Deque,
        now: Instant,
    ) {
        if self.places.is_empty() || !self.places.contains_key(cell.id()) {
            node.push_run(cell, run, kick);
        }
        if run.is_empty() {
            return;
        }
        self.bytes += run.bytes();
        let count = run.len();
        if let Some(Place::Mailbox { queue, since, .. }) = self.places.get_mut(cell.id()) {
            since.push_back((count, now));
            while let Some(load) = run.take_load() {
                queue.push_load(load);
            }
        } else {
            let (cell, queue) = (Arc::clone(cell), std::mem::take(run));
            let since = VecDeque::from([(count, now)]);
            self.places.insert(cell.id().clone(), Place::Mailbox { cell, queue, since });
        }
    }

    /// Gives a message to a port here, or parks it.
    pub(super) fn deliver(
        &mut self,
        node: &Arc<Inner>,
        kick: &Kick,
        cell: &Arc<PortCell>,
        frame: Frame,
        now: Instant,
    ) {
        let mut run = Deque::default();
        run.push(frame);
        self.deliver_run(node, kick, cell, &mut run, now);
    }

    /// Passes a message on to a port of another node, or parks it.
    pub(super) fn pass_on(
        &mut self,
        node: &Arc<Inner>,
        kick: &Kick,
        to: PortId,
        message: Message,
        weight: usize,
    ) {
        if let Some(Place::Elsewhere { queue, .. }) = self.places.get_mut(&to) {
            queue.push_back((message, weight));
        } else if let Some(room) = relay(node, kick, &to, &message, None) {
            self.places.insert(to, Place::Elsewhere { room, queue: VecDeque::from([(message, weight)]) });
        } else {
            return;
        }
        self.bytes += weight;
    }

    /// Tries everything once more, in order for each place.
    pub(super) fn retry(&mut self, node: &Arc<Inner>, kick: &Kick, now: Instant) {
        let bytes = &mut self.bytes;
        self.places.retain(|to, place| match place {
            Place::Mailbox { cell, queue, since } => {
                loop {
                    *bytes -= push(node, kick, cell, queue, since);
                    let Some((_, first)) = since.front() else { return false };
                    if now < after(*first, node.limits.mailbox_patience) {
                        return true;
                    }
                    // It is dead then, and takes the rest.
                    node.overflow(cell);
                }
            }
            Place::Elsewhere { room, queue } => {
                let mut awaited = Some(*room);
                while let Some((message, weight)) = queue.front() {
                    if let Some(still) = relay(node, kick, to, message, awaited.take()) {
                        *room = still;
                        return true;
                    }
                    *bytes -= weight;
                    queue.pop_front();
                }
                false
            }
        });
    }

    /// The connection is no more: what is parked is lost with it, and nobody wakes it.
    pub(super) fn give_up(&self, node: &Inner, kick: &Kick) {
        for (to, place) in &self.places {
            match place {
                Place::Mailbox { cell, .. } => cell.stop_waking(kick),
                Place::Elsewhere { .. } => {
                    if let Some(peer) = node.known_peer(to.node_str()) {
                        peer.stop_waking(kick);
                    }
                }
            }
        }
    }

    /// When the first port is to be killed.
    pub(super) fn patience(&self, limits: &Limits) -> Option<Instant> {
        let waits_since = |place: &Place| match place {
            Place::Mailbox { since, .. } => since.front().map(|(_, since)| *since),
            Place::Elsewhere { .. } => None,
        };
        let since = self.places.values().filter_map(waits_since).min()?;
        Some(after(since, limits.mailbox_patience))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the connection may be read on.
    pub(super) fn has_room(&self, limits: &Limits) -> bool {
        self.bytes < limits.read_ahead_bytes
    }
}

/// Gives a mailbox as much of what waits for it as it has room for, and says how many bytes that were.
fn push(
    node: &Arc<Inner>,
    kick: &Kick,
    cell: &Arc<PortCell>,
    queue: &mut Deque,
    since: &mut VecDeque<(usize, Instant)>,
) -> usize {
    let (messages, bytes) = (queue.len(), queue.bytes());
    node.push_run(cell, queue, kick);
    forget(since, messages - queue.len());
    bytes - queue.bytes()
}

/// So many of the messages do not wait any more.
fn forget(since: &mut VecDeque<(usize, Instant)>, mut taken: usize) {
    while let Some((count, _)) = since.front_mut() {
        if *count > taken {
            *count -= taken;
            return;
        }
        taken -= *count;
        since.pop_front();
    }
}

/// Sends a message on. If there is no room for it at the peer, this gives the room that it waits for, and the connection is
/// woken when that is there. If the message has waited for some room already, that is looked at first.
fn relay(
    node: &Arc<Inner>,
    kick: &Kick,
    to: &PortId,
    message: &Message,
    mut awaited: Option<Room>,
) -> Option<Room> {
    loop {
        let peer = node.peer(&to.node()).ok()?;
        if let Some(room) = awaited.take()
            && peer.wake_when_room(kick, room, &node.limits)
        {
            return Some(room);
        }
        let mut letter = Single { message, reply: None };
        match node.offer_peer(&peer, to.name(), &mut letter, Lane::Passed, Hurry::Now) {
            Ok(Sent::Full(room)) => awaited = Some(room),
            Ok(Sent::Gone) => {}
            Ok(_) => return None,
            Err(error) => {
                tracing::debug!(%to, %error, "a message was not passed on");
                return None;
            }
        }
    }
}
