//! The conversation of two kernels as a state machine, without I/O.
//!
//! | state | a setup with `mp` | anything else that is understood | a right proof | a wrong proof | 15 s |
//! |---|---|---|---|---|---|
//! | `Fresh`, both have a secret | send our proof; `Proving` | as below | an error | an error | an error |
//! | `Fresh`, else, plain is allowed | `Open` (own kind, not proven) | `Open` (POE::TIKC) | passed over | passed over | an error |
//! | `Fresh`, else | an error | an error | an error | an error | an error |
//! | `Proving` | an error | setups and removes passed over, else an error | `Open` (own kind, proven) | an error | an error |
//! | `Greeted` | not read before TLS stands, and then as `Proving` | | | | an error |
//! | `Open` | told | told | passed over | passed over | nothing, but see below |
//!
//! The first thing that either side sends is its setup, at once, as POE::TIKC does. Where plain connections are not
//! allowed it names no alias. If both setups name TLS, that follows them at once, whatever else holds, and then the
//! proofs; who has a certificate keeps everything else back until the peer has spoken `[TK-55]`. After a proof each side sends a setup of all that it has, which is the one that counts
//! `[TK-51]`. Two of our own kind that are `Open` see to it that something is sent now and then, and end the conversation
//! when nothing is heard `[TK-57]`. Frames whose image is sound but cannot be taken (an
//! object, code, a cycle), and messages that are not understood, are passed over and told as [`Event::Dropped`]; frames
//! and images that are not sound end the conversation `[TK-06]`.

mod chunk;
mod error;
mod outbox;
mod silence;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use mp_proto::codec::storable::{StorableError, ThawLimits, thaw};
use mp_proto::{Nonce, Protocol, Secret, TlsBinding};
use mp_transport::clock::after;

use self::chunk::Chunk;
use self::outbox::Outbox;
use self::silence::Silence;
use crate::frame::{Found, FrameReader};
use crate::identity::{Hello, KernelId, Proof, Role};
use crate::limits::TikcLimits;
use crate::packet::{Packet, PacketError, Parts, Post, Route};
use crate::router::LinkId;

pub use error::ExchangeError;
pub use outbox::{SendError, Unsent};

/// Events and bytes of frames that wait to be taken before no more input is read.
const MOST_EVENTS: usize = 256;
const MOST_BYTES: usize = 256 * 1024;

/// What a conversation begins with.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// Which end we are.
    pub role: Role,
    /// Who we are.
    pub kernel: KernelId,
    /// Which of our clients dials; 0 for a server.
    pub client: u32,
    /// A fresh nonce.
    pub nonce: Nonce,
    /// The shared secret, if we have one.
    pub secret: Option<Secret>,
    /// Whether we have a certificate.
    pub tls: bool,
    /// Whether a peer may be let in without a proof: it is on this machine, or the user said so.
    pub plain: bool,
    /// Whether the peer is known to use the filter's compression; otherwise that is found out by what it sends.
    pub compress: bool,
    /// The bounds.
    pub limits: TikcLimits,
}

/// Who the peer turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A kernel of POE::TIKC, or one that does as if.
    Poe,
    /// One of our own kind.
    Own {
        /// Its ID.
        kernel: KernelId,
        /// Which of its clients it is; 0 for a server.
        client: u32,
        /// Whether it has proved that it has the secret.
        proven: bool,
    },
}

/// What the owner of an [`Exchange`] is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Both want TLS: nothing is read or written before [`Exchange::secured`].
    Secure,
    /// The peer was let in. Comes once, before all else that it said.
    Open(Peer),
    /// It said this.
    Packet(Packet),
    /// It has announced what it has: the setup that counts was told just before. Comes once.
    Ready,
    /// The peer reads compressed frames only: what was announced to it is to be announced again `[TK-05]`.
    Again,
    /// It said something that is passed over.
    Dropped(Dropped),
}

/// Why a frame was passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Its image has what we do not take.
    #[error(transparent)]
    Image(StorableError),
    /// It is no message.
    #[error(transparent)]
    Packet(PacketError),
    /// It comes at a time when it means nothing.
    #[error("a message that is out of place")]
    OutOfPlace,
}

/// One end of a conversation. See the [module](self) for its states, and [`Protocol`] for how it is driven.
#[derive(Debug)]
pub struct Exchange {
    config: ExchangeConfig,
    hello: Hello,
    state: State,
    frames: FrameReader,
    thaw: ThawLimits,
    events: VecDeque<(Event, usize)>,
    /// The bytes of the frames of `events`.
    held: usize,
    out: Outbox,
    /// What posts are kept in.
    chunk: Chunk,
    /// When the peer was heard, and we were, if both of our own kind watch that.
    silence: Option<Silence>,
    now: Instant,
    /// Bytes of the first setup that are to be sent, while all that follows is kept back.
    first: Option<usize>,
    channel: Option<TlsBinding>,
}

#[derive(Debug)]
enum State {
    Fresh { until: Instant },
    Greeted { until: Instant, peer: Hello },
    Proving { until: Instant, peer: Hello },
    Open { ready: bool },
}

impl Exchange {
    /// Begins a conversation at `now`, with a setup that announces `aliases`, or none where the peer has to prove
    /// itself first.
    #[must_use]
    pub fn new(config: ExchangeConfig, aliases: Vec<Route>, now: Instant) -> Self {
        let limits = &config.limits;
        let mut thaw = ThawLimits::default();
        thaw.max_image = limits.max_frame;
        thaw.values = limits.max_values;
        let hello =
            Hello::new(config.kernel, config.client, &config.nonce, config.secret.is_some(), config.tls)
                .with_silence(limits.silence);
        let mut exchange = Self {
            state: State::Fresh { until: after(now, limits.first_word) },
            frames: FrameReader::new(limits.max_frame),
            thaw,
            events: VecDeque::new(),
            held: 0,
            out: Outbox::new(limits, config.role.other().name(), config.compress),
            chunk: Chunk::default(),
            silence: None,
            now,
            hello,
            config,
            first: None,
            channel: None,
        };
        let aliases = if exchange.config.plain { aliases } else { Vec::new() };
        let hello = Some(exchange.hello.clone());
        // Aliases that do not fit into a frame cannot be announced; the bounds of names and aliases see to that.
        drop(exchange.out.control(Packet::Setup { aliases, hello }));
        exchange.first = exchange.config.tls.then(|| exchange.out.len());
        exchange
    }

    /// Whether aliases may be announced now: at once where plain connections are allowed, else from
    /// [`Event::Open`] on.
    #[must_use]
    pub fn may_announce(&self) -> bool {
        self.config.plain || matches!(self.state, State::Open { .. })
    }

    /// TLS stands, with this channel: the proofs follow.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] if it was not due.
    pub fn secured(&mut self, channel: TlsBinding) -> Result<(), ExchangeError> {
        match std::mem::replace(&mut self.state, State::Open { ready: false }) {
            State::Greeted { until, peer } => {
                self.channel = Some(channel);
                self.prove(peer, until)
            }
            _ => Err(ExchangeError::OutOfOrder),
        }
    }

    fn prove(&mut self, peer: Hello, until: Instant) -> Result<(), ExchangeError> {
        let proof = Proof { secret: self.config.secret.as_ref(), channel: self.channel.as_ref() };
        let token = self.hello.token(self.config.role, &peer, proof);
        (self.state, self.first) = (State::Proving { until, peer }, None);
        self.out.control(Packet::Proof { token }).map_err(|_| ExchangeError::NotReading)
    }

    /// Queues a packet, behind all that was queued before. Posts need room; the rest has some of its own.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives a post back.
    pub fn send(&mut self, packet: Packet) -> Result<(), SendError> {
        match packet {
            Packet::Post(post) => self.out.post(post, None, true),
            other => self.out.control(other),
        }
    }

    /// Queues a post that came over the link `from`, or from here. With `force` even if there is no room: for those
    /// that have waited in a bounded queue already.
    ///
    /// # Errors
    ///
    /// [`SendError`] gives the post back if there is no room.
    pub fn post(&mut self, post: Post, from: Option<LinkId>, force: bool) -> Result<(), SendError> {
        self.out.post(post, from, !force)
    }

    /// Queues a post from here whose image was written by [`write_post`](crate::packet::write_post). False if that
    /// cannot be: there is no room, it is too long, or this is the end.
    pub(crate) fn post_image(&mut self, image: &[u8]) -> bool {
        self.out.post_image(image)
    }

    /// The peer was not listened to, so its silence until `now` is none.
    pub(crate) fn excuse(&mut self, now: Instant) {
        if let Some(silence) = &mut self.silence {
            silence.heard(now);
        }
    }

    /// Takes the posts that have been queued and not been taken to be sent, in order. No more is sent after that.
    #[must_use]
    pub fn take_unsent(&mut self) -> Vec<Unsent> {
        self.out.take_unsent()
    }

    /// Whether a post finds room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.out.has_room()
    }

    /// Whether all that was queued has been taken.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.out.is_empty()
    }

    fn tell(&mut self, event: Event, weight: usize) {
        self.held = self.held.saturating_add(weight);
        self.events.push_back((event, weight));
    }

    fn on_image(&mut self, image: &[u8], compressed: bool) -> Result<(), ExchangeError> {
        let weight = image.len();
        if compressed && self.out.compress() && self.may_announce() {
            self.tell(Event::Again, 0);
        }
        match self.packet(image) {
            Ok(Ok(packet)) => self.on_packet(packet, weight),
            Ok(Err(error)) => {
                self.tell(Event::Dropped(Dropped::Packet(error)), weight);
                Ok(())
            }
            Err(
                error @ (StorableError::Malformed { .. }
                | StorableError::Truncated
                | StorableError::TooLong { .. }),
            ) => Err(error.into()),
            Err(error) => {
                self.tell(Event::Dropped(Dropped::Image(error)), weight);
                Ok(())
            }
        }
    }

    fn packet(&mut self, image: &[u8]) -> Result<Result<Packet, PacketError>, StorableError> {
        match Parts::read(image, &self.thaw) {
            Some(parts) => Ok(Ok(Packet::Post(self.chunk.keep(parts, image)))),
            None => thaw(image, &self.thaw).map(Packet::parse),
        }
    }

    /// Reads the frames of `input`; gives how many bytes they were.
    fn on_frames(&mut self, input: &[u8]) -> Result<usize, ExchangeError> {
        let mut rest = input;
        while self.wants_input() {
            let Some(Found { body, end }) = self.frames.find(rest)? else { break };
            let image = rest.get(body..end).unwrap_or_default();
            match self.frames.unpacked(image)? {
                Some(unpacked) => self.on_image(&unpacked, true)?,
                None => self.on_image(image, false)?,
            }
            rest = rest.get(end..).unwrap_or_default();
        }
        Ok(input.len().saturating_sub(rest.len()))
    }

    /// Whether what is queued next has to be told to who takes it: he may be asleep.
    pub(crate) fn is_idle(&self) -> bool {
        self.out.is_empty()
    }

    /// Moves the events behind the next one that are there already to `batch`.
    pub(crate) fn take_events(&mut self, batch: &mut VecDeque<Event>) {
        self.held = 0;
        batch.extend(self.events.drain(..).map(|(event, _)| event));
    }

    fn on_packet(&mut self, packet: Packet, weight: usize) -> Result<(), ExchangeError> {
        match &self.state {
            State::Open { ready } => {
                let ready = *ready;
                self.on_open(packet, weight, ready);
            }
            State::Fresh { until } => {
                let until = *until;
                self.on_fresh(packet, weight, until)?;
            }
            State::Proving { .. } => self.on_proving(packet, weight)?,
            State::Greeted { .. } => return Err(ExchangeError::OutOfOrder),
        }
        Ok(())
    }

    fn on_fresh(&mut self, packet: Packet, weight: usize, until: Instant) -> Result<(), ExchangeError> {
        let peer = match packet {
            Packet::Setup { aliases, hello: Some(peer) } => {
                if peer.kernel == self.config.kernel || peer.nonce == self.hello.nonce {
                    return Err(ExchangeError::Itself);
                }
                if self.config.tls && peer.tls {
                    self.state = State::Greeted { until, peer };
                    self.tell(Event::Secure, 0);
                    return Ok(());
                }
                if self.config.secret.is_some() && peer.secret {
                    return self.prove(peer, until);
                }
                let (kernel, client) = (peer.kernel, peer.client);
                self.watch(&peer);
                return self.let_in(Peer::Own { kernel, client, proven: false }, aliases, weight);
            }
            Packet::Proof { .. }
            | Packet::Answer { .. }
            | Packet::Undelivered { .. }
            | Packet::Alive
            | Packet::Taken { .. } => {
                return Err(ExchangeError::OutOfOrder);
            }
            Packet::Setup { aliases, hello: None } => return self.let_in(Peer::Poe, aliases, weight),
            packet @ (Packet::Remove { .. } | Packet::Post(_)) => packet,
        };
        self.let_in(Peer::Poe, Vec::new(), 0)?;
        self.tell(Event::Packet(peer), weight);
        Ok(())
    }

    fn on_proving(&mut self, packet: Packet, weight: usize) -> Result<(), ExchangeError> {
        let token = match packet {
            Packet::Proof { token } => token,
            // Where plain connections are allowed, such may be under way; the setup behind the proof says all.
            Packet::Setup { hello: None, .. } | Packet::Remove { .. } => return Ok(()),
            _ => return Err(ExchangeError::OutOfOrder),
        };
        let State::Proving { peer, .. } = std::mem::replace(&mut self.state, State::Open { ready: false })
        else {
            return Err(ExchangeError::OutOfOrder);
        };
        let proof = Proof { secret: self.config.secret.as_ref(), channel: self.channel.as_ref() };
        if !self.hello.verify(self.config.role, &peer, proof, &token) {
            return Err(ExchangeError::WrongSecret);
        }
        let (kernel, client) = (peer.kernel, peer.client);
        self.watch(&peer);
        self.tell(Event::Open(Peer::Own { kernel, client, proven: true }), weight);
        Ok(())
    }

    /// From now on both are to be heard.
    fn watch(&mut self, peer: &Hello) {
        self.silence = self.hello.silence_with(peer).map(|bound| Silence::new(bound, self.now));
    }

    fn let_in(&mut self, peer: Peer, aliases: Vec<Route>, weight: usize) -> Result<(), ExchangeError> {
        if !self.config.plain {
            return Err(ExchangeError::Unproven { secret: self.config.secret.is_some() });
        }
        (self.state, self.first) = (State::Open { ready: true }, None);
        self.tell(Event::Open(peer), 0);
        self.tell(Event::Packet(Packet::Setup { aliases, hello: None }), weight);
        self.tell(Event::Ready, 0);
        Ok(())
    }

    fn on_open(&mut self, packet: Packet, weight: usize, ready: bool) {
        let setup = matches!(packet, Packet::Setup { .. });
        let event = match packet {
            // Its bytes have said it.
            Packet::Alive => return,
            Packet::Proof { .. } => Event::Dropped(Dropped::OutOfPlace),
            Packet::Setup { aliases, .. } => Event::Packet(Packet::Setup { aliases, hello: None }),
            packet => Event::Packet(packet),
        };
        self.tell(event, weight);
        if setup && !ready {
            self.state = State::Open { ready: true };
            self.tell(Event::Ready, 0);
        }
    }
}

impl Protocol for Exchange {
    type Event = Event;
    type Error = ExchangeError;

    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), ExchangeError> {
        self.now = now;
        self.excuse(now);
        let used = self.on_frames(input)?;
        input.advance(used);
        Ok(())
    }

    /// An end is an end: POE::TIKC takes a half-closed connection for a closed one, too.
    fn handle_eof(&mut self, _now: Instant) -> Result<(), ExchangeError> {
        Err(ExchangeError::Ended)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), ExchangeError> {
        self.now = now;
        if let State::Open { .. } = self.state {
            let idle = self.out.is_empty();
            let Some(silence) = &mut self.silence else { return Ok(()) };
            if silence.is_over(now) {
                return Err(ExchangeError::Vanished { after: silence.bound() });
            }
            // What waits to be sent says as much.
            if silence.must_speak(now) && idle {
                self.out.control(Packet::Alive).map_err(|_| ExchangeError::NotReading)?;
            }
            return Ok(());
        }
        match self.poll_timeout() {
            Some(until) if until <= now => {
                Err(ExchangeError::Silent { after: self.config.limits.first_word })
            }
            _ => Ok(()),
        }
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        if let Some(silence) = self.silence.as_mut().filter(|_| !self.out.is_empty()) {
            silence.spoke(now);
        }
        match &mut self.first {
            Some(0) => false,
            Some(left) => {
                let taken = self.out.take(out, *left);
                *left = left.saturating_sub(taken);
                taken > 0
            }
            None => self.out.take(out, usize::MAX) > 0,
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        let (event, weight) = self.events.pop_front()?;
        self.held = self.held.saturating_sub(weight);
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Fresh { until } | State::Greeted { until, .. } | State::Proving { until, .. } => {
                Some(*until)
            }
            State::Open { .. } => self.silence.as_ref().map(Silence::next),
        }
    }

    fn wants_input(&self) -> bool {
        !matches!(self.state, State::Greeted { .. })
            && self.events.len() < MOST_EVENTS
            && self.held < MOST_BYTES
    }
}
