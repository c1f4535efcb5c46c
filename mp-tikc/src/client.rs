//! Keeping a connection to a server.

mod backoff;

use std::sync::Arc;
use std::time::Duration;

use mp_transport::{Addr, clock};
use tokio_util::sync::CancellationToken;

use self::backoff::Backoff;
use crate::error::{LinkError, StartError};
use crate::exchange::ExchangeError;
use crate::identity::Role;
use crate::kernel::link::{Link, Origin, is_loopback};
use crate::kernel::{Inner, Kernel};

/// How long an attempt to connect may take.
const DIAL_TIME: Duration = Duration::from_secs(10);

/// A client: it connects to a server, and connects again when the connection is lost `[TK-60]`. Dropping it ends it and
/// its connection.
#[derive(Debug)]
#[must_use = "a client ends when it is dropped"]
pub struct Client {
    server: Addr,
    number: u32,
    stop: CancellationToken,
    kernel: Kernel,
}

/// Settings of a client that is about to be started: see [`Kernel::connect`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct ClientBuilder<'a> {
    kernel: &'a Kernel,
    server: Addr,
    allow_plain: bool,
    compress: bool,
    retry: Duration,
    longest_retry: Duration,
}

impl<'a> ClientBuilder<'a> {
    pub(crate) fn new(kernel: &'a Kernel, server: Addr) -> Self {
        let (retry, longest_retry) = (Duration::from_secs(2), Duration::from_secs(60));
        Self { kernel, server, allow_plain: false, compress: false, retry, longest_retry }
    }

    /// Takes a server on another machine that does not prove the secret, as no kernel of POE::TIKC can `[TK-51]`.
    pub fn allow_plain(mut self) -> Self {
        self.allow_plain = true;
        self
    }

    /// The server's filter compresses, so that it would not read what is plain `[TK-05]`.
    pub fn compress(mut self) -> Self {
        self.compress = true;
        self
    }

    /// How long to wait before the first attempt after a failure. It doubles with each further one, up to `longest`,
    /// and then up to a quarter more by chance. Default 2 s and 60 s `[TK-60]`.
    pub fn retry(mut self, first: Duration, longest: Duration) -> Self {
        (self.retry, self.longest_retry) = (first, longest);
        self
    }

    /// Begins to connect.
    ///
    /// # Errors
    ///
    /// [`StartError::Untrusted`], or [`StartError::ShutDown`].
    pub fn start(self) -> Result<Client, StartError> {
        let inner = self.kernel.inner();
        if inner.draining.is_cancelled() {
            return Err(StartError::ShutDown);
        }
        if !is_loopback(&self.server) && !self.allow_plain && !inner.can_prove() {
            return Err(StartError::Untrusted(self.server));
        }
        let number = u32::try_from(inner.number()).unwrap_or(u32::MAX);
        inner.state.lock().clients.insert(number, false);
        let stop = CancellationToken::new();
        let dialling = Dialling {
            kernel: Arc::clone(inner),
            server: self.server.clone(),
            stop: stop.clone(),
            origin: Origin {
                role: Role::Client,
                client: number,
                allow_plain: self.allow_plain,
                compress: self.compress,
            },
            backoff: Backoff::new(self.retry, self.longest_retry),
        };
        inner.spawn(dialling.run());
        Ok(Client { server: self.server, number, stop, kernel: self.kernel.clone() })
    }
}

impl Client {
    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &Addr {
        &self.server
    }

    /// Whether it is connected, and the server has told its aliases.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.kernel.inner().state.lock().clients.get(&self.number).copied().unwrap_or(false)
    }

    /// Waits until it is connected and the server has told its aliases; `false` if the kernel was shut down before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the wait and does nothing else.
    pub async fn connected(&self) -> bool {
        let number = self.number;
        self.kernel.inner().wait_until(|state| state.clients.get(&number) == Some(&true)).await
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let inner = self.kernel.inner();
        // A shutdown ends the connection in good order by itself.
        if !inner.draining.is_cancelled() {
            self.stop.cancel();
        }
        inner.state.lock().clients.remove(&self.number);
        inner.changed();
    }
}

struct Dialling {
    kernel: Arc<Inner>,
    server: Addr,
    stop: CancellationToken,
    origin: Origin,
    backoff: Backoff,
}

impl Dialling {
    async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = self.keep() => {}
            () = stop.cancelled() => {}
        }
    }

    /// Connects again and again, until the kernel is shut down.
    async fn keep(&mut self) {
        while !self.kernel.draining.is_cancelled() {
            let (error, ready) = self.attempt().await;
            if ready {
                self.backoff.reset();
            }
            self.kernel.down(self.server.clone(), error);
            let mut random = [0; 2];
            if getrandom::fill(&mut random).is_err() {
                tracing::debug!("no random bytes: the waits are not scattered");
            }
            let wait = self.backoff.next(u16::from_be_bytes(random));
            tokio::select! {
                biased;
                () = self.kernel.draining.cancelled() => return,
                () = clock::sleep_until(clock::after(clock::now(), wait)) => {}
            }
        }
    }

    /// One connection, from dialling to its end; and whether it had come to something.
    async fn attempt(&self) -> (LinkError, bool) {
        let dial = self.kernel.transport.dial(&self.server);
        let dialled = tokio::select! {
            biased;
            () = self.kernel.draining.cancelled() => return (ExchangeError::Closed.into(), false),
            dialled = tokio::time::timeout(DIAL_TIME, dial) => dialled,
        };
        let pipe = match dialled {
            Err(_) => return (LinkError::DialTime, false),
            Ok(Err(error)) => return (LinkError::Io(error.to_string()), false),
            Ok(Ok(pipe)) => pipe,
        };
        match Link::new(&self.kernel, pipe, self.origin) {
            Ok(link) => link.serve().await,
            Err(error) => (error, false),
        }
    }
}
