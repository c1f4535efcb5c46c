//! The figures of one connection. Its task alone writes the counters, a batch at a time; everybody may read them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mp_proto::{AuthMethod, Framing, NodeId, Session, Side};
use mp_transport::Addr;

use super::{ConnectionInfo, count};
use crate::sync::Lock;

/// What is known of a connection when it is made.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) address: Addr,
    pub(crate) relayed: bool,
    pub(crate) auth: Option<AuthMethod>,
    pub(crate) tls: Option<&'static str>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Figures {
    origin: Origin,
    side: Side,
    own_kind: bool,
    send: Framing,
    receive: Framing,
    since: Instant,
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_out: AtomicU64,
    dropped: AtomicU64,
    parked: AtomicU64,
    /// In nanoseconds; 0 until there is one.
    round_trip: AtomicU64,
    /// The question that waits for its answer, and when it went out. Looked at once in a keep-alive's time.
    asked: Lock<(i64, Option<Instant>)>,
}

impl Figures {
    pub(crate) fn new(origin: Origin, session: &Session, now: Instant) -> Self {
        Self {
            origin,
            side: session.side,
            own_kind: session.instance.is_some(),
            send: session.send,
            receive: session.receive,
            since: now,
            messages_in: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            messages_out: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            round_trip: AtomicU64::new(0),
            asked: Lock::new((0, None)),
        }
    }

    pub(crate) fn address(&self) -> &Addr {
        &self.origin.address
    }

    pub(crate) fn messages_in(&self, messages: u64) {
        self.messages_in.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn bytes_in(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn out(&self, messages: u64, bytes: u64) {
        self.messages_out.fetch_add(messages, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, Ordering::Relaxed);
    }

    /// So many bytes have come and wait for room in mailboxes.
    pub(crate) fn parked(&self, bytes: usize) {
        self.parked.store(count(bytes), Ordering::Relaxed);
    }

    /// The number of a question that goes out now. An earlier one is not waited for any more.
    pub(crate) fn ask(&self, now: Instant) -> i64 {
        let mut asked = self.asked.lock();
        asked.0 = asked.0.wrapping_add(1);
        asked.1 = Some(now);
        asked.0
    }

    /// An answer has come. One that was not asked for says nothing `[SV-01]`.
    pub(crate) fn answered(&self, number: Option<i64>, now: Instant) {
        let mut asked = self.asked.lock();
        if number != Some(asked.0) {
            return;
        }
        if let Some(then) = asked.1.take() {
            let nanos = now.saturating_duration_since(then).as_nanos();
            // A paused clock does not move.
            let nanos = u64::try_from(nanos).unwrap_or(u64::MAX).max(1);
            self.round_trip.store(nanos, Ordering::Relaxed);
        }
    }

    /// What there is to tell; `queued` is what waits to be written, in messages and bytes.
    pub(crate) fn info(&self, node: &NodeId, queued: (usize, usize), now: Instant) -> ConnectionInfo {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let round_trip = read(&self.round_trip);
        ConnectionInfo {
            node: node.clone(),
            address: self.origin.address.clone(),
            relayed: self.origin.relayed,
            dialled: self.side == Side::Dialled,
            own_kind: self.own_kind,
            send: self.send,
            receive: self.receive,
            auth: self.origin.auth,
            tls: self.origin.tls,
            age: now.saturating_duration_since(self.since),
            messages_in: read(&self.messages_in),
            bytes_in: read(&self.bytes_in),
            messages_out: read(&self.messages_out),
            bytes_out: read(&self.bytes_out),
            dropped: read(&self.dropped),
            queued_messages: queued.0,
            queued_bytes: queued.1,
            parked_bytes: read(&self.parked),
            round_trip: (round_trip > 0).then(|| Duration::from_nanos(round_trip)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(now: Instant) -> Figures {
        let origin = Origin {
            address: "a:1".parse().expect("an address"),
            relayed: false,
            auth: Some(AuthMethod::HmacSha3_512),
            tls: None,
        };
        let session = Session::new("b".parse().expect("a name"), Side::Dialled, Framing::Postcard);
        Figures::new(origin, &session, now)
    }

    /// [SV-01]
    #[test]
    fn only_the_answer_to_the_last_question_counts_and_once() {
        let start = mp_transport::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (figures, node) = (figures(start), "b".parse().expect("a name"));
        let trip = || figures.info(&node, (0, 0), start).round_trip;
        figures.answered(Some(0), at(1));
        assert_eq!(trip(), None, "nothing was asked");
        let first = figures.ask(at(10));
        let second = figures.ask(at(20));
        figures.answered(Some(first), at(25));
        figures.answered(None, at(25));
        assert_eq!(trip(), None);
        figures.answered(Some(second), at(27));
        figures.answered(Some(second), at(90));
        assert_eq!(trip(), Some(Duration::from_millis(7)));
    }
}
