//! What a kernel knows: one lock over the table of aliases, sessions, connections, and posts and calls that wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use mp_proto::{Text, Value};

use super::deliver::{Offered, Parcel};
use super::link::LinkCell;
use super::{Inner, KernelEvent};
use crate::call::{Answer, Asker, reply_event};
use crate::error::PostError;
use crate::exchange::{ExchangeError, SendError, Unsent};
use crate::identity::KernelId;
use crate::limits::TikcLimits;
use crate::packet::{Failure, Packet};
use crate::router::{AliasError, Effect, LinkId, Router};
use crate::session::mailbox::Mailbox;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) router: Router,
    pub(crate) sessions: BTreeMap<Text, Arc<Mailbox>>,
    pub(crate) links: BTreeMap<LinkId, Arc<LinkCell>>,
    /// Whether each client is connected and has been told its server's aliases.
    pub(crate) clients: BTreeMap<u32, bool>,
    /// Posts to aliases that may come once a client is connected, and until when they wait.
    pub(crate) waiting: VecDeque<(Parcel, Instant)>,
    pub(crate) waiting_bytes: usize,
    pub(crate) calls: BTreeMap<u64, Pending>,
    /// Answers that come as events of these aliases and names.
    pub(crate) expected: BTreeMap<(Text, Text), Asker>,
    /// Sessions that wait for what has just been put into their mailboxes, to be woken when that is all.
    pub(crate) hungry: Vec<Arc<Mailbox>>,
    pub(crate) closed: bool,
}

/// A call that was passed on.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) answer: Answer,
    /// The link that the answer has to come by.
    pub(crate) by: LinkId,
    pub(crate) until: Instant,
}

/// An event that is waited for as an answer. Dropping it gives that up.
#[derive(Debug)]
pub(crate) struct Expected {
    kernel: Arc<Inner>,
    key: (Text, Text),
}

impl Expected {
    pub(crate) fn event(&self) -> Text {
        self.key.1.clone()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.kernel.state.lock().expected.remove(&self.key);
    }
}

impl State {
    pub(crate) fn new(id: KernelId, limits: TikcLimits) -> Self {
        Self {
            router: Router::new(id, limits),
            sessions: BTreeMap::new(),
            links: BTreeMap::new(),
            clients: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            calls: BTreeMap::new(),
            expected: BTreeMap::new(),
            hungry: Vec::new(),
            closed: false,
        }
    }

    /// Wakes those who wait for what they have been given. To be called by whoever offers posts, before unlocking.
    pub(crate) fn feed(&mut self) {
        self.hungry.drain(..).for_each(|mailbox| mailbox.feed());
    }

    /// Whether aliases that are not known may still come.
    pub(crate) fn is_connecting(&self) -> bool {
        self.clients.values().any(|up| !up)
    }
}

impl Inner {
    /// Changes the state and does what follows from it.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        self.settle(&mut state);
        state.feed();
        result
    }

    /// Does what the table asks for.
    fn settle(&self, state: &mut State) {
        let mut news = false;
        while let Some(effect) = state.router.poll_effect() {
            match effect {
                Effect::Tell(link, packet) => self.tell(state, link, packet),
                Effect::End(link, error) => {
                    if let Some(cell) = state.links.get(&link) {
                        cell.end(error);
                    }
                }
                Effect::Came(alias) => {
                    news = true;
                    self.release(state, &alias);
                    self.publish(KernelEvent::Came { alias });
                }
                Effect::Went(alias) => {
                    news = true;
                    self.publish(KernelEvent::Went { alias });
                }
                Effect::Taken(link, alias) => {
                    if let Some(cell) = state.links.get(&link) {
                        let address = cell.address.clone();
                        tracing::info!(%alias, %address, "announced, but held by somebody else already");
                        self.publish(KernelEvent::Taken { alias, address });
                    }
                }
            }
        }
        if news {
            self.changed();
        }
    }

    /// Sends something that cannot wait for room.
    pub(crate) fn tell(&self, state: &State, link: LinkId, packet: Packet) {
        let Some(cell) = state.links.get(&link) else { return };
        let sent = cell.exchange.lock().send(packet);
        match sent {
            Ok(()) => cell.wake(),
            Err(SendError::NotReading) => cell.end(ExchangeError::NotReading),
            Err(error) => tracing::warn!(address = %cell.address, %error, "something was not sent"),
        }
    }

    /// Sends on what has waited for an alias, in order.
    fn release(&self, state: &mut State, alias: &Text) {
        if state.waiting.is_empty() {
            return;
        }
        let all = std::mem::take(&mut state.waiting);
        for (parcel, until) in all {
            if parcel.post.alias != *alias {
                state.waiting.push_back((parcel, until));
                continue;
            }
            state.waiting_bytes = state.waiting_bytes.saturating_sub(parcel.weight());
            let event = parcel.post.event.clone();
            // What has waited in a bounded queue finds room in the next one.
            if let Offered::Failed(PostError::Undeliverable { failure, .. }) =
                self.offer_in(state, parcel, true)
            {
                self.publish(KernelEvent::Undelivered { alias: alias.clone(), event, failure });
            }
        }
    }

    /// Gives up posts that have waited too long, or all of them once nothing more is to come; and calls whose time is
    /// over.
    pub(crate) fn sweep(&self, now: Instant) {
        let (mut late, mut calls) = (Vec::new(), Vec::new());
        self.with(|state| {
            let hopeless = !state.is_connecting();
            let all = std::mem::take(&mut state.waiting);
            for (parcel, until) in all {
                if hopeless || until <= now {
                    state.waiting_bytes = state.waiting_bytes.saturating_sub(parcel.weight());
                    late.push((parcel, if hopeless { Failure::NoSuchAlias } else { Failure::Disconnected }));
                } else {
                    state.waiting.push_back((parcel, until));
                }
            }
            let over: Vec<u64> =
                state.calls.iter().filter(|(_, call)| call.until <= now).map(|(id, _)| *id).collect();
            calls.extend(over.iter().filter_map(|id| state.calls.remove(id)));
        });
        late.into_iter().for_each(|(parcel, failure)| self.undelivered(parcel, failure));
        calls.into_iter().for_each(|call| self.answer(call.answer, Err(Failure::NoAnswer)));
    }

    /// A connection is gone, and with it all that went over it.
    pub(crate) fn lost(&self, link: LinkId, cell: &LinkCell, client: Option<u32>) {
        let calls: Vec<Pending> = self.with(|state| {
            if let Some(up) = client.and_then(|client| state.clients.get_mut(&client)) {
                *up = false;
            }
            state.router.lost(link);
            state.links.remove(&link);
            let over: Vec<u64> =
                state.calls.iter().filter(|(_, call)| call.by == link).map(|(id, _)| *id).collect();
            over.iter().filter_map(|id| state.calls.remove(id)).collect()
        });
        for call in calls {
            self.answer(call.answer, Err(Failure::Disconnected));
        }
        // Nobody finds the link any more, so nothing is queued for it after this.
        let unsent: Vec<Unsent> = cell.exchange.lock().take_unsent();
        for post in unsent.into_iter().filter(|post| post.call.is_none()) {
            self.tell_sender(post.from, post.alias, post.event, Failure::Disconnected);
        }
        self.changed();
    }

    /// Gives an answer to whom it is for.
    pub(crate) fn answer(&self, answer: Answer, result: Result<Vec<Value>, Failure>) {
        match answer {
            // Who asked may have given up.
            Answer::Here(asker) => drop(asker.send(result)),
            Answer::Link(link, call) => {
                self.tell(&self.state.lock(), link, Packet::Answer { call, result });
            }
        }
    }

    /// An answer came over a link: it counts only if the call went over that very link.
    pub(crate) fn answered(&self, link: LinkId, call: u64, result: Result<Vec<Value>, Failure>) {
        let pending = self.with(|state| {
            let right = state.calls.get(&call).is_some_and(|pending| pending.by == link);
            if right { state.calls.remove(&call) } else { None }
        });
        if let Some(pending) = pending {
            self.answer(pending.answer, result);
        }
    }

    /// Waits for an answer that comes as an event to `alias`. `None` if too many are waited for.
    pub(crate) fn expect(self: &Arc<Self>, alias: &str, answer: Asker) -> Option<Expected> {
        let key = (Text::from(alias), reply_event(self.number()));
        let mut state = self.state.lock();
        if state.expected.len() >= self.limits.calls {
            return None;
        }
        state.expected.insert(key.clone(), answer);
        drop(state);
        Some(Expected { kernel: Arc::clone(self), key })
    }

    pub(crate) fn take_alias(&self, alias: &Text, mailbox: &Arc<Mailbox>) -> Result<(), AliasError> {
        self.with(|state| {
            if state.closed {
                return Err(AliasError::ShutDown);
            }
            state.router.take(alias)?;
            state.sessions.insert(alias.clone(), Arc::clone(mailbox));
            Ok(())
        })
    }

    pub(crate) fn leave_alias(&self, alias: &Text) {
        self.with(|state| {
            state.sessions.remove(alias);
            state.router.leave(alias);
        });
    }

    /// Takes nothing new; sessions can still receive what they have.
    pub(crate) fn close(&self) {
        let (sessions, waiting) = {
            let mut state = self.state.lock();
            state.closed = true;
            (std::mem::take(&mut state.sessions), std::mem::take(&mut state.waiting))
        };
        sessions.into_values().for_each(|mailbox| mailbox.close());
        waiting.into_iter().for_each(|(parcel, _)| self.undelivered(parcel, Failure::Disconnected));
        self.changed();
    }
}
