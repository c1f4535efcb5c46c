//! Letting other nodes in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mp_proto::Side;
use mp_transport::error::{ACCEPT_PAUSE, is_transient};
use mp_transport::{Addr, Listener, Pipe, clock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::node::Inner;
use crate::runtime::meet::{Carrier, Failure, MeetError, meet};
use crate::stats::HandshakeFailure;
use crate::sync::Lock;

/// How long a node without services lets its first peers wait.
const SETTLING: Duration = Duration::from_millis(20);

/// So many of those that gave way may still be on their way out when another one is let in: a crowd that comes at once must
/// not have more pipes open than their number and this.
const LEAVING: usize = 64;

/// Pipes whose peer is not authenticated yet.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    table: Lock<Table>,
    /// Somebody who gave way has gone.
    gone: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// Oldest first.
    here: BTreeMap<u64, CancellationToken>,
    /// How many have given way and are not gone yet.
    leaving: usize,
}

impl Strangers {
    /// Takes one in; if there are more than `bound`, the oldest goes.
    fn enter(&self, bound: usize) -> (u64, CancellationToken) {
        let mut table = self.table.lock();
        table.next += 1;
        let (ticket, token) = (table.next, CancellationToken::new());
        table.here.insert(ticket, token.clone());
        if table.here.len() > bound
            && let Some((_, oldest)) = table.here.pop_first()
        {
            table.leaving += 1;
            oldest.cancel();
        }
        (ticket, token)
    }

    fn leave(&self, ticket: u64) {
        let mut table = self.table.lock();
        if table.here.remove(&ticket).is_none() {
            table.leaving -= 1;
            drop(table);
            self.gone.notify_waiters();
        }
    }

    /// Waits until few are still on their way out.
    async fn settled(&self) {
        loop {
            let mut gone = std::pin::pin!(self.gone.notified());
            gone.as_mut().enable();
            if self.table.lock().leaving < LEAVING {
                return;
            }
            gone.await;
        }
    }
}

/// A stranger that was taken in. However the task that holds this ends, by a panic in the program's transport as well, it is
/// counted out `[ND-36]`.
struct Visit {
    node: Arc<Inner>,
    ticket: u64,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.node.strangers.leave(self.ticket);
    }
}

impl Inner {
    /// Listens, until the node is shut down.
    pub(crate) async fn listen(self: &Arc<Self>, at: &Addr) -> std::io::Result<Addr> {
        let listener = self.transport.listen(at).await?;
        let local = listener.local_addr();
        self.spawn_task(accept(Arc::clone(self), listener));
        Ok(local)
    }

    /// Deals with whoever is behind a pipe, in a task of its own.
    pub(crate) fn receive(self: &Arc<Self>, pipe: Pipe, carrier: Carrier) {
        let (ticket, token) = self.strangers.enter(self.limits.handshakes);
        let visit = Visit { node: Arc::clone(self), ticket };
        self.spawn_task(async move {
            let node = &visit.node;
            tokio::select! {
                biased;
                () = token.cancelled() => {
                    node.stats.handshake_failed(HandshakeFailure::CrowdedOut);
                    tracing::debug!("a connection gave way to newer ones");
                }
                () = let_in(node, pipe, carrier) => {}
            }
        });
    }
}

async fn accept(node: Arc<Inner>, mut listener: Box<dyn Listener>) {
    // Peers that come at once wait in the system's queue until the program has installed its services: what they send
    // first must not meet a node that does not understand it yet.
    tokio::select! {
        biased;
        () = node.open.cancelled() => {}
        () = clock::sleep_until(clock::now() + SETTLING) => {}
    }
    loop {
        let accepted = tokio::select! {
            biased;
            () = node.draining.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(pipe) => {
                node.receive(pipe, Carrier::Transport);
                tokio::select! {
                    biased;
                    () = node.draining.cancelled() => return,
                    () = node.strangers.settled() => {}
                }
            }
            Err(error) => {
                let (at, transient) = (listener.local_addr(), is_transient(&error));
                if node.complaints.lock().first(format!("accept {at}"), clock::now()) {
                    tracing::warn!(%error, %at, goes_on = transient, "cannot accept a connection");
                }
                if !transient {
                    return;
                }
                clock::sleep_until(clock::now() + ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn let_in(node: &Arc<Inner>, pipe: Pipe, carrier: Carrier) {
    let from = pipe.peer_addr().clone();
    match meet(node, pipe, Side::Accepted, carrier).await {
        Ok(met) => drop(met.serve(node)),
        Err(Failure { error: error @ (MeetError::Duplicate(_) | MeetError::ShutDown), .. }) => {
            tracing::debug!(%from, "connection closed: {error}");
        }
        Err(Failure { error, claims }) => {
            let claims = claims.map(tracing::field::display);
            // Such as that we are among our own seeds, or that somebody has looked whether we are there.
            if HandshakeFailure::of(&error, Side::Accepted).is_some_and(HandshakeFailure::is_harmless) {
                tracing::debug!(%from, claims, "no connection came about: {error}");
                return;
            }
            // A peer that tries again and again is complained of once in a while.
            let text = error.to_string();
            if node.complaints.lock().first(format!("{} {text}", from.host()), clock::now()) {
                tracing::warn!(%from, claims, "connection refused: {text}");
            } else {
                tracing::debug!(%from, claims, "connection refused: {text}");
            }
        }
    }
}
