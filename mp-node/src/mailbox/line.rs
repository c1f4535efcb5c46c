//! The senders of this node that wait for room in a mailbox.
//!
//! They stand in a line, and are woken in its order. Who finds on waking that others were faster keeps the place that it
//! has, so it is woken before these the next time: none waits for ever while others send. But no place holds room: who is
//! woken and does nothing, or is gone, is in nobody's way.
//!
//! | what happens | who is woken |
//! |---|---|
//! | something is taken out | nobody |
//! | as much has been taken out as half of what lay in the mailbox when the first began to wait | all |
//! | it has run dry, which is more than that, or the port dies | all |
//!
//! That way a sender has much to do when it is woken, and the port does not run dry meanwhile; what others have put in since
//! does not count, as they may be as fast as the receiver for ever.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use super::PortCell;

/// Those who wait, by their places.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Without a waker: it has been woken.
    places: BTreeMap<u64, Option<Waker>>,
    next: u64,
    /// How many have not been woken.
    asleep: usize,
    /// What is still to be taken out before they are; either will do.
    messages: usize,
    bytes: usize,
    /// Messages that were taken out, ever since there is a line.
    taken: u64,
}

impl Line {
    /// So many messages, and so many bytes, were taken out.
    pub(super) fn took(&mut self, messages: usize, bytes: usize) {
        self.taken = self.taken.wrapping_add(u64::try_from(messages).unwrap_or(u64::MAX));
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
        if self.asleep > 0 && (self.messages == 0 || self.bytes == 0) {
            self.asleep = 0;
            self.places.values_mut().filter_map(Option::take).for_each(Waker::wake);
        }
    }

    /// So much lies in the mailbox.
    fn wait(&mut self, place: &mut Option<u64>, waker: &Waker, (messages, bytes): (usize, usize)) {
        let place = *place.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let slot = self.places.entry(place).or_default();
        if let Some(known) = slot {
            known.clone_from(waker);
            return;
        }
        *slot = Some(waker.clone());
        self.asleep += 1;
        if self.asleep == 1 {
            (self.messages, self.bytes) = (messages / 2, bytes / 2);
        }
    }

    fn leave(&mut self, place: u64) -> Option<Waker> {
        let waker = self.places.remove(&place).flatten();
        self.asleep -= usize::from(waker.is_some());
        waker
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }
}

/// The place of one sender in the line, which it leaves when this is dropped.
pub(crate) struct Place<'a> {
    cell: &'a Arc<PortCell>,
    place: Option<u64>,
}

impl<'a> Place<'a> {
    /// To take a place in this port's line.
    pub(crate) fn new(cell: &'a Arc<PortCell>) -> Self {
        Self { cell, place: None }
    }

    /// Whether there is a place yet.
    pub(crate) fn is_taken(&self) -> bool {
        self.place.is_some()
    }

    /// From now on, `waker` is woken once when there is much room, or the port dies. Always true.
    pub(crate) fn wait(&mut self, waker: &Waker) -> bool {
        let mut inbox = self.cell.inbox.lock();
        let depth = inbox.depth();
        inbox.rare().line.get_or_insert_default().wait(&mut self.place, waker, depth);
        true
    }

    /// A number that changes when messages are taken out.
    pub(crate) fn taken(&self) -> u64 {
        self.cell.inbox.lock().rare().line.get_or_insert_default().taken
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut inbox = self.cell.inbox.lock();
        let waker = inbox.rare.as_mut().and_then(|rare| rare.line.as_mut()?.leave(place));
        drop(inbox);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use bytes::Bytes;
    use mp_proto::{Frame, Framing, Limits};

    use super::*;
    use crate::mailbox::queue::Deque;
    use crate::mailbox::tests::cell;
    use crate::mailbox::{PortCell, Push, Took};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(cell: &PortCell) -> usize {
        let mut batch = Deque::default();
        match cell.take_now(|| &mut batch) {
            Took::One(_) => 1,
            _ => batch.len(),
        }
    }

    #[test]
    fn a_sender_is_woken_when_half_is_gone_however_full_the_mailbox_stays() {
        let (cell, mut limits) = (Arc::new(cell()), Limits::default());
        limits.mailbox_messages = 1000;
        let frame = || Frame::new(Framing::Postcard, Bytes::from_static(b"x"));
        let fill = || while matches!(cell.push(frame(), &limits, None), Push::Taken) {};
        let count = Arc::new(Count::default());
        let woken = || count.0.load(Ordering::Relaxed);
        let mut places = [Place::new(&cell), Place::new(&cell)];
        for round in 1..=3 {
            fill();
            for place in &mut places {
                place.wait(&Waker::from(Arc::clone(&count)));
            }
            let mut taken = 0;
            while taken < 500 {
                assert_eq!(woken(), 2 * (round - 1), "after {taken}");
                taken += take(&cell);
                fill();
            }
            assert_eq!(woken(), 2 * round);
        }
    }

    #[test]
    fn a_line_is_left_and_the_dead_have_none() {
        let cell = Arc::new(cell());
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let (mut one, mut other) = (Place::new(&cell), Place::new(&cell));
        for _ in 0..2 {
            one.wait(&waker);
            other.wait(&waker);
        }
        let places = || cell.inbox.lock().rare().line.as_ref().map_or(0, |line| line.len());
        assert_eq!(places(), 2);
        drop(one);
        assert_eq!(places(), 1);
        assert!(cell.die(&mp_proto::Reason::normal()).is_some());
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "who is there still is woken");
        drop(other);
        assert_eq!(places(), 0);
        assert_eq!(Arc::strong_count(&count), 2, "nothing is kept of them");
    }
}
