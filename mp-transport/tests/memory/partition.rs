//! Cutting and healing.

use std::io::ErrorKind;
use std::time::Duration;

use mp_transport::memory::DIAL_TIMEOUT;
use mp_transport::{MemoryNet, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Pair, addr, is_silent, ms, text, wait};

/// `[TR-12]`
#[tokio::test(start_paused = true)]
async fn a_cut_holds_bytes_back_and_healing_sends_them_anew() {
    let mut pair = Pair::new(1).await;
    pair.net.between("a", "b").delay(ms(10), Duration::ZERO);
    let (mut a, mut b) = pair.pipe().await;

    a.write_all(b"on its way, ").await.unwrap();
    pair.net.between("a", "b").cut();
    a.write_all(b"sent meanwhile").await.unwrap();
    assert!(is_silent(&mut b).await, "nothing arrives, and nothing breaks");

    let healed = pair.now();
    pair.net.between("a", "b").heal();
    assert_eq!(text(&mut b, 26).await, "on its way, sent meanwhile");
    assert_eq!(pair.now(), healed + 10);
}

/// `[TR-12]`
#[tokio::test(start_paused = true)]
async fn what_had_arrived_can_be_read_in_spite_of_the_cut() {
    let mut pair = Pair::new(1).await;
    let (mut a, mut b) = pair.pipe().await;
    a.write_all(b"plain").await.unwrap();
    pair.net.everywhere().cut();
    assert_eq!(text(&mut b, 5).await, "plain");

    pair.net.everywhere().heal();
    pair.net.everywhere().delay(ms(10), Duration::ZERO);
    a.write_all(b"delayed").await.unwrap();
    wait(10).await;
    pair.net.everywhere().cut();
    assert_eq!(text(&mut b, 7).await, "delayed");
    assert!(is_silent(&mut b).await);
}

/// `[TR-12]`
#[tokio::test(start_paused = true)]
async fn a_cut_in_one_direction_leaves_the_other() {
    let mut pair = Pair::new(1).await;
    let (mut a, mut b) = pair.pipe().await;
    pair.net.link("a", "b").cut();
    a.write_all(b"lost in the night").await.unwrap();
    b.write_all(b"heard").await.unwrap();
    assert_eq!(text(&mut a, 5).await, "heard");
    assert!(is_silent(&mut b).await);
}

/// `[TR-12]`
#[tokio::test(start_paused = true)]
async fn an_end_is_held_back_too() {
    let mut pair = Pair::new(1).await;
    let (a, mut b) = pair.pipe().await;
    pair.net.everywhere().cut();
    drop(a);
    assert!(is_silent(&mut b).await, "a partition hides that the peer is gone");
    b.write_all(b"to nobody").await.unwrap();

    pair.net.everywhere().heal();
    assert_eq!(b.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(b.write(b"?").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// `[TR-12]`
#[tokio::test(start_paused = true)]
async fn dialling_through_a_cut_waits_and_then_gives_up() {
    let pair = Pair::new(1).await;
    pair.net.link("b", "a").cut();
    let error = pair.net.host("a").dial(&addr("b:4040")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "b:4040: Connection timed out");
    assert_eq!(pair.now(), DIAL_TIMEOUT.as_millis());
}

/// `[TR-12]`
#[tokio::test(start_paused = true)]
async fn dialling_goes_on_when_the_cut_heals() {
    let mut pair = Pair::new(1).await;
    pair.net.everywhere().cut();
    let net = pair.net.clone();
    let heal = async {
        wait(5000).await;
        net.everywhere().heal();
    };
    let (_, (mut a, mut b)) = tokio::join!(heal, pair.pipe());
    assert_eq!(pair.now(), 5000);
    a.write_u8(7).await.unwrap();
    assert_eq!(b.read_u8().await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_net_splits_into_groups() {
    let net = MemoryNet::new(1);
    let hosts = ["a", "b", "c", "d"];
    let transports = hosts.map(|name| net.host(name));
    let mut listeners = Vec::new();
    for (name, transport) in hosts.iter().zip(&transports) {
        listeners.push(transport.listen(&addr(&format!("{name}:1"))).await.unwrap());
    }
    net.across(&["a", "b"], &["c", "d"]).cut();
    for (i, from) in transports.iter().enumerate() {
        for (j, to) in hosts.iter().enumerate() {
            let reached = from.dial(&addr(&format!("{to}:1"))).await.is_ok();
            assert_eq!(reached, (i < 2) == (j < 2), "{} to {to}", hosts[i]);
        }
    }
    net.around("a").heal();
    assert!(transports[0].dial(&addr("d:1")).await.is_ok());
    assert!(transports[1].dial(&addr("d:1")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_holds_everywhere_holds_for_those_who_come_later() {
    let net = MemoryNet::new(1);
    net.everywhere().cut();
    let _listener = net.host("b").listen(&addr("b:1")).await.unwrap();
    assert!(net.host("a").dial(&addr("b:1")).await.is_err());
    assert!(net.host("b").dial(&addr("b:1")).await.is_ok(), "a host reaches itself");
    net.everywhere().heal();
    assert!(net.host("a").dial(&addr("b:1")).await.is_ok());
    assert!(net.host("c").dial(&addr("b:1")).await.is_ok());
}

/// A writer without room learns of the peer's end even if nobody reads.
#[tokio::test(start_paused = true)]
async fn a_waiting_writer_learns_of_the_end() {
    let mut pair = Pair::new(1).await;
    pair.net.buffer_size(10);
    let (mut a, b) = pair.pipe().await;
    pair.net.everywhere().delay(ms(10), Duration::ZERO);
    let (written, ()) = tokio::join!(a.write_all(&[0; 11]), async {
        wait(100).await;
        drop(b);
    });
    assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(pair.now(), 110);
}

/// The same when the end follows bytes that take longer than it would.
#[tokio::test(start_paused = true)]
async fn a_waiting_writer_learns_of_an_end_behind_slow_bytes() {
    let mut pair = Pair::new(1).await;
    pair.net.buffer_size(10);
    let (mut a, mut b) = pair.pipe().await;
    let link = pair.net.link("b", "a");
    let (written, ()) = tokio::join!(a.write_all(&[0; 11]), async {
        link.delay(ms(100), Duration::ZERO);
        b.write_all(b"slow").await.unwrap();
        link.delay(ms(10), Duration::ZERO);
        drop(b);
    });
    assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(pair.now(), 100);
}
