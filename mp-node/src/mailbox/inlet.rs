//! The receiving end of a mailbox: what a port has taken out and not yet given to its program.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use mp_proto::{DecodeError, Frame, PortId, Reason};

use super::PortCell;
use super::queue::{Entry, Item};
use crate::node::Inner;

/// What a handle of a port holds: the port, and the messages in its hands. Small, as it lies in the task of each port.
pub(crate) struct Inlet<I: Item> {
    pub(crate) node: Arc<Inner>,
    pub(crate) cell: Arc<PortCell>,
    /// Made for the first message.
    batch: Option<Box<Batch<I>>>,
    /// Whether the port dies when this is dropped.
    pub(crate) kill_on_drop: bool,
    /// Another one has taken this one's place.
    replaced: bool,
}

/// Messages in the hands of their receiver. The first `held` of these have been passed over by a selective receive and
/// count against the mailbox's bound, as if they were still in it.
struct Batch<I> {
    items: VecDeque<I>,
    held: usize,
}

impl<I> Default for Batch<I> {
    fn default() -> Self {
        Self { items: VecDeque::new(), held: 0 }
    }
}

impl<I: Item> Inlet<I> {
    pub(crate) fn new(node: Arc<Inner>, cell: Arc<PortCell>, kill_on_drop: bool) -> Self {
        Self { node, cell, batch: None, kill_on_drop, replaced: false }
    }

    /// Messages in hand.
    pub(crate) fn len(&self) -> usize {
        self.batch.as_ref().map_or(0, |batch| batch.items.len())
    }

    /// The next message; `None` when the port is dead and nothing is left.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<I>> {
        if self.len() == 0 && !ready!(self.cell.poll_take(|| items(&mut self.batch), cx)) {
            return Poll::Ready(None);
        }
        Poll::Ready(self.remove(0))
    }

    /// The next message, if there is one.
    pub(crate) fn next_now(&mut self) -> Option<I> {
        if self.len() == 0 {
            self.cell.take_now(|| items(&mut self.batch));
        }
        self.remove(0)
    }

    /// The first message that `look` accepts, those before `seen` being known not to. What it refuses with an error is
    /// taken out and given to `bad`; the others stay where they are.
    pub(crate) fn poll_select(
        &mut self,
        cx: &mut Context<'_>,
        seen: &mut usize,
        mut look: impl FnMut(&mut I) -> Result<bool, DecodeError>,
        bad: impl Fn(&Inner, &PortId, I, &DecodeError),
    ) -> Poll<Option<I>> {
        loop {
            while let Some(message) = self.batch.as_mut().and_then(|batch| batch.items.get_mut(*seen)) {
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
            if !ready!(self.cell.poll_take(|| items(&mut self.batch), cx)) {
                return Poll::Ready(None);
            }
        }
    }

    fn remove(&mut self, index: usize) -> Option<I> {
        let batch = self.batch.as_mut()?;
        if batch.held == 0 && index == 0 {
            return batch.items.pop_front();
        }
        let message = batch.items.remove(index)?;
        if index < batch.held {
            batch.held -= 1;
            self.cell.release(1, message.weight());
        }
        Some(message)
    }

    /// Nothing in hand counts against the bound any more.
    fn let_go(&mut self) {
        if let Some(batch) = &mut self.batch
            && batch.held > 0
        {
            let bytes = batch.items.range(..batch.held).map(Item::weight).sum();
            self.cell.release(std::mem::take(&mut batch.held), bytes);
        }
    }

    /// Counts all that is in hand against the bound.
    fn hold(&mut self) {
        if let Some(batch) = &mut self.batch {
            let bytes = batch.items.range(batch.held..).map(Item::weight).sum();
            self.cell.hold(batch.items.len() - batch.held, bytes);
            batch.held = batch.items.len();
        }
    }
}

/// Where messages are taken to.
fn items<I>(batch: &mut Option<Box<Batch<I>>>) -> &mut VecDeque<I> {
    &mut batch.get_or_insert_default().items
}

impl Inlet<Frame> {
    /// The same messages, for a port of `T`s.
    pub(crate) fn into_typed<T: Send + 'static>(mut self) -> Inlet<Entry<T>> {
        // What they weigh may change when they are read.
        self.let_go();
        self.replaced = true;
        let batch = self.batch.take().map(|batch| {
            let items = batch.items.into_iter().map(Entry::Frame).collect();
            Box::new(Batch { items, held: 0 })
        });
        let (node, cell) = (Arc::clone(&self.node), Arc::clone(&self.cell));
        Inlet { node, cell, batch, kill_on_drop: self.kill_on_drop, replaced: false }
    }
}

impl<I: Item> Drop for Inlet<I> {
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
