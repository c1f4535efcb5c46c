//! Bounds: buffers, backlog.

use std::io::ErrorKind;

use mp_transport::Transport;
use mp_transport::memory::{BACKLOG, BUFFER_SIZE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Pair, addr, ms};

/// The bound of a direction, at it and one past it `[TR-10]`.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_blocks_the_writer() {
    let mut pair = Pair::new(1).await;
    for (delay, cut) in [(0, false), (10, false), (0, true)] {
        pair.net.everywhere().delay(ms(delay), ms(0));
        let (mut a, mut b) = pair.pipe().await;
        if cut {
            pair.net.everywhere().cut();
        }
        let mut sent = 0;
        while let Ok(len) = tokio::time::timeout(ms(1000), a.write(&[7; 10_000])).await {
            sent += len.unwrap();
        }
        assert_eq!(sent, BUFFER_SIZE, "all that fits is taken, and no more");

        pair.net.everywhere().heal();
        let (read, written) = tokio::join!(b.read_u8(), a.write(&[7; 10_000]));
        assert_eq!((read.unwrap(), written.unwrap()), (7, 1), "what is read makes room");
    }
}

#[tokio::test(start_paused = true)]
async fn the_buffer_s_size_can_be_chosen() {
    let mut pair = Pair::new(1).await;
    pair.net.buffer_size(0);
    let (mut a, mut b) = pair.pipe().await;
    assert_eq!(a.write(&[1, 2]).await.unwrap(), 1, "at least 1 byte");
    let mut read = [0; 2];
    let (read_all, written) = tokio::join!(b.read_exact(&mut read), a.write_all(&[2]));
    assert!(read_all.is_ok() && written.is_ok());
    assert_eq!(read, [1, 2]);
}

/// The bound of those who wait to be accepted, at it and one past it.
#[tokio::test(start_paused = true)]
async fn a_full_listener_lets_dialling_wait() {
    let mut pair = Pair::new(1).await;
    let a = pair.net.host("a");
    let mut waiting = Vec::new();
    for _ in 0..BACKLOG {
        waiting.push(a.dial(&addr("b:4040")).await.unwrap());
    }
    assert_eq!(pair.now(), 0);
    let error = a.dial(&addr("b:4040")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    pair.listener.accept().await.unwrap();
    assert!(a.dial(&addr("b:4040")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn errors_name_the_address() {
    let pair = Pair::new(1).await;
    let b = pair.net.host("b");
    let used = b.listen(&addr("b:4040")).await.unwrap_err();
    assert_eq!(used.to_string(), "b:4040: Address already in use");
    let foreign = b.listen(&addr("a:4040")).await.unwrap_err();
    assert_eq!(foreign.to_string(), "a:4040: Cannot assign requested address");
    let unknown = b.dial(&addr("nowhere:1")).await.unwrap_err();
    assert_eq!(unknown.to_string(), "nowhere:1: the network has no such host");
}
