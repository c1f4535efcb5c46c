//! A network in memory, which can be delayed, throttled, cut and healed.
//!
//! [`MemoryNet`] joins named hosts in one process. Under tokio's paused clock a run is a pure function of its seed
//! `[TR-11]`: no task is spawned, no socket opened, and chance comes from the seed alone. When bytes arrive is computed
//! when they are sent; a reader who waits sets a timer for that moment. Its unit is tokio's millisecond.
//!
//! ```
//! use std::time::Duration;
//! use mp_transport::{MemoryNet, Transport};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let net = MemoryNet::new(42);
//! let (north, south) = (net.host("north"), net.host("south"));
//! net.between("north", "south").delay(Duration::from_millis(5), Duration::from_millis(2));
//!
//! let at = "south:4040".parse().expect("an address");
//! let mut listener = south.listen(&at).await?;
//! let (dialled, accepted) = tokio::join!(north.dial(&at), listener.accept());
//! dialled?.write_all(b"hello").await?;
//! let mut text = String::new();
//! accepted?.read_to_string(&mut text).await?;
//! assert_eq!(text, "hello");
//! # std::io::Result::Ok(()) })?;
//! # std::io::Result::Ok(())
//! ```

mod flow;
mod link;
mod listen;
mod pair;
mod pipe;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use self::link::Conduct;
pub use self::listen::{BACKLOG, DIAL_TIMEOUT, MemoryTransport};
use self::state::{State, Which, Woken};
use crate::{Addr, clock};

/// What a pipe's direction holds unless [`MemoryNet::buffer_size`] says otherwise, in bytes.
pub const BUFFER_SIZE: usize = 64 * 1024;

/// A network in one process. Cloning gives another handle on the same network.
///
/// Hosts are names; one comes into being when it is first named. Between each two of them lead two links, one in each
/// direction, which at first carry everything at once. What a test does to them is in [`Links`].
#[derive(Clone)]
pub struct MemoryNet {
    shared: Arc<Shared>,
}

/// What all handles, pipes and listeners of a network share.
struct Shared {
    state: Mutex<State>,
    /// A link was healed: dials that were held up look again.
    healed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then wakes whom that concerns, the lock being free again.
    fn change<R>(&self, change: impl FnOnce(&mut State, &mut Woken) -> R) -> R {
        let mut woken = Woken::default();
        let result = change(&mut self.lock(), &mut woken);
        woken.wake();
        result
    }
}

/// How a host dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// The process is gone and its system says so: every peer is sent a reset, which takes its time as bytes do and
    /// is held back by a cut.
    Reset,
    /// The power is gone: peers hear nothing at all.
    Silent,
}

impl MemoryNet {
    /// A network without hosts, whose jitter is drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = Mutex::new(State::new(seed));
        Self { shared: Arc::new(Shared { state, healed: Notify::new() }) }
    }

    /// The transport of the host `name`, which listens at addresses `name:port` and dials from there. If the host was
    /// killed, this is its restart; transports of its earlier life stay dead.
    ///
    /// # Panics
    ///
    /// If `name` cannot be the host of an [`Addr`].
    #[must_use]
    pub fn host(&self, name: &str) -> MemoryTransport {
        let addr = Addr::new(name, 0).expect("the host's name can stand in an address");
        let life = self.shared.lock().revive(addr.host());
        MemoryTransport::new(Arc::clone(&self.shared), life, addr)
    }

    /// Sets what each direction of a pipe holds, sent and not yet read, before its writer has to wait
    /// `[TR-10]`. For pipes that are opened from now on; at least 1. [`BUFFER_SIZE`] by default.
    pub fn buffer_size(&self, bytes: usize) {
        self.shared.lock().buffer_size = bytes.max(1);
    }

    /// The link that carries what `from` sends to `to`.
    pub fn link(&self, from: &str, to: &str) -> Links {
        let mut state = self.shared.lock();
        let (from, to) = (state.host(from), state.host(to));
        self.links(vec![state.link(from, to)])
    }

    /// The two links between `a` and `b`.
    pub fn between(&self, a: &str, b: &str) -> Links {
        self.across(&[a], &[b])
    }

    /// All links between a host of the one side and a host of the other.
    pub fn across(&self, one: &[&str], other: &[&str]) -> Links {
        let mut state = self.shared.lock();
        let one: Vec<_> = one.iter().map(|name| state.host(name)).collect();
        let other: Vec<_> = other.iter().map(|name| state.host(name)).collect();
        let mut links = Vec::with_capacity(2 * one.len() * other.len());
        for &a in &one {
            for &b in &other {
                links.extend([state.link(a, b), state.link(b, a)]);
            }
        }
        self.links(links)
    }

    /// All links that lead from or to `host`, but not the one to itself. They are those to hosts that are known by
    /// now.
    pub fn around(&self, host: &str) -> Links {
        let mut state = self.shared.lock();
        let host = state.host(host);
        let links = state.links_around(host);
        self.links(links)
    }

    /// All links between two hosts, also those to hosts that come later; but not those of a host to itself.
    pub fn everywhere(&self) -> Links {
        Links { shared: Arc::clone(&self.shared), which: Which::All }
    }

    fn links(&self, links: Vec<usize>) -> Links {
        Links { shared: Arc::clone(&self.shared), which: Which::These(links) }
    }

    /// Breaks all pipes between two hosts at once: both ends get `ConnectionReset`, and what was on its way is lost
    /// `[TR-13]`. This goes through a cut, too.
    pub fn reset(&self, a: &str, b: &str) {
        self.shared.change(|state, woken| {
            let (a, b) = (state.host(a), state.host(b));
            state.reset(a, b, woken);
        });
    }

    /// Breaks all pipes between two hosts at `dead`'s end alone. There they give `ConnectionReset`; at `unaware`'s end
    /// nothing arrives any more, and what is sent fills the buffer and stays there. No reset ever tells it, as behind
    /// a firewall that has lost its state `[TR-13]`. New pipes are not concerned.
    pub fn half_open(&self, dead: &str, unaware: &str) {
        self.shared.change(|state, woken| {
            let (dead, unaware) = (state.host(dead), state.host(unaware));
            state.half_open(dead, unaware, woken);
        });
    }

    /// Kills a host: its own ends of pipes give `ConnectionReset`, its listeners are gone, and dialling it is refused
    /// `[TR-13]`. What its peers hear is up to `death`. The host's transports fail from now on with `NotConnected`;
    /// [`MemoryNet::host`] restarts it.
    pub fn kill_host(&self, name: &str, death: Death) {
        let now = clock::now();
        self.shared.change(|state, woken| {
            let host = state.host(name);
            state.kill(host, death, now, woken);
        });
    }

    /// How many pipes have an end that is not dropped yet.
    #[must_use]
    pub fn pipe_count(&self) -> usize {
        self.shared.lock().pair_count()
    }
}

impl fmt::Debug for MemoryNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNet").field("pipes", &self.pipe_count()).finish_non_exhaustive()
    }
}

/// Some links of a [`MemoryNet`], to be treated alike; each method can be called at any time.
///
/// What is already on its way when a delay or throttle changes keeps the time of arrival that it has.
#[derive(Clone)]
#[must_use = "links do nothing by themselves: call a method such as cut()"]
pub struct Links {
    shared: Arc<Shared>,
    which: Which,
}

impl Links {
    /// Each piece takes `latency` to arrive, and up to `jitter` more, drawn evenly. Order within a pipe is kept, as
    /// TCP does: a piece that would overtake another arrives with it `[TR-09]`. Opening a pipe takes one way there and
    /// one back.
    pub fn delay(&self, latency: Duration, jitter: Duration) -> &Self {
        self.conduct(|conduct| (conduct.latency, conduct.jitter) = (latency, jitter))
    }

    /// Each link carries at most so many bytes per second, all its pipes together; `None` for no bound. A rate of 0
    /// is taken for 1.
    pub fn throttle(&self, bytes_per_second: Option<u64>) -> &Self {
        let rate = bytes_per_second.map(|rate| rate.max(1));
        self.conduct(|conduct| conduct.bytes_per_second = rate)
    }

    fn conduct(&self, change: impl Fn(&mut Conduct)) -> &Self {
        self.shared.lock().conduct(&self.which, change);
        self
    }

    /// Nothing arrives any more: what is on its way and what is sent from now on is held back; writers fill their
    /// buffers and then wait; pipes neither end nor break; dials wait and, after [`DIAL_TIMEOUT`], fail with
    /// `TimedOut` `[TR-12]`.
    pub fn cut(&self) {
        let now = clock::now();
        self.shared.change(|state, woken| state.cut(&self.which, now, woken));
    }

    /// Ends a cut: what was held back is sent anew, as TCP does, so that it arrives whole, in order, and no sooner
    /// than the link's delay from now.
    pub fn heal(&self) {
        let now = clock::now();
        self.shared.change(|state, woken| state.heal(&self.which, now, woken));
        self.shared.healed.notify_waiters();
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::These(links) => f.debug_tuple("Links").field(&links.len()).finish(),
            Which::All => f.debug_tuple("Links").field(&"all").finish(),
        }
    }
}
