//! The mailbox of a port that has handlers.

use mp_proto::Frame;

use super::{PortCell, Worker};
use crate::port::handlers::{Handlers, Later, Loan};

/// What the task that runs a port's handlers does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Give this message to these handlers, and ask again.
    Handle(Frame, Loan),
    /// Nothing is left; what is here is to be dropped.
    End(Option<Box<Handlers>>, Option<Box<Later>>),
}

impl PortCell {
    /// Changes the port's handlers. Messages that came before the first handler are theirs too: `true` asks to run
    /// them. What `change` gives back is to be dropped by the caller.
    pub(crate) fn with_handlers<R>(&self, change: impl FnOnce(&mut Handlers) -> R) -> Option<(R, bool)> {
        let mut inbox = self.inbox.lock();
        if self.is_over() {
            return None;
        }
        let waiting = !inbox.queue.is_empty();
        if matches!(inbox.worker, Worker::Runner(_))
            && let Worker::Runner(runner) = std::mem::take(&mut inbox.worker)
        {
            inbox.rare().runner = Some(runner);
        }
        let handlers = inbox.handlers()?.get_or_insert_default();
        Some((change(handlers), waiting && handlers.begin()))
    }

    /// Takes back the handlers that were `used` for a message, and gives the next one.
    pub(crate) fn next_for_handlers(&self, mut used: Option<Loan>) -> Next {
        let mut inbox = self.inbox.lock();
        if let Some(Some(here)) = inbox.handlers()
            && let Some(used) = used.take()
        {
            here.give_back(used);
        }
        if self.is_halted() {
            return Next::End(inbox.handlers().and_then(Option::take), None);
        }
        let before = inbox.depth();
        let Some(frame) = inbox.queue.pop_frame() else {
            let over = self.is_over();
            return match inbox.handlers() {
                Some(handlers) if over => Next::End(handlers.take(), None),
                Some(Some(handlers)) => Next::End(None, handlers.end()),
                _ => Next::End(None, None),
            };
        };
        inbox.wake_senders(before);
        match inbox.handlers() {
            Some(Some(handlers)) => Next::Handle(frame, handlers.lend()),
            _ => Next::End(None, None),
        }
    }
}
