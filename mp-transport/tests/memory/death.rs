//! Resets, half-open pipes, dead hosts.

use std::io::ErrorKind;
use std::time::Duration;

use mp_transport::Transport;
use mp_transport::error::is_transient;
use mp_transport::memory::{BUFFER_SIZE, Death};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Pair, addr, is_silent, ms, text};

/// `[TR-13]`
#[tokio::test(start_paused = true)]
async fn a_reset_breaks_both_ends_and_loses_what_was_on_its_way() {
    let mut pair = Pair::new(1).await;
    let (mut a, mut b) = pair.pipe().await;
    a.write_all(b"lost").await.unwrap();
    pair.net.reset("b", "a");
    for end in [&mut a, &mut b] {
        assert_eq!(end.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(end.write(&[0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    let (mut a, mut b) = pair.pipe().await;
    a.write_all(b"new").await.unwrap();
    assert_eq!(text(&mut b, 3).await, "new", "a new pipe is sound");
}

/// `[TR-13]`
#[tokio::test(start_paused = true)]
async fn a_reset_wakes_who_waits() {
    let mut pair = Pair::new(1).await;
    let (mut a, mut b) = pair.pipe().await;
    let net = pair.net.clone();
    let (read, written, ()) =
        tokio::join!(a.read_u8(), b.write_all(&[0; 100]), async { net.reset("a", "b") });
    assert!(written.is_ok());
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// `[TR-13]`
#[tokio::test(start_paused = true)]
async fn one_end_of_a_half_open_pipe_never_learns() {
    let mut pair = Pair::new(1).await;
    let (mut a, mut b) = pair.pipe().await;
    pair.net.half_open("a", "b");
    assert_eq!(a.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    drop(a);
    assert!(is_silent(&mut b).await);
    b.write_all(&vec![0; BUFFER_SIZE]).await.unwrap();
    let stuck = tokio::time::timeout(ms(3_600_000), b.write(&[0])).await;
    assert!(stuck.is_err(), "what is sent stays in the buffer");
}

/// `[TR-13]`
#[tokio::test(start_paused = true)]
async fn a_killed_process_resets_its_pipes_after_the_link_s_delay() {
    let mut pair = Pair::new(1).await;
    pair.net.everywhere().delay(ms(10), Duration::ZERO);
    let (mut a, mut b) = pair.pipe().await;
    let start = pair.now();
    pair.net.kill_host("b", Death::Reset);
    assert_eq!(b.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(a.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(pair.now(), start + 10);
}

/// `[TR-13]`
#[tokio::test(start_paused = true)]
async fn a_partition_hides_a_death() {
    let mut pair = Pair::new(1).await;
    let (mut a, _b) = pair.pipe().await;
    pair.net.everywhere().cut();
    pair.net.kill_host("b", Death::Reset);
    assert!(is_silent(&mut a).await);
    pair.net.everywhere().heal();
    assert_eq!(a.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// `[TR-13]`
#[tokio::test(start_paused = true)]
async fn a_host_without_power_says_nothing() {
    let mut pair = Pair::new(1).await;
    let (mut a, mut b) = pair.pipe().await;
    b.write_all(b"last words").await.unwrap();
    pair.net.kill_host("b", Death::Silent);
    assert_eq!(text(&mut a, 10).await, "last words", "what had arrived is there");
    assert!(is_silent(&mut a).await);
}

/// `[TR-13]`
#[tokio::test(start_paused = true)]
async fn a_killed_host_can_be_restarted() {
    let mut pair = Pair::new(1).await;
    let old = pair.net.host("b");
    pair.net.kill_host("b", Death::Reset);

    let a = pair.net.host("a");
    let refused = a.dial(&addr("b:4040")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let gone = pair.listener.accept().await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotConnected);
    assert!(!is_transient(&gone), "an accept loop ends");
    assert_eq!(old.dial(&addr("a:1")).await.unwrap_err().to_string(), "a:1: this host was killed");

    pair.listener = pair.net.host("b").listen(&addr("b:4040")).await.unwrap();
    assert!(old.listen(&addr("b:0")).await.is_err(), "a transport does not outlive its host");
    let (mut a, mut b) = pair.pipe().await;
    a.write_all(b"again").await.unwrap();
    assert_eq!(text(&mut b, 5).await, "again");
}

/// Pipes that were never accepted end with their listener.
#[tokio::test(start_paused = true)]
async fn a_dropped_listener_ends_what_waits_there() {
    let pair = Pair::new(1).await;
    let mut a = pair.net.host("a").dial(&addr("b:4040")).await.unwrap();
    drop(pair.listener);
    assert_eq!(a.read(&mut [0]).await.unwrap(), 0);
    drop(a);
    assert_eq!(pair.net.pipe_count(), 0);
}
