//! What waits to be written to one peer: a buffer that messages are encoded straight into, and beside it the queues of
//! large messages, where the peer takes these in pieces ([`bulk`](super::bulk)).
//!
//! What is written into the buffer goes in the order in which it came, and before what is in queues. So the order between two
//! messages is kept if both go into the buffer, or both into the same queue; and where it matters, the one that comes later goes
//! behind the earlier one:
//!
//! | what | its [`Lane`] | goes behind what waits for | because |
//! |---|---|---|---|
//! | a message to a port | `Data`, `Passed`, `Control` | that port | it may be of the same sender `[LN-07]` |
//! | `kil1` P: a kill | `About` P | P | it comes after what its sender has sent before |
//! | a spawn of P | `About` P | P; nothing yet, but if it is large what follows goes behind it | P is to be there when something comes for it |
//! | `mon1`, `mon0` P | `Watch` P | orders about P, and not for messages to it | a monitor of a port that is yet to be made would fire |
//! | `kil0`: a port here has died | `Death` | all ports | what it had sent, to whomever, comes before the news of its death, such as an answer: `[LN-08]` |
//! | what a program sends to the node port: a question such as `time`, `snd` | `Data` | all ports | who asks knows by the answer that what it sent before was read `[LN-08]` |
//! | what is passed on for another: an answer of the node port, `snd` | `Passed` | that port; to a node port, services | it has come by another way, so that no order is owed |
//! | requests of services (`g_…`), `lookup`, `alive` | `Control` | services | they build upon one another `[LN-09]` |
//! | `r_…`: relayed pipes | `Carried` | nothing | they have windows `[RL-03]`; among themselves they keep their order |
//! | keep-alives, the question for the round trip | written by the connection | nothing | they ask whether the peer lives `[LN-09]` |
//!
//! Without pieces all go into the buffer, one behind the other.

use bytes::{Bytes, BytesMut};
use mp_proto::codec::{Copies, FrameScanner, Parts};
use mp_proto::{DecodeError, EncodeError, Frame, Framing, Limits, NodeRequest, PortId, Session};
use serde::Serialize;

use super::bulk::{Bulk, Key, PREFIX, Taken, Tally, Weight};
use super::letter::Letter;
#[cfg(test)]
use super::letter::Single;

/// Of so many times their threshold that the buffer has, large messages get a piece.
const SHARE: usize = 2;

/// What a message is: which bound it counts against, and what it must not overtake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane<'a> {
    /// Messages of ports: they wait when there is no room.
    Data,
    /// What is passed on for others: it waits for room, too.
    Passed,
    /// Requests, notices and the like: always taken, so that they never wait behind data (law 5).
    Control,
    /// A request about this port of the peer, which goes behind what was sent to it; always taken.
    About(&'a str),
    /// A request that needs this port of the peer to be there, if it is to be made at all; always taken.
    Watch(&'a str),
    /// The news of a port's death here, which goes behind what the port may have sent; always taken.
    Death,
    /// Pieces of relayed pipes: always taken, as their windows bound them `[RL-03]`.
    Carried,
}

/// A bound on data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// That of the buffer.
    Small,
    /// That of large messages, and of what goes behind them `[LN-11]`.
    Large,
}

/// What became of an offered message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It waits to be written.
    Taken,
    /// There is no room; nothing has changed.
    Full(Room),
    /// It is large: it has to be encoded by itself, and [offered so](Outbox::offer_frame). Nothing has changed.
    Large,
    /// Control messages have outgrown their bound: the peer does not read, and must go.
    Flooded,
}

/// All that waits for one peer, in one framing.
#[derive(Debug)]
pub(crate) struct Outbox {
    framing: Framing,
    /// Whether there are queues for large messages, and what goes behind them.
    cuts: bool,
    buffer: BytesMut,
    control: Tally,
    carried_bytes: usize,
    /// Messages in the buffer.
    messages: usize,
    bulk: Bulk,
    /// Room for large messages is kept for one that is being encoded.
    reserved: bool,
}

impl Lane<'_> {
    /// Whether a message waits when there is no room.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Data | Self::Passed)
    }

    fn weight(self) -> Weight {
        match self {
            Self::Data | Self::Passed => Weight::Data,
            Self::About(_) | Self::Watch(_) => Weight::Order,
            Self::Control | Self::Death | Self::Carried => Weight::Control,
        }
    }

    /// The queue of a message to the port `port`, if it goes into one.
    fn key(self, port: &str) -> Key {
        match self {
            Self::Death => Key::Deaths,
            Self::About(port) | Self::Watch(port) => Key::Port(port.into()),
            Self::Data | Self::Passed | Self::Control | Self::Carried if !port.is_empty() => {
                Key::Port(port.into())
            }
            Self::Data => Key::Deaths,
            Self::Passed | Self::Control | Self::Carried => Key::Node,
        }
    }
}

impl Outbox {
    /// What waits for a connection with this session. Messages of more than `large` bytes are large.
    pub(crate) fn new(session: &Session, large: usize) -> Self {
        Self::with(session.send, session.sends_pieces(), large)
    }

    /// What waits until there is a connection: in postcard, and by queues, in case its peer takes pieces.
    pub(crate) fn without_connection(large: usize) -> Self {
        Self::with(Framing::Postcard, true, large)
    }

    fn with(framing: Framing, cuts: bool, large: usize) -> Self {
        Self {
            framing,
            cuts,
            buffer: BytesMut::new(),
            control: Tally::default(),
            carried_bytes: 0,
            messages: 0,
            bulk: Bulk::new(large),
            reserved: false,
        }
    }

    /// Encodes a message to where it waits, if there is room.
    ///
    /// Data finds room while fewer bytes than the bound wait, so the box holds one message more than the bound at the
    /// most, and a message larger than the bound goes when nothing else waits.
    #[cfg(test)]
    pub(crate) fn offer<M: Serialize + ?Sized>(
        &mut self,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<Offer, EncodeError> {
        self.offer_letter(port, &mut Single { message, reply }, lane, limits)
    }

    /// The same of whatever can be written.
    pub(crate) fn offer_letter(
        &mut self,
        port: &str,
        letter: &mut impl Letter,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<Offer, EncodeError> {
        let behind = self.is_behind(port, lane);
        if let Some(refusal) = self.refusal(lane, behind, limits) {
            return Ok(refusal);
        }
        let cap = if self.cuts && lane != Lane::Carried { self.bulk.large() } else { usize::MAX };
        let mut frame = BytesMut::new();
        let out = if behind { &mut frame } else { &mut self.buffer };
        let before = out.len();
        if !letter.write(self.framing, port, limits, cap, out)? {
            return Ok(self.refusal_of_large(lane, limits).unwrap_or(Offer::Large));
        }
        if behind {
            self.bulk.push(lane.key(port), frame.freeze().into(), lane.weight());
        } else {
            self.count(lane, self.buffer.len() - before);
        }
        Ok(Offer::Taken)
    }

    /// The same of a message that was found to be large before: where these go in pieces, it is not encoded again to find
    /// that out.
    pub(crate) fn offer_large(
        &mut self,
        port: &str,
        letter: &mut impl Letter,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<Offer, EncodeError> {
        if !self.cuts {
            return self.offer_letter(port, letter, lane, limits);
        }
        let refusal = self.refusal(lane, self.is_behind(port, lane), limits);
        Ok(refusal.or_else(|| self.refusal_of_large(lane, limits)).unwrap_or(Offer::Large))
    }

    fn refusal_of_large(&self, lane: Lane<'_>, limits: &Limits) -> Option<Offer> {
        let full = lane.waits() && !self.has_room(Room::Large, limits);
        full.then_some(Offer::Full(Room::Large))
    }

    /// Encodes a message to a port straight into the buffer, if fewer than `room` bytes of data are in it and nothing else
    /// asks for a closer look. False says that nothing has changed: [`offer`](Self::offer) knows why.
    #[inline]
    pub(crate) fn offer_at_once<M: Serialize + ?Sized>(
        &mut self,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        room: usize,
        limits: &Limits,
    ) -> bool {
        if !self.bulk.is_empty() || self.small_data() >= room {
            return false;
        }
        let cap = if self.cuts { self.bulk.large() } else { usize::MAX };
        let taken = Frame::write_at_once(self.framing, port, message, reply, limits, cap, &mut self.buffer);
        self.messages += usize::from(taken);
        taken
    }

    /// Puts a message for many ports of the peer into the buffer, as one request: for the first ones of `ports`, as many as a
    /// small message can name. Says for how many, each of which counts as a message; 0 if each is to get its own, since
    /// something large waits that some must not overtake, or the message is large itself.
    pub(crate) fn offer_for_many<'p>(
        &mut self,
        ports: impl Iterator<Item = &'p str> + Clone,
        copies: &Copies,
        limits: &Limits,
    ) -> usize {
        if !self.bulk.is_empty() {
            return 0;
        }
        // No value has less than one byte.
        let cap = self.bulk.large().min(limits.max_message).min(limits.max_values);
        let count = copies.write_for_many(ports, cap, &mut self.buffer);
        self.messages += count;
        count
    }

    /// Takes a message that was encoded by itself, in postcard, with its length before it. Whether there is room was to be
    /// found out before.
    ///
    /// # Errors
    ///
    /// The message cannot be written in the framing of this box.
    pub(crate) fn offer_frame(
        &mut self,
        port: &str,
        frame: Parts,
        lane: Lane<'_>,
        limits: &Limits,
    ) -> Result<(), EncodeError> {
        if self.cuts && (self.bulk.is_large(frame.len()) || self.is_behind(port, lane)) {
            self.bulk.push(lane.key(port), frame, lane.weight());
            return Ok(());
        }
        let before = self.buffer.len();
        self.write_frame(&frame.to_bytes(), limits)?;
        self.count(lane, self.buffer.len() - before);
        Ok(())
    }

    /// Writes a frame of postcard, its length before it, to the end of the buffer.
    fn write_frame(&mut self, frame: &Bytes, limits: &Limits) -> Result<(), EncodeError> {
        if self.framing == Framing::Postcard {
            self.buffer.extend_from_slice(frame);
            return Ok(());
        }
        let body = frame.slice(PREFIX.min(frame.len())..);
        Frame::new(Framing::Postcard, body).transcode(self.framing, limits.max_message, &mut self.buffer)
    }

    /// A message of `len` bytes was written into the buffer.
    fn count(&mut self, lane: Lane<'_>, len: usize) {
        self.messages += 1;
        match lane {
            Lane::Data | Lane::Passed => {}
            Lane::Control | Lane::About(_) | Lane::Watch(_) | Lane::Death => self.control.add(len),
            Lane::Carried => self.carried_bytes += len,
        }
    }

    /// Nothing has been sent for some time: gives back what is not needed.
    pub(crate) fn tidy(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Whether a message has to go behind one that waits in a queue.
    fn is_behind(&self, port: &str, lane: Lane<'_>) -> bool {
        if self.bulk.is_empty() {
            return false;
        }
        match lane {
            Lane::Carried => false,
            Lane::Death => self.bulk.holds_deaths(),
            Lane::About(port) => self.bulk.has_port(port),
            Lane::Watch(port) => self.bulk.has_orders(port),
            Lane::Data | Lane::Passed | Lane::Control if !port.is_empty() => self.bulk.has_port(port),
            Lane::Data => self.bulk.holds_deaths(),
            Lane::Passed | Lane::Control => self.bulk.has_node(),
        }
    }

    fn refusal(&self, lane: Lane<'_>, behind: bool, limits: &Limits) -> Option<Offer> {
        let room = if behind { Room::Large } else { Room::Small };
        match lane {
            Lane::Data | Lane::Passed => (!self.has_room(room, limits)).then_some(Offer::Full(room)),
            Lane::Carried => None,
            Lane::Control | Lane::About(_) | Lane::Watch(_) | Lane::Death => {
                let tally = if behind { self.bulk.control() } else { self.control };
                tally.is_full(limits.outbox_control_bytes).then_some(Offer::Flooded)
            }
        }
    }

    /// Keeps the room for large messages for one that is being encoded, or no longer.
    pub(crate) fn reserve(&mut self, reserved: bool) {
        self.reserved = reserved;
    }

    /// Whether data that has to wait for this room would be taken.
    pub(crate) fn has_room(&self, room: Room, limits: &Limits) -> bool {
        match room {
            Room::Small => self.small_data() < limits.outbox_bytes,
            Room::Large => !self.reserved && self.bulk.data() < limits.large_bytes.min(limits.outbox_bytes),
        }
    }

    /// Bytes of data that wait and are not large.
    #[inline]
    pub(crate) fn small_data(&self) -> usize {
        self.buffer.len() - self.control.bytes() - self.carried_bytes
    }

    /// Bytes of data that wait, of the bound against which there are more.
    pub(crate) fn data_bytes(&self) -> usize {
        self.small_data().max(self.bulk.data())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.bulk.is_empty()
    }

    /// Bytes that wait, of all lanes.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.len() + self.bulk.bytes()
    }

    /// Messages that wait, or have been written in part.
    pub(crate) fn messages(&self) -> usize {
        self.messages + self.bulk.messages()
    }

    /// Moves the buffer to the end of `out`, without copying it if `out` is empty; then, unless `pieces` is zero, pieces of large
    /// messages: so many, or as many fewer as the buffer was long, but at least one for each [share](SHARE) of it. Their bytes
    /// are not copied, but go [in between](Taken::between).
    pub(crate) fn take(&mut self, out: &mut BytesMut, pieces: usize) -> Taken {
        let small = self.buffer.len();
        let mut taken = Taken { messages: self.messages, room: small > 0, ..Taken::default() };
        if out.is_empty() {
            std::mem::swap(out, &mut self.buffer);
        } else {
            out.extend_from_slice(&self.buffer);
        }
        self.buffer.clear();
        self.control = Tally::default();
        self.carried_bytes = 0;
        self.messages = 0;
        let share = (1 + small / self.bulk.large().saturating_mul(SHARE))
            .max(pieces.saturating_sub(small / self.bulk.piece()));
        let turns = if pieces == 0 { 0 } else { share };
        for _ in 0..turns {
            if !self.bulk.turn(out, &mut taken) {
                break;
            }
        }
        taken.left = !self.bulk.is_empty();
        taken
    }

    /// Puts the messages of another box behind those of this one, whatever the bounds on bytes: each box is within them.
    /// What a queue does when its connection comes. The other box has been without a connection.
    ///
    /// # Errors
    ///
    /// A message cannot be written in this framing within the bound of one message. What has been added by then goes
    /// without it.
    pub(crate) fn append(&mut self, other: &Self, limits: &Limits) -> Result<(), EncodeError> {
        if self.cuts && self.bulk.is_empty() {
            self.buffer.extend_from_slice(&other.buffer);
            self.messages += other.messages;
        } else {
            self.append_buffer(other, limits)?;
        }
        for (key, frame, weight) in other.bulk.in_order() {
            if self.cuts {
                self.bulk.push(key, frame, weight);
            } else {
                self.write_frame(&frame.to_bytes(), limits)?;
                self.messages += 1;
            }
        }
        Ok(())
    }

    /// Adds the messages of another box's buffer one by one: here something may wait that they must not overtake.
    fn append_buffer(&mut self, other: &Self, limits: &Limits) -> Result<(), EncodeError> {
        let mut rest = other.buffer.clone();
        let all = rest.clone().freeze();
        let malformed = |error: DecodeError| EncodeError::Custom(error.to_string());
        let mut scanner = FrameScanner::new(other.framing).map_err(malformed)?;
        loop {
            let begin = all.len() - rest.len();
            let Some(frame) = scanner.next(&mut rest, usize::MAX).map_err(malformed)? else { return Ok(()) };
            self.append_frame(&frame, all.slice(begin..all.len() - rest.len()), limits)?;
        }
    }

    fn append_frame(&mut self, frame: &Frame, written: Bytes, limits: &Limits) -> Result<(), EncodeError> {
        if !self.bulk.is_empty() {
            let port = frame.check().map_err(|error| EncodeError::Custom(error.to_string()))?;
            let request = frame.message().ok().filter(|_| port.is_empty());
            let request = request.and_then(|message| NodeRequest::parse(message).ok());
            let lane = match &request {
                Some(NodeRequest::Kill { port, .. } | NodeRequest::Spawn { name: port, .. }) => {
                    Lane::About(port)
                }
                Some(NodeRequest::Monitor { port } | NodeRequest::Unmonitor { port }) => Lane::Watch(port),
                Some(NodeRequest::Other { .. }) => Lane::Control,
                _ => Lane::Data,
            };
            if self.is_behind(&port, lane) {
                self.bulk.push(lane.key(&port), written.into(), lane.weight());
                return Ok(());
            }
        }
        self.write_frame(&written, limits)?;
        self.messages += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
