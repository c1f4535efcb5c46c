//! Taking connections.

use std::collections::VecDeque;
use std::sync::Arc;

use mp_transport::error::{ACCEPT_PAUSE, is_transient};
use mp_transport::{Addr, Listener, Pipe, clock};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::error::{LinkError, StartError};
use crate::exchange::ExchangeError;
use crate::identity::Role;
use crate::kernel::link::{Link, LinkCell, Origin, is_loopback};
use crate::kernel::{Inner, Kernel, KernelEvent};

/// Where a server listens unless it is told otherwise, as POE::TIKC does.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:2021";

/// A server: kernels connect to it, and reach this kernel's aliases and one another's. Dropping it ends it and its
/// connections.
#[derive(Debug)]
#[must_use = "a server ends when it is dropped"]
pub struct Server {
    address: Addr,
    stop: CancellationToken,
    kernel: Kernel,
}

/// Settings of a server that is about to be started: see [`Kernel::serve`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct ServerBuilder<'a> {
    kernel: &'a Kernel,
    address: Addr,
    allow_plain: bool,
}

impl<'a> ServerBuilder<'a> {
    pub(crate) fn new(kernel: &'a Kernel) -> Self {
        let address = DEFAULT_ADDRESS.parse().expect("it is an address");
        Self { kernel, address, allow_plain: false }
    }

    /// Where to listen. Default [`DEFAULT_ADDRESS`].
    pub fn address(mut self, address: Addr) -> Self {
        self.address = address;
        self
    }

    /// Lets peers in that are on other machines and do not prove the secret, as no kernel of POE::TIKC can `[TK-51]`.
    /// Whoever reaches the address can then post to all aliases, and take the place of kernels that are gone.
    pub fn allow_plain(mut self) -> Self {
        self.allow_plain = true;
        self
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing that listens.
    pub async fn start(self) -> Result<Server, StartError> {
        let inner = self.kernel.inner();
        if inner.draining.is_cancelled() {
            return Err(StartError::ShutDown);
        }
        if !is_loopback(&self.address) && !self.allow_plain && !inner.can_prove() {
            return Err(StartError::Untrusted(self.address));
        }
        let listener = inner.transport.listen(&self.address).await;
        let listener = listener.map_err(|error| StartError::Listen { at: self.address, error })?;
        let address = listener.local_addr();
        let stop = CancellationToken::new();
        let accepting = Accepting {
            kernel: Arc::clone(inner),
            stop: stop.clone(),
            allow_plain: self.allow_plain,
            room: Arc::new(Semaphore::new(inner.limits.clients)),
            strangers: VecDeque::new(),
        };
        inner.spawn(accepting.run(listener));
        tracing::info!(%address, "TIKC server listens");
        Ok(Server { address, stop, kernel: self.kernel.clone() })
    }
}

impl Server {
    /// Where it listens, with the port that was chosen if it was 0.
    #[must_use]
    pub fn address(&self) -> &Addr {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A shutdown ends connections in good order by itself.
        if !self.kernel.inner().draining.is_cancelled() {
            self.stop.cancel();
        }
    }
}

struct Accepting {
    kernel: Arc<Inner>,
    stop: CancellationToken,
    allow_plain: bool,
    room: Arc<Semaphore>,
    /// Connections whose peer had said nothing when last looked at, oldest first `[TK-54]`.
    strangers: VecDeque<Arc<LinkCell>>,
}

impl Accepting {
    async fn run(mut self, mut listener: Box<dyn Listener>) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.kernel.draining.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(pipe) => self.take_up(pipe),
                Err(error) => {
                    let transient = is_transient(&error);
                    self.complain("accept", &error.to_string());
                    if !transient {
                        return;
                    }
                    clock::sleep_until(clock::now() + ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take_up(&mut self, pipe: Pipe) {
        let from = pipe.peer_addr().clone();
        self.strangers.retain(|cell| !cell.is_settled());
        if self.strangers.len() >= self.kernel.limits.strangers.max(1)
            && let Some(oldest) = self.strangers.pop_front()
        {
            oldest.end(ExchangeError::GaveWay);
        }
        let permit = Arc::clone(&self.room).try_acquire_owned();
        let Ok(permit) = permit else {
            let error = LinkError::TooMany(self.kernel.limits.clients);
            return self.complain(from.host(), &error.to_string());
        };
        let origin = Origin { role: Role::Server, client: 0, allow_plain: self.allow_plain, compress: false };
        let link = match Link::new(&self.kernel, pipe, origin) {
            Ok(link) => link,
            Err(error) => return self.complain(from.host(), &error.to_string()),
        };
        self.strangers.push_back(Arc::clone(&link.cell));
        let (kernel, stop) = (Arc::clone(&self.kernel), self.stop.clone());
        self.kernel.spawn(async move {
            let _permit = permit;
            let error = tokio::select! {
                biased;
                (error, _) = link.serve() => error,
                () = stop.cancelled() => ExchangeError::Closed.into(),
            };
            kernel.down(from, error);
        });
    }

    fn complain(&self, who: &str, what: &str) {
        if self.kernel.complaints.lock().first(format!("{who} {what}"), clock::now()) {
            tracing::warn!(who, "a connection was not taken: {what}");
        }
    }
}

impl Inner {
    /// Tells that a connection is gone.
    pub(crate) fn down(&self, address: Addr, error: LinkError) {
        let fault = !matches!(
            error,
            LinkError::Exchange(ExchangeError::Ended | ExchangeError::Closed | ExchangeError::Replaced)
                | LinkError::Io(_)
                | LinkError::DialTime
        );
        let line = format!("down {} {error}", address.host());
        if fault && self.complaints.lock().first(line, clock::now()) {
            tracing::warn!(%address, "connection ended: {error}");
        } else {
            tracing::debug!(%address, "connection ended: {error}");
        }
        self.publish(KernelEvent::Down { address, error });
    }
}
