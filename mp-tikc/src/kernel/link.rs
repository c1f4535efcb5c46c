//! One connection: its task, and what others reach of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use mp_proto::{Nonce, Protocol};
use mp_transport::complaints::shown;
use mp_transport::driver::DriveError;
use mp_transport::{Addr, Driver, Kick, Pipe, clock};
use tokio::sync::Notify;

use super::deliver::{Offered, Parcel, Room};
use super::{Inner, KernelEvent};
use crate::error::LinkError;
use crate::exchange::{Event, Exchange, ExchangeConfig, ExchangeError, Peer};
use crate::identity::Role;
use crate::packet::{Failure, Packet};
use crate::router::LinkId;
use crate::tls;
use mp_transport::sync::Lock;

/// What the kernel and the task of a connection share.
#[derive(Debug)]
pub(crate) struct LinkCell {
    pub(crate) exchange: Lock<Exchange>,
    /// That of the driver, of which TLS makes another one.
    kick: Lock<Kick>,
    pub(crate) address: Addr,
    /// Why the connection is to be ended.
    doom: Lock<Option<(ExchangeError, Instant)>>,
    /// It is; for when there is no driver.
    doomed: Notify,
    /// Something has been taken out of the queue, or the connection is no more.
    room: Notify,
    /// The peer was let in, or is gone.
    settled: std::sync::atomic::AtomicBool,
}

impl LinkCell {
    pub(crate) fn end(&self, why: ExchangeError) {
        self.doom.lock().get_or_insert_with(|| (why, clock::now()));
        self.doomed.notify_one();
        self.wake();
    }

    /// Makes the driver look at what is to be sent.
    pub(crate) fn wake(&self) {
        self.kick.lock().wake();
    }

    /// Whether it is known who the peer is.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(std::sync::atomic::Ordering::Acquire)
    }

    fn settle(&self) {
        self.settled.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Waits for room in the queue, or the end.
    pub(crate) async fn room(&self) {
        loop {
            let mut waiting = std::pin::pin!(self.room.notified());
            waiting.as_mut().enable();
            if self.exchange.lock().has_room() {
                return;
            }
            waiting.await;
        }
    }
}

/// How a connection came to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) role: Role,
    /// The number of the client that dialled, or 0.
    pub(crate) client: u32,
    /// Whether peers from other machines may come without a proof.
    pub(crate) allow_plain: bool,
    pub(crate) compress: bool,
}

/// A connection that is about to be served.
#[derive(Debug)]
pub(crate) struct Link {
    kernel: Arc<Inner>,
    pub(crate) id: LinkId,
    pub(crate) cell: Arc<LinkCell>,
    driver: Option<Driver>,
    origin: Origin,
    /// Whether a client has been told its server's aliases.
    ready: bool,
}

impl Link {
    /// Takes up a connection. `None` if there is no room for it, or no randomness.
    pub(crate) fn new(kernel: &Arc<Inner>, pipe: Pipe, origin: Origin) -> Result<Self, LinkError> {
        let mut random = [0; Nonce::LEN];
        getrandom::fill(&mut random).map_err(|error| LinkError::Io(error.to_string()))?;
        let address = pipe.peer_addr().clone();
        let plain = origin.allow_plain || is_loopback(&address);
        let config = ExchangeConfig {
            role: origin.role,
            kernel: kernel.id,
            client: origin.client,
            nonce: Nonce::new(random),
            secret: kernel.secret.clone(),
            tls: kernel.tls.is_some(),
            plain,
            compress: origin.compress,
            limits: kernel.limits,
        };
        let driver = Driver::new(pipe);
        let (id, kick) = (LinkId(kernel.number()), driver.kick());
        let cell = kernel.with(|state| {
            if state.closed {
                return Err(ExchangeError::Closed.into());
            }
            if state.links.len() >= kernel.limits.links {
                return Err(LinkError::TooMany(kernel.limits.links));
            }
            let aliases = state.router.connect(id, plain);
            let mut exchange = Exchange::new(config, aliases, clock::now());
            if origin.role == Role::Client && plain {
                // A server of POE::TIKC tells news to those only who have named something `[TK-38]`.
                drop(exchange.send(Packet::Remove { aliases: vec!["_tikc_mp".into()] }));
            }
            let cell = Arc::new(LinkCell {
                exchange: Lock::new(exchange),
                kick: Lock::new(kick),
                address,
                doom: Lock::new(None),
                doomed: Notify::new(),
                room: Notify::new(),
                settled: std::sync::atomic::AtomicBool::new(false),
            });
            state.links.insert(id, Arc::clone(&cell));
            state.router.rest(id);
            Ok(cell)
        })?;
        let driver = Some(driver);
        Ok(Self { kernel: Arc::clone(kernel), id, cell, driver, origin, ready: false })
    }

    /// Serves the connection to its end.
    /// Gives why it ended, and whether it had been ready.
    pub(crate) async fn serve(mut self) -> (LinkError, bool) {
        let mut driver = self.driver.take();
        let draining = self.kernel.draining.clone();
        let why = tokio::select! {
            biased;
            why = self.carry(&mut driver) => why,
            () = draining.cancelled() => {
                let mut wire = Wire { cell: &self.cell, blocked: true };
                let late = clock::after(clock::now(), self.kernel.limits.drain_time);
                if let Some(driver) = &mut driver {
                    drop(driver.finish(&mut wire, late).await);
                }
                ExchangeError::Closed.into()
            }
        };
        drop(driver);
        (why, self.ready)
    }

    async fn carry(&mut self, held: &mut Option<Driver>) -> LinkError {
        let cell = Arc::clone(&self.cell);
        let mut blocked: Option<(Parcel, Room, Instant)> = None;
        let mut batch = VecDeque::new();
        loop {
            if blocked.is_none() && !batch.is_empty() {
                blocked = self.on_batch(&mut batch);
                continue;
            }
            let Some(driver) = held else { return ExchangeError::Closed.into() };
            let mut wire = Wire { cell: &cell, blocked: blocked.is_some() };
            let told = match &blocked {
                None => driver.next(&mut wire).await.map(Some),
                Some((_, room, until)) => tokio::select! {
                    biased;
                    told = driver.next(&mut wire) => told.map(Some),
                    () = room.wait() => Ok(None),
                    () = clock::sleep_until(*until) => Ok(None),
                },
            };
            match told {
                Ok(Some(Event::Secure)) => {
                    if let Err(error) = self.secure(held).await {
                        return error;
                    }
                }
                Ok(Some(event)) => {
                    batch.push_back(event);
                    cell.exchange.lock().take_events(&mut batch);
                }
                Ok(None) => {
                    if let Some((parcel, _, until)) = blocked.take() {
                        blocked = self.retry(parcel, until);
                    }
                    // It was we who did not listen.
                    cell.exchange.lock().excuse(clock::now());
                }
                Err(DriveError::Protocol(error)) => return error.into(),
                Err(error @ DriveError::Io(_)) => return LinkError::Io(error.to_string()),
                Err(error) => return LinkError::Io(error.to_string()),
            }
        }
    }

    /// Puts TLS over the pipe, and takes another driver for that.
    async fn secure(&mut self, held: &mut Option<Driver>) -> Result<(), LinkError> {
        let (Some(mut driver), Some(config)) = (held.take(), &self.kernel.tls) else {
            return Err(ExchangeError::Closed.into());
        };
        let until = self.cell.exchange.lock().poll_timeout().unwrap_or_else(clock::now);
        let upgraded = async {
            let mut wire = Wire { cell: &self.cell, blocked: true };
            driver.flush(&mut wire, until).await.map_err(|error| LinkError::Io(error.to_string()))?;
            let parts = driver.into_parts();
            let pipe = parts.pipe.with_unread(parts.input.freeze());
            tls::upgrade(pipe, self.origin.role, config, until).await
        };
        let (pipe, channel) = tokio::select! {
            biased;
            () = self.cell.doomed.notified() => {
                let doom = self.cell.doom.lock().clone();
                return Err(doom.map_or(ExchangeError::Closed, |(why, _)| why).into());
            }
            upgraded = upgraded => upgraded?,
        };
        let driver = Driver::new(pipe);
        *self.cell.kick.lock() = driver.kick();
        *held = Some(driver);
        Ok(self.cell.exchange.lock().secured(channel)?)
    }

    /// Handles what came at once, up to a post that finds no room.
    fn on_batch(&mut self, batch: &mut VecDeque<Event>) -> Option<(Parcel, Room, Instant)> {
        while let Some(event) = batch.pop_front() {
            let Event::Packet(Packet::Post(post)) = event else {
                self.on_event(event);
                continue;
            };
            // Under one lock the posts that stand together.
            let mut state = self.kernel.state.lock();
            let mut next = Some(post);
            while let Some(post) = next {
                let parcel = Parcel::from_link(post, self.id);
                if let Offered::Full(parcel, room) = self.kernel.offer_in(&mut state, parcel, false) {
                    state.feed();
                    return Some((*parcel, room, clock::after(clock::now(), self.kernel.limits.patience)));
                }
                next = match batch.pop_front() {
                    Some(Event::Packet(Packet::Post(post))) => Some(post),
                    Some(other) => {
                        batch.push_front(other);
                        None
                    }
                    None => None,
                };
            }
            state.feed();
        }
        None
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Open(peer) => self.on_open(peer),
            Event::Packet(packet) => self.on_packet(packet),
            // The driver's owner does that.
            Event::Secure => {}
            Event::Ready => self.on_ready(),
            Event::Again => self.kernel.with(|state| state.router.again(self.id)),
            Event::Dropped(why) => {
                let line = format!("dropped {}", self.cell.address);
                if self.kernel.complaints.lock().first(line, clock::now()) {
                    let why = shown(&why.to_string());
                    tracing::warn!(from = %self.cell.address, "a frame was passed over: {why}");
                }
            }
        }
    }

    fn on_open(&mut self, peer: Peer) {
        self.cell.settle();
        tracing::debug!(address = %self.cell.address, ?peer, "a kernel is connected");
        self.kernel.with(|state| state.router.open(self.id, peer));
        self.kernel.publish(KernelEvent::Up { address: self.cell.address.clone(), peer });
    }

    fn on_ready(&mut self) {
        if self.origin.client != 0 && !std::mem::replace(&mut self.ready, true) {
            self.kernel.state.lock().clients.insert(self.origin.client, true);
            self.kernel.sweep(clock::now());
        }
        self.kernel.changed();
    }

    fn on_packet(&mut self, packet: Packet) {
        let (kernel, id) = (&self.kernel, self.id);
        match packet {
            Packet::Setup { aliases, .. } => kernel.with(|state| state.router.setup(id, aliases)),
            Packet::Remove { aliases } => kernel.with(|state| state.router.remove(id, &aliases)),
            Packet::Answer { call, result } => kernel.answered(id, call, result),
            Packet::Undelivered { alias, event, failure } => {
                kernel.publish(KernelEvent::Undelivered { alias, event, failure });
            }
            Packet::Taken { aliases } => {
                for alias in aliases {
                    let address = self.cell.address.clone();
                    kernel.publish(KernelEvent::Taken { alias, address });
                }
            }
            // Posts are handled by the batch.
            Packet::Proof { .. } | Packet::Alive | Packet::Post(_) => {}
        }
    }

    /// Delivers a post that came over this link; gives it back while there is no room and time for that is left.
    fn retry(&self, parcel: Parcel, until: Instant) -> Option<(Parcel, Room, Instant)> {
        match self.kernel.offer(parcel) {
            Offered::Taken | Offered::Failed(_) => None,
            Offered::Full(parcel, _) if clock::now() >= until => {
                self.kernel.undelivered(*parcel, Failure::Full);
                None
            }
            Offered::Full(parcel, room) => Some((*parcel, room, until)),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let client = Some(self.origin.client).filter(|client| *client != 0);
        self.kernel.lost(self.id, &self.cell, client);
        self.cell.settle();
        self.cell.room.notify_waiters();
    }
}

/// Whether an address is this machine's own, so that who comes from there could read our memory anyway.
pub(crate) fn is_loopback(address: &Addr) -> bool {
    address.ip().map_or(address.host() == "localhost", |ip| ip.to_canonical().is_loopback())
}

/// The exchange as the driver sees it: not read while something it brought waits for room.
struct Wire<'a> {
    cell: &'a LinkCell,
    blocked: bool,
}

impl Protocol for Wire<'_> {
    type Event = Event;
    type Error = ExchangeError;

    fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), ExchangeError> {
        self.cell.exchange.lock().handle_bytes(now, input)
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), ExchangeError> {
        self.cell.exchange.lock().handle_eof(now)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), ExchangeError> {
        if let Some((why, _)) = self.cell.doom.lock().clone() {
            return Err(why);
        }
        let mut exchange = self.cell.exchange.lock();
        if self.blocked {
            exchange.excuse(now);
        }
        exchange.handle_timeout(now)
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        let mut exchange = self.cell.exchange.lock();
        let was_full = !exchange.has_room();
        let more = exchange.poll_transmit(now, out);
        if was_full && exchange.has_room() {
            drop(exchange);
            self.cell.room.notify_waiters();
        }
        more
    }

    fn poll_event(&mut self) -> Option<Event> {
        if self.blocked { None } else { self.cell.exchange.lock().poll_event() }
    }

    /// A connection that is to be ended is due at once.
    fn poll_timeout(&self) -> Option<Instant> {
        if let Some((_, at)) = &*self.cell.doom.lock() {
            return Some(*at);
        }
        self.cell.exchange.lock().poll_timeout()
    }

    fn wants_input(&self) -> bool {
        !self.blocked && self.cell.exchange.lock().wants_input()
    }
}
