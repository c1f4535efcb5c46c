//! Where something can be dialled.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// The longest host name that is taken, in bytes; DNS has the same bound.
pub const MAX_HOST: usize = 255;

/// A host and a port: what is dialled and listened at. Cheap to clone.
///
/// The host is a name, an IPv4 address, or an IPv6 address (perhaps with a `%scope`), which is written in brackets
/// where a port follows, and held without them `[TR-02]`. Port 0 stands for any free port. Names are neither resolved
/// nor folded in case here, so two different texts may mean the same place.
///
/// ```
/// use mp_transport::Addr;
/// let addr: Addr = "[::1]:4040".parse()?;
/// assert_eq!((addr.host(), addr.port()), ("::1", 4040));
/// assert_eq!(addr.to_string(), "[::1]:4040");
/// assert!("::1:4040".parse::<Addr>().is_err());
/// # Ok::<(), mp_transport::AddrError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr {
    host: Arc<str>,
    port: u16,
}

impl Addr {
    /// Takes a host without brackets, and a port.
    ///
    /// # Errors
    ///
    /// [`AddrError`] if the host is empty, too long, or neither a name nor an address.
    pub fn new(host: &str, port: u16) -> Result<Self, AddrError> {
        check_host(host)?;
        Ok(Self { host: host.into(), port })
    }

    /// The host, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 for any.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: Arc::clone(&self.host), port }
    }

    /// The host as a number, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Self {
        let host = match addr {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            _ => addr.ip().to_string(),
        };
        Self { host: host.into(), port: addr.port() }
    }
}

/// Strict: `host:port` or `[v6]:port`, where the port is a number, or `*` for any `[TR-02]`. Shorter forms that a
/// configuration may offer, and a host of `*`, are for the configuration to expand.
impl FromStr for Addr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        if text.len() > MAX_HOST + "[]:65535".len() {
            return Err(AddrError::TooLong);
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once("]:").ok_or_else(|| AddrError::NoPort(text.to_owned()))?;
                if !is_v6(host) {
                    return Err(AddrError::NotV6(text.to_owned()));
                }
                (host, port)
            }
            None => {
                let (host, port) = text.rsplit_once(':').ok_or_else(|| AddrError::NoPort(text.to_owned()))?;
                if host.contains(':') {
                    return Err(AddrError::Unbracketed(text.to_owned()));
                }
                (host, port)
            }
        };
        Self::new(host, parse_port(text, port)?)
    }
}

fn parse_port(text: &str, port: &str) -> Result<u16, AddrError> {
    if port == "*" {
        return Ok(0);
    }
    // `u16::from_str` would take a sign.
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    port.parse().ok().filter(|_| digits).ok_or_else(|| AddrError::Port(text.to_owned()))
}

fn check_host(host: &str) -> Result<(), AddrError> {
    if host.is_empty() {
        return Err(AddrError::NoHost);
    }
    if host.len() > MAX_HOST {
        return Err(AddrError::TooLong);
    }
    if host.contains(':') {
        return if is_v6(host) { Ok(()) } else { Err(AddrError::NotV6(host.to_owned())) };
    }
    match host.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_')) {
        Some(_) => Err(AddrError::Host(host.to_owned())),
        None => Ok(()),
    }
}

/// An IPv6 address, perhaps with a scope: `fe80::1%eth0`.
fn is_v6(host: &str) -> bool {
    let (ip, scope) = match host.split_once('%') {
        Some((ip, scope)) => (ip, Some(scope)),
        None => (host, None),
    };
    let scope_fits = |scope: &str| {
        !scope.is_empty() && scope.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    ip.parse::<Ipv6Addr>().is_ok() && scope.is_none_or(scope_fits)
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not an address: it quotes the text and says how to mend it `[TR-02]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddrError {
    /// There is nothing before the port.
    #[error("an address needs a host: write it as host:port, such as localhost:4040")]
    NoHost,
    /// The host has more than [`MAX_HOST`] bytes.
    #[error("an address has at most {MAX_HOST} bytes before its port")]
    TooLong,
    /// There is no port.
    #[error("{0:?} has no port: write it as host:port, or as host:* for any free port")]
    NoPort(String),
    /// The port is not one.
    #[error("{0:?} does not end in a port: that is a number from 0 to 65535, or * for any free port")]
    Port(String),
    /// An IPv6 address before a port, without brackets.
    #[error("{0:?} has more than one colon: write an IPv6 address in brackets, such as [::1]:4040")]
    Unbracketed(String),
    /// What should be an IPv6 address is none.
    #[error("{0:?} is not an IPv6 address: brackets and colons belong to one, such as [::1]:4040")]
    NotV6(String),
    /// A host with a character that host names do not have.
    #[error("{0:?} cannot be a host: use a name of letters, digits, '.', '-' and '_', or an IP address")]
    Host(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};

    use super::*;

    fn parse(text: &str) -> Result<(String, u16), AddrError> {
        text.parse::<Addr>().map(|addr| (addr.host().to_owned(), addr.port()))
    }

    /// `[TR-02]`
    #[test]
    fn names_and_numbers_are_taken() {
        assert_eq!(parse("localhost:4040").unwrap(), ("localhost".into(), 4040));
        assert_eq!(parse("10.0.0.1:0").unwrap(), ("10.0.0.1".into(), 0));
        assert_eq!(parse("my_host.example:*").unwrap(), ("my_host.example".into(), 0));
        assert_eq!(parse("[fe80::1%eth0]:65535").unwrap(), ("fe80::1%eth0".into(), 65535));
    }

    /// `[TR-02]`
    #[test]
    fn what_is_wrong_is_named_with_its_mend() {
        let quoted = |text: &str| text.to_owned();
        assert_eq!(parse("localhost"), Err(AddrError::NoPort(quoted("localhost"))));
        assert_eq!(parse("[::1]"), Err(AddrError::NoPort(quoted("[::1]"))));
        assert_eq!(parse(":4040"), Err(AddrError::NoHost));
        assert_eq!(parse(""), Err(AddrError::NoPort(quoted(""))));
        for bad in ["h:", "h:x", "h:+1", "h:-1", "h:65536", "h: 1"] {
            assert_eq!(parse(bad), Err(AddrError::Port(quoted(bad))));
        }
        assert_eq!(parse("::1:4040"), Err(AddrError::Unbracketed(quoted("::1:4040"))));
        assert_eq!(parse("[localhost]:1"), Err(AddrError::NotV6(quoted("[localhost]:1"))));
        assert_eq!(parse("[::1%]:1"), Err(AddrError::NotV6(quoted("[::1%]:1"))));
        assert_eq!(parse("a b:1"), Err(AddrError::Host(quoted("a b"))));
        assert_eq!(parse("*:1"), Err(AddrError::Host(quoted("*"))));
        assert_eq!(
            parse("::1:4040").unwrap_err().to_string(),
            "\"::1:4040\" has more than one colon: write an IPv6 address in brackets, such as [::1]:4040"
        );
    }

    /// The bound of a host's length, at it and one past it.
    #[test]
    fn a_host_has_at_most_255_bytes() {
        assert!(parse(&format!("{}:65535", "h".repeat(MAX_HOST))).is_ok());
        assert_eq!(parse(&format!("{}:1", "h".repeat(MAX_HOST + 1))), Err(AddrError::TooLong));
        assert_eq!(parse(&"h".repeat(1_000_000)), Err(AddrError::TooLong));
    }

    fn hosts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<Ipv6Addr>().prop_map(|ip| ip.to_string()),
            any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
            "[a-z][a-z0-9.-]{0,30}",
        ]
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(host in hosts(), port: u16) {
            let addr = Addr::new(&host, port).unwrap();
            assert_eq!(addr.to_string().parse::<Addr>().unwrap(), addr);
        }

        #[test]
        fn socket_addresses_are_addresses(socket: SocketAddr) {
            let addr = Addr::from(socket);
            assert_eq!(addr.to_string().parse::<Addr>().unwrap(), addr);
            assert_eq!(addr.port(), socket.port());
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            if let Ok(addr) = text.parse::<Addr>() {
                assert_eq!(addr.to_string().parse::<Addr>().unwrap(), addr);
            }
        }
    }
}
