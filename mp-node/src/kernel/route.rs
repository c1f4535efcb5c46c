//! One peer as this node sees it: connected or not, what waits for it, and who watches its ports.
//!
//! ```text
//!            send, monitor          established
//!   Idle ───────────────▶ Connecting ─────────▶ Up
//!    ▲  ▲                    │  ▲               │
//!    │  └──── nothing ───┐   │  └─ something ─┐ │ connection lost
//!    │        waits      │   ▼ failed         │ ▼
//!    │                   └─ Lost ◀────────────┴─┘
//!   Gone ◀── Idle and nobody watches: the record is dropped, its holder looks the peer up again
//! ```
//!
//! `Lost` is what keeps law 4: from the moment that something was lost until all monitors have fired, new messages
//! only gather, whatever connection may have come meanwhile.

mod haste;

use std::collections::BTreeMap;

use bytes::BytesMut;
use mp_proto::codec::Parts;
use mp_proto::{EncodeError, Limits, NodeRequest, PortId, Session, Spares};
use serde::Serialize;

pub(crate) use self::haste::{AtOnce, ForMany};
use super::bulk::Taken;
use super::letter::{Letter, Single};
use super::outbox::{Lane, Offer, Outbox, Room};

/// While so many bytes wait for a connection, who sends more lets its writer have them first: so that what waits is written
/// while it is still in the processor's caches, and not when all the room that there is has been filled. 256 KiB: half
/// of a common second-level cache, and what the driver writes at once.
const RIPE: usize = 256 * 1024;
/// So many pieces of large messages go to the system at once, if nothing else waits: what comes meanwhile waits for no more than
/// these, and a receiver that has slept is woken once for all of them.
const PIECES: usize = 4;

/// One peer. `W` is a watcher: what is to be done when a port dies.
#[derive(Debug)]
pub(crate) struct Route<W> {
    /// Messages of more bytes go in pieces `[LN-06]`.
    large: usize,
    state: State,
    /// Counts attempts and connections, so that a late report about an old one is known as such.
    epoch: u64,
    /// Watchers of the peer's ports by port name; the empty name is the node itself. There are some only while
    /// something is under way: `Connecting`, `Up` or `Lost`.
    watchers: Watchers<W>,
    /// Our ports that the peer watches, and how often.
    watched_by_peer: BTreeMap<String, usize>,
    watched_total: usize,
    /// Somebody encodes a large message for this peer: until it is here, others find no room `[LN-11]`.
    encoding: bool,
    /// From so many bytes of data in the buffer on, who sends more waits for a while. No bound: it becomes that of the buffer
    /// when the writer does not come.
    ripe: usize,
    /// Memory of large messages that have gone.
    spares: Spares,
    /// What waited, and waits no more. Bytes in it may be a program's, with a `Drop` that does anything.
    spent: Vec<Outbox>,
}

#[derive(Debug)]
enum State {
    Idle,
    Connecting { queue: Outbox },
    Up { session: Session, outbox: Outbox, writer_sleeps: bool },
    Lost { queue: Outbox },
    Gone,
}

/// What the caller has to do after a message was offered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing more.
    Queued,
    /// Wake the connection's writer, which sleeps.
    Wake,
    /// Begin to connect; the attempt's epoch.
    Connect(u64),
    /// Wait for this room, or give the message back.
    Full(Room),
    /// Encode the message by itself, in postcard, without holding up others, and send it by
    /// [`send_frame`](Route::send_frame). If it is data, there is room for it, and for no other large message until
    /// [`encoded`](Route::encoded) is called.
    Large,
    /// Close the connection: the peer lets control messages pile up.
    Flooded,
    /// Look the peer up again: this record is out of use.
    Gone,
}

/// Watchers by the name of their port and their number.
type Watchers<W> = BTreeMap<String, BTreeMap<u64, W>>;

/// What waits for a peer and who watches its ports, on the way from one record to another.
#[derive(Debug)]
pub(crate) struct Moving<W> {
    queue: Outbox,
    watchers: Watchers<W>,
}

/// Everything that ends with a connection or an attempt.
#[derive(Debug)]
pub(crate) struct Loss<W> {
    /// Who is to be told.
    pub(crate) watchers: Vec<W>,
    /// Our ports that the peer watched.
    pub(crate) watched: Vec<String>,
    /// Whether there was a connection, rather than an attempt.
    pub(crate) was_up: bool,
    /// Messages that waited and are lost.
    pub(crate) messages: usize,
}

impl<W> Route<W> {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            large: limits.large_message,
            state: State::Idle,
            epoch: 0,
            watchers: BTreeMap::new(),
            watched_by_peer: BTreeMap::new(),
            watched_total: 0,
            encoding: false,
            ripe: RIPE.min(limits.outbox_bytes),
            spares: Spares::default(),
            spent: Vec::new(),
        }
    }

    /// Encodes a message for a port of the peer to where it waits.
    pub(crate) fn send<M: Serialize + ?Sized>(
        &mut self,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<Sent, EncodeError> {
        self.send_letter(port, &mut Single { message, reply }, lane, limits)
    }

    /// The same of whatever can be written.
    pub(crate) fn send_letter(
        &mut self,
        port: &str,
        letter: &mut impl Letter,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<Sent, EncodeError> {
        self.offer_noted(lane, |outbox| outbox.offer_letter(port, letter, lane, limits))
    }

    /// The same of a message that was found to be large before, and has not been taken then.
    pub(crate) fn send_large(
        &mut self,
        port: &str,
        letter: &mut impl Letter,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<Sent, EncodeError> {
        self.offer_noted(lane, |outbox| outbox.offer_large(port, letter, lane, limits))
    }

    /// Offers something where there is no room for a large message while another one is being encoded; and if this is one, there
    /// will be none for others.
    #[inline]
    fn offer_noted(
        &mut self,
        lane: Lane<'_>,
        offer: impl FnOnce(&mut Outbox) -> Result<Offer, EncodeError>,
    ) -> Result<Sent, EncodeError> {
        let encoding = self.encoding;
        let offered = self.offer(|outbox| {
            outbox.reserve(encoding);
            offer(outbox)
        });
        if offered == Ok(Sent::Large) && lane.waits() {
            self.encoding = true;
        }
        offered
    }

    /// Sends a message that was encoded by itself, in postcard with its length before it, after
    /// [`send`](Self::send) had asked for that. There is room for it, whatever has become of the connection meanwhile.
    ///
    /// # Errors
    ///
    /// The connection has another framing, in which the message cannot be written.
    pub(crate) fn send_frame(
        &mut self,
        port: &str,
        frame: Parts,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<Sent, EncodeError> {
        self.offer(|outbox| outbox.offer_frame(port, frame, lane, limits).map(|()| Offer::Taken))
    }

    /// Memory to encode a large message into.
    pub(crate) fn spare(&mut self) -> BytesMut {
        self.spares.take().unwrap_or_default()
    }

    /// Remembers the memory that a large message was written to, for [`spare`](Self::spare).
    pub(crate) fn lend(&mut self, frame: &Parts) {
        self.spares.lend(frame.first(), frame.memory());
    }

    /// Gives back memory that has not been needed since this was called the last time.
    pub(crate) fn tidy(&mut self) {
        self.spares.tidy();
        if let State::Up { outbox, .. } = &mut self.state {
            outbox.tidy();
        }
    }

    /// Who was asked to encode a large message has sent it, or given up.
    pub(crate) fn encoded(&mut self) {
        self.encoding = false;
    }

    /// What is to be dropped when nothing is locked, after a connection has come or ended.
    pub(crate) fn take_spent(&mut self) -> Vec<Outbox> {
        std::mem::take(&mut self.spent)
    }

    /// Whether data that has to wait for this room would be taken.
    pub(crate) fn has_room(&self, room: Room, limits: &Limits) -> bool {
        if room == Room::Large && self.encoding {
            return false;
        }
        match &self.state {
            State::Up { outbox: queue, .. } | State::Connecting { queue } | State::Lost { queue } => {
                queue.has_room(room, limits)
            }
            State::Idle | State::Gone => true,
        }
    }

    /// Offers something to where it waits, and says what follows.
    #[inline]
    fn offer(
        &mut self,
        offer: impl FnOnce(&mut Outbox) -> Result<Offer, EncodeError>,
    ) -> Result<Sent, EncodeError> {
        let offer = match &mut self.state {
            State::Up { outbox, writer_sleeps, .. } => {
                let offer = offer(outbox)?;
                if offer == Offer::Taken && std::mem::take(writer_sleeps) {
                    return Ok(Sent::Wake);
                }
                offer
            }
            State::Connecting { queue } | State::Lost { queue } => offer(queue)?,
            State::Idle => {
                // The state changes when the message is there: until then it may be refused, or its `Serialize` panic.
                let mut queue = Outbox::without_connection(self.large);
                let offer = offer(&mut queue)?;
                if offer == Offer::Taken {
                    self.state = State::Connecting { queue };
                    return Ok(Sent::Connect(self.next_epoch()));
                }
                offer
            }
            State::Gone => return Ok(Sent::Gone),
        };
        Ok(match offer {
            Offer::Full(room) => Sent::Full(room),
            Offer::Large => Sent::Large,
            Offer::Flooded => Sent::Flooded,
            Offer::Taken => Sent::Queued,
        })
    }

    /// Adds a watcher of the peer's port `port`; the first one asks the peer to tell `[MON-01]`. Watching the node
    /// itself asks nothing, but does connect.
    pub(crate) fn watch(&mut self, port: &str, id: u64, watcher: W, limits: &Limits) -> Sent {
        let sent = if port.is_empty() {
            match self.state {
                State::Idle => {
                    self.state = State::Connecting { queue: Outbox::without_connection(self.large) };
                    Sent::Connect(self.next_epoch())
                }
                State::Gone => Sent::Gone,
                _ => Sent::Queued,
            }
        } else if self.watchers.contains_key(port) {
            Sent::Queued
        } else {
            let request = NodeRequest::Monitor { port: port.into() }.into_message();
            self.send("", &request, None, Lane::Watch(port), limits).unwrap_or(Sent::Flooded)
        };
        if sent != Sent::Gone {
            self.watchers.entry(port.to_owned()).or_default().insert(id, watcher);
        }
        sent
    }

    /// Takes a watcher away again; the last one tells the peer `[MON-02]`.
    pub(crate) fn unwatch(&mut self, port: &str, id: u64, limits: &Limits) -> (Option<W>, Sent) {
        let Some(list) = self.watchers.get_mut(port) else {
            return (None, Sent::Queued);
        };
        let found = list.remove(&id);
        if !list.is_empty() {
            return (found, Sent::Queued);
        }
        self.watchers.remove(port);
        if port.is_empty() {
            return (found, Sent::Queued);
        }
        let request = NodeRequest::Unmonitor { port: port.into() }.into_message();
        (found, self.send("", &request, None, Lane::Watch(port), limits).unwrap_or(Sent::Flooded))
    }

    /// The peer says that its port died: who is to be told. Those who watch the node itself are told by nothing but the
    /// end of the connection.
    pub(crate) fn died(&mut self, port: &str) -> Vec<W> {
        if port.is_empty() {
            return Vec::new();
        }
        self.watchers.remove(port).unwrap_or_default().into_values().collect()
    }

    /// The peer watches our port once more. `false` if it has too many monitors.
    pub(crate) fn peer_watches(&mut self, port: &str, limits: &Limits) -> bool {
        if self.watched_total >= limits.monitors_per_peer {
            return false;
        }
        self.watched_total += 1;
        *self.watched_by_peer.entry(port.to_owned()).or_default() += 1;
        true
    }

    /// The peer takes `count` of its monitors of our port back, or they have been answered.
    pub(crate) fn peer_unwatches(&mut self, port: &str, count: usize) {
        if let Some(held) = self.watched_by_peer.get_mut(port) {
            let gone = count.min(*held);
            *held -= gone;
            self.watched_total -= gone;
            if *held == 0 {
                self.watched_by_peer.remove(port);
            }
        }
    }

    /// A connection has come: what waited goes out on it first. Gives its epoch; `None` if there is another one, or its
    /// end is being told, or this record is out of use.
    ///
    /// # Errors
    ///
    /// What waited cannot be written in the connection's framing; the route is as before.
    pub(crate) fn established(
        &mut self,
        session: Session,
        limits: &Limits,
    ) -> Result<Option<u64>, EncodeError> {
        let mut outbox = Outbox::new(&session, self.large);
        match &self.state {
            State::Connecting { queue } => outbox.append(queue, limits)?,
            State::Idle => {}
            State::Up { .. } | State::Lost { .. } | State::Gone => return Ok(None),
        }
        let before = std::mem::replace(&mut self.state, State::Up { session, outbox, writer_sleeps: false });
        if let State::Connecting { queue } = before {
            self.spent.push(queue);
        }
        Ok(Some(self.next_epoch()))
    }

    /// The connection or attempt of `epoch` has ended. Everything that waited is lost; the watchers given back must be
    /// told before [`settled`](Route::settled) is called.
    pub(crate) fn lost(&mut self, epoch: u64) -> Option<Loss<W>> {
        let (was_up, messages) = match &self.state {
            State::Up { outbox, .. } if epoch == self.epoch => (true, outbox.messages()),
            State::Connecting { queue } if epoch == self.epoch => (false, queue.messages()),
            _ => return None,
        };
        let queue = Outbox::without_connection(self.large);
        if let State::Up { outbox, .. } | State::Connecting { queue: outbox } =
            std::mem::replace(&mut self.state, State::Lost { queue })
        {
            self.spent.push(outbox);
        }
        self.watched_total = 0;
        Some(Loss {
            watchers: std::mem::take(&mut self.watchers)
                .into_values()
                .flat_map(BTreeMap::into_values)
                .collect(),
            watched: std::mem::take(&mut self.watched_by_peer).into_keys().collect(),
            was_up,
            messages,
        })
    }

    /// All watchers have been told. `Some(epoch)` if there is something to connect for again.
    pub(crate) fn settled(&mut self) -> Option<u64> {
        let State::Lost { queue } = &mut self.state else {
            return None;
        };
        let queue = std::mem::replace(queue, Outbox::without_connection(self.large));
        self.state = State::Idle;
        if queue.is_empty() && self.watchers.is_empty() {
            return None;
        }
        self.state = State::Connecting { queue };
        Some(self.next_epoch())
    }

    /// Gives up the record if nobody needs it.
    pub(crate) fn retire(&mut self) -> bool {
        let idle = matches!(self.state, State::Idle) && self.watchers.is_empty();
        if idle {
            self.state = State::Gone;
        }
        idle
    }

    /// Takes what waits and the watchers, to be moved to another record: this one turns out to be a second name of
    /// the same peer. `None` if the attempt of that epoch is over.
    pub(crate) fn absorb(&mut self, epoch: u64) -> Option<Moving<W>> {
        if !self.wants(epoch) {
            return None;
        }
        let State::Connecting { queue } = std::mem::replace(&mut self.state, State::Gone) else {
            return None;
        };
        Some(Moving { queue, watchers: std::mem::take(&mut self.watchers) })
    }

    /// Takes in what another record had: what waited goes out behind what waits here. The requests for its watchers are
    /// among that.
    ///
    /// # Errors
    ///
    /// What waited cannot be written in the connection's framing, and is lost; the connection must be given up, so that
    /// the watchers, which are here now, are told.
    pub(crate) fn take_in(&mut self, moving: Moving<W>, limits: &Limits) -> Result<(), EncodeError> {
        for (port, list) in moving.watchers {
            self.watchers.entry(port).or_default().extend(list);
        }
        let result = match &mut self.state {
            State::Up { outbox, .. } => outbox.append(&moving.queue, limits),
            State::Idle | State::Connecting { .. } | State::Lost { .. } | State::Gone => Ok(()),
        };
        self.spent.push(moving.queue);
        result
    }

    /// Moves what waits to `out`: all that is small, and a piece of what is large. If there is nothing at all, it notes that
    /// the writer sleeps. For the task of the connection, which alone can end it.
    pub(crate) fn transmit(&mut self, out: &mut BytesMut) -> Taken {
        self.ripe = self.ripe.min(RIPE);
        let State::Up { outbox, writer_sleeps, .. } = &mut self.state else {
            return Taken::default();
        };
        *writer_sleeps = outbox.is_empty();
        if outbox.is_empty() { Taken::default() } else { outbox.take(out, PIECES) }
    }

    /// The session of the connection, if there is one.
    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Up { session, .. } => Some(session),
            _ => None,
        }
    }

    /// Whether there is a connection or an attempt to make one, or the end of one is being told.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.state, State::Idle | State::Gone)
    }

    /// The epoch of the latest connection or attempt.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the connection of that epoch is there.
    pub(crate) fn is_connection(&self, epoch: u64) -> bool {
        self.epoch == epoch && self.is_up()
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// Whether an attempt of that epoch is still wanted.
    pub(crate) fn wants(&self, epoch: u64) -> bool {
        self.epoch == epoch && matches!(self.state, State::Connecting { .. })
    }

    /// Begins to connect although nothing waits. `None` if that is not needed.
    pub(crate) fn connect(&mut self) -> Option<u64> {
        if !matches!(self.state, State::Idle) {
            return None;
        }
        self.state = State::Connecting { queue: Outbox::without_connection(self.large) };
        Some(self.next_epoch())
    }

    /// Whether an attempt to connect is under way.
    pub(crate) fn is_connecting(&self) -> bool {
        matches!(self.state, State::Connecting { .. })
    }

    /// Whether messages wait for a connection to be made.
    pub(crate) fn has_queue(&self) -> bool {
        matches!(&self.state, State::Connecting { queue } | State::Lost { queue } if !queue.is_empty())
    }

    /// Bytes of data that wait, of the bound against which there are more.
    pub(crate) fn waiting(&self) -> usize {
        match &self.state {
            State::Up { outbox, .. } => outbox.data_bytes(),
            State::Connecting { queue } | State::Lost { queue } => queue.data_bytes(),
            State::Idle | State::Gone => 0,
        }
    }

    /// The same of what is small.
    pub(crate) fn small_waiting(&self) -> usize {
        match &self.state {
            State::Up { outbox: queue, .. } | State::Connecting { queue } | State::Lost { queue } => {
                queue.small_data()
            }
            State::Idle | State::Gone => 0,
        }
    }

    /// Messages that wait, of all lanes, and their bytes.
    pub(crate) fn queued(&self) -> (usize, usize) {
        match &self.state {
            State::Up { outbox: queue, .. } | State::Connecting { queue } | State::Lost { queue } => {
                (queue.messages(), queue.bytes())
            }
            State::Idle | State::Gone => (0, 0),
        }
    }

    fn next_epoch(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }
}
