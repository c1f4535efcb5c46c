//! Dialling and listening in memory.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Shared;
use super::pipe::MemoryPipe;
use super::state::{Dialled, Life, NoListener};
use crate::error::at;
use crate::{Addr, Listener, Pipe, Transport, clock};

/// How long dialling goes on when nothing comes back; the same as `Tcp`'s `user_timeout`.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// How many pipes may wait to be accepted at one listener; those who dial a full one try again each second, as TCP
/// does.
pub const BACKLOG: usize = 128;

const BUSY_RETRY: Duration = Duration::from_secs(1);

/// One host's access to a [`MemoryNet`](crate::MemoryNet), from [`MemoryNet::host`](crate::MemoryNet::host).
#[derive(Clone)]
pub struct MemoryTransport {
    shared: Arc<Shared>,
    life: Life,
    addr: Addr,
}

impl MemoryTransport {
    pub(super) fn new(shared: Arc<Shared>, life: Life, addr: Addr) -> Self {
        Self { shared, life, addr }
    }

    /// The host's name, which is the host of its addresses.
    #[must_use]
    pub fn name(&self) -> &str {
        self.addr.host()
    }

    async fn connect(&self, to: &Addr) -> io::Result<Pipe> {
        let peer = self.shared.lock().known_host(to.host());
        let peer =
            peer.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the network has no such host"))?;
        loop {
            self.cross(self.life.host, peer).await;
            let dialled =
                self.shared.change(|state, woken| state.dial(self.life, (peer, to.port()), BACKLOG, woken));
            match dialled {
                Dialled::Open(pair, port) => {
                    let end = MemoryPipe::new(Arc::clone(&self.shared), pair, 0);
                    self.cross(peer, self.life.host).await;
                    return Ok(Pipe::new(end, self.addr.with_port(port), to.clone()));
                }
                Dialled::Refused => {
                    self.cross(peer, self.life.host).await;
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Dialled::Busy => clock::sleep_until(clock::now() + BUSY_RETRY).await,
                Dialled::Dead => return Err(killed()),
            }
        }
    }

    /// Waits as long as a packet takes from one host to another; while the way is cut, until it is healed.
    async fn cross(&self, from: usize, to: usize) {
        loop {
            let mut healed = pin!(self.shared.healed.notified());
            // From here on no healing is missed.
            healed.as_mut().enable();
            let arrival = {
                let mut state = self.shared.lock();
                let link = state.link(from, to);
                let link = state.link_mut(link);
                if link.is_plain() {
                    return;
                }
                let now = clock::now();
                (!link.is_cut()).then(|| link.arrival(now, 0))
            };
            match arrival {
                None => healed.await,
                Some(at) => {
                    clock::sleep_until(at).await;
                    let mut state = self.shared.lock();
                    let link = state.link(from, to);
                    if !state.link_mut(link).is_cut() {
                        return;
                    }
                }
            }
        }
    }
}

fn killed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "this host was killed")
}

#[async_trait]
impl Transport for MemoryTransport {
    /// Takes one way there and one back, and at most [`DIAL_TIMEOUT`].
    async fn dial(&self, to: &Addr) -> io::Result<Pipe> {
        let outcome = tokio::time::timeout(DIAL_TIMEOUT, self.connect(to)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        outcome.map_err(|error| at(to, &error))
    }

    /// The address's host must be this host's own name.
    async fn listen(&self, addr: &Addr) -> io::Result<Box<dyn Listener>> {
        if addr.host() != self.name() {
            return Err(at(addr, &io::ErrorKind::AddrNotAvailable.into()));
        }
        let outcome = self.shared.lock().listen(self.life, addr.port());
        let (port, id) = outcome.map_err(|why| {
            let error = match why {
                NoListener::Used => io::ErrorKind::AddrInUse.into(),
                NoListener::Dead => killed(),
            };
            at(addr, &error)
        })?;
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(MemoryListener { shared, host: self.life.host, id, addr: addr.with_port(port) }))
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryTransport").field(&self.name()).finish()
    }
}

struct MemoryListener {
    shared: Arc<Shared>,
    host: usize,
    id: u64,
    addr: Addr,
}

impl MemoryListener {
    fn key(&self) -> (usize, u16) {
        (self.host, self.addr.port())
    }
}

#[async_trait]
impl Listener for MemoryListener {
    async fn accept(&mut self) -> io::Result<Pipe> {
        let arrival = poll_fn(|cx| self.shared.lock().accept(self.key(), self.id, cx.waker()));
        let arrival = arrival.await.ok_or_else(killed)?;
        let from = self.shared.lock().host_name(arrival.from).to_owned();
        let peer = Addr::new(&from, arrival.port).expect("the name was an address's host before");
        let end = MemoryPipe::new(Arc::clone(&self.shared), arrival.pair, 1);
        Ok(Pipe::new(end, self.addr.clone(), peer))
    }

    fn local_addr(&self) -> Addr {
        self.addr.clone()
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let now = clock::now();
        self.shared.change(|state, woken| state.unlisten(self.key(), Some(self.id), now, woken));
    }
}

impl fmt::Debug for MemoryListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryListener").field("addr", &self.addr).finish_non_exhaustive()
    }
}
