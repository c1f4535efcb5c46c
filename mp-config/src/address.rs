//! The addresses of `binds` and `seeds`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address as the configuration writes it: `host:port`, `host`, `[v6]:port`, `*:port`, or a port's digits alone
/// `[CF-06]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: Host,
    /// 0 lets the system choose one.
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// This machine's own host name.
    Own,
    /// Every address of this machine that others can reach.
    Every,
    V6(Ipv6Addr),
    /// A host name or IPv4 address.
    Name(String),
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing.
    #[error("an address cannot be empty; write host:port, for example localhost:4040")]
    Empty,
    /// The port is no number up to 65535.
    #[error("the port must be a number up to 65535, or * for any free one; for example localhost:4040")]
    Port,
    /// The host is neither a name nor an address.
    #[error("that is no host name or IP address; write host:port, for example localhost:4040")]
    Host,
    /// An IPv6 address has no brackets around it.
    #[error("an IPv6 address with a port needs brackets; for example [::1]:4040")]
    Brackets,
    /// An address for others has no port, or is one that only this machine understands.
    #[error("others need a host and a port to dial; for example node1.example.org:4040")]
    Advertised,
    /// An IPv6 address without brackets whose end may be a port.
    #[error("an IPv6 address needs brackets; write [{ip}]:{port}, or [{whole}] for any free port")]
    Ambiguous {
        /// What stands before the last colon.
        ip: Ipv6Addr,
        /// What stands behind it.
        port: u16,
        /// All of it.
        whole: Ipv6Addr,
    },
    /// A port is larger than there are.
    #[error("the port {0} is above 65535, the largest that there is; for example localhost:4040")]
    LargePort(u64),
    /// A seed has no port.
    #[error("a seed needs a port; for example localhost:4040")]
    SeedPort,
}

impl Address {
    /// What can be bound or dialled: `host:port` texts. `*` becomes `interfaces`, digits alone `host_name:digits`
    /// `[CF-07]`.
    pub fn expand(&self, host_name: &str, interfaces: &[IpAddr]) -> Vec<String> {
        let port = self.port;
        match &self.host {
            Host::Own => vec![format!("{host_name}:{port}")],
            Host::Every => {
                interfaces.iter().map(|&ip| std::net::SocketAddr::from((ip, port)).to_string()).collect()
            }
            Host::V6(ip) => vec![format!("[{ip}]:{port}")],
            Host::Name(name) => vec![format!("{name}:{port}")],
        }
    }

    /// Whether it leaves the port to the system.
    pub fn is_any_port(&self) -> bool {
        self.port == 0
    }

    /// Whether this stands for every address of the machine.
    pub fn is_every(&self) -> bool {
        self.host == Host::Every
    }

    /// The same, if it can be dialled.
    ///
    /// # Errors
    ///
    /// [`AddressError::SeedPort`] without a definite port.
    pub fn into_seed(self) -> Result<Self, AddressError> {
        if self.port == 0 { Err(AddressError::SeedPort) } else { Ok(self) }
    }
}

impl Address {
    /// The same, if others can be told to dial it `[CF-16]`: it has a port, and is neither `*` nor the unspecified address.
    ///
    /// # Errors
    ///
    /// [`AddressError::Advertised`].
    pub fn into_advertised(self) -> Result<Self, AddressError> {
        let nowhere = match &self.host {
            Host::Every => true,
            Host::Own => false,
            Host::V6(ip) => ip.is_unspecified(),
            Host::Name(name) => name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_unspecified()),
        };
        if self.port == 0 || nowhere { Err(AddressError::Advertised) } else { Ok(self) }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self { host: Host::Own, port: port(text)? });
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (ip, behind) = rest.split_once(']').ok_or(AddressError::Brackets)?;
            let host = Host::V6(ip.parse().map_err(|_| AddressError::Host)?);
            let port_text = match behind {
                "" => "",
                behind => behind.strip_prefix(':').ok_or(AddressError::Brackets)?,
            };
            return Ok(Self { host, port: port(port_text)? });
        }
        if let Ok(whole) = text.parse::<Ipv6Addr>() {
            if let Some((ip, port)) = text.rsplit_once(':')
                && let (Ok(ip), Ok(port)) = (ip.parse(), port.parse())
            {
                return Err(AddressError::Ambiguous { ip, port, whole });
            }
            return Ok(Self { host: Host::V6(whole), port: 0 });
        }
        let (host_text, port_text) = text.split_once(':').unwrap_or((text, ""));
        if port_text.contains(':') {
            return Err(AddressError::Brackets);
        }
        Ok(Self { host: host(host_text)?, port: port(port_text)? })
    }
}

fn port(text: &str) -> Result<u16, AddressError> {
    match text {
        "" | "*" => Ok(0),
        // A sign is a number to Rust but not here.
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|_| digits.parse().map_or(AddressError::Port, AddressError::LargePort))
        }
        _ => Err(AddressError::Port),
    }
}

fn host(text: &str) -> Result<Host, AddressError> {
    const LONGEST: usize = 253;
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    match text {
        "" => Ok(Host::Own),
        "*" => Ok(Host::Every),
        _ if text.len() > LONGEST || !text.chars().all(named) => Err(AddressError::Host),
        _ if numeric && text.parse::<Ipv4Addr>().is_err() => Err(AddressError::Host),
        _ => Ok(Host::Name(text.to_owned())),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port: &dyn fmt::Display = if self.port == 0 { &"*" } else { &self.port };
        match &self.host {
            Host::Own => write!(f, ":{port}"),
            Host::Every => write!(f, "*:{port}"),
            Host::V6(ip) => write!(f, "[{ip}]:{port}"),
            Host::Name(name) => write!(f, "{name}:{port}"),
        }
    }
}

/// The addresses that `*` stands for: every IPv4 address but loopback and link-local ones, and every IPv6 address of
/// global or unique local scope; on a machine without any, loopback, as nothing else can be reached there `[CF-07]`.
pub fn interfaces() -> Vec<IpAddr> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot list the network interfaces");
        Vec::new()
    });
    reachable(found.into_iter().map(|interface| interface.ip()))
}

fn reachable(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = found
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
            IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
        })
        .collect();
    ips.sort_unstable();
    ips.dedup();
    if ips.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { ips }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Vec<String> {
        let ips = ["10.0.0.7".parse().unwrap(), "fd00::7".parse().unwrap()];
        text.parse::<Address>().unwrap().expand("me", &ips)
    }

    /// [CF-06] [CF-07]
    #[test]
    fn every_form_says_what_is_bound() {
        for (text, bound) in [
            ("localhost:12266", "localhost:12266"),
            ("10.1.2.3:80", "10.1.2.3:80"),
            ("4040", "me:4040"),
            (":4040", "me:4040"),
            ("doomed", "doomed:0"),
            ("doomed:*", "doomed:0"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:4040", "[::1]:4040"),
            ("[::1]", "[::1]:0"),
            ("::1", "[::1]:0"),
            ("fe80::1:abcd", "[fe80::1:abcd]:0"),
            ("1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:0"),
        ] {
            assert_eq!(expand(text), [bound], "{text}");
        }
        assert_eq!(expand("*:4040"), ["10.0.0.7:4040", "[fd00::7]:4040"]);
        assert_eq!(expand("*"), ["10.0.0.7:0", "[fd00::7]:0"]);
        assert_eq!(expand("*:*"), expand("*"));
    }

    /// [CF-06]
    #[test]
    fn what_is_no_address_says_why() {
        for (text, error) in [
            ("", AddressError::Empty),
            ("localhost:99999", AddressError::LargePort(99999)),
            ("99999", AddressError::LargePort(99999)),
            ("localhost:99999999999999999999", AddressError::Port),
            ("localhost:+80", AddressError::Port),
            ("localhost:http", AddressError::Port),
            ("a b:1", AddressError::Host),
            ("300.1.1.1:80", AddressError::Host),
            ("[::x]:80", AddressError::Host),
            ("::1:x:80", AddressError::Brackets),
            ("a:b:1", AddressError::Brackets),
            ("[::1]80", AddressError::Brackets),
            ("[::1", AddressError::Brackets),
            (
                "::1:4040",
                AddressError::Ambiguous {
                    ip: Ipv6Addr::LOCALHOST,
                    port: 4040,
                    whole: Ipv6Addr::new(0, 0, 0, 0, 0, 0, 1, 0x4040),
                },
            ),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
        }
        assert_eq!("seed".parse::<Address>().unwrap().into_seed(), Err(AddressError::SeedPort));
    }

    /// [CF-07]
    #[test]
    fn every_address_leaves_out_what_others_cannot_reach() {
        let ips = |list: &[&str]| -> Vec<IpAddr> { list.iter().map(|ip| ip.parse().unwrap()).collect() };
        let found =
            ips(&["127.0.0.1", "::1", "fe80::1", "169.254.1.1", "10.0.0.7", "10.0.0.7", "2001:db8::1"]);
        assert_eq!(reachable(found.into_iter()), ips(&["10.0.0.7", "2001:db8::1"]));
        assert_eq!(reachable(ips(&["127.0.0.1"]).into_iter()), ips(&["127.0.0.1"]));
    }

    proptest::proptest! {
        /// [CF-06]
        #[test]
        fn any_text_is_taken_or_refused_and_what_is_taken_reads_back(text in "[\\[\\]:*.a-c0-9-]{0,12}") {
            if let Ok(address) = text.parse::<Address>() {
                proptest::prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}
