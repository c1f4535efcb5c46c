//! How much is read at a time, and where to.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use mp_proto::{Place, Protocol};
use mp_transport::driver::{LARGE_TURN, TURN};
use mp_transport::{Driver, MemoryNet};
use tokio::io::AsyncWriteExt;

use crate::pipe;
use crate::toy::Nonsense;

const MIB: usize = 1024 * 1024;

/// However much there is to read, others run after little more than one read's bytes; sooner if something large is to come
/// whole, and nobody has any use of its parts `[TR-21]`.
#[tokio::test(start_paused = true)]
async fn a_stream_is_read_in_turns() {
    for (whole, most) in [(false, TURN), (true, LARGE_TURN)] {
        let net = MemoryNet::new(1);
        net.buffer_size(2 * MIB);
        let (near, mut far) = pipe(&net).await;
        far.write_all(&[1; MIB]).await.unwrap();
        let mut driver = Driver::new(near);
        let come = Arc::new(AtomicUsize::new(0));
        let mut swallow = Swallow { whole, come: Arc::clone(&come) };
        let mut next = pin!(driver.next(&mut swallow));
        let mut turns = Vec::new();
        poll_fn(|cx| {
            let before = come.load(Ordering::SeqCst);
            assert!(next.as_mut().poll(cx).is_pending(), "it has nothing to tell");
            turns.push(come.load(Ordering::SeqCst) - before);
            if come.load(Ordering::SeqCst) == MIB { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        // The first reads are small, as nobody knows yet that it is a stream; a message is large when a read's bytes have come.
        let later = &turns[turns.len() / 2..];
        assert!(later.iter().all(|read| *read < 2 * most), "{turns:?}");
        assert!(turns.len() >= MIB / (2 * TURN), "{turns:?}");
    }
}

/// What the protocol knows the place of is read to it, and what lies behind that goes to the input `[TR-26]`.
#[tokio::test]
async fn what_has_a_place_is_read_to_it() {
    for buffer in [10, 1000, MIB] {
        let net = MemoryNet::new(1);
        net.buffer_size(buffer);
        let (near, mut far) = pipe(&net).await;
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(300 * Shelf::RECORD).collect();
        let mut driver = Driver::new(near);
        let mut shelf = Shelf::default();
        let (told, written) = tokio::join!(driver.next(&mut shelf), async {
            far.write_all(&sent).await?;
            far.shutdown().await
        });
        written.unwrap();
        told.unwrap();
        let differs = shelf.memory.iter().zip(&sent).position(|(one, other)| one != other);
        assert_eq!((shelf.memory.len(), differs), (sent.len(), None), "every byte once, and in order");
        assert!(shelf.placed > 0 && shelf.others > 0, "{} {}", shelf.placed, shelf.others);
        assert!(buffer > Shelf::RECORD || 2 * shelf.placed >= sent.len(), "{}", shelf.placed);
    }
}

/// Counts what comes; takes it, or waits for all of it.
struct Swallow {
    whole: bool,
    come: Arc<AtomicUsize>,
}

impl Protocol for Swallow {
    type Event = ();
    type Error = Nonsense;

    fn handle_bytes(&mut self, _: Instant, input: &mut BytesMut) -> Result<(), Nonsense> {
        if self.whole {
            self.come.store(input.len(), Ordering::SeqCst);
        } else {
            self.come.fetch_add(input.len(), Ordering::SeqCst);
            input.clear();
        }
        Ok(())
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Nonsense> {
        Err(Nonsense)
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Nonsense> {
        Ok(())
    }

    fn poll_transmit(&mut self, _: Instant, _: &mut BytesMut) -> bool {
        false
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Keeps records of equal size. It knows where one ends when it has seen its first bytes.
#[derive(Default)]
struct Shelf {
    memory: Vec<u8>,
    /// What is to come of the last one.
    left: usize,
    placed: usize,
    others: usize,
    ended: bool,
}

impl Shelf {
    const RECORD: usize = 2000;
    const HEAD: usize = 10;
}

impl Protocol for Shelf {
    type Event = ();
    type Error = Nonsense;

    fn handle_bytes(&mut self, _: Instant, input: &mut BytesMut) -> Result<(), Nonsense> {
        while !input.is_empty() {
            if self.left == 0 {
                if input.len() < Self::HEAD {
                    return Ok(());
                }
                self.left = Self::RECORD;
            }
            let len = input.len().min(self.left);
            self.memory.extend_from_slice(&input[..len]);
            input.advance(len);
            self.left -= len;
            self.others += len;
        }
        Ok(())
    }

    fn poll_place(&mut self) -> Option<Place<'_>> {
        let most = self.left + Self::HEAD;
        (self.left > 0).then_some(Place { memory: &mut self.memory, most })
    }

    fn handle_placed(&mut self, now: Instant, len: usize, input: &mut BytesMut) -> Result<(), Nonsense> {
        assert!(input.is_empty(), "nothing is left before it");
        let behind = len.saturating_sub(self.left);
        let end = self.memory.len() - behind;
        input.extend_from_slice(&self.memory[end..]);
        self.memory.truncate(end);
        self.left -= len - behind;
        self.placed += len - behind;
        self.handle_bytes(now, input)
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Nonsense> {
        self.ended = true;
        Ok(())
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Nonsense> {
        Ok(())
    }

    fn poll_transmit(&mut self, _: Instant, _: &mut BytesMut) -> bool {
        false
    }

    fn poll_event(&mut self) -> Option<()> {
        std::mem::take(&mut self.ended).then_some(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
