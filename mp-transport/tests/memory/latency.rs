//! Delay, jitter, throttle.

use std::time::Duration;

use mp_transport::Transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Pair, addr, ms, text};

/// `[TR-09]`
#[tokio::test(start_paused = true)]
async fn bytes_take_the_latency_of_their_direction() {
    let mut pair = Pair::new(1).await;
    pair.net.link("a", "b").delay(ms(30), Duration::ZERO);
    pair.net.link("b", "a").delay(ms(5), Duration::ZERO);

    let (mut a, mut b) = pair.pipe().await;
    assert_eq!(pair.now(), 35, "dialling takes one way there and one back");

    a.write_all(b"ping").await.unwrap();
    assert_eq!(text(&mut b, 4).await, "ping");
    assert_eq!(pair.now(), 65);

    b.write_all(b"pong").await.unwrap();
    assert_eq!(text(&mut a, 4).await, "pong");
    assert_eq!(pair.now(), 70);

    drop(a);
    assert_eq!(b.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(pair.now(), 100, "the end takes as long as bytes");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_takes_a_round_trip() {
    let pair = Pair::new(1).await;
    pair.net.everywhere().delay(ms(10), Duration::ZERO);
    let error = pair.net.host("a").dial(&addr("b:1")).await.unwrap_err();
    assert_eq!(error.to_string(), "b:1: Connection refused");
    assert_eq!(pair.now(), 20);
}

/// Sends a hundred pieces at once, and says when each arrives.
async fn arrivals(seed: u64, disturb: bool) -> Vec<u128> {
    let mut pair = Pair::new(seed).await;
    let (mut a, mut b) = pair.pipe().await;
    pair.net.everywhere().delay(ms(10), ms(90));
    if disturb {
        b.write_all(b"draws from the other direction's chance").await.unwrap();
    }
    let mut times = Vec::new();
    for piece in 0..100 {
        a.write_u8(piece).await.unwrap();
        a.flush().await.unwrap();
        crate::wait(1).await;
    }
    for piece in 0..100 {
        assert_eq!(b.read_u8().await.unwrap(), piece, "order is kept");
        times.push(pair.now());
    }
    times
}

/// `[TR-11]` `[TR-09]`
#[tokio::test(start_paused = true)]
async fn jitter_comes_from_the_seed_alone() {
    let times = arrivals(7, false).await;
    assert_eq!(times, arrivals(7, false).await, "one seed, one history");
    assert_eq!(times, arrivals(7, true).await, "each link has a chance of its own");
    assert_ne!(times, arrivals(8, false).await, "another seed, another history");
    assert!(times.is_sorted());
}

#[tokio::test(start_paused = true)]
async fn a_throttle_lets_bytes_trickle() {
    let mut pair = Pair::new(1).await;
    let (mut a, mut b) = pair.pipe().await;
    pair.net.link("a", "b").throttle(Some(16 * 1024));
    a.write_all(&[7; 32 * 1024]).await.unwrap();

    b.read_exact(&mut [0; 16 * 1024]).await.unwrap();
    let half = pair.now();
    assert!(
        (1000..1100).contains(&half),
        "half has arrived when half the time is over, within a packet: {half}"
    );
    b.read_exact(&mut [0; 16 * 1024]).await.unwrap();
    assert_eq!(pair.now(), 2000);

    b.write_all(b"!").await.unwrap();
    text(&mut a, 1).await;
    assert_eq!(pair.now(), 2000, "the other direction is free");

    pair.net.link("a", "b").throttle(None);
    a.write_all(&[7; 32 * 1024]).await.unwrap();
    b.read_exact(&mut [0; 32 * 1024]).await.unwrap();
    assert_eq!(pair.now(), 2000);
}

#[tokio::test(start_paused = true)]
async fn pipes_share_a_throttled_link() {
    let mut pair = Pair::new(1).await;
    let (mut a1, mut b1) = pair.pipe().await;
    let (mut a2, mut b2) = pair.pipe().await;
    pair.net.between("a", "b").throttle(Some(1000));
    a1.write_all(&[1; 1000]).await.unwrap();
    a2.write_all(&[2; 1000]).await.unwrap();
    b1.read_exact(&mut [0; 1000]).await.unwrap();
    assert_eq!(pair.now(), 1000);
    b2.read_exact(&mut [0; 1000]).await.unwrap();
    assert_eq!(pair.now(), 2000);
}
