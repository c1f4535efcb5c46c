//! The one driver: it carries any [`Protocol`] over any [`Pipe`].

mod buffers;

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use bytes::BytesMut;
use mp_proto::Protocol;
use tokio::io::AsyncWrite;

use self::buffers::{Input, Output, Read};
use crate::Pipe;
use crate::clock::{self, Alarm};
use crate::error::plain_text;

/// While so many bytes wait to be written, the protocol is not asked for more `[TR-16]`: what it holds then counts
/// against its own limits, and those who send feel it.
pub const OUTPUT_LIMIT: usize = 256 * 1024;
/// After how many rounds without a pause a driver lets other tasks run `[TR-21]`. In a round it reads and writes once
/// each, or tells one event. Few, so that who is to work on what was read does so while it is in the processor's caches.
/// A protocol that [wants a pause](Protocol::wants_pause) gets it at once.
pub const ROUNDS: u32 = 8;
/// After how many bytes that were read without a pause it does so, too: not much more than one read's, however much there is, so
/// that those who ask for little never wait for long behind those who send much.
pub const TURN: usize = 256 * 1024;
/// The same for a connection whose buffer grows, as something large is to come whole: memory that is new is dear, and nobody has
/// any use of it before its end has come.
pub const LARGE_TURN: usize = 64 * 1024;
/// How often at the most a driver looks for more after a read that was part of a stream, other tasks first, before it sleeps
/// `[TR-25]`. Together about the time in which a peer that goes on sends as much again; to wake a thread that sleeps takes
/// a peer on the same machine longer than that, and is then its most expensive work.
pub const LOOKS: u32 = 16;
/// How long a failed protocol's last bytes may take to be written.
pub const LAST_WORDS: Duration = Duration::from_secs(1);

/// Carries a conversation over a pipe: reads and writes for a [`Protocol`], and watches the clock for it.
///
/// The owner holds both and asks for the protocol's next event, again and again:
///
/// ```text
/// let mut driver = Driver::new(pipe);
/// let session = driver.next(&mut handshake).await?;       // the same driver carries one protocol,
/// loop {                                                  // then another, which finds what the first left unread
///     let event = driver.next(&mut connection).await?;
/// }
/// ```
///
/// Reading and writing never wait for one another `[TR-14]`, so two peers who both send more than the sockets hold
/// still make progress. What the protocol says at once leaves at once; while the socket is full it gathers, and leaves
/// in one piece. Bytes are read only while the protocol [wants them](Protocol::wants_input) `[TR-15]`; otherwise they
/// stay in the socket, and the peer's fills up; nor is the peer's end noticed meanwhile. The buffer of what was read and not used grows as far as the protocol
/// lets it, whose error ends a frame that is too big.
///
/// To the implementor of a protocol: when nothing is waiting to be written, `poll_transmit` is given an empty buffer,
/// and may swap it for its own full one instead of copying.
///
/// Who changes the protocol from elsewhere, such as a sender who holds its queue, calls [`Kick::wake`] afterwards.
pub struct Driver {
    pipe: Pipe,
    kick: Kick,
    alarm: Alarm,
    input: Input,
    output: Output,
    /// A write failed. It is told once nothing is left to be read: a peer's last words come before its end.
    write_error: Option<io::Error>,
    /// One has failed at some time.
    broken: bool,
    /// The protocol's error, until its events and its last bytes are out.
    failure: Option<Box<dyn Any + Send>>,
    /// The write side is shut down.
    finished: bool,
    rounds: u32,
}

/// Makes a driver look again at what its protocol has to send and to tell, whether it wants input, and when it wants
/// to be called `[TR-08]`. Cheap to clone and to call: without effect on a driver that is awake already.
#[derive(Clone, Debug)]
pub struct Kick(Arc<AtomicWaker>);

impl Kick {
    /// Wakes the task that waits in [`Driver::next`], if one does. A call that comes just before it waits is not
    /// lost: the change, made before the call, is then seen.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// Whether both wake the same driver.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Why a conversation ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriveError<E> {
    /// The protocol gave up.
    #[error(transparent)]
    Protocol(E),
    /// The pipe broke. The text is the system's, as Perl's `$!` has it: `Connection reset by peer` `[TR-20]`.
    #[error("{}", plain_text(.0))]
    Io(io::Error),
}

/// What a driver was made of, and what it held.
#[derive(Debug)]
pub struct Parts {
    /// The pipe.
    pub pipe: Pipe,
    /// What was read and not used.
    pub input: BytesMut,
    /// What was not written yet.
    pub output: BytesMut,
}

impl Driver {
    /// A driver for this pipe. It needs a tokio runtime with its timer only when it is asked for events.
    #[must_use]
    pub fn new(pipe: Pipe) -> Self {
        Self {
            pipe,
            kick: Kick(Arc::new(AtomicWaker::new())),
            alarm: Alarm::default(),
            input: Input::default(),
            output: Output::default(),
            write_error: None,
            broken: false,
            failure: None,
            finished: false,
            rounds: ROUNDS,
        }
    }

    /// Carries the conversation on until the protocol has something to tell. Before it is told, what the protocol has
    /// to send is taken and, as far as the pipe takes it, written.
    ///
    /// The owner may take further events from the protocol itself, at less cost than by this.
    ///
    /// # Errors
    ///
    /// The protocol's error, once all its events are told and what it still had to send is written or
    /// [`LAST_WORDS`] have passed `[TR-17]`; or the pipe's, once all that could be read was read. Both end the
    /// conversation.
    ///
    /// # Cancellation
    ///
    /// Safe `[TR-18]`: whatever was read, written or decided is kept in the driver and the protocol, and the next call
    /// goes on from there.
    pub async fn next<P: Protocol>(&mut self, proto: &mut P) -> Result<P::Event, DriveError<P::Error>> {
        self.input.offer_again();
        loop {
            if let Some(event) = poll_fn(|cx| self.poll_next(cx, proto)).await.map_err(DriveError::Io)? {
                return Ok(event);
            }
            // Whether they arrive or not: the error is what counts now.
            let _outcome = self.flush(proto, clock::now() + LAST_WORDS).await;
            // The failure of an earlier protocol is not this one's.
            if let Some(Ok(error)) = self.failure.take().map(<Box<dyn Any + Send>>::downcast::<P::Error>) {
                return Err(DriveError::Protocol(*error));
            }
        }
    }

    /// One look at everything, and another while there is reason to. `None` is a protocol that failed.
    fn poll_next<P: Protocol>(
        &mut self,
        cx: &mut Context<'_>,
        proto: &mut P,
    ) -> Poll<io::Result<Option<P::Event>>> {
        // Before looking, so that a change made after the look wakes the task.
        self.kick.0.register(cx.waker());
        let mut paused = false;
        while self.rounds > 0 && !self.input.has_had_its_turn() {
            self.rounds -= 1;
            let now = clock::now();
            let more = self.transmit(cx, proto, now);
            if let Some(event) = proto.poll_event() {
                return Poll::Ready(Ok(Some(event)));
            }
            if self.failure.is_some() {
                return Poll::Ready(Ok(None));
            }
            match self.receive(cx, proto, now) {
                Ok(news) if news || more => {
                    paused = proto.wants_pause();
                    if paused {
                        break;
                    }
                }
                Ok(_) => {
                    self.begin_turn();
                    if self.input.looks_again() {
                        // One that runs for long holds up nothing: what comes meanwhile wakes this task, too.
                        come_last(cx);
                    }
                    return self.write_error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
                Err(DriveError::Protocol(error)) => self.failure = Some(Box::new(error)),
                Err(DriveError::Io(error)) => return Poll::Ready(Err(error)),
            }
        }
        // So much without a pause, or something large to work on: other tasks first.
        let gathers = !paused && self.input.is_large() && self.input.has_had_its_turn();
        self.begin_turn();
        if gathers {
            // Others wait for less.
            come_last(cx);
        } else {
            // In the line from which other threads take tasks, as the next one on this thread may run for long.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn begin_turn(&mut self) {
        self.rounds = ROUNDS;
        self.input.begin_turn();
    }

    /// Takes from the protocol and writes until there is no more, or the pipe takes no more. True if it stopped for
    /// fairness alone.
    fn transmit<P: Protocol>(&mut self, cx: &mut Context<'_>, proto: &mut P, now: Instant) -> bool {
        if self.write_error.is_some() || self.finished {
            return false;
        }
        let mut written = 0;
        while written < OUTPUT_LIMIT {
            self.output.fill(proto, now);
            match self.output.poll_write(cx, &mut self.pipe) {
                Poll::Ready(Ok(0)) | Poll::Pending => return false,
                Poll::Ready(Ok(len)) => written += len,
                Poll::Ready(Err(error)) => {
                    self.write_error = Some(error);
                    self.broken = true;
                    return false;
                }
            }
        }
        true
    }

    /// Gives the protocol what is due: time, bytes, and the end. True if there was anything.
    fn receive<P: Protocol>(
        &mut self,
        cx: &mut Context<'_>,
        proto: &mut P,
        now: Instant,
    ) -> Result<bool, DriveError<P::Error>> {
        let mut news = false;
        if proto.poll_timeout().is_some_and(|at| at <= now) {
            self.input.tidy();
            proto.handle_timeout(now).map_err(DriveError::Protocol)?;
            news = true;
        }
        news |= self.input.feed(proto, now).map_err(DriveError::Protocol)?;
        if proto.wants_input() {
            let read = self.input.poll_read_for(cx, &mut self.pipe, proto);
            if let Poll::Ready(read) = read.map_err(DriveError::Io)? {
                news = true;
                match read {
                    Read::End => proto.handle_eof(now),
                    Read::Input => self.input.feed(proto, now).map(drop),
                    Read::Placed(len) => self.input.placed(proto, len, now),
                }
                .map_err(DriveError::Protocol)?;
            }
        }
        if news {
            return Ok(true);
        }
        Ok(proto.poll_timeout().is_some_and(|at| self.alarm.poll(cx, at).is_ready()))
    }

    /// Writes all that the protocol has to send now; reads nothing meanwhile.
    ///
    /// # Errors
    ///
    /// The pipe's; `TimedOut` if it is not done by `deadline`.
    ///
    /// # Cancellation
    ///
    /// Safe, as for [`Driver::next`].
    pub async fn flush<P: Protocol>(&mut self, proto: &mut P, deadline: Instant) -> io::Result<()> {
        let flushed = poll_fn(|cx| self.poll_flush(cx, proto));
        tokio::time::timeout_at(deadline.into(), flushed).await?
    }

    fn poll_flush<P: Protocol>(&mut self, cx: &mut Context<'_>, proto: &mut P) -> Poll<io::Result<()>> {
        let more = self.transmit(cx, proto, clock::now());
        if let Some(error) = self.write_error.take() {
            return Poll::Ready(Err(error));
        }
        if more {
            cx.waker().wake_by_ref();
        }
        if self.output.is_flushed() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Ends the conversation in good order `[TR-19]`: writes all that the protocol has to send, shuts down the write
    /// side, and waits for the peer to end its own. What the peer still sends is read and dropped, for a pipe that is
    /// closed with bytes unread is reset, which can destroy what was written last.
    ///
    /// # Errors
    ///
    /// The pipe's; `TimedOut` if what is to be sent is not written by `deadline`. That the peer does not end its side
    /// by then is no error.
    ///
    /// # Cancellation
    ///
    /// Safe; the next call goes on.
    pub async fn finish<P: Protocol>(&mut self, proto: &mut P, deadline: Instant) -> io::Result<()> {
        let finished = poll_fn(|cx| self.poll_finish(cx, proto));
        match tokio::time::timeout_at(deadline.into(), finished).await {
            Ok(outcome) => outcome,
            Err(_) if self.finished => Ok(()),
            Err(late) => Err(late.into()),
        }
    }

    fn poll_finish<P: Protocol>(&mut self, cx: &mut Context<'_>, proto: &mut P) -> Poll<io::Result<()>> {
        // Reading goes on while writing has to wait: the peer may be waiting for that.
        let ended = self.input.poll_discard(cx, &mut self.pipe);
        if !self.finished {
            ready!(self.poll_flush(cx, proto))?;
            ready!(Pin::new(&mut self.pipe).poll_shutdown(cx))?;
            self.finished = true;
        }
        ended.map(Ok)
    }

    /// The handle that makes this driver look at its protocol again.
    #[must_use]
    pub fn kick(&self) -> Kick {
        self.kick.clone()
    }

    /// The pipe, for its addresses.
    #[must_use]
    pub fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    /// Whether all that was read was used: where a protocol ends and none is to follow, the peer has then said no
    /// more than it should.
    #[must_use]
    pub fn input_is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Whether a write has failed: the peer went before it had read all that it was told.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the peer's end was read. [`Protocol::handle_eof`] is called once, for the protocol of that moment; one
    /// that comes later has to ask here.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.input.is_ended()
    }

    /// When [`Driver::finish`] last read something, if it has: a peer that still gives signs of life may be waited for
    /// longer.
    #[must_use]
    pub fn last_discarded(&self) -> Option<Instant> {
        self.input.discarded()
    }

    /// Takes the driver apart, as for TLS to start in mid-stream: [`Driver::flush`], then
    /// `parts.pipe.with_unread(parts.input.freeze())`. Nothing is lost but the peer's end, if it was read.
    #[must_use]
    pub fn into_parts(self) -> Parts {
        Parts { pipe: self.pipe, input: self.input.into_inner(), output: self.output.into_inner() }
    }
}

/// Has the task polled again behind all tasks that can run, when the system has been asked what else there is to do; by this
/// thread alone, and without a word to others.
fn come_last(cx: &mut Context<'_>) {
    let _pending = pin!(tokio::task::yield_now()).poll(cx);
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("pipe", &self.pipe)
            .field("input", &self.input.len())
            .field("output", &self.output.len())
            .field("ended", &self.input.is_ended())
            .finish_non_exhaustive()
    }
}
