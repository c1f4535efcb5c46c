//! Toy protocols.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use mp_proto::Protocol;

/// A conversation in lines. It hears them, says what it is told to say, and understands two: `ping` is answered with
/// `pong`, and `nonsense` with `sorry` and the end.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) heard: VecDeque<Heard>,
    pub(crate) to_say: BytesMut,
    /// When to hear a bell.
    pub(crate) bell: Option<Instant>,
    /// After how many lines it stops, leaving the rest to the next protocol.
    pub(crate) stop_after: Option<usize>,
    pub(crate) remote: Remote,
    pub(crate) calls: usize,
    pub(crate) most_input: usize,
}

/// What others can do to [`Lines`] while a driver has it.
#[derive(Default, Clone)]
pub(crate) struct Remote {
    pub(crate) say: Arc<Mutex<String>>,
    pub(crate) deaf: Arc<AtomicBool>,
    /// It refuses the next line, and only then wants no more.
    pub(crate) full: Arc<AtomicBool>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Line(String),
    Bell(Instant),
    End,
}

#[derive(Debug, thiserror::Error)]
#[error("that was nonsense")]
pub(crate) struct Nonsense;

impl Lines {
    pub(crate) fn say(&mut self, text: &str) {
        self.to_say.extend_from_slice(text.as_bytes());
    }

    fn hear(&mut self, line: &str) -> Result<(), Nonsense> {
        match line {
            "ping" => self.say("pong\n"),
            "nonsense" => {
                self.say("sorry\n");
                return Err(Nonsense);
            }
            _ => self.heard.push_back(Heard::Line(line.to_owned())),
        }
        Ok(())
    }
}

impl Protocol for Lines {
    type Event = Heard;
    type Error = Nonsense;

    fn handle_bytes(&mut self, _: Instant, input: &mut BytesMut) -> Result<(), Nonsense> {
        self.calls += 1;
        self.most_input = self.most_input.max(input.len());
        if self.remote.full.load(Ordering::SeqCst) {
            self.remote.deaf.store(true, Ordering::SeqCst);
            return Ok(());
        }
        while self.stop_after != Some(0)
            && let Some(end) = input.iter().position(|&byte| byte == b'\n')
        {
            let line = input.split_to(end + 1);
            self.hear(std::str::from_utf8(&line[..end]).unwrap())?;
            self.stop_after = self.stop_after.map(|left| left - 1);
        }
        Ok(())
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Nonsense> {
        self.heard.push_back(Heard::End);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Nonsense> {
        self.bell = None;
        self.heard.push_back(Heard::Bell(now));
        Ok(())
    }

    fn poll_transmit(&mut self, _: Instant, out: &mut BytesMut) -> bool {
        let said = std::mem::take(&mut *self.remote.say.lock().unwrap());
        self.to_say.extend_from_slice(said.as_bytes());
        out.extend_from_slice(&self.to_say);
        let any = !self.to_say.is_empty();
        self.to_say.clear();
        any
    }

    fn poll_event(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.bell
    }

    fn wants_input(&self) -> bool {
        !self.remote.deaf.load(Ordering::SeqCst)
    }
}

const PIECE: usize = 64 * 1024;
const PERIOD: usize = 251;

/// Sends so many bytes, in a known pattern, and awaits as many.
pub(crate) struct Flood {
    to_send: usize,
    to_receive: usize,
    sent: usize,
    received: usize,
    pattern: Vec<u8>,
    spare: BytesMut,
    done: bool,
    pub(crate) swaps: usize,
    /// So much of each quarter of a piece is given to be copied, and the rest to be written as it is.
    pub(crate) copied: usize,
    between: VecDeque<(usize, Bytes)>,
}

impl Flood {
    pub(crate) fn new(to_send: usize, to_receive: usize) -> Self {
        let pattern = (0..PERIOD + PIECE).map(|i| (i % PERIOD).to_le_bytes()[0]).collect();
        Self {
            to_send,
            to_receive,
            sent: 0,
            received: 0,
            pattern,
            spare: BytesMut::new(),
            done: false,
            swaps: 0,
            copied: usize::MAX,
            between: VecDeque::new(),
        }
    }

    pub(crate) fn sent(&self) -> usize {
        self.sent
    }
}

impl Protocol for Flood {
    type Event = ();
    type Error = Nonsense;

    fn handle_bytes(&mut self, _: Instant, input: &mut BytesMut) -> Result<(), Nonsense> {
        while !input.is_empty() {
            let len = input.len().min(PIECE);
            let at = self.received % PERIOD;
            if input[..len] != self.pattern[at..at + len] {
                return Err(Nonsense);
            }
            input.advance(len);
            self.received += len;
        }
        Ok(())
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Nonsense> {
        Ok(())
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Nonsense> {
        Ok(())
    }

    /// Hands out its own buffer, and takes the empty one in return, where it can.
    fn poll_transmit(&mut self, _: Instant, out: &mut BytesMut) -> bool {
        let len = PIECE.min(self.to_send - self.sent);
        let at = self.sent % PERIOD;
        for part in self.pattern[at..at + len].chunks(PIECE / 4 + 1) {
            let (copied, between) = part.split_at(part.len().min(self.copied));
            self.spare.extend_from_slice(copied);
            if !between.is_empty() {
                self.between.push_back((out.len() + self.spare.len(), Bytes::copy_from_slice(between)));
            }
        }
        self.sent += len;
        if out.is_empty() {
            std::mem::swap(out, &mut self.spare);
            self.swaps += 1;
        } else {
            out.extend_from_slice(&self.spare);
            self.spare.clear();
        }
        len > 0
    }

    fn poll_between(&mut self) -> Option<(usize, Bytes)> {
        self.between.pop_front()
    }

    fn poll_event(&mut self) -> Option<()> {
        let done = self.sent == self.to_send && self.received == self.to_receive;
        (done && !std::mem::replace(&mut self.done, true)).then_some(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Takes a byte at a time, eight in all, and would then have others run; notes how often they had done so.
#[derive(Default)]
pub(crate) struct Weary {
    pub(crate) others: Arc<AtomicUsize>,
    pub(crate) seen: Vec<usize>,
    tired: bool,
}

impl Protocol for Weary {
    type Event = ();
    type Error = Nonsense;

    fn handle_bytes(&mut self, _: Instant, input: &mut BytesMut) -> Result<(), Nonsense> {
        input.advance(1);
        self.seen.push(self.others.load(Ordering::SeqCst));
        self.tired = true;
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
        (self.seen.len() == 8).then_some(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn wants_pause(&mut self) -> bool {
        std::mem::take(&mut self.tired)
    }
}

/// Has something to tell at all times.
pub(crate) struct Chatter;

impl Protocol for Chatter {
    type Event = ();
    type Error = Nonsense;

    fn handle_bytes(&mut self, _: Instant, _: &mut BytesMut) -> Result<(), Nonsense> {
        Ok(())
    }

    fn handle_eof(&mut self, _: Instant) -> Result<(), Nonsense> {
        Ok(())
    }

    fn handle_timeout(&mut self, _: Instant) -> Result<(), Nonsense> {
        Ok(())
    }

    fn poll_transmit(&mut self, _: Instant, _: &mut BytesMut) -> bool {
        false
    }

    fn poll_event(&mut self) -> Option<()> {
        Some(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
