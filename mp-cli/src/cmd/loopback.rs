//! Loopback, where people look first for what runs on their own machine, and what `*` in `binds` leaves out `[CF-07]`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mp_config::{NodeConfig, interfaces};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long one of our own addresses may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// The port of an address of loopback.
pub(super) fn port(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse().ok().filter(|port| is_loopback(host) && *port != 0)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The same port at those addresses of this machine that `*` is. None if these are loopback themselves.
pub(super) fn others(port: u16) -> Vec<String> {
    let ips = interfaces().into_iter().filter(|ip| !ip.is_loopback());
    ips.map(|ip| SocketAddr::from((ip, port)).to_string()).collect()
}

/// What to do about an address of loopback at which nobody listens, if somebody does at the same port of this machine's other
/// addresses. A name counts that leads there, as a machine's own one often does.
pub(super) async fn elsewhere(address: &str) -> Option<String> {
    for other in others(resolved(address).await?) {
        if is_there(&other).await {
            return Some(format!(
                "write {other}, where somebody listens: `*` in `binds` is every address of this machine but loopback"
            ));
        }
    }
    None
}

/// Warns of seeds of which that is known.
pub(super) async fn warn_of(seeds: Vec<String>) {
    for seed in &seeds {
        // In this order, so that a seed that is where it should be mostly is not looked at.
        if let Some(mend) = elsewhere(seed).await
            && !is_there(seed).await
        {
            tracing::warn!("nobody listens at the seed {seed}; {mend}");
        }
    }
}

/// The port, if the host leads to loopback.
async fn resolved(address: &str) -> Option<u16> {
    let mut found = timeout(PATIENCE, lookup_host(address)).await.ok()?.ok()?;
    found.find(|at| at.ip().is_loopback()).map(|at| at.port())
}

async fn is_there(address: &str) -> bool {
    timeout(PATIENCE, TcpStream::connect(address)).await.is_ok_and(|connected| connected.is_ok())
}

/// What `binds` has that leads nowhere from this machine by the name of localhost.
pub(super) fn leaves_out(config: &NodeConfig) -> Option<String> {
    let every = config.binds.iter().find(|bind| bind.is_every())?;
    let is_hidden = interfaces().iter().all(|ip| !ip.is_loopback());
    let mut binds = config.binds.iter().map(ToString::to_string);
    let named = binds.any(|bind| bind.rsplit_once(':').is_some_and(|(host, _)| is_loopback(host)));
    (is_hidden && !named).then(|| every.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_its_names() {
        for address in ["localhost:4040", "127.0.0.1:4040", "127.1.2.3:4040", "[::1]:4040"] {
            assert_eq!(port(address), Some(4040), "{address}");
        }
        for address in
            ["10.0.0.1:4040", "localhost", "localhost:0", "localhost:*", "*:4040", "[::]:4040", "vm:4040"]
        {
            assert_eq!(port(address), None, "{address}");
        }
    }

    /// [CF-07]: what is advised is where somebody listens.
    #[tokio::test]
    async fn who_listens_at_every_address_but_loopback_is_found() {
        let Some(other) = interfaces().into_iter().find(|ip| !ip.is_loopback()) else { return };
        let listener = tokio::net::TcpListener::bind((other, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let told = elsewhere(&format!("localhost:{}", at.port())).await.expect("somebody listens");
        assert!(
            told.contains(&at.to_string()) && told.contains("every address of this machine but loopback"),
            "{told}"
        );
        assert_eq!(elsewhere(&at.to_string()).await, None, "it is no address of loopback");
        drop(listener);
        assert_eq!(elsewhere(&format!("localhost:{}", at.port())).await, None);
    }
}
