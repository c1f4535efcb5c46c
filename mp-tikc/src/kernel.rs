//! A kernel: sessions and their aliases here, and the ways to those elsewhere.

mod builder;
mod deliver;
pub(crate) mod link;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use mp_proto::{EncodeError, Secret, Text};
use mp_transport::{Addr, Transport, clock};
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::args::Args;
use crate::call::Call;
use crate::client::ClientBuilder;
use crate::error::{LinkError, PostError};
use crate::exchange::Peer;
use crate::identity::KernelId;
use crate::limits::TikcLimits;
use crate::packet::Failure;
use crate::router::{AliasError, Way};
use crate::server::ServerBuilder;
use crate::session::Session;
use crate::tls::TlsConfig;
use mp_transport::complaints::Complaints;
use mp_transport::sync::Lock;

pub use builder::KernelBuilder;
pub(crate) use deliver::{Offered, Parcel};
pub(crate) use state::State;

/// A kernel, as POE::TIKC has one in each process: sessions with aliases, joined to other kernels by a [`Server`](crate::Server),
/// by [`Client`](crate::Client)s, or both. Cheap to clone; all clones are the same kernel, and it ends with the last handle, those in
/// sessions, servers and clients included.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use mp_tikc::{Client, Kernel};
///
/// let kernel = Kernel::new()?;
/// let mut session = kernel.session("logger")?;
/// let client = kernel.connect("127.0.0.1:2021".parse()?).start()?;
/// client.connected().await;
/// kernel.post("counter", "add", (1, "apple")).await?;
/// while let Some(event) = session.recv().await {
///     println!("{} {:?}", event.name(), event.args());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Kernel {
    inner: Arc<Inner>,
    _alive: Arc<Alive>,
}

#[derive(Debug)]
struct Alive(CancellationToken);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What a kernel tells those who ask for its [events](Kernel::events).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelEvent {
    /// An alias can be reached that could not.
    Came {
        /// The alias.
        alias: Text,
    },
    /// An alias cannot be reached any more.
    Went {
        /// The alias.
        alias: Text,
    },
    /// A peer was let in.
    Up {
        /// Its address.
        address: Addr,
        /// What it is.
        peer: Peer,
    },
    /// A connection was lost or not made.
    Down {
        /// Its address.
        address: Addr,
        /// Why.
        error: LinkError,
    },
    /// A peer announced an alias that somebody else holds already, who keeps it `[TK-31]`.
    Taken {
        /// The alias.
        alias: Text,
        /// Who announced it, or tells us that what we announced is taken there.
        address: Addr,
    },
    /// A post of this kernel's was not delivered `[TK-42]`.
    Undelivered {
        /// Whom it was for.
        alias: Text,
        /// Which event it was.
        event: Text,
        /// Why.
        failure: Failure,
    },
}

/// A stream of a kernel's events. Who reads slowly loses the oldest ones.
#[derive(Debug)]
pub struct KernelEvents(broadcast::Receiver<KernelEvent>);

impl KernelEvents {
    /// The next event; `None` after the kernel has ended.
    ///
    /// # Cancellation
    ///
    /// Safe: no event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<KernelEvent> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// What the kernel's tasks and handles share.
pub(crate) struct Inner {
    me: Weak<Self>,
    pub(crate) id: KernelId,
    pub(crate) limits: TikcLimits,
    pub(crate) secret: Option<Secret>,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) state: Lock<State>,
    /// Counts changes of aliases and connections, for those who wait for one.
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) complaints: Lock<Complaints>,
    /// No new connections are made or taken; those that are there write what waits and end.
    pub(crate) draining: CancellationToken,
    events: broadcast::Sender<KernelEvent>,
    counter: AtomicU64,
    tasks: TaskTracker,
    stopped: CancellationToken,
    runtime: tokio::runtime::Handle,
}

impl Kernel {
    /// A kernel with the defaults: without a secret, so that it takes and makes plain connections on this machine
    /// only.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new() -> Result<Self, getrandom::Error> {
        Self::builder().start()
    }

    /// Begins to make a kernel with other settings.
    pub fn builder() -> KernelBuilder {
        KernelBuilder::default()
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Which kernel it is, among our own kind.
    #[must_use]
    pub fn id(&self) -> KernelId {
        self.inner.id
    }

    /// The bounds.
    #[must_use]
    pub fn limits(&self) -> &TikcLimits {
        &self.inner.limits
    }

    /// A session with an alias.
    ///
    /// # Errors
    ///
    /// [`AliasError`]: it is no alias, or a session here or elsewhere holds it.
    pub fn session(&self, alias: &str) -> Result<Session, AliasError> {
        let mut session = Session::new(self.clone());
        session.add_alias(alias)?;
        Ok(session)
    }

    /// Begins to make a server: others connect to it. Default address 127.0.0.1:2021.
    pub fn serve(&self) -> ServerBuilder<'_> {
        ServerBuilder::new(self)
    }

    /// Begins to make a client: it keeps a connection to a server.
    pub fn connect(&self, server: Addr) -> ClientBuilder<'_> {
        ClientBuilder::new(self, server)
    }

    /// Posts an event to an alias, here or elsewhere. Waits while the mailbox or queue on the way is full; nothing
    /// waits for delivery. While a client of this kernel is not connected, posts to aliases that are not known wait
    /// for that, within bounds `[TK-40]`.
    ///
    /// The arguments are what a message is made of: `(1, "x")` are two, `()` is none, and a `Vec` of values is its
    /// elements.
    ///
    /// # Errors
    ///
    /// [`PostError`]: nobody holds the alias, as far as is known here. What goes wrong later is told as
    /// [`KernelEvent::Undelivered`], as far as kernels of POE::TIKC on the way let that be known.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before it is ready, the event has not been posted.
    pub async fn post<A: Serialize>(&self, alias: &str, event: &str, args: A) -> Result<(), PostError> {
        // Who posts without end lets others run now and then.
        tokio::task::coop::consume_budget().await;
        if self.inner.post_now(alias, event, &args)? {
            return Ok(());
        }
        let alias = Text::from(alias);
        let args = self.args(&alias, &args)?;
        self.inner.post(Parcel::new(alias, event, args, None)?).await
    }

    /// The same, if there is room now.
    ///
    /// # Errors
    ///
    /// [`PostError::Undeliverable`] with [`Failure::Full`] if not; the rest as for [`Kernel::post`].
    pub fn try_post<A: Serialize>(&self, alias: &str, event: &str, args: A) -> Result<(), PostError> {
        if self.inner.post_now(alias, event, &args)? {
            return Ok(());
        }
        let alias = Text::from(alias);
        let args = self.args(&alias, &args)?;
        match self.inner.offer(Parcel::new(alias, event, args, None)?) {
            Offered::Taken => Ok(()),
            Offered::Full(parcel, _) => Err(parcel.error(Failure::Full)),
            Offered::Failed(error) => Err(error),
        }
    }

    /// As an image at once where they go to another kernel.
    fn args<A: Serialize>(&self, alias: &Text, args: &A) -> Result<Args, EncodeError> {
        let here = matches!(self.inner.state.lock().router.way(alias, None), Ok(Way::Here));
        if here { Args::values(args) } else { Args::frozen(args) }
    }

    /// Asks: posts an event that wants an answer `[TK-43]`.
    pub fn call<'a, A: Serialize>(&'a self, alias: &'a str, event: &'a str, args: A) -> Call<'a, A> {
        Call::new(self, alias, event, args)
    }

    /// All aliases that can be reached now, and whether a session of this kernel holds them.
    #[must_use]
    pub fn aliases(&self) -> BTreeMap<String, bool> {
        let state = self.inner.state.lock();
        state.router.aliases().map(|(alias, way)| (alias.to_string(), way == Way::Here)).collect()
    }

    /// Waits until an alias can be reached; `false` if the kernel was shut down before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the wait and does nothing else.
    pub async fn wait_for(&self, alias: &str) -> bool {
        let alias = Text::from(alias);
        self.inner.wait_until(|state| state.router.way(&alias, None).is_ok()).await
    }

    /// Waits until all clients of this kernel are connected and have been told their servers' aliases; `false` if the
    /// kernel was shut down before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the wait and does nothing else.
    pub async fn connected(&self) -> bool {
        self.inner.wait_until(|state| state.clients.values().all(|up| *up)).await
    }

    /// How many connections stand.
    #[must_use]
    pub fn connections(&self) -> usize {
        let state = self.inner.state.lock();
        state.links.keys().filter(|link| state.router.peer(**link).is_some()).count()
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> KernelEvents {
        KernelEvents(self.inner.events.subscribe())
    }

    /// Ends the kernel: takes nothing new, writes what waits for at most [`TikcLimits::drain_time`], closes the
    /// connections. Events that wait in sessions can still be received. Calling it again waits for the same end.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the kernel closed to new posts; call it again to finish.
    pub async fn shutdown(&self) {
        self.inner.close();
        self.inner.draining.cancel();
        self.inner.tasks.close();
        let late = clock::after(clock::now(), self.inner.limits.drain_time);
        drop(tokio::time::timeout_at(late.into(), self.inner.tasks.wait()).await);
        self.inner.stopped.cancel();
        self.inner.tasks.wait().await;
        self.inner.changed();
    }
}

impl Inner {
    /// Starts a task that ends with the kernel.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped.clone();
        let guarded = async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = task => {}
            }
        };
        drop(self.tasks.spawn_on(guarded, &self.runtime));
    }

    /// Whether peers on other machines can prove themselves to us.
    pub(crate) fn can_prove(&self) -> bool {
        self.secret.is_some() || self.tls.is_some()
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        Weak::clone(&self.me)
    }

    pub(crate) fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    pub(crate) fn publish(&self, event: KernelEvent) {
        // Nobody may be listening.
        drop(self.events.send(event));
    }

    /// Waits until the state is as wanted; `false` once the kernel is closed.
    pub(crate) async fn wait_until(&self, mut wanted: impl FnMut(&State) -> bool) -> bool {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            {
                let state = self.state.lock();
                if state.closed {
                    return false;
                }
                if wanted(&state) {
                    return true;
                }
            }
            if changes.changed().await.is_err() {
                return false;
            }
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("id", &self.inner.id).finish_non_exhaustive()
    }
}
