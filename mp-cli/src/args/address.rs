//! Addresses where a node is named.

use std::net::Ipv6Addr;

/// Where a word leads that names a node, if it is an address, or several with commas: what ends in `:` and a port behind a
/// host, be that a full name, a short one, an IP address or an IPv6 address in brackets. Anything else is the name of a node,
/// and this is empty `[CF-22]`.
///
/// That is wider than a node reference `[ID-03]`, whose host has to have a dot: here nobody writes `vm:4040` for a name.
pub(crate) fn addresses(node: &str) -> Vec<String> {
    let parts = node.split(',').map(|part| split(part).map(|_| part.to_owned()));
    parts.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Whether it is an address that is none to other programs, but the name of a node.
pub(crate) fn is_short(node: &str) -> bool {
    node.split(',')
        .any(|part| split(part).is_some_and(|(host, _)| host != "localhost" && !host.contains(['.', '['])))
}

/// The number behind a host if it is too large for a port.
pub(super) fn large_port(address: &str) -> Option<&str> {
    let (host, number) = address.rsplit_once(':')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_host(host) && is_number && number.parse::<u16>().is_err()).then_some(number)
}

fn split(part: &str) -> Option<(&str, u16)> {
    let (host, port) = part.rsplit_once(':')?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0)?;
    is_host(host).then_some((host, port))
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => {
            let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            !host.is_empty() && host.bytes().all(named)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [CF-22]
    #[test]
    fn an_address_is_told_from_a_name() {
        for word in ["vm:4040", "localhost:1", "10.0.0.1:4040", "a.example:65535", "[::1]:4040", "v_m-2:1"] {
            assert_eq!(addresses(word), [word]);
        }
        assert_eq!(addresses("vm:1,10.0.0.1:2"), ["vm:1", "10.0.0.1:2"]);
        for word in [
            "vm",
            "seed/AbCdEfGhI1",
            "seed/x:1",
            "vm:",
            "vm:x",
            "vm:0",
            "vm:+1",
            "vm:65536",
            ":4040",
            "::1:4040",
            "[::x]:1",
            "vm:1,seed",
            "a:b:1",
            "",
        ] {
            assert!(addresses(word).is_empty(), "{word}");
        }
        assert!(is_short("vm:4040") && is_short("10.0.0.1:1,vm:2"));
        assert!(
            !is_short("localhost:1") && !is_short("10.0.0.1:1") && !is_short("[::1]:1") && !is_short("vm")
        );
        assert_eq!(large_port("vm:65536"), Some("65536"));
        assert_eq!((large_port("vm:65535"), large_port("seed/x:65536")), (None, None));
    }
}
