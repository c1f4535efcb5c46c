//! What is TCP's own, beyond what every transport does.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::io::ErrorKind;

use mp_transport::{Addr, Tcp, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn addr(text: &str) -> Addr {
    text.parse().unwrap()
}

/// `localhost` may mean `::1` first; whoever listens on 127.0.0.1 is found all the same `[TR-05]`.
#[tokio::test]
async fn all_addresses_of_a_name_are_tried() {
    let tcp = Tcp::default();
    let mut listener = tcp.listen(&addr("127.0.0.1:0")).await.unwrap();
    let by_name = addr("localhost:0").with_port(listener.local_addr().port());
    let (dialled, accepted) = tokio::join!(tcp.dial(&by_name), listener.accept());
    dialled.unwrap().write_all(b"x").await.unwrap();
    assert_eq!(accepted.unwrap().read_u8().await.unwrap(), b'x');
}

/// `[TR-05]`
#[tokio::test]
async fn errors_name_the_address_as_it_was_given() {
    let tcp = Tcp::default();
    let unknown = tcp.dial(&addr("no-such-host.invalid:1")).await.unwrap_err();
    assert!(unknown.to_string().starts_with("no-such-host.invalid:1: "), "{unknown}");
    // A documentation address, which no machine has.
    let foreign = tcp.listen(&addr("192.0.2.1:0")).await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::AddrNotAvailable);
    assert!(foreign.to_string().starts_with("192.0.2.1:0: "), "{foreign}");
}

/// `[TR-05]`
#[tokio::test]
async fn ipv6_addresses_stand_in_brackets() {
    let tcp = Tcp::default();
    // A machine without IPv6 has nothing to show here.
    let Ok(mut listener) = tcp.listen(&addr("[::1]:0")).await else { return };
    let at = listener.local_addr();
    assert_eq!(at.to_string(), format!("[::1]:{}", at.port()));
    let (dialled, accepted) = tokio::join!(tcp.dial(&at), listener.accept());
    assert_eq!(dialled.unwrap().local_addr(), accepted.unwrap().peer_addr());
}
