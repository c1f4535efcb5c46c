//! A connection at work: what comes in goes to mailboxes, what waits goes out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use mp_proto::{Connection, ConnectionError, Frame, Message, NodeRequest, PortId, Protocol, Session};
use mp_transport::{Driver, Kick, clock};

use crate::kernel::outbox::Lane;
use crate::kernel::route::Sent;
use crate::mailbox::{Envelope, PortCell, Push};
use crate::node::Inner;
use crate::node::requests::{Asker, Outcome};
use crate::runtime::peer::{Adopted, Peer};

/// The protocol of an established connection, with this node on its other side.
#[derive(Debug)]
pub(crate) struct Link {
    node: Arc<Inner>,
    peer: Arc<Peer>,
    epoch: u64,
    connection: Connection,
    kick: Kick,
    /// Bytes that the handshake still had to send.
    first: BytesMut,
    parked: VecDeque<Parked>,
    parked_bytes: usize,
    /// When the peer last took what we wrote.
    last_progress: Instant,
    /// The port that the last message was for; runs of messages to one port are common.
    last_port: Option<Arc<PortCell>>,
    drained: bool,
    /// Why this connection is over, to be told by the next timeout, which is at once.
    ended: Option<(Instant, LinkError)>,
}

/// A message that waits for room, behind which others of the connection go on.
#[derive(Debug)]
enum Parked {
    Mailbox { cell: Arc<PortCell>, envelope: Envelope, weight: usize, since: Instant },
    Relay { to: PortId, message: Message, weight: usize },
}

/// Nothing is left to write, after the node began to shut down.
#[derive(Debug)]
pub(crate) struct Drained;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("replaced by a new connection")]
    Replaced,
    #[error("{0}")]
    Doomed(String),
    #[error("the peer does not read")]
    Stalled,
}

/// Serves a connection until it ends, and tells everybody.
pub(crate) async fn serve(
    node: Arc<Inner>,
    adopted: Adopted,
    session: Session,
    mut driver: Driver,
    first: BytesMut,
    now: Instant,
) {
    let Adopted { peer, epoch } = adopted;
    let connection = match Connection::new(session, &node.limits, now) {
        Ok(connection) => connection,
        Err(error) => return node.lose(&peer, epoch, &error.to_string()),
    };
    let mut link = Link {
        kick: driver.kick(),
        node: Arc::clone(&node),
        peer: Arc::clone(&peer),
        epoch,
        connection,
        first,
        parked: VecDeque::new(),
        parked_bytes: 0,
        last_progress: now,
        last_port: None,
        drained: false,
        ended: None,
    };
    let text = match driver.next(&mut link).await {
        Ok(Drained) => {
            let late = clock::now() + node.limits.drain_time;
            drop(driver.finish(&mut link, late).await);
            "the node was shut down".to_owned()
        }
        Err(error) => error.to_string(),
    };
    drop(driver);
    node.lose(&peer, epoch, &text);
}

impl Link {
    /// Delivers what the connection has cut from the input.
    fn deliver(&mut self, now: Instant) {
        while let Some(incoming) = self.connection.poll_event() {
            if incoming.port.is_empty() {
                self.on_request(&incoming.frame, now);
            } else {
                self.on_message(&incoming.port, incoming.frame, now);
            }
        }
    }

    fn on_message(&mut self, port: &str, frame: Frame, now: Instant) {
        let known = self.last_port.as_ref().filter(|cell| cell.id.name() == port);
        let cell = match known {
            Some(cell) => Arc::clone(cell),
            None => match self.node.find(port) {
                Some(cell) => {
                    self.last_port = Some(Arc::clone(&cell));
                    cell
                }
                None => return self.node.stats.no_such_port(),
            },
        };
        let weight = frame.bytes().len();
        let envelope = Envelope::Frame(frame);
        if self.is_parked(&cell) {
            self.park(Parked::Mailbox { cell, envelope, weight, since: now });
            return;
        }
        if let Push::Full(envelope, since) = self.node.push(&cell, envelope, now) {
            self.park(Parked::Mailbox { cell, envelope, weight, since });
        }
    }

    fn on_request(&mut self, frame: &Frame, now: Instant) {
        let request = match frame.message().map(NodeRequest::parse) {
            Ok(Ok(request)) => request,
            Ok(Err(error)) => {
                return tracing::debug!(peer = %self.peer.id, %error, "a request was not understood");
            }
            Err(error) => return tracing::debug!(peer = %self.peer.id, %error, "a request was not readable"),
        };
        if let Outcome::Relay(to, message) = self.node.react(Asker::Peer(&self.peer), request) {
            self.park(Parked::Relay { to, message, weight: frame.bytes().len() });
            self.retry(now);
        }
    }

    fn park(&mut self, parked: Parked) {
        self.parked_bytes += parked.weight();
        self.parked.push_back(parked);
    }

    fn is_parked(&self, cell: &Arc<PortCell>) -> bool {
        self.parked
            .iter()
            .any(|parked| matches!(parked, Parked::Mailbox { cell: other, .. } if Arc::ptr_eq(cell, other)))
    }

    /// Tries all that is parked once more, in order; what is behind a message to the same place waits with it.
    fn retry(&mut self, now: Instant) {
        let mut blocked: Vec<PortId> = Vec::new();
        let mut still = VecDeque::new();
        while let Some(parked) = self.parked.pop_front() {
            let place = parked.place().clone();
            if blocked.contains(&place) {
                still.push_back(parked);
                continue;
            }
            let weight = parked.weight();
            match self.offer(parked, now) {
                None => self.parked_bytes -= weight,
                Some(parked) => {
                    blocked.push(place);
                    still.push_back(parked);
                }
            }
        }
        self.parked = still;
    }

    /// Offers one parked message; gives it back if there is still no room, having asked to be woken.
    fn offer(&self, parked: Parked, now: Instant) -> Option<Parked> {
        match parked {
            Parked::Mailbox { cell, envelope, weight, since } => {
                if now >= since + self.node.limits.mailbox_patience {
                    self.node.overflow(&cell);
                    return None;
                }
                if cell.wake_when_room(weight, &self.kick, &self.node.limits) {
                    return Some(Parked::Mailbox { cell, envelope, weight, since });
                }
                match self.node.push(&cell, envelope, now) {
                    Push::Full(envelope, _) => Some(Parked::Mailbox { cell, envelope, weight, since }),
                    Push::Taken | Push::Run | Push::Dead => None,
                }
            }
            Parked::Relay { to, message, weight } => self.relay(to, message, weight),
        }
    }

    fn relay(&self, to: PortId, message: Message, weight: usize) -> Option<Parked> {
        if to.node_str() == self.node.id.as_str() {
            return self.relay_here(to, message, weight);
        }
        loop {
            let Ok(peer) = self.node.peer(&to.node()) else {
                return None;
            };
            if peer.wake_when_room(&self.kick, self.node.limits.outbox_bytes) {
                return Some(Parked::Relay { to, message, weight });
            }
            match self.node.offer_peer(&peer, to.name(), &message, None, Lane::Data) {
                Ok(Sent::Full) => return Some(Parked::Relay { to, message, weight }),
                Ok(Sent::Gone) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// A message that is relayed to a port here: this node is the barrier that `snd` is used for.
    fn relay_here(&self, to: PortId, message: Message, weight: usize) -> Option<Parked> {
        if to.is_node_port() {
            // To the node port by way of the node port: one step only, so that no message can circle.
            if let Ok(request) = NodeRequest::parse(message) {
                drop(self.node.react(Asker::Peer(&self.peer), request));
            }
            return None;
        }
        let cell = self.node.find(to.name())?;
        if cell.wake_when_room(weight, &self.kick, &self.node.limits) {
            return Some(Parked::Relay { to, message, weight });
        }
        match self.node.push(&cell, Envelope::Message(message), self.last_progress) {
            Push::Full(Envelope::Message(message), _) => Some(Parked::Relay { to, message, weight }),
            _ => None,
        }
    }

    /// When the longest-waiting mailbox loses its patience.
    fn patience(&self) -> Option<Instant> {
        let since = self.parked.iter().filter_map(|parked| match parked {
            Parked::Mailbox { since, .. } => Some(*since),
            Parked::Relay { .. } => None,
        });
        since.min().map(|since| since + self.node.limits.mailbox_patience)
    }

    /// When a peer that takes nothing is given up: it may honestly stop reading for its mailboxes' patience.
    fn stalled_at(&self) -> Option<Instant> {
        let waits = self.peer.lock().route.waiting() > 0;
        waits.then(|| {
            self.last_progress + self.node.limits.monitor_timeout + self.node.limits.mailbox_patience
        })
    }
}

impl Parked {
    fn weight(&self) -> usize {
        match self {
            Self::Mailbox { weight, .. } | Self::Relay { weight, .. } => *weight,
        }
    }

    fn place(&self) -> &PortId {
        match self {
            Self::Mailbox { cell, .. } => &cell.id,
            Self::Relay { to, .. } => to,
        }
    }
}

impl Protocol for Link {
    type Event = Drained;
    type Error = LinkError;

    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), LinkError> {
        let result = self.connection.handle_bytes(now, input);
        // What came before the bad byte came in good order.
        self.deliver(now);
        Ok(result?)
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), LinkError> {
        Ok(self.connection.handle_eof(now)?)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), LinkError> {
        if let Some((_, error)) = self.ended.take() {
            return Err(error);
        }
        if self.stalled_at().is_some_and(|at| now >= at) {
            return Err(LinkError::Stalled);
        }
        if self.patience().is_some_and(|at| now >= at) {
            self.retry(now);
        }
        Ok(self.connection.handle_timeout(now)?)
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        if !self.parked.is_empty() {
            self.retry(now);
        }
        let mut wrote = !self.first.is_empty();
        out.extend_from_slice(&self.first.split());
        let mut state = self.peer.lock();
        let doom = state.doom.take();
        let took = state.route.transmit(self.epoch, out);
        drop(state);
        match (doom, took) {
            (Some(doom), _) => self.ended = Some((now, LinkError::Doomed(doom))),
            (None, None) => self.ended = Some((now, LinkError::Replaced)),
            (None, Some(true)) => {
                self.connection.note_sent(now);
                self.peer.room_made();
                wrote = true;
            }
            (None, Some(false)) => {}
        }
        self.last_progress = now;
        wrote |= self.connection.poll_transmit(now, out);
        self.drained = !wrote;
        wrote
    }

    fn poll_event(&mut self) -> Option<Drained> {
        (self.node.is_draining() && self.drained).then_some(Drained)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let ended = self.ended.as_ref().map(|(at, _)| *at);
        [ended, self.connection.poll_timeout(), self.patience(), self.stalled_at()]
            .into_iter()
            .flatten()
            .min()
    }

    fn wants_input(&self) -> bool {
        self.parked_bytes < self.node.limits.read_ahead_bytes
    }
}
