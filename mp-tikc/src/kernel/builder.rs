//! Settings of a kernel.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mp_proto::Secret;
use mp_transport::{Transport, clock};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Alive, Inner, Kernel, State};
use crate::identity::KernelId;
use crate::limits::TikcLimits;
use crate::tls::TlsConfig;
use mp_transport::complaints::Complaints;
use mp_transport::sync::Lock;

/// Events that may wait for a slow listener.
const EVENTS: usize = 4096;
/// How often waiting posts and calls are looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// Settings of a kernel that is about to be made: see [`Kernel::builder`].
#[derive(Default)]
#[must_use = "a builder does nothing until `start`"]
pub struct KernelBuilder {
    secret: Option<Secret>,
    tls: Option<TlsConfig>,
    limits: TikcLimits,
    transport: Option<Arc<dyn Transport>>,
}

impl KernelBuilder {
    /// The secret that kernels of our own kind prove to one another `[TK-52]`.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The certificate, its key, and the certificates to trust, as one PEM text: connections with kernels of our own
    /// kind that have one, too, are protected by TLS `[TK-55]`.
    ///
    /// # Errors
    ///
    /// [`PemError`](mp_transport::tls::PemError) says what is wrong with it.
    #[cfg(feature = "tls")]
    pub fn cert(mut self, pem: &str) -> Result<Self, mp_transport::tls::PemError> {
        self.tls = Some(TlsConfig::from_pem(pem)?);
        Ok(self)
    }

    /// The bounds.
    pub fn limits(mut self, limits: TikcLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Another transport than TCP, such as a network in memory.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Makes the kernel.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime; and if there is no transport, as without the feature `tcp` one must be set.
    pub fn start(self) -> Result<Kernel, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let id = KernelId::new(random);
        let stopped = CancellationToken::new();
        let inner = Arc::new_cyclic(|me| Inner {
            me: Weak::clone(me),
            id,
            limits: self.limits,
            secret: self.secret,
            tls: self.tls,
            transport: self.transport.or_else(default_transport).expect("a transport is set"),
            state: Lock::new(State::new(id, self.limits)),
            changes: watch::Sender::new(0),
            complaints: Lock::new(Complaints::default()),
            draining: CancellationToken::new(),
            events: broadcast::Sender::new(EVENTS),
            counter: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            stopped: stopped.clone(),
            runtime: tokio::runtime::Handle::current(),
        });
        inner.spawn(sweep(inner.weak(), inner.draining.clone()));
        Ok(Kernel { inner, _alive: Arc::new(Alive(stopped)) })
    }
}

/// Looks once in a while for posts and calls that have waited too long.
async fn sweep(kernel: Weak<Inner>, draining: CancellationToken) {
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            () = clock::sleep_until(clock::now() + SWEEP) => {}
        }
        let Some(kernel) = kernel.upgrade() else { return };
        kernel.sweep(clock::now());
    }
}

#[cfg(feature = "tcp")]
#[expect(clippy::unnecessary_wraps, reason = "without TCP there is none")]
fn default_transport() -> Option<Arc<dyn Transport>> {
    Some(Arc::new(mp_transport::Tcp::default()))
}

#[cfg(not(feature = "tcp"))]
fn default_transport() -> Option<Arc<dyn Transport>> {
    None
}

impl fmt::Debug for KernelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
