//! A connection at work: what comes in goes to mailboxes, what waits goes out.

mod parked;
mod spread;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mp_proto::codec::ForMany;
use mp_proto::{
    Connection, ConnectionError, Frame, FrameRef, Frames, Limits, Message, NodeRequest, Place, PortId,
    Protocol, Run, Session,
};
use mp_transport::{Driver, Kick, clock};

use self::parked::Parked;
use self::spread::spread;
use crate::mailbox::PortCell;
use crate::mailbox::queue::{Deque, MOVED};
use crate::node::Inner;
use crate::node::requests::Asker;
use crate::runtime::meet::Carrier;
use crate::runtime::peer::{Peer, SHUT_DOWN, Span};
use crate::stats::count;
use crate::stats::figures::Figures;
use crate::sync::after;

/// How much the pipe is given at once. While a message that is larger goes out, what the pipe has taken of it shows that
/// the peer reads. What waits when a sender pauses (256 KiB) goes in three: then the peer reads, and the sender goes on,
/// while the rest is still being written.
const PIECE: usize = 96 * 1024;
/// A buffer that held more than this is given back when it is written; another one is used again.
const KEPT: usize = 1024 * 1024;

/// So long at least a peer is waited for when the node is shut down, however long it has been silent: this process may have
/// been stopped itself.
const FAREWELL: Duration = Duration::from_secs(1);

/// The tag of the answer by which the time to a peer and back is measured `[SV-01]`.
pub(crate) const ROUND_TRIP: &str = "rtt";
/// Between two such questions, at the least and at the most; a quarter of the silence that we bear lies between.
const ASK_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// The protocol of an established connection, with this node on its other side.
#[derive(Debug)]
pub(crate) struct Link {
    node: Arc<Inner>,
    peer: Arc<Peer>,
    connection: Connection,
    kick: Kick,
    /// Bytes to be written before all others: at first those that the handshake still had to send.
    leaving: BytesMut,
    /// What goes in between, each behind so many of those.
    between: VecDeque<(usize, Bytes)>,
    /// So many of the first ones belong to what the pipe was given last.
    due: usize,
    /// What is being written now is a part of the memory of `leaving`.
    in_part: bool,
    /// So much room there is in that memory.
    room: usize,
    /// So much was in `leaving` at first.
    filled: usize,
    /// Pieces of large messages wait behind them.
    left: bool,
    /// Large messages of which the last piece is being written.
    spent: Vec<Bytes>,
    /// Somebody has got a large message.
    pause: bool,
    parked: Parked,
    /// When the pipe last asked for more.
    asked: Instant,
    /// The port that the last message was for; runs of messages to one port are common.
    last_port: Option<Arc<PortCell>>,
    /// Messages for that port, on their way to it; empty in between.
    run: Deque,
    /// How long messages for many ports are that came together; its memory is used again.
    lens: Vec<usize>,
    /// There was nothing more, then.
    idle: bool,
    /// The pipe has not taken what it was given, and there may be more since.
    pending: bool,
    /// The peer has ended the connection, with this for the reason, and messages of it still wait for full mailboxes.
    ended: Option<String>,
    figures: Arc<Figures>,
    /// When the peer is asked next for an answer; never if it is of another kind.
    ask_at: Option<Instant>,
    /// It is to be asked with what goes out next.
    ask: bool,
    /// When the peer was last heard.
    heard: Instant,
    /// In such a time a living peer is heard twice; none if it is of another kind, whose silence says nothing.
    twice: Option<Duration>,
    /// Since when the node has been draining.
    drain_since: Option<Instant>,
}

/// Why a connection is to end, though neither side broke a rule.
#[derive(Debug)]
pub(crate) enum End {
    /// The node is being shut down, and nothing is left to write.
    Drained,
    /// It is given up, for this reason.
    GivenUp(String),
}

/// Why a connection broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("the peer does not read")]
    Stalled,
}

/// Serves a connection until it ends, and tells everybody.
pub(crate) async fn serve(
    node: Arc<Inner>,
    span: Span,
    session: Session,
    mut driver: Driver,
    first: BytesMut,
    carrier: Carrier,
    figures: Arc<Figures>,
) {
    let now = clock::now();
    let mut limits = node.limits.clone();
    if carrier == Carrier::Relays {
        limits.monitor_timeout = patience(&limits);
    }
    let connection = match Connection::new(session, &limits, now) {
        Ok(connection) => connection,
        Err(error) => return span.end(error.to_string()),
    };
    let own_kind = connection.session().instance.is_some();
    let mut link = Link {
        figures,
        ask_at: own_kind.then(|| after(now, ask_every(&node.limits))),
        ask: false,
        kick: driver.kick(),
        node: Arc::clone(&node),
        peer: Arc::clone(&span.peer),
        connection,
        leaving: first,
        between: VecDeque::new(),
        due: 0,
        in_part: false,
        room: 0,
        filled: 0,
        left: false,
        spent: Vec::new(),
        pause: false,
        parked: Parked::default(),
        asked: now,
        last_port: None,
        run: Deque::default(),
        lens: Vec::new(),
        idle: false,
        pending: false,
        ended: None,
        heard: now,
        // Of its keep-alives there are four in the silence that we bear [CN-05].
        twice: own_kind.then(|| limits.monitor_timeout / 2),
        drain_since: None,
    };
    let why = match driver.next(&mut link).await {
        Ok(End::Drained) => {
            let late = link.see_off(&mut driver).await;
            drop(driver.finish(&mut link, late).await);
            SHUT_DOWN.to_owned()
        }
        Ok(End::GivenUp(why)) => why,
        Err(error) => error.to_string(),
    };
    drop(driver);
    span.end(why);
}

/// A run for one port of more bytes makes the connection pause.
const LARGE: usize = 128 * 1024;

/// How long a peer behind relays may be silent `[RL-07]`: a connection that carries it is not read while a mailbox is
/// full, and there are up to three of them.
fn patience(limits: &Limits) -> Duration {
    limits.monitor_timeout.saturating_add(limits.mailbox_patience.saturating_mul(3))
}

/// How often the peer is asked for an answer: as often as a keep-alive is due.
fn ask_every(limits: &Limits) -> Duration {
    (limits.monitor_timeout / 4).clamp(ASK_EVERY.0, ASK_EVERY.1)
}

impl Link {
    /// Bytes were given to the connection, of which some are left.
    fn on_bytes(&mut self, given: usize, left: usize, now: Instant) {
        self.heard = now;
        let used = count(given.saturating_sub(left));
        self.figures.bytes_in(used);
        self.node.stats.bytes_received(used);
        // Before a bad byte there may have been messages in good order.
        self.deliver(now);
    }

    /// Delivers what the connection has cut from the input.
    fn deliver(&mut self, now: Instant) {
        let mut received = 0;
        while let Some(mut arrivals) = self.connection.poll_arrivals() {
            received += count(arrivals.len());
            while let Some(run) = arrivals.next_run() {
                self.deliver_run(&run, now);
            }
        }
        self.node.stats.received(received);
        self.figures.messages_in(received);
        self.figures.parked(self.parked.bytes());
        self.see_to_silence(now);
    }

    /// Gives a port what has come for it, under one lock.
    fn deliver_run(&mut self, run: &Run<'_>, now: Instant) {
        if run.port_bytes().is_empty() {
            return self.deliver_requests(run, now);
        }
        if self.last_port.as_ref().is_none_or(|cell| cell.id().name().as_bytes() != run.port_bytes()) {
            self.last_port = self.node.find(run.port());
        }
        match &self.last_port {
            Some(cell) => {
                match run.only(MOVED) {
                    Some(frame) => self.run.push(frame),
                    None => self.run.push_run(run.frames(MOVED)),
                }
                self.pause |= run.bytes() > LARGE;
                self.parked.deliver_run(&self.node, &self.kick, cell, &mut self.run, now);
            }
            None => {
                self.figures.dropped(count(run.len()));
                run.frames(0).for_each(|frame| self.node.unknown_port(&frame));
            }
        }
    }

    /// Does what is asked of the node port.
    #[inline(never)]
    fn deliver_requests(&mut self, run: &Run<'_>, now: Instant) {
        let for_many = self.connection.session().receives_for_many();
        let mut lens = std::mem::take(&mut self.lens);
        let mut next = 0;
        while let Some(frame) = run.view(next) {
            // One that is not in order is refused as an unknown request is.
            let many = if for_many { spread(run, next, &self.node.limits, &mut lens) } else { None };
            match many {
                Some(ports) => {
                    if let Some(frames) = run.tails(next, &lens, MOVED) {
                        self.deliver_spread(&ports, &frames, now);
                    }
                    next += lens.len();
                }
                None => {
                    self.on_request(frame, now);
                    next += 1;
                }
            }
        }
        self.lens = lens;
    }

    /// Gives messages for many ports to each of these `[ND-32]`.
    fn deliver_spread(&mut self, ports: &ForMany<'_>, frames: &Frames, now: Instant) {
        let more = count(frames.len() * (ports.len() - 1));
        self.node.stats.received(more);
        self.figures.messages_in(more);
        for port in ports.names() {
            let Some(cell) = self.node.find(port) else {
                self.figures.dropped(count(frames.len()));
                frames.clone().for_each(|frame| self.node.unknown_port_named(port, &frame));
                continue;
            };
            self.run.push_run(frames.clone());
            self.parked.deliver_run(&self.node, &self.kick, &cell, &mut self.run, now);
        }
    }

    fn on_request(&mut self, frame: FrameRef<'_>, now: Instant) {
        match frame.message() {
            Ok(message) => {
                if let Some((to, message)) = self.node.at_node_port(Asker::Peer(&self.peer), message) {
                    self.relay(to, message, frame.bytes().len(), now);
                }
            }
            Err(error) => tracing::debug!(peer = %self.peer.id, %error, "a request was not readable"),
        }
    }

    /// Sends a message on for the peer. It has to wait for room as if it had come for its port straight away, so that
    /// nobody can fill a mailbox or queue by way of the node port `[ND-13]`.
    fn relay(&mut self, to: PortId, message: Message, weight: usize, now: Instant) {
        if to.node_str() != self.node.id.as_str() {
            return self.parked.pass_on(&self.node, &self.kick, to, message, weight);
        }
        let Some(cell) = self.node.find(to.name()) else {
            self.node.stats.no_such_port();
            return self.node.lost_letter(to.name(), || Some(message));
        };
        match self.node.local_notice(&message) {
            Ok(frame) => self.parked.deliver(&self.node, &self.kick, &cell, frame, now),
            Err(error) => tracing::debug!(%to, %error, "a message was not passed on"),
        }
    }

    /// Takes what waits to be written, or else a keep-alive that is due.
    fn fill_leaving(&mut self, now: Instant) {
        self.discard_spent();
        if std::mem::take(&mut self.ask) {
            self.ask_for_answer(now);
        }
        let mut state = self.peer.lock();
        let taken = state.route.transmit(&mut self.leaving);
        let followers = state.take_followers();
        drop(state);
        followers.iter().for_each(Kick::wake);
        (self.left, self.between, self.spent) = (taken.left, taken.between, taken.spent);
        if taken.room {
            self.peer.room_made();
        }
        if !self.leaving.is_empty() {
            self.connection.note_sent(now);
        } else {
            self.connection.poll_transmit(now, &mut self.leaving);
        }
        self.filled = self.leaving.len();
        if !self.leaving.is_empty() {
            let between: usize = self.between.iter().map(|(_, bytes)| bytes.len()).sum();
            let (messages, bytes) = (count(taken.messages), count(self.leaving.len() + between));
            self.figures.out(messages, bytes);
            self.node.stats.sent(messages, bytes);
        }
    }

    /// What came of a step: after an error nothing more is written, for which nobody is to wait.
    fn failing(&self, result: Result<(), LinkError>) -> Result<(), LinkError> {
        if result.is_err() {
            let followers = self.peer.lock().fail();
            followers.iter().for_each(Kick::wake);
        }
        result
    }

    /// Large messages have been written to their end.
    fn discard_spent(&mut self) {
        let spent = std::mem::take(&mut self.spent);
        if spent.iter().any(|message| !message.is_unique()) || spent.is_empty() {
            // There is nothing to give back: others have it, or will use it again.
            return;
        }
        self.node.spawn_task(async move { drop(spent) });
    }

    /// Has the peer send a number to our node port: any node does that when it is asked to `[SV-01]`.
    fn ask_for_answer(&mut self, now: Instant) {
        let message = (ROUND_TRIP, self.figures.ask(now));
        let written = Message::new(&message).and_then(|message| {
            let request = NodeRequest::Send { to: self.node.id.port(), message }.into_message();
            let framing = self.connection.session().send;
            Frame::write(framing, "", &request, None, usize::MAX, &mut self.leaving)
        });
        match written {
            Ok(()) => self.connection.note_sent(now),
            Err(error) => tracing::debug!(peer = %self.peer.id, %error, "a question was not written"),
        }
    }

    /// Gives back memory that has not been needed for some time.
    fn tidy(&mut self) {
        self.connection.tidy();
        self.peer.lock().route.tidy();
        if self.leaving.is_empty() {
            self.leaving = BytesMut::new();
        }
    }

    fn retry(&mut self, now: Instant) {
        self.parked.retry(&self.node, &self.kick, now);
        self.figures.parked(self.parked.bytes());
        self.see_to_silence(now);
    }

    /// The peer's silence does not count while we do not listen.
    fn see_to_silence(&mut self, now: Instant) {
        if self.wants_input() {
            self.connection.resume_input(now);
        } else {
            self.connection.pause_input();
        }
    }

    /// When a peer that is silent is not waited for any longer, while the node is being shut down `[ND-35]`.
    fn quiet_at(&self) -> Option<Instant> {
        let (since, twice) = (self.drain_since?, self.twice?);
        Some(after(since, FAREWELL).max(after(self.heard, twice)))
    }

    /// Waits for the end of a peer that has all there was for it, as long as it gives signs of life; gives the time until which
    /// it may be waited for still.
    async fn see_off(&mut self, driver: &mut Driver) -> Instant {
        let late = after(clock::now(), self.node.limits.drain_time);
        while let Some(quiet) = self.quiet_at().filter(|quiet| *quiet < late) {
            // Whether it is done shows in what follows.
            drop(driver.finish(self, quiet).await);
            match driver.last_discarded() {
                _ if driver.is_ended() => return late,
                Some(heard) if heard > self.heard => self.heard = heard,
                _ => return clock::now(),
            }
        }
        late
    }

    /// When a peer that takes nothing is given up: it may honestly stop reading for its mailboxes' patience `[ND-11]`.
    fn stalled_at(&self) -> Option<Instant> {
        let limits = &self.node.limits;
        let patience = limits.monitor_timeout.saturating_add(limits.mailbox_patience);
        (!self.idle).then(|| after(self.asked, patience))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.parked.give_up(&self.node, &self.kick);
    }
}

impl Protocol for Link {
    type Event = End;
    type Error = LinkError;

    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), LinkError> {
        let before = input.len();
        let result = self.connection.handle_bytes(now, input);
        self.on_bytes(before, input.len(), now);
        self.failing(result.map_err(LinkError::from))
    }

    fn poll_place(&mut self) -> Option<Place<'_>> {
        self.connection.poll_place()
    }

    fn handle_placed(&mut self, now: Instant, len: usize, input: &mut BytesMut) -> Result<(), LinkError> {
        let result = self.connection.handle_placed(now, len, input);
        self.on_bytes(len, input.len(), now);
        self.failing(result.map_err(LinkError::from))
    }

    /// What came before the end is not lost with it, as far as mailboxes find room in their patience `[ND-17]`.
    fn handle_eof(&mut self, now: Instant) -> Result<(), LinkError> {
        match self.connection.handle_eof(now) {
            Err(error) if !self.parked.is_empty() => {
                self.ended = Some(error.to_string());
                Ok(())
            }
            result => self.failing(result.map_err(LinkError::from)),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), LinkError> {
        if self.stalled_at().is_some_and(|at| now >= at) {
            return self.failing(Err(LinkError::Stalled));
        }
        if self.wants_input() && self.quiet_at().is_some_and(|at| now >= at) {
            tracing::warn!(peer = %self.peer.id, "not everything could be written before the end: the peer is silent");
            self.drain_since = None;
            self.peer.lock().doom = Some("the node was shut down".to_owned());
        }
        if self.parked.patience(&self.node.limits).is_some_and(|at| now >= at) {
            self.retry(now);
        }
        if self.ask_at.is_some_and(|at| now >= at) {
            self.tidy();
            // Asked for once, however long the pipe takes nothing.
            self.ask_at = Some(after(now, ask_every(&self.node.limits)));
            self.ask = true;
        }
        let result = self.connection.handle_timeout(now);
        self.failing(result.map_err(LinkError::from))
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        if self.ended.is_some() {
            // Nobody is there to read it, and a write that fails would take what waits with it.
            (self.idle, self.pending) = (true, false);
            return false;
        }
        if !out.is_empty() {
            // The pipe has not taken this yet. What others send meanwhile gathers, and is then taken as a whole; to look
            // for it again and again would hold them up, and copy it behind this.
            self.pending = true;
            return false;
        }
        self.pending = false;
        self.asked = now;
        if self.leaving.is_empty() && self.between.is_empty() {
            if std::mem::take(&mut self.in_part) {
                // So that nothing is left of what was written, and its memory can be written to again, from its beginning.
                *out = BytesMut::new();
                if self.filled <= KEPT {
                    self.leaving.reserve(self.room);
                }
            }
            // Between whole messages and pieces. Another piece goes when the pipe has taken what it was given [LN-06].
            self.fill_leaving(now);
        }
        self.idle = self.leaving.is_empty() && !self.left;
        if self.leaving.len() <= 2 * PIECE {
            std::mem::swap(out, &mut self.leaving);
        } else {
            if !self.in_part {
                self.room = self.leaving.capacity();
            }
            *out = self.leaving.split_to(PIECE);
            self.in_part = true;
        }
        self.due = self.between.iter().take_while(|(at, _)| *at <= out.len()).count();
        self.between.iter_mut().skip(self.due).for_each(|(at, _)| *at -= out.len());
        if self.in_part && self.leaving.is_empty() && self.filled > KEPT {
            self.leaving = BytesMut::new();
        }
        !out.is_empty()
    }

    fn poll_between(&mut self) -> Option<(usize, Bytes)> {
        self.due = self.due.checked_sub(1)?;
        self.between.pop_front()
    }

    /// Unlike `poll_transmit`, this is called whether or not the peer takes what we write: mailboxes must be filled and
    /// a connection given up even if it does not.
    fn poll_event(&mut self) -> Option<End> {
        if !self.parked.is_empty() {
            self.retry(clock::now());
        }
        let mut state = self.peer.lock();
        let (doom, followers) = (state.doom.take(), state.take_followers());
        drop(state);
        // Those that were not woken when it was looked for what is to be written, since the pipe takes nothing.
        followers.iter().for_each(Kick::wake);
        if let Some(why) = doom {
            return Some(End::GivenUp(why));
        }
        if self.parked.is_empty()
            && let Some(why) = self.ended.take()
        {
            return Some(End::GivenUp(why));
        }
        if self.drain_since.is_none() && self.node.is_closed() && self.node.is_draining() {
            self.drain_since = Some(clock::now());
        }
        let drained = self.idle
            && !self.pending
            && self.node.is_draining()
            && !self.node.has_pipes_through(&self.peer.id);
        drained.then_some(End::Drained)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let patience = self.parked.patience(&self.node.limits);
        let quiet = self.quiet_at().filter(|_| self.wants_input());
        let others = [self.connection.poll_timeout(), patience, self.stalled_at(), self.ask_at, quiet];
        others.into_iter().flatten().min()
    }

    fn wants_input(&self) -> bool {
        self.parked.has_room(&self.node.limits)
    }

    /// A port that has got a large message works on it while it is in the processor's caches; and if it does so for long,
    /// another thread sees to the sockets.
    fn wants_pause(&mut self) -> bool {
        std::mem::take(&mut self.pause)
    }
}
