//! A pipe: two flows, and what its two ends can do.

use std::io;
use std::task::Waker;
use std::time::Instant;

use tokio::io::ReadBuf;

use super::flow::{End, Flow};
use super::link::Link;
use super::state::Woken;

/// Side 0 dialled, side 1 accepted. Side *s* writes into flow *s* and reads from the other.
pub(super) struct Pair {
    pub(super) flows: [Flow; 2],
    pub(super) hosts: [usize; 2],
    /// The end is broken: its owner gets `ConnectionReset`.
    pub(super) dead: [bool; 2],
    /// The end has no owner any more.
    pub(super) dropped: [bool; 2],
}

/// What came of reading or writing.
pub(super) enum Step<T> {
    Done(io::Result<T>),
    /// Nothing yet. The waker was kept; and at this time, if there is one, there is reason to look again.
    Wait(Option<Instant>),
}

impl Pair {
    pub(super) fn new(flows: [Flow; 2], hosts: [usize; 2]) -> Self {
        Self { flows, hosts, dead: [false; 2], dropped: [false; 2] }
    }

    pub(super) fn is_between(&self, a: usize, b: usize) -> bool {
        self.hosts == [a, b] || self.hosts == [b, a]
    }

    pub(super) fn read(
        &mut self,
        side: usize,
        links: &[Link],
        now: Instant,
        buf: &mut ReadBuf<'_>,
        waker: &Waker,
        woken: &mut Woken,
    ) -> Step<()> {
        let ended = self.settle(side, links, now);
        if self.dead[side] || ended == Some(End::Reset) {
            return Step::Done(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let flow = &mut self.flows[1 - side];
        if flow.read(buf) {
            woken.add(&mut flow.writer);
            return Step::Done(Ok(()));
        }
        if ended.is_some() {
            return Step::Done(Ok(()));
        }
        keep(&mut flow.reader, waker);
        let cut = links[flow.link].is_cut();
        Step::Wait(flow.next_arrival().filter(|_| !cut))
    }

    pub(super) fn write(
        &mut self,
        side: usize,
        links: &mut [Link],
        now: Instant,
        data: &[u8],
        waker: &Waker,
        woken: &mut Woken,
    ) -> Step<usize> {
        let ended = self.settle(side, links, now);
        if self.dead[side] || ended == Some(End::Reset) {
            return Step::Done(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let flow = &mut self.flows[side];
        if flow.is_shut() || ended == Some(End::Close) {
            return Step::Done(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let (len, news) = flow.push(data, &mut links[flow.link], now);
        if news {
            woken.add(&mut flow.reader);
        }
        if len > 0 || data.is_empty() {
            return Step::Done(Ok(len));
        }
        keep(&mut flow.writer, waker);
        let back = &self.flows[1 - side];
        Step::Wait(back.end_arrival().filter(|_| !links[back.link].is_cut()))
    }

    pub(super) fn shutdown(
        &mut self,
        side: usize,
        links: &mut [Link],
        now: Instant,
        woken: &mut Woken,
    ) -> io::Result<()> {
        if self.dead[side] {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if !self.flows[side].is_shut() {
            self.end(side, End::Shutdown, links, now, woken);
        }
        Ok(())
    }

    /// Ends what `side` sends, and wakes the other: its reader, and its writer, whose pipe may be about to break.
    pub(super) fn end(&mut self, side: usize, end: End, links: &mut [Link], now: Instant, woken: &mut Woken) {
        let flow = &mut self.flows[side];
        flow.end(end, &mut links[flow.link], now);
        woken.add(&mut flow.reader);
        woken.add(&mut self.flows[1 - side].writer);
    }

    /// Breaks one end, which its owner notices at once and the other end not at all.
    pub(super) fn kill(&mut self, side: usize, woken: &mut Woken) {
        self.dead[side] = true;
        self.flows[side].lose();
        woken.add(&mut self.flows[side].writer);
        woken.add(&mut self.flows[1 - side].reader);
    }

    /// Lets arrive at `side` what is due; says whether and how what it reads has ended.
    fn settle(&mut self, side: usize, links: &[Link], now: Instant) -> Option<End> {
        let flow = &mut self.flows[1 - side];
        if !links[flow.link].is_cut() {
            flow.settle(now);
        }
        flow.ended()
    }
}

fn keep(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(kept) => kept.clone_from(waker),
        None => *place = Some(waker.clone()),
    }
}
