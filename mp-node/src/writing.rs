//! What a program's `Serialize` may do with nodes while a message is written by it `[ND-37]`.
//!
//! A message for another node is written straight into the buffer of its connection, under the locks of the peers' map and of the
//! peer. A `Serialize` that used a node then would come by these locks once more on the same thread, and hang for ever. So the thread
//! remembers that it is writing, which costs a message a handful of instructions, and whatever leads to other nodes looks:
//!
//! | what is used | what comes of it |
//! |---|---|
//! | ports of this node | as ever: no lock is held that they need |
//! | sending to other nodes, which may have to wait | refused by [`SendError::Nested`](crate::SendError::Nested) |
//! | what never waits and gives nothing back: kills, monitors, spawns over there | done when the message is written: [`postpone`] |
//! | what asks about peers, which cannot be known without a lock | a panic that names the cause: [`assert_none`] |

use std::cell::{Cell, RefCell};

/// A message is being written on this thread, under locks.
const WRITING: u8 = 1;
/// There is something to be done when the locks are free.
const POSTPONED: u8 = 2;

type Job = Box<dyn FnOnce()>;

thread_local! {
    static STATE: Cell<u8> = const { Cell::new(0) };
    static JOBS: RefCell<Vec<Job>> = const { RefCell::new(Vec::new()) };
}

/// While there is one, a message is being written. Made before the locks are taken, so that it goes after them, also in a panic;
/// then it does what was postponed.
pub(crate) struct Writing(());

impl Writing {
    /// `None` if one is being written already.
    #[inline]
    pub(crate) fn begin() -> Option<Self> {
        if STATE.get() != 0 {
            return None;
        }
        STATE.set(WRITING);
        Some(Self(()))
    }
}

impl Drop for Writing {
    #[inline]
    fn drop(&mut self) {
        if STATE.replace(0) != WRITING {
            work_off();
        }
    }
}

/// While there is one, a message is being written; for a part of the time for which locks are held. Whoever makes it sees to an
/// [`Afterwards`] around the locks.
pub(crate) struct Meanwhile(());

impl Meanwhile {
    pub(crate) fn begin() -> Self {
        STATE.set(STATE.get() | WRITING);
        Self(())
    }
}

impl Drop for Meanwhile {
    fn drop(&mut self) {
        STATE.set(STATE.get() & !WRITING);
    }
}

/// Does what was postponed when it is dropped. Made before the locks are taken, so that it goes after them, also in a panic.
pub(crate) struct Afterwards;

impl Drop for Afterwards {
    #[inline]
    fn drop(&mut self) {
        if STATE.get() == POSTPONED {
            work_off();
        }
    }
}

/// Whether a message is being written on this thread.
#[inline]
pub(crate) fn is_under_way() -> bool {
    STATE.get() & WRITING != 0
}

/// Has something done when the message that is being written is written, in the order of the calls.
#[cold]
pub(crate) fn postpone(job: impl FnOnce() + 'static) {
    // A thread that ends does nothing more.
    let noted = JOBS.try_with(|jobs| jobs.borrow_mut().push(Box::new(job)));
    if noted.is_ok() {
        STATE.set(STATE.get() | POSTPONED);
    }
}

/// For what needs a lock that the thread may hold, and an answer.
///
/// # Panics
///
/// If a message is being written.
#[inline]
pub(crate) fn assert_none() {
    if is_under_way() {
        refuse();
    }
}

#[cold]
#[expect(clippy::panic, reason = "the alternative is to hang for ever")]
fn refuse() {
    panic!(
        "a `Serialize` implementation has asked a node about its peers while its message was being written to one of them"
    );
}

#[cold]
fn work_off() {
    loop {
        STATE.set(STATE.get() & !POSTPONED);
        let jobs = JOBS.try_with(RefCell::take).unwrap_or_default();
        if jobs.is_empty() {
            return;
        }
        jobs.into_iter().for_each(|job| job());
    }
}
