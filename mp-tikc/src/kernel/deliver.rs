//! A post's way: to a session here, over a link, or into the queue of those that wait for a connection.

use std::cell::Cell;
use std::sync::Arc;

use bytes::BytesMut;
use mp_proto::{EncodeError, Text};
use mp_transport::clock;
use mp_transport::complaints::shown;
use serde::Serialize;

use super::link::LinkCell;
use super::state::{Pending, State};
use super::{Inner, KernelEvent};
use crate::args::Args;
use crate::call::Answer;
use crate::error::PostError;
use crate::exchange::{Peer, SendError};
use crate::identity::MAX_WAY;
use crate::names::{check_alias, check_event};
use crate::packet::{Failure, Packet, Post, write_post};
use crate::router::{LinkId, Way};
use crate::session::mailbox::{Mailbox, Refused};
use crate::session::{Event, Reply};

thread_local! {
    /// What posts are written into before they are queued.
    static SCRATCH: Cell<BytesMut> = Cell::default();
}

/// A buffer that has grown beyond this is given back.
const SCRATCH_KEPT: usize = 64 * 1024;

/// A post with what this kernel knows about it.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) post: Post,
    /// The link that it came by, or none if it is from here.
    pub(crate) from: Option<LinkId>,
    /// Where its answer goes, if it wants one.
    pub(crate) answer: Option<Answer>,
}

/// What became of an offered post.
#[derive(Debug)]
pub(crate) enum Offered {
    /// It is on its way.
    Taken,
    /// There is no room; where that is waited for.
    Full(Box<Parcel>, Room),
    /// It cannot be delivered. One that came over a link or wants an answer has had that told.
    Failed(PostError),
}

/// What is full.
#[derive(Debug)]
pub(crate) enum Room {
    Session(Arc<Mailbox>),
    Link(Arc<LinkCell>),
}

impl Room {
    pub(crate) async fn wait(&self) {
        match self {
            Self::Session(mailbox) => mailbox.room().await,
            Self::Link(cell) => cell.room().await,
        }
    }
}

impl Parcel {
    /// A post from here.
    pub(crate) fn new(
        alias: impl Into<Text>,
        event: &str,
        args: Args,
        answer: Option<Answer>,
    ) -> Result<Self, PostError> {
        check_event(event).map_err(|error| PostError::Event { event: event.into(), error })?;
        let post = Post { alias: alias.into(), event: event.into(), args, call: None, hops: 0 };
        Ok(Self { post, from: None, answer })
    }

    /// A post that came over a link.
    pub(crate) fn from_link(mut post: Post, from: LinkId) -> Self {
        let answer = post.call.take().map(|call| Answer::Link(from, call));
        Self { post, from: Some(from), answer }
    }

    pub(crate) fn weight(&self) -> usize {
        self.post.args.weight()
    }

    pub(crate) fn error(&self, failure: Failure) -> PostError {
        PostError::Undeliverable { alias: self.post.alias.to_string(), failure }
    }
}

impl Inner {
    /// Posts, waiting for room.
    pub(crate) async fn post(&self, mut parcel: Parcel) -> Result<(), PostError> {
        loop {
            match self.offer(parcel) {
                Offered::Taken => return Ok(()),
                Offered::Failed(error) => return Err(error),
                Offered::Full(back, room) => {
                    room.wait().await;
                    parcel = *back;
                }
            }
        }
    }

    /// Posts at once if that can be done without more ado: to an alias that is elsewhere, over a connection that has
    /// room. Otherwise false, and nothing has happened.
    #[inline]
    pub(crate) fn post_now<A: Serialize>(
        &self,
        alias: &str,
        event: &str,
        args: &A,
    ) -> Result<bool, EncodeError> {
        let cell = {
            let state = self.state.lock();
            match state.router.way(alias, None) {
                Ok(Way::Link(link)) if !state.closed => state.links.get(&link).map(Arc::clone),
                _ => None,
            }
        };
        let Some(cell) = cell.filter(|_| check_event(event).is_ok()) else { return Ok(false) };
        // No lock is held while a user's type is written. It may post by itself, and then has another buffer.
        let mut image = SCRATCH.take();
        image.clear();
        let written = write_post(&mut image, alias, event, args);
        let posted = written.is_ok() && {
            let mut exchange = cell.exchange.lock();
            // Who takes what is queued is awake while there is something.
            let asleep = exchange.is_idle();
            let posted = exchange.post_image(&image);
            drop(exchange);
            if posted && asleep {
                cell.wake();
            }
            posted
        };
        if image.capacity() <= SCRATCH_KEPT {
            SCRATCH.set(image);
        }
        match written {
            Ok(()) => Ok(posted),
            // A session takes what no frame can hold, and so the alias may by now.
            Err(EncodeError::TooDeep | EncodeError::TooLong { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Posts if there is room.
    pub(crate) fn offer(&self, parcel: Parcel) -> Offered {
        let mut state = self.state.lock();
        let offered = self.offer_in(&mut state, parcel, false);
        state.feed();
        offered
    }

    /// The same, by whom the state is locked already; with `force` whether there is room or not.
    pub(crate) fn offer_in(&self, state: &mut State, parcel: Parcel, force: bool) -> Offered {
        if state.closed {
            self.fail(state, parcel, Failure::Disconnected);
            return Offered::Failed(PostError::ShutDown);
        }
        let (alias, event) = (&parcel.post.alias, &parcel.post.event);
        if parcel.from.is_some() && (check_alias(alias).is_err() || check_event(event).is_err()) {
            return self.fail(state, parcel, Failure::Forbidden);
        }
        match state.router.way(alias, parcel.from) {
            Ok(Way::Here) => self.hand_over(state, parcel, force),
            Ok(Way::Link(link)) => self.send_on(state, link, parcel, force),
            Err(Failure::NoSuchAlias) if parcel.from.is_none() && state.is_connecting() => {
                self.let_wait(state, parcel)
            }
            Err(failure) => self.fail(state, parcel, failure),
        }
    }

    fn hand_over(&self, state: &mut State, parcel: Parcel, force: bool) -> Offered {
        let Some(mailbox) = state.sessions.get(&parcel.post.alias) else {
            return self.fail(state, parcel, Failure::NoSuchAlias);
        };
        let Parcel { post, from, answer } = parcel;
        if !state.expected.is_empty()
            && let Some(asker) = state.expected.remove(&(post.alias.clone(), post.event.clone()))
        {
            drop(asker.send(Ok(post.args.into_values())));
            return Offered::Taken;
        }
        let reply = answer.map(|answer| Reply::new(self.weak(), answer));
        let (call, hops) = (post.call, post.hops);
        let again = |event: Box<Event>| {
            let Event { alias, name: event, args, reply, .. } = *event;
            let answer = reply.and_then(Reply::disarm);
            Parcel { post: Post { alias, event, args, call, hops }, from, answer }
        };
        match mailbox.put(Event::new(post.alias, post.event, post.args, reply), force) {
            Ok(hungry) => {
                if hungry {
                    state.hungry.push(Arc::clone(mailbox));
                }
                Offered::Taken
            }
            Err(Refused::Full(event)) => {
                let room = Room::Session(Arc::clone(mailbox));
                Offered::Full(Box::new(again(event)), room)
            }
            Err(Refused::Closed(event)) => self.fail(state, again(event), Failure::NoSuchAlias),
        }
    }

    fn send_on(&self, state: &mut State, link: LinkId, mut parcel: Parcel, force: bool) -> Offered {
        let Some(cell) = state.links.get(&link).map(Arc::clone) else {
            return self.fail(state, parcel, Failure::Disconnected);
        };
        if parcel.answer.is_some() && !matches!(state.router.peer(link), Some(Peer::Own { .. })) {
            return self.fail(state, parcel, Failure::NotCallable);
        }
        if parcel.from.is_some() {
            parcel.post.hops = parcel.post.hops.saturating_add(1);
            if usize::from(parcel.post.hops) > MAX_WAY {
                return self.fail(state, parcel, Failure::Circle);
            }
        }
        let mut exchange = cell.exchange.lock();
        if !force && !exchange.has_room() {
            drop(exchange);
            parcel.post.hops = parcel.post.hops.saturating_sub(u8::from(parcel.from.is_some()));
            return Offered::Full(Box::new(parcel), Room::Link(cell));
        }
        let Parcel { mut post, from, answer } = parcel;
        if let Some(answer) = answer {
            if state.calls.len() >= self.limits.calls {
                drop(exchange);
                return self.fail(state, Parcel { post, from, answer: Some(answer) }, Failure::Full);
            }
            let (call, until) = (self.number(), clock::after(clock::now(), self.limits.call_time));
            post.call = Some(call);
            state.calls.insert(call, Pending { answer, by: link, until });
        }
        // Who takes what is queued is awake while there is something.
        let asleep = exchange.is_idle();
        let sent = exchange.post(post, from, force);
        drop(exchange);
        match sent {
            Ok(()) => {
                if asleep {
                    cell.wake();
                }
                Offered::Taken
            }
            Err(SendError::Unwritable(Some(post)) | SendError::Full(post)) => {
                let call = post.call.and_then(|call| state.calls.remove(&call));
                let answer = call.map(|pending| pending.answer);
                self.fail(state, Parcel { post: *post, from, answer }, Failure::Unwritable)
            }
            Err(error) => {
                tracing::warn!(address = %cell.address, %error, "a post was not sent");
                Offered::Failed(PostError::ShutDown)
            }
        }
    }

    fn let_wait(&self, state: &mut State, parcel: Parcel) -> Offered {
        let weight = parcel.weight();
        let bytes = state.waiting_bytes.saturating_add(weight);
        if state.waiting.len() >= self.limits.waiting_posts || bytes > self.limits.queue_bytes {
            return Offered::Failed(PostError::TooManyWaiting);
        }
        state.waiting_bytes = bytes;
        state.waiting.push_back((parcel, clock::after(clock::now(), self.limits.waiting_time)));
        Offered::Taken
    }

    /// A post cannot be delivered, and its sender is told: one of this kernel by the error, another one by a packet.
    fn fail(&self, state: &State, parcel: Parcel, failure: Failure) -> Offered {
        let error = parcel.error(failure);
        let Parcel { post, from, answer } = parcel;
        match (answer, from) {
            (Some(Answer::Here(asker)), _) => drop(asker.send(Err(failure))),
            (Some(Answer::Link(link, call)), _) => {
                self.tell(state, link, Packet::Answer { call, result: Err(failure) });
            }
            (None, Some(link)) => self.tell_link(state, link, post.alias, post.event, failure),
            (None, None) => {}
        }
        Offered::Failed(error)
    }

    /// A post that had been taken was not delivered after all.
    pub(crate) fn undelivered(&self, parcel: Parcel, failure: Failure) {
        let Parcel { post, from, answer } = parcel;
        match answer {
            Some(answer) => self.answer(answer, Err(failure)),
            None => self.tell_sender(from, post.alias, post.event, failure),
        }
    }

    pub(crate) fn tell_sender(&self, from: Option<LinkId>, alias: Text, event: Text, failure: Failure) {
        match from {
            None => {
                tracing::debug!(%alias, %event, %failure, "a post was not delivered");
                self.publish(KernelEvent::Undelivered { alias, event, failure });
            }
            Some(link) => self.tell_link(&self.state.lock(), link, alias, event, failure),
        }
    }

    /// Tells a peer of our own kind; POE::TIKC has no way to say it, so there is a line in the log, now and then.
    fn tell_link(&self, state: &State, link: LinkId, alias: Text, event: Text, failure: Failure) {
        if matches!(state.router.peer(link), Some(Peer::Own { .. })) {
            return self.tell(state, link, Packet::Undelivered { alias, event, failure });
        }
        let Some(cell) = state.links.get(&link) else { return };
        let line = format!("undelivered {} {failure}", cell.address);
        if self.complaints.lock().first(line, clock::now()) {
            let (alias, event) = (shown(&alias), shown(&event));
            tracing::warn!(alias, event, from = %cell.address, "a post cannot be delivered: {failure}");
        }
    }
}
