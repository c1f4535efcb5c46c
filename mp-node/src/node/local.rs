//! Messages between ports of one node that are written, and how senders wait for room in a mailbox here.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Buf, Bytes, BytesMut};
use mp_proto::{EncodeError, Frame, Framing, Message};
use mp_transport::clock;

use super::Inner;
use crate::kernel::letter::Letter;
use crate::mailbox::PortCell;
use crate::mailbox::line::Place;
use crate::sync::after;

/// The form in which messages between ports of one node lie in mailboxes.
const LOCAL: Framing = Framing::Postcard;
/// Bytes before a local frame: the length that its framing has on the wire.
const PREFIX: usize = 4;
/// A buffer that has grown larger is not kept; what is longer stays where it was written.
const KEPT: usize = 16 * 1024;

thread_local! {
    /// Where messages are written before they are as long as they are: memory alone, nothing is handed from one to the next.
    static DRAFT: Cell<Option<BytesMut>> = const { Cell::new(None) };
}

impl Inner {
    /// A message as it lies in mailboxes here, if it is within what one may have. It is where it belongs, so the port's name
    /// is left out.
    pub(crate) fn local_frame(&self, letter: &mut impl Letter) -> Result<Frame, EncodeError> {
        drafted(|draft| letter.write(LOCAL, "", &self.limits, usize::MAX, draft).map(drop))
    }

    /// The same of what was taken already, however large it is.
    pub(crate) fn local_notice(&self, message: &Message) -> Result<Frame, EncodeError> {
        drafted(|draft| Frame::write(LOCAL, "", message, None, usize::MAX, draft))
    }

    /// Puts a message into a mailbox by `push`, which gives it back if there is no room; waits for that. A port that takes
    /// nothing out of its full mailbox for longer than its patience is killed, so that two ports that wait for each other do
    /// not do so for ever `[MON-09]`.
    pub(super) async fn push_patiently<M>(
        self: &Arc<Self>,
        cell: &Arc<PortCell>,
        message: M,
        push: impl Fn(M) -> Result<(), M>,
    ) {
        let (mut place, mut message) = (Place::new(cell), Some(message));
        let mut try_push = move || match message.take().map(&push) {
            Some(Err(back)) => {
                message = Some(back);
                false
            }
            _ => true,
        };
        loop {
            // The senders are told when there is much room; until then, that messages are taken out is all that counts.
            let taken = place.taken();
            let mut late = pin!(clock::sleep_until(after(clock::now(), self.limits.mailbox_patience)));
            let sent = poll_fn(|cx| {
                // Room may be made between the refusal and the registration.
                if (place.is_taken() && try_push()) || (place.wait(cx.waker()) && try_push()) {
                    return Poll::Ready(true);
                }
                late.as_mut().poll(cx).map(|()| false)
            });
            if sent.await {
                return;
            }
            if place.taken() == taken {
                self.overflow(cell);
            }
        }
    }
}

/// A frame in memory that is as long as it.
fn drafted(write: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>) -> Result<Frame, EncodeError> {
    let mut draft = take_draft();
    let bytes = match write(&mut draft) {
        Ok(()) if draft.len() > KEPT => {
            draft.advance(PREFIX);
            return Ok(Frame::new(LOCAL, draft.freeze()));
        }
        Ok(()) => Ok(Bytes::copy_from_slice(draft.get(PREFIX..).unwrap_or_default())),
        Err(error) => Err(error),
    };
    keep_draft(draft);
    bytes.map(|bytes| Frame::new(LOCAL, bytes))
}

/// Memory to write a message into.
pub(super) fn take_draft() -> BytesMut {
    // What is being written may send something itself, and then finds no buffer here.
    DRAFT.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

/// Keeps it for the next message that is written by this thread.
pub(super) fn keep_draft(mut draft: BytesMut) {
    if draft.capacity() <= KEPT {
        draft.clear();
        // A thread that ends keeps nothing.
        DRAFT.try_with(|kept| kept.set(Some(draft))).unwrap_or_default();
    }
}
