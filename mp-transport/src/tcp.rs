//! Pipes over TCP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::error::at;
use crate::{Addr, Listener, Pipe, Transport};

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// The TCP backend and its socket options; [`Tcp::default`] has what suits a network of nodes.
///
/// A peer that vanishes without a word is found within about 30 s, whether this side is sending (`user_timeout`) or
/// silent (`keepalive`) `[TR-06]`; not after the two hours that are TCP's default.
///
/// ```
/// use std::time::Duration;
/// let tcp = mp_transport::Tcp { user_timeout: Some(Duration::from_secs(5)), ..Default::default() };
/// assert!(tcp.nodelay);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// Send small packets at once (`TCP_NODELAY`). On by default: a driver gathers what it can by itself.
    pub nodelay: bool,
    /// When to ask a silent peer whether it is there; `None` leaves that to layers above.
    pub keepalive: Option<KeepAlive>,
    /// How long sent bytes may stay unacknowledged before the pipe breaks with `TimedOut` (`TCP_USER_TIMEOUT`, on
    /// Linux and its kin; no effect elsewhere). By default 30 s; `None` leaves it to the system, which is some 15
    /// minutes. It bounds dialling a silent host, too.
    pub user_timeout: Option<Duration>,
    /// How many bytes the system takes before it has sent them (`TCP_NOTSENT_LOWAT`, on Linux; no effect elsewhere). What
    /// waits beyond that waits with its sender, who may still say that something else goes first `[TR-22]`: megabytes in
    /// the system's buffer are seconds on a slow link. By default 256 KiB; `None` leaves it to the system.
    pub unsent: Option<u32>,
    /// How many pipes may wait to be accepted; the system may have a lower bound. By default 1024.
    pub backlog: u32,
    /// Listen with `SO_REUSEADDR`, so that a restarted node gets its port back although old connections linger there.
    /// On by default. No effect on Windows, where it would let two listeners share a port.
    pub reuse_addr: bool,
    /// An IPv6 listener takes IPv6 only (`IPV6_V6ONLY`). On by default, so that `[::]:4040` does not depend on how the
    /// system is set up, and `0.0.0.0:4040` can be listened at beside it.
    pub v6only: bool,
    /// When a name has several addresses: how long each but the last is tried. By default 2 s.
    pub next_address_after: Duration,
}

/// When TCP asks a silent peer whether it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long nothing was heard before the first question. By default 10 s.
    pub idle: Duration,
    /// From one question to the next. By default 5 s.
    pub interval: Duration,
    /// After how many unanswered questions the pipe breaks. By default 4, so that 30 s pass in all.
    pub retries: u32,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: Some(KeepAlive::default()),
            user_timeout: Some(Duration::from_secs(30)),
            unsent: Some(256 * 1024),
            backlog: 1024,
            reuse_addr: true,
            v6only: true,
            next_address_after: Duration::from_secs(2),
        }
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { idle: Duration::from_secs(10), interval: Duration::from_secs(5), retries: 4 }
    }
}

#[async_trait]
impl Transport for Tcp {
    /// Names are resolved to all their addresses, which are tried one after another in the order that the system
    /// gives, until one takes the call `[TR-05]`. The error is the last one's.
    async fn dial(&self, to: &Addr) -> io::Result<Pipe> {
        let addresses = resolve(to).await?;
        let mut failure = no_address();
        for (i, &address) in addresses.iter().enumerate() {
            let attempt = self.connect(address);
            let outcome = if i + 1 < addresses.len() {
                let bounded = tokio::time::timeout(self.next_address_after, attempt).await;
                bounded.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            } else {
                attempt.await
            };
            match outcome {
                Ok(pipe) => return Ok(pipe),
                Err(error) => failure = error,
            }
        }
        Err(at(to, &failure))
    }

    /// A name is listened at on the first of its addresses that works, IPv4 before IPv6 `[TR-05]`: for `localhost`
    /// that is 127.0.0.1, which is what peers without IPv6 dial.
    async fn listen(&self, addr: &Addr) -> io::Result<Box<dyn Listener>> {
        let mut addresses = resolve(addr).await?;
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let mut failure = no_address();
        for address in addresses {
            match self.bind(address) {
                Ok(listener) => return Ok(Box::new(listener)),
                Err(error) => failure = error,
            }
        }
        Err(at(addr, &failure))
    }
}

impl Tcp {
    async fn connect(&self, address: SocketAddr) -> io::Result<Pipe> {
        let socket = new_socket(address)?;
        self.set_options(&SockRef::from(&socket))?;
        pipe(socket.connect(address).await?)
    }

    fn bind(&self, address: SocketAddr) -> io::Result<TcpSocketListener> {
        let socket = new_socket(address)?;
        if cfg!(not(windows)) {
            socket.set_reuseaddr(self.reuse_addr)?;
        }
        if address.is_ipv6() {
            SockRef::from(&socket).set_only_v6(self.v6only)?;
        }
        socket.bind(address)?;
        let listener = socket.listen(self.backlog)?;
        let local = listener.local_addr()?.into();
        Ok(TcpSocketListener { listener, local, options: *self })
    }

    fn set_options(&self, socket: &SockRef<'_>) -> io::Result<()> {
        socket.set_tcp_nodelay(self.nodelay)?;
        if let Some(keepalive) = self.keepalive {
            let params = TcpKeepalive::new()
                .with_time(keepalive.idle)
                .with_interval(keepalive.interval)
                .with_retries(keepalive.retries);
            socket.set_tcp_keepalive(&params)?;
        }
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
        socket.set_tcp_user_timeout(self.user_timeout)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(unsent) = self.unsent {
            socket.set_tcp_notsent_lowat(unsent)?;
        }
        Ok(())
    }
}

/// All addresses of a name, each once, in the resolver's order.
async fn resolve(addr: &Addr) -> io::Result<Vec<SocketAddr>> {
    if let Some(ip) = addr.ip() {
        return Ok(vec![SocketAddr::new(ip, addr.port())]);
    }
    let found =
        tokio::net::lookup_host((addr.host(), addr.port())).await.map_err(|error| at(addr, &error))?;
    let mut addresses = Vec::new();
    for address in found {
        if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

fn new_socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

fn pipe(stream: TcpStream) -> io::Result<Pipe> {
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    Ok(Pipe::new(stream, local.into(), peer.into()))
}

#[derive(Debug)]
struct TcpSocketListener {
    listener: TcpListener,
    local: Addr,
    options: Tcp,
}

#[async_trait]
impl Listener for TcpSocketListener {
    async fn accept(&mut self) -> io::Result<Pipe> {
        let (stream, _) = self.listener.accept().await?;
        // A peer that is gone already can make this fail: that is the connection's fault, not the listener's.
        let aborted = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        self.options.set_options(&SockRef::from(&stream)).map_err(aborted)?;
        pipe(stream).map_err(aborted)
    }

    fn local_addr(&self) -> Addr {
        self.local.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[TR-06]` `[TR-22]`
    #[tokio::test]
    async fn the_options_reach_the_sockets() {
        let tcp = Tcp::default();
        let socket = TcpSocket::new_v4().unwrap();
        let socket = SockRef::from(&socket);
        tcp.set_options(&socket).unwrap();
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)));
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), 256 * 1024);
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(10));
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(5));
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        }
    }

    /// `[TR-05]`
    #[tokio::test]
    async fn localhost_is_listened_at_on_ipv4() {
        let listener = Tcp::default().listen(&"localhost:0".parse().unwrap()).await.unwrap();
        assert_eq!(listener.local_addr().host(), "127.0.0.1");
    }
}
