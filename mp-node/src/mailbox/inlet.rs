//! The receiving end of a mailbox: what a port has taken out and not yet given to its program.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use mp_proto::{DecodeError, FrameRef, PortId, Reason};
use tokio::task::yield_now;

use super::queue::{Deque, Entry, Store, Taken};
use super::values::Values;
use super::{PortCell, Took};
use crate::node::Inner;

/// What a handle of a port holds: the port, and the messages in its hands. Small, as it lies in the task of each port.
pub(crate) struct Inlet<S: Store> {
    pub(crate) node: Arc<Inner>,
    pub(crate) cell: Arc<PortCell>,
    /// Made when several messages are taken out at once for the first time.
    batch: Option<Box<Batch<S>>>,
    /// Whether the port dies when this is dropped.
    pub(crate) kill_on_drop: bool,
    /// Another one has taken this one's place.
    replaced: bool,
    /// How often in a row few messages were there, but some.
    scant: u8,
}

/// So few messages are hardly worth a look into the mailbox.
const FEW: usize = 8;
/// A receiver that has found few messages so often in a row, and never none, is at work beside its sender on another thread, and
/// as fast as it: then each message costs both of them a lock that the other one has just had. So it lets others run, its sender
/// gets ahead, and it finds many at once.
const SCANT: u8 = 4;

/// Messages in the hands of their receiver.
struct Batch<S: Store> {
    /// Those that a selective receive has looked at. The first `held` of these have been passed over and count against the
    /// mailbox's bound, as if they were still in it.
    seen: VecDeque<S::Item>,
    held: usize,
    /// Those behind them, as they came.
    fresh: S,
}

impl<S: Store> Default for Batch<S> {
    fn default() -> Self {
        Self { seen: VecDeque::new(), held: 0, fresh: S::default() }
    }
}

impl<S: Store> Inlet<S> {
    pub(crate) fn new(node: Arc<Inner>, cell: Arc<PortCell>, kill_on_drop: bool) -> Self {
        Self { node, cell, batch: None, kill_on_drop, replaced: false, scant: 0 }
    }

    /// Messages in hand.
    pub(crate) fn len(&self) -> usize {
        self.batch.as_ref().map_or(0, |batch| batch.seen.len() + batch.fresh.len())
    }

    /// What `read` makes of the next message; `None` when the port is dead and nothing is left.
    #[inline]
    pub(crate) fn poll_next_with<R>(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(Taken<'_, S::Item>) -> R,
    ) -> Poll<Option<R>> {
        if self.len() == 0 {
            match ready!(self.poll_take(cx)) {
                Took::One(item) => return Poll::Ready(Some(read(Taken::Item(item)))),
                Took::Batch => {}
                Took::Nothing => return Poll::Ready(None),
            }
        }
        Poll::Ready(self.pop_with(read))
    }

    /// What `read` makes of the next message, if that is in hand and lies in a run, as most do that come from other nodes, and `read`
    /// makes something of it: else it is still the next one.
    #[inline(always)]
    pub(crate) fn read_in_run<R>(&mut self, read: impl FnOnce(FrameRef<'_>) -> Option<R>) -> Option<R> {
        let batch = self.batch.as_mut().filter(|batch| batch.seen.is_empty())?;
        batch.fresh.read_in_run(read)
    }

    /// Takes messages out of the mailbox, or waits for one.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Took<S::Item>> {
        if self.scant == SCANT {
            self.scant = 0;
            if pin!(yield_now()).poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        let took = self.cell.poll_take(|| fresh(&mut self.batch), cx);
        let is_scant = match took {
            Poll::Ready(Took::One(_)) => true,
            Poll::Ready(Took::Batch) => self.len() < FEW,
            _ => false,
        };
        self.scant = if is_scant { self.scant + 1 } else { 0 };
        took
    }

    /// What `read` makes of the next message, if there is one.
    pub(crate) fn next_now_with<R>(&mut self, read: impl FnOnce(Taken<'_, S::Item>) -> R) -> Option<R> {
        if self.len() == 0
            && let Took::One(item) = self.cell.take_now(|| fresh(&mut self.batch))
        {
            return Some(read(Taken::Item(item)));
        }
        self.pop_with(read)
    }

    #[inline]
    fn pop_with<R>(&mut self, read: impl FnOnce(Taken<'_, S::Item>) -> R) -> Option<R> {
        let batch = self.batch.as_mut()?;
        if batch.seen.is_empty() {
            return batch.fresh.pop_with(read);
        }
        self.remove(0).map(|item| read(Taken::Item(item)))
    }

    /// The first message that `look` accepts, those before `seen` being known not to. What it refuses with an error is
    /// taken out and given to `bad`; the others stay where they are.
    pub(crate) fn poll_select(
        &mut self,
        cx: &mut Context<'_>,
        seen: &mut usize,
        mut look: impl FnMut(&mut S::Item) -> Result<bool, DecodeError>,
        bad: impl Fn(&Inner, &PortId, S::Item, &DecodeError),
    ) -> Poll<Option<S::Item>> {
        loop {
            if let Some(batch) = &mut self.batch {
                batch.seen.extend(std::mem::take(&mut batch.fresh).into_items());
            }
            while let Some(message) = self.batch.as_mut().and_then(|batch| batch.seen.get_mut(*seen)) {
                match look(message) {
                    Ok(true) => return Poll::Ready(self.remove(*seen)),
                    Ok(false) => *seen += 1,
                    Err(error) => {
                        if let Some(message) = self.remove(*seen) {
                            bad(&self.node, self.cell.id(), message, &error);
                        }
                    }
                }
            }
            self.hold();
            match ready!(self.cell.poll_take(|| fresh(&mut self.batch), cx)) {
                Took::One(item) => self.batch.get_or_insert_default().seen.push_back(item),
                Took::Batch => {}
                Took::Nothing => return Poll::Ready(None),
            }
        }
    }

    /// Takes out one of those that have been looked at.
    fn remove(&mut self, index: usize) -> Option<S::Item> {
        let batch = self.batch.as_mut()?;
        if batch.held == 0 && index == 0 {
            return batch.seen.pop_front();
        }
        let message = batch.seen.remove(index)?;
        if index < batch.held {
            batch.held -= 1;
            self.cell.release(1, S::weight(&message));
        }
        Some(message)
    }

    /// Nothing in hand counts against the bound any more.
    fn let_go(&mut self) {
        if let Some(batch) = &mut self.batch
            && batch.held > 0
        {
            let bytes = batch.seen.range(..batch.held).map(S::weight).sum();
            self.cell.release(std::mem::take(&mut batch.held), bytes);
        }
    }

    /// Counts all that was looked at against the bound.
    fn hold(&mut self) {
        if let Some(batch) = &mut self.batch {
            let bytes = batch.seen.range(batch.held..).map(S::weight).sum();
            self.cell.hold(batch.seen.len() - batch.held, bytes);
            batch.held = batch.seen.len();
        }
    }
}

/// Where messages are taken to.
fn fresh<S: Store>(batch: &mut Option<Box<Batch<S>>>) -> &mut S {
    &mut batch.get_or_insert_default().fresh
}

impl Inlet<Deque> {
    /// The same messages, for a port of `T`s.
    pub(crate) fn into_typed<T: Send + 'static>(mut self) -> Inlet<Values<T>> {
        // What they weigh may change when they are read.
        self.let_go();
        self.replaced = true;
        let batch = self.batch.take().map(|batch| {
            let seen = batch.seen.into_iter().map(Entry::Frame).collect();
            Box::new(Batch { seen, held: 0, fresh: batch.fresh.into() })
        });
        let (node, cell) = (Arc::clone(&self.node), Arc::clone(&self.cell));
        Inlet { node, cell, batch, kill_on_drop: self.kill_on_drop, replaced: false, scant: 0 }
    }
}

impl<S: Store> Drop for Inlet<S> {
    fn drop(&mut self) {
        if self.replaced {
            return;
        }
        self.let_go();
        if self.kill_on_drop {
            self.node.kill_local(&self.cell, &Reason::normal());
        }
        self.cell.leave();
    }
}
