//! What is sent over a connection that stands, when nothing is in the way: the shortest way, and to many ports at once.

use mp_proto::codec::Copies;
use mp_proto::{Limits, PortId};
use serde::Serialize;

use super::{Route, State};
use crate::kernel::outbox::Room;

/// What became of a message that was to be sent [at once](Route::send_at_once).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtOnce {
    /// It waits for the writer.
    Done,
    /// The same; and the writer sleeps: wake it.
    Wake,
    /// Nothing has changed: [`send`](Route::send) is to see to it.
    No,
}

/// What became of a message that was to go to many ports by [one request](Route::send_for_many).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForMany {
    /// It waits for the writer, for so many ports; if that sleeps, wake it, and [say so](Route::woken).
    Taken { count: usize, wake: bool },
    /// Wait for this room.
    Full(Room),
    /// The writer is to have what waits first.
    Ripe,
    /// Each port has to be sent a message of its own.
    EachItsOwn,
}

impl<W> Route<W> {
    /// Encodes a message of data straight into the buffer of the connection: what is done for nearly every message.
    #[inline]
    pub(crate) fn send_at_once<M: Serialize + ?Sized>(
        &mut self,
        port: &str,
        message: &M,
        reply: Option<&PortId>,
        limits: &Limits,
    ) -> AtOnce {
        let State::Up { outbox, writer_sleeps, .. } = &mut self.state else { return AtOnce::No };
        if !outbox.offer_at_once(port, message, reply, self.ripe, limits) {
            return AtOnce::No;
        }
        if std::mem::take(writer_sleeps) { AtOnce::Wake } else { AtOnce::Done }
    }

    /// Sends a message of data to many ports of the peer by one request, if the peer takes that `[ND-31]`. `patient` says that the
    /// sender will wait for the writer, if much waits for that.
    pub(crate) fn send_for_many<'p>(
        &mut self,
        ports: impl Iterator<Item = &'p str> + Clone,
        copies: &Copies,
        patient: bool,
        limits: &Limits,
    ) -> ForMany {
        let State::Up { session, outbox, writer_sleeps } = &mut self.state else {
            return ForMany::EachItsOwn;
        };
        if !session.sends_for_many() {
            return ForMany::EachItsOwn;
        }
        if !outbox.has_room(Room::Small, limits) {
            return ForMany::Full(Room::Small);
        }
        if patient && outbox.small_data() >= self.ripe {
            return ForMany::Ripe;
        }
        match outbox.offer_for_many(ports, copies, limits) {
            0 => ForMany::EachItsOwn,
            count => ForMany::Taken { count, wake: *writer_sleeps },
        }
    }

    /// The writer has been woken: whoever sends next need not do it.
    pub(crate) fn woken(&mut self) {
        if let State::Up { writer_sleeps, .. } = &mut self.state {
            *writer_sleeps = false;
        }
    }

    /// Whether so much waits for the writer that it had better be written before more comes.
    pub(crate) fn is_ripe(&self, limits: &Limits) -> bool {
        self.ripe < limits.outbox_bytes && self.is_up() && self.small_waiting() >= self.ripe
    }

    /// The writer has not come in time, so nobody waits for it again before it has: only the bound counts.
    pub(crate) fn overripe(&mut self, limits: &Limits) {
        self.ripe = limits.outbox_bytes;
    }
}
