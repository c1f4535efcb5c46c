//! What a service manager is told, and how it sees that the program lives: the datagrams of systemd's `sd_notify`.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use mp_node::Node;
use mp_transport::clock;

/// Where the service manager listens, if there is one.
#[derive(Debug, Default)]
pub(super) struct Notify {
    to: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that we live.
    every: Option<Duration>,
    next: Option<Instant>,
}

impl Notify {
    /// As `NOTIFY_SOCKET` and `WATCHDOG_USEC` say.
    pub(super) fn from_environment() -> Self {
        let Some(to) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        let socket = address(&to).and_then(|address| Ok((UnixDatagram::unbound()?, address)));
        let to = match socket {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!("NOTIFY_SOCKET cannot be used: {error}");
                None
            }
        };
        let is_ours = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let micros = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        // Half of the time leaves room for a machine that is slow.
        let every = micros.filter(|_| is_ours).map(|micros: u64| Duration::from_micros(micros.max(2)) / 2);
        Self { to, every, next: every.map(|every| clock::now() + every) }
    }

    /// The node runs.
    pub(super) fn ready(&self, node: &Node) {
        let at: Vec<_> = node.addresses().iter().map(ToString::to_string).collect();
        self.tell(&format!("READY=1\nSTATUS=node {} on {}", one_line(node.id().as_str()), at.join(", ")));
    }

    /// The configuration is being read.
    pub(super) fn reloading(&self) {
        self.tell("RELOADING=1\nSTATUS=reading the configuration");
    }

    /// The node is about to end.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=writing what waits for other nodes");
    }

    /// Waits until the watchdog is to hear something; for ever, if there is none.
    pub(super) async fn due(&self) {
        match self.next {
            Some(next) => clock::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// The node lives: its locks can be taken, and tasks run.
    pub(super) fn alive(&mut self, node: &Node) {
        let stats = node.stats();
        let name = one_line(node.id().as_str());
        self.tell(&format!("WATCHDOG=1\nSTATUS=node {name}, {} connections", stats.connected));
        self.next = self.every.map(|every| clock::now() + every);
    }

    fn tell(&self, text: &str) {
        if let Some((socket, to)) = &self.to
            && let Err(error) = socket.send_to_addr(text.as_bytes(), to)
        {
            tracing::debug!("the service manager was not told: {error}");
        }
    }
}

/// A path, or behind an `@` a name that is in no directory.
fn address(to: &OsStr) -> std::io::Result<SocketAddr> {
    match to.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        _ => SocketAddr::from_pathname(to),
    }
}

/// A line's end would begin another assignment.
fn one_line(text: &str) -> String {
    crate::output::plain(text)
}
